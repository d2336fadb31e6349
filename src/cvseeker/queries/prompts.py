"""What is asked of an LLM about a passage: the instructions, the schema, the message."""

import re
from importlib import resources
from itertools import cycle, islice
from typing import Any, Literal

from cvseeker.config import GenerateSettings
from cvseeker.errors import SettingsError
from cvseeker.llm.chat import ChatTask

# In the order of their worth: the first ones are asked for more often where N is no multiple of 5.
RECRUITER_KINDS = ("question", "keywords", "title_skills", "job_description", "boolean")
EXAM_KINDS = ("exam",)
# The longest kind, a paragraph of 80 words, is about 120 tokens; JSON and a reasoning preamble take
# the rest.
_TOKENS_A_QUERY, _TOKENS_BESIDE = 160, 240

# Sentences that speak to a machine, as some hide in a résumé in white on white. They are about the
# reader, not about the person: nothing is lost with them.
_ORDER = re.compile(
    r"[^\n.!?]*\b(?:"
    r"(?:ignore|disregard|forget|override|bypass)\b[^\n.!?]{0,40}\b(?:instructions?|prompts?|rules"
    r"|directions|guidelines|everything|anything)\b"
    r"|(?:you are|act as|pretend to be|as) (?:now )?an? (?:\w+ ){0,2}"
    r"(?:ai|language model|llm|chatbot|assistant model)\b"
    r"|(?:dear|attention|note to|hey|hello),? (?:the )?"
    r"(?:ai|llm|chatgpt|gpt|claude|gemini|language model|model|assistant)\b"
    r"|system prompt|prompt injection|new instructions?"
    r"|(?:respond|reply|answer|output|return|print|say|write)\b[^\n.!?]{0,20}\b(?:only|exactly"
    r"|nothing but|the following|instead)\b[^\n.!?]{0,40}[\"'{:]"
    r"|(?:rank|rate|score|grade|recommend)\b[^\n.!?]{0,30}\b(?:this|the) (?:candidate|resume|résumé"
    r"|applicant|cv)\b[^\n.!?]{0,40}\b(?:first|top|highest|best|3|10|100)\b"
    r")[^\n.!?]*[.!?]?",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"<\|[^|>\n]{1,40}\|>|\[/?INST\]|<</?SYS>>", re.IGNORECASE)
# The beginning of any tag that texts are put between.
_TAG = re.compile(r"<(?=\s*/?\s*(?:passage|query)\b)", re.IGNORECASE)
REMOVED = "[REMOVED]"


def query_task(
    settings: GenerateSettings, *, max_tokens: int | None = None, temperature: float | None = None
) -> ChatTask:
    """Return what all requests for queries share.

    Parameters
    ----------
    settings
        Style, number and language of the queries, and a prompt file if the user has one.
    max_tokens
        Longest reply; ``None``: by the number of queries.
    temperature
        Sampling temperature; ``None``: the server's own.

    Raises
    ------
    SettingsError
        If the prompt file cannot be read.
    """
    wanted = settings.queries_per_passage
    kinds = RECRUITER_KINDS if settings.style == "recruiter" else EXAM_KINDS
    plan = list(islice(cycle(kinds), wanted))
    system = _instructions(settings)
    for field, value in {
        "{per_passage}": str(wanted),
        "{kinds}": ", ".join(plan),
        "{language}": settings.filters.language,
    }.items():
        system = system.replace(field, value)
    return ChatTask(
        name="queries",
        system=system.strip(),
        schema=_schema(tuple(dict.fromkeys(plan)), fewest=wanted, most=wanted),
        # Fewer than asked for are worth keeping; more are cut off.
        accepts=_schema(kinds, fewest=1, most=None),
        max_tokens=max_tokens or _TOKENS_A_QUERY * wanted + _TOKENS_BESIDE,
        temperature=temperature,
    )


def sample_reply() -> str:
    """Return a reply of ordinary length, to estimate what replies cost before there are any."""
    return _packaged("sample_reply.json")


def packaged_instructions(name: str) -> str:
    """Return the instructions that come with CVSeeker: ``recruiter``, ``questions``, ``judge``."""
    return _packaged(f"{name}.txt").strip()


def as_data(text: str, tag: Literal["passage", "query"]) -> str:
    """Return a text between tags, with what could end them, or pass for the model's own, undone."""
    harmless = _TAG.sub("‹", _CONTROL.sub("", text))
    return f"<{tag}>\n{harmless.strip()}\n</{tag}>"


def without_orders(text: str) -> tuple[str, int]:
    """Return a text without the sentences in it that give orders to a model, and their number."""
    return _ORDER.subn(REMOVED, text)


def _packaged(name: str) -> str:
    folder = resources.files("cvseeker.queries") / "instructions"
    return (folder / name).read_text(encoding="utf-8")


def _instructions(settings: GenerateSettings) -> str:
    if settings.prompt is None:
        return packaged_instructions(settings.style)
    try:
        text = settings.prompt.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"--prompt {settings.prompt}: not readable ({error}); expected instructions in UTF-8, "
            "with {per_passage}, {kinds} and {language} where their values belong"
        ) from error
    if not text.strip():
        raise SettingsError(f"--prompt {settings.prompt}: empty; expected instructions")
    return text


def _schema(kinds: tuple[str, ...], *, fewest: int, most: int | None) -> dict[str, Any]:
    query = {
        "type": "object",
        "properties": {"kind": {"type": "string", "enum": list(kinds)}, "text": {"type": "string"}},
        "required": ["kind", "text"],
        "additionalProperties": False,
    }
    queries: dict[str, Any] = {"type": "array", "items": query, "minItems": fewest}
    if most is not None:
        queries["maxItems"] = most
    return {
        "type": "object",
        "properties": {"queries": queries},
        "required": ["queries"],
        "additionalProperties": False,
    }
