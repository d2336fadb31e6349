"""What is asked of an LLM about a passage: the instructions, the schema, the message."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from importlib import resources
from itertools import cycle, islice
from typing import Any, Literal

from cvseeker.core.errors import SettingsError
from cvseeker.core.named_files import read_text
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.llm import ChatTask
from cvseeker.resumes import redact

# In the order of their worth: the first ones are asked for more often where N is no multiple of 5.
RECRUITER_KINDS = ("question", "keywords", "title_skills", "job_description", "boolean")
EXAM_KINDS = ("exam",)
# The longest kind, a paragraph of 80 words, is about 120 tokens; JSON and a reasoning preamble take
# the rest.
_TOKENS_A_QUERY, _TOKENS_BESIDE = 160, 240

# Sentences that speak to a machine, as some hide in a résumé in white on white. They are about the
# reader, not about the person: nothing is lost with them. A line may break in the middle of them.
_MACHINE = (
    r"(?:ai|a\.i\.|llm|chatgpt|gpt|claude|gemini|copilot|chatbot|(?:large )?language model)s?"
)
_ORDER = re.compile(
    r"\b(?:"
    r"(?:ignore|disregard|forget|override|bypass)\b[^.!?]{0,40}\b(?:all|any|previous|prior|above|"
    r"earlier|preceding|foregoing|other|your|these)\b[^.!?]{0,40}\b(?:instructions?|prompts?|rules"
    r"|directions|directives|guidelines|orders)\b"
    r"|forget\s+everything\b"
    r"|(?:you\s+are|act\s+as|behave\s+as|pretend\s+to\s+be)\s+(?:now\s+)?(?:an?\s+)?(?:\w+\s+){0,2}"
    rf"{_MACHINE}(?=\s*(?:[.,;:!?\n]|$|that\b|who\b|which\b|with\b))"
    r"|as\s+an\s+ai\s+language\s+model\b"
    r"|(?:dear|hey|hello|(?:attention|note|message|instructions?)(?:[:!]|\s+(?:to|for)\b)?)"
    rf"\s+(?:all\s+|any\s+|the\s+|every\s+)?{_MACHINE}\b(?=[^.!?\n]{{0,30}}[:,!])(?!\s+(?:and|or)\b)"
    r"|(?:reveal|print|repeat|show|output|leak)\b[^.!?]{0,30}\b(?:system\s+prompt|your\s+"
    r"(?:instructions|prompt))\b"
    r"|(?:new|updated)\s+(?:system\s+)?instructions?\s*:|system\s+(?:prompt|override|message)\s*:"
    r"|(?:system|assistant|user|human)\s*:\s*(?:you|ignore|from\s+now)\b"
    r"|(?:respond|reply|answer|output|return|print|say|write)\b[^.!?]{0,20}\b(?:only|exactly"
    r"|nothing\s+but|the\s+following|instead)\b[^.!?]{0,40}[\"'“{:]"
    r"|(?:rank|rate|score|grade|recommend)\b[^.!?]{0,30}\b(?:this|the)\s+(?:candidate|resume|résumé"
    r"|applicant|cv)\s+(?:as\s+|with\s+|at\s+)?(?:an?\s+|the\s+)?(?:first|top|highest|best|perfect"
    r"|10|100)\b"
    # The same in German.
    r"|(?:ignorier\w*|vergiss|vergesst|vergessen\s+sie|missachte\w*)\b[^.!?]{0,60}\b(?:anweisung\w*"
    r"|vorgaben?|regeln?|instruktion\w*|befehle?|prompts?|alles)\b"
    r"|(?:du\s+bist|sie\s+sind|verhalte\s+dich\s+(?:als|wie))\s+(?:\w+\s+){0,4}"
    r"(?:ki|sprachmodell|chatbot|llm|ki-\w+)\b"
    r"|(?:achtung|hinweis|nachricht|hallo|liebe)[:,!]?\s+(?:an\s+)?(?:die\s+|das\s+|alle\s+)?"
    r"(?:ki|sprachmodelle?|chatgpt|llm)\b(?=[^.!?\n]{0,30}[:,!])"
    r"|(?:antworte|antworten\s+sie|gib|geben\s+sie|schreibe?|schreiben\s+sie)\b[^.!?]{0,30}\b(?:nur"
    r"|ausschließlich|genau|stattdessen|lediglich)\b[^.!?]{0,40}[\"'„“»{:]"
    r"|(?:bewerte|bewerten\s+sie|empfiehl|empfehlen\s+sie)\b[^.!?]{0,20}\bdiese[nrs]?\s+"
    r"(?:bewerber|kandidat|lebenslauf|profil)\w*\b"
    # A reply, ready to be handed on.
    r")|\{\s*[\"'](?:queries|grade)[\"']\s*:"
    r"|^[^\S\n]*+#{2,}\s*(?:system|assistant|user|human|instructions?)\b",
    re.IGNORECASE | re.MULTILINE,
)
_SENTENCE_END = re.compile(r"[.!?\n]|\Z")
_CONTROL = re.compile(
    r"<[|｜][^|｜>\n]{1,40}[|｜]>|\[/?INST\]|<</?SYS>>|</?(?:s|bos|eos|think|(?:start|end)_of_turn)>",
    re.IGNORECASE,
)
# Written where nobody sees them: zero width, directions, and letters that are tags.
_INVISIBLE = re.compile("[\u00ad\u200b\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]")
# The beginning of any tag that texts are put between.
_TAG = re.compile(r"<(?=\s*/?\s*(?:passage|query)\b)", re.IGNORECASE)


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
        If the prompt file cannot be read, or no query can be of a length that is kept.
    """
    wanted, filters = settings.queries_per_passage, settings.filters
    if filters.min_words > filters.max_words:
        raise SettingsError(
            f"--filters.min-words {filters.min_words}, --filters.max-words {filters.max_words}: "
            "every query would be dropped; expected the first to be no larger"
        )
    kinds = RECRUITER_KINDS if settings.style == "recruiter" else EXAM_KINDS
    plan = list(islice(cycle(kinds), wanted))
    system = _instructions(settings)
    for field, value in {
        "{per_passage}": str(wanted),
        "{kinds}": ", ".join(plan),
        "{language}": filters.language,
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
    return packaged_instructions("sample_reply.json")


def packaged_instructions(name: str) -> str:
    """Return the text of a file of ``instructions/``."""
    folder = resources.files("cvseeker.queries") / "instructions"
    return (folder / name).read_text(encoding="utf-8").strip()


def passage_message(
    text: str, *, name: str = "", mask: bool = True, template: Callable[[str], str] | None = None
) -> tuple[str, Counter[str]]:
    """Return what is sent about a passage, and how much of which sort was masked in it.

    Parameters
    ----------
    text
        The passage.
    name
        The candidate's; empty where it is not known.
    mask
        Whether names and contacts are masked. Orders to a model are taken out in any case.
    template
        Puts the passage into a text; ``None``: between tags that say that it is data.

    Returns
    -------
    message, masked
        ``masked`` counts by sort.
    """
    shown, masked = shown_passage(text, name=name, mask=mask)
    return template(shown) if template else as_data(shown, "passage"), masked


def shown_passage(text: str, *, name: str, mask: bool) -> tuple[str, Counter[str]]:
    """Return a passage as an LLM sees it, masked if wanted and without orders to a model."""
    masked: Counter[str] = Counter()
    if mask:
        redaction = redact(text, name=name)
        text = redaction.text
        masked.update(redaction.counts)
    text, orders = without_orders(text)
    if orders:
        masked["orders to a model"] += orders
    return text, masked


def as_data(text: str, tag: Literal["passage", "query"]) -> str:
    """Return a text between tags, with what could end them, or pass for the model's own, undone."""
    text, found = _INVISIBLE.sub("", text), 1
    while found:  # what is left of one may make up another
        text, found = _CONTROL.subn("", text)
    text = text.replace("<|", "‹|").replace("|>", "|›")
    return f"<{tag}>\n{_TAG.sub('‹', text).strip()}\n</{tag}>"


def without_orders(text: str) -> tuple[str, int]:
    """Return a text without the sentences in it that give orders to a model, and their number.

    Nothing stands in their place: the text is as if they had not been there.
    """
    text = _INVISIBLE.sub("", text)
    parts: list[str] = []
    done = removed = 0
    for order in _ORDER.finditer(text):
        if order.start() < done:
            continue
        begin = max(done, *(text.rfind(mark, done, order.start()) + 1 for mark in ".!?\n"))
        end = _SENTENCE_END.search(text, order.end())
        stop = len(text) if end is None else end.end()
        alone = begin == 0 or text[begin - 1] == "\n"
        if not alone and text[stop - 1 : stop] == "\n":
            stop -= 1
        elif alone and text[stop - 1 : stop] != "\n" and text[stop : stop + 1] in ("\n", ""):
            stop += 1
        parts.append(text[done:begin])
        done, removed = min(stop, len(text)), removed + 1
    return "".join([*parts, text[done:]]), removed


def _instructions(settings: GenerateSettings) -> str:
    if settings.prompt is None:
        return packaged_instructions(f"{settings.style}.txt")
    text = read_text(
        settings.prompt,
        "instructions, with {per_passage}, {kinds} and {language} where their values belong",
    )
    if not text.strip():
        raise SettingsError(f"{settings.prompt}: empty; expected instructions")
    return text


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with these properties, all required, and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _schema(kinds: tuple[str, ...], *, fewest: int, most: int | None) -> dict[str, Any]:
    kind = {"type": "string", "enum": list(kinds)}
    query = object_schema({"kind": kind, "text": {"type": "string"}})
    queries: dict[str, Any] = {"type": "array", "items": query, "minItems": fewest}
    if most is not None:
        queries["maxItems"] = most
    return object_schema({"queries": queries})
