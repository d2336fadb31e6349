"""TREC run files, which every evaluation tool of the field reads."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from cvseeker.files import text_hash, write_text


def write_run(path: Path, run: Mapping[str, Sequence[tuple[str, float]]], *, system: str) -> None:
    """Write a run as ``query-id Q0 id rank score system``.

    Parameters
    ----------
    path
        The file.
    run
        Query id → (id, score), best first.
    system
        The last column. White space in it and in ids is percent-encoded, for columns are separated
        by spaces.
    """
    lines = [
        f"{_column(query_id)} Q0 {_column(key)} {rank} {score:.9g} {_column(system)}\n"
        for query_id, ranked in run.items()
        for rank, (key, score) in enumerate(ranked, start=1)
    ]
    write_text(path, "".join(lines))


def run_file_name(system: str) -> str:
    """Return a system's file name, safe on every system: ``hybrid(tuned).trec``.

    Examples
    --------
    >>> run_file_name("models/mine")
    'models%2Fmine.trec'
    """
    name = quote(system, safe="()@+=,")
    # File systems allow 255 bytes; the end of a long path says most.
    return f"{name if len(name) <= 200 else f'{text_hash(system)}-{name[-150:]}'}.trec"


def _column(text: str) -> str:
    return "".join(quote(letter) if letter.isspace() else letter for letter in text)
