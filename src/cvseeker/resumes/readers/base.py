"""What every reader shares: the document it returns, the error it raises, the limit it keeps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cvseeker.core.errors import InputError

# Forty times the longest résumé; a whole book has about half of it.
MAX_CHARACTERS = 2_000_000


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


def join_cells(cells: Iterable[str]) -> list[str]:
    """Lay out one row of a table: short cells on one line, cells of several lines as blocks."""
    texts = [text for cell in cells if (text := cell.strip())]
    if any("\n" in text for text in texts) or sum(map(len, texts)) > 400:
        return [line for text in texts for line in ("", *text.split("\n"), "")]
    return [" | ".join(texts)] if texts else []
