"""What is asked of an LLM about a passage: the instructions, an example, the message."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Literal

from cvseeker.core.errors import SettingsError
from cvseeker.core.named_files import read_text
from cvseeker.core.orders import INVISIBLE, without_orders
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.llm import ChatTask
from cvseeker.queries.kinds import (
    accepted_schema,
    brief,
    drawn_lengths,
    drawn_manner,
    entry_of,
    kinds_of,
    longest_reply,
    reply_schema,
)
from cvseeker.resumes import redact

# Of a user's own searches, so many are shown, from all over the file.
_MOST_EXAMPLES = 12
_LIKE_THESE = (
    "Searches that this team has typed before show its tone, its length and its wording. Write in "
    "their style; never repeat one, and ask for nothing that only they ask for:"
)

_CONTROL = re.compile(
    r"<[|｜][^|｜>\n]{1,40}[|｜]>|\[/?INST\]|<</?SYS>>|</?(?:s|bos|eos|think|(?:start|end)_of_turn)>",
    re.IGNORECASE,
)
# The beginning of any tag that texts are put between.
_TAG = re.compile(r"<(?=\s*/?\s*(?:passage|query)\b)", re.IGNORECASE)


def query_task(
    settings: GenerateSettings,
    *,
    max_tokens: int | None = None,
    temperature: float | None = None,
    examples: Sequence[str] = (),
) -> ChatTask:
    """Return what all requests for queries share.

    A prompt file takes the place of instructions and example; ``examples`` are searches of the
    user's own, whose style is to be taken.
    """
    filters, kinds = settings.filters, kinds_of(settings)
    if filters.min_words > filters.max_words:
        raise SettingsError(
            f"--filters.min-words {filters.min_words}, --filters.max-words {filters.max_words}: "
            "every query would be dropped; expected the first to be no larger"
        )
    system = _instructions(settings)
    for field, value in {
        "{per_passage}": str(kinds.total()),
        "{kinds}": ", ".join(
            entry_of(kind) if number == 1 else f"{entry_of(kind)} ({number})"
            for kind, number in kinds.items()
        ),
        "{language}": filters.language,
    }.items():
        system = system.replace(field, value)
    return ChatTask(
        name="queries",
        system="\n\n".join([system.strip(), *_in_the_style_of(examples, mask=settings.mask)]),
        schema=reply_schema(kinds),
        # Fewer than asked for are worth keeping; more are cut off.
        accepts=accepted_schema(kinds),
        max_tokens=max_tokens or longest_reply(kinds),
        temperature=temperature,
        example=None if settings.prompt else example_turn(kinds),
    )


def example_turn(kinds: Mapping[str, int]) -> tuple[str, str]:
    """Return a message and the reply to it, about somebody whose work hardly anybody shares.

    Nothing of the passage is copied in the reply. There are two queries of a kind at most.
    """
    example = json.loads(packaged_instructions("example.json"))
    lengths = {kind: example["lengths"][kind] for kind in kinds}
    said = brief(lengths, example["manner"], language="English")
    reply = {name: example[name] for name in reply_schema(kinds)["properties"]}
    reply |= {entry_of(kind): reply[entry_of(kind)][:number] for kind, number in kinds.items()}
    return f"{as_data(example['passage'], 'passage')}\n\n{said}", json.dumps(reply, indent=0)


def passage_brief(text: str, settings: GenerateSettings) -> str:
    """Return what is said below a passage; nothing where the instructions are the user's own."""
    if settings.prompt:
        return ""
    lengths = drawn_lengths(text, kinds_of(settings))
    return brief(lengths, drawn_manner(text), language=settings.filters.language)


def packaged_instructions(name: str) -> str:
    """Return the text of a file of ``instructions/``."""
    folder = resources.files("cvseeker.queries") / "instructions"
    return (folder / name).read_text(encoding="utf-8").strip()


def passage_message(
    text: str, *, name: str = "", mask: bool = True, template: Callable[[str], str] | None = None
) -> tuple[str, Counter[str]]:
    """Return what is sent about a passage, and how much of which sort was masked in it.

    Orders to a model are taken out in any case. ``template`` puts the passage into a text, ``None``
    between tags that say that it is data.
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
    text, found = INVISIBLE.sub("", text), 1
    while found:  # what is left of one may make up another
        text, found = _CONTROL.subn("", text)
    text = text.replace("<|", "‹|").replace("|>", "|›")
    return f"<{tag}>\n{_TAG.sub('‹', text).strip()}\n</{tag}>"


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


def _in_the_style_of(examples: Sequence[str], *, mask: bool) -> list[str]:
    """Return what is said of a user's own searches, masked if wanted, the same ones each time."""
    step = max(1, len(examples) // _MOST_EXAMPLES)
    shown = [
        as_data(shown_passage(text, name="", mask=mask)[0], "query")
        for text in examples[::step][:_MOST_EXAMPLES]
    ]
    return ["\n".join([_LIKE_THESE, *shown])] if shown else []
