"""What every reader shares: the document it returns, the error it raises, the limit it keeps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cvseeker.core.errors import InputError
from cvseeker.core.orders import INVISIBLE, find_orders
from cvseeker.resumes.sections import find_sections

# Forty times the longest résumé; a whole book has about half of it.
MAX_CHARACTERS = 2_000_000
_LONGEST_SHOWN = 500
_HIDDEN, _ORDERS = "hidden text left out", "orders to a machine"
_MOST_ORDERS = 10
_LONGEST_LABEL = 40
_SIDEBAR_BREAKS = 2


class ReadError(InputError):
    """A file cannot be read; the message is one short sentence for a person."""


@dataclass(frozen=True, slots=True)
class Document:
    """The text of one file, or of one row of a table.

    Attributes
    ----------
    text
        As read, not cleaned: a line per line, blank lines between blocks; table cells on one line
        are separated by `` | ``.
    row_id
        What identifies a table's row within its file; empty for a file that is one document.
    metadata
        Other short columns of a table (category, …).
    notes
        What a person should know of how it was read, a sentence each: a text cut at a limit, an
        attachment left out, words that are hidden in the file. They go to ``files.jsonl``.
    legibility
        The share of its words that are common in some language; ``None`` where that tells nothing.
    """

    text: str
    row_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    legibility: float | None = None


def check_length(characters: int) -> None:
    """Refuse a document that is too long to be a résumé."""
    if characters > MAX_CHARACTERS:
        raise ReadError(f"over {MAX_CHARACTERS:,} characters of text: too long to be a résumé")


def hidden_note(how: str, words: Iterable[str]) -> str:
    """Note a text that is hidden from a reader's eye and so left out, with its first words."""
    text = " ".join(" ".join(words).split())
    shown = text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return f"{_HIDDEN} ({how}): {shown}"


def order_notes(text: str) -> tuple[str, ...]:
    """Note what gives orders to a ranker or a language model; it stays in the text."""
    text = INVISIBLE.sub("", text)
    return tuple(
        f"{_ORDERS}: {' '.join(text[start:end].split())[:_LONGEST_SHOWN]}"
        for start, end in find_orders(text)[:_MOST_ORDERS]
    )


def flags_of(notes: Iterable[str]) -> list[str]:
    """Return the notes that a recruiter should see: what is hidden, what speaks to machines."""
    return [note for note in notes if note.startswith((_HIDDEN, _ORDERS))]


def join_cells(cells: Iterable[str]) -> list[str]:
    """Lay out one row of a table: short cells on one line, cells of several lines as blocks."""
    texts: list[str] = []
    for text in filter(None, map(str.strip, cells)):
        # "Name | : | Ada", "Name: | Ada": a label and its value.
        label = texts and len(texts[-1]) <= _LONGEST_LABEL and "\n" not in texts[-1]
        if label and (text.startswith(":") or texts[-1].endswith(":")) and "\n" not in text:
            texts[-1] = f"{texts[-1].rstrip(': ')}: {text.lstrip(': ')}".rstrip()
        else:
            texts.append(text)
    if any("\n" in text for text in texts) or sum(map(len, texts)) > 400:
        texts = _main_first(texts)
        return [line for text in texts for line in ("", *text.split("\n"), "")]
    return [" | ".join(texts)] if texts else []


def _main_first(cells: list[str]) -> list[str]:
    """Put the cell of the name and the main sections before a sidebar of contacts and skills."""
    if len(cells) != 2 or cells[0].count("\n") < _SIDEBAR_BREAKS:
        return cells
    sidebar, main = (find_sections(cell) for cell in cells)
    is_sidebar = bool(sidebar[0].title) and not main[0].title and len(main) > 1
    return cells[::-1] if is_sidebar else cells
