"""The input files as they lie there, and what the readers made of each content: read once."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache, partial
from hashlib import sha256
from importlib import resources
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

from cvseeker.core.errors import InputError
from cvseeker.core.hashes import file_hash, text_hash
from cvseeker.core.mapping import Mapper
from cvseeker.core.overlap import wording_hash
from cvseeker.core.progress import Progress
from cvseeker.core.record import Record
from cvseeker.resumes.account import InputFile, Row
from cvseeker.resumes.discover import SourceFile, display_name, find_files, refusal, unused
from cvseeker.resumes.readers import Document, flags_of

if TYPE_CHECKING:
    # Every worker that reads files loads this package: it need not load the settings' library.
    from importlib.resources.abc import Traversable

    from cvseeker.core.settings import IngestSettings
    from cvseeker.resumes.sandbox import ReadOutcome

# A file that was written later than this before it was hashed may change unseen.
_SETTLED_SECONDS = 2.0
ERASED = "of somebody who was removed; to take it in again: cvseeker remove --readmit FILE"
# What is lost of a reading of many hours when the process is killed.
_KEPT_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Original:
    """An input file and what is in it."""

    file: SourceFile
    # Its SHA-256; where it has none, why not.
    content: str
    modified: float = 0.0
    # Whatever changes with the content; empty where that may change unseen.
    signature: str = ""
    # Whether it is as the record has it, and nobody has looked whether it still is there.
    kept: bool = False

    @property
    def key(self) -> str:
        """What a reading depends on, empty where nothing can be kept of it."""
        return f"{self.content}{self.file.path.suffix.lower()}" if len(self.content) == 64 else ""


def find_originals(sources: Sequence[Path], record: Record | None = None) -> list[Original]:
    """Find the input files and hash those that are not as the record knows them."""
    known: dict[str, tuple[str, str]] = {}
    erased = _erased(record) if record else frozenset()
    if record is not None:
        query = "SELECT file, signature, sha256 FROM originals"
        known = {file: (signature, sha256) for file, *(signature, sha256) in record.rows(query)}
    found = (_look_at(one, *known.get(one.relative, ("", ""))) for one in find_files(sources))
    return [one for one in found if one.content not in erased]


def _erased(record: Record) -> frozenset[str]:
    """Return the hashes of what is not taken in again, as somebody was removed."""
    return frozenset(content for (content,) in record.rows("SELECT hash FROM erased"))


def _without_erased(outcome: "ReadOutcome", erased: frozenset[str]) -> "ReadOutcome":
    """Leave out the documents of people who were removed."""
    kept = tuple(one for one in outcome.documents if wording_hash(one.text) not in erased)
    if not erased or len(kept) == len(outcome.documents):
        return outcome
    return replace(outcome, documents=kept, reason="" if kept else ERASED)


def kept_originals(
    uploads: Path, record: Record | None, settings: "IngestSettings"
) -> list[Original]:
    """Return the files that the record knows, wherever they are now, and those in a folder.

    Raises
    ------
    InputError
        If one has to be read again, and is gone.
    """
    found = find_originals([uploads], record)
    if record is None:
        return found
    read, names = _known(record, settings), {one.file.relative for one in found}
    query = "SELECT file, sha256, signature, path, modified, refused FROM originals"
    known = []
    for name, content, signature, path, modified, refused in record.rows(
        f"{query} ORDER BY position, file"
    ):
        file = SourceFile(Path(os.fsdecode(path)), name, refused)
        one = Original(file, content, modified, signature, kept=True)
        if name in names or os.path.realpath(file.path.parent) == os.path.realpath(uploads):
            continue
        if one.key and one.key not in read and not file.path.exists():
            raise InputError(
                f"{display_name(file.path)}: gone, but to be read again; bring it back, or run: "
                "cvseeker ingest SOURCE..."
            )
        known.append(one)
    return [*known, *found]


def _look_at(file: SourceFile, signature: str, sha256: str) -> Original:
    # What is refused by its place gives no résumé, whatever is in it.
    if file.refused:
        return Original(file, "refused")
    try:
        if not file.path.is_file():
            return Original(file, "not a regular file")
        modified, present = _signature(file.path)
        if present and present == signature:
            return Original(file, sha256, modified, present)
        return Original(file, file_hash(file.path), modified, present)
    except OSError:
        return Original(file, "unreadable")


def _signature(path: Path) -> tuple[float, str]:
    """Return when a file was last written, and what changes with its content."""
    status = path.stat()
    values = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev)
    settled = max(status.st_mtime, status.st_ctime) < time() - _SETTLED_SECONDS
    return status.st_mtime, " ".join(map(str, values)) if settled else ""


def input_hashes(originals: Sequence[Original]) -> dict[str, str]:
    """Return the contents by the files' names, to tell whether any changed."""
    return {one.file.relative: one.content for one in originals if not one.file.refused}


def read_originals(
    originals: Sequence[Original],
    record: Record,
    settings: "IngestSettings",
    progress: Progress,
    mapper: Mapper,
) -> list[InputFile]:
    """Return every file's documents; those whose content is new are read, and kept at once."""
    from cvseeker.resumes.sandbox import ReadOutcome, read_files

    read = _known(record, settings)
    unread: dict[str, Original] = {}
    for one in originals:
        # A name may be refused whose content is known.
        refused = "" if one.kept else refusal(one.file.path, max_file_mb=settings.max_file_mb)
        if one.key not in read or refused:
            unread.setdefault(one.key or one.file.relative, one)
    asked = list(unread.values())
    outcomes: dict[str, ReadOutcome] = {}
    batch: list[tuple[Original, ReadOutcome]] = []
    files, erased = [one.file for one in asked], _erased(record)
    found = mapper(partial(read_files, settings=settings), files)
    for done, (one, read_now) in enumerate(zip(asked, found, strict=True), start=1):
        # No file names here: they are people's names, and progress may end in a log.
        progress("reading", done, len(asked), "")
        outcome = _without_erased(read_now, erased)
        outcomes[one.key or one.file.relative] = outcome
        if one.key and _is_as_it_was(one):
            batch.append((one, outcome))
        if len(batch) == _KEPT_AT_ONCE:
            _keep(batch, record, settings)
            batch = []
    _keep(batch, record, settings)
    # A row must not be called as a file is, nor as another table's row.
    taken = {one.file.relative for one in originals}
    return [
        _input_file(one, *_outcome(outcomes.get(one.key or one.file.relative), read, one), taken)
        for one in originals
    ]


_Reading = tuple[tuple[Document, ...], str]


def _outcome(outcome: "ReadOutcome | None", read: "_Known", one: Original) -> _Reading:
    return (outcome.documents, outcome.reason) if outcome else read[one.key]


def _is_as_it_was(one: Original) -> bool:
    """Tell whether a file still is what was hashed: it may have changed before it was read."""
    try:
        return file_hash(one.file.path) == one.content
    except OSError:
        return False


class _Known:
    """What the record has of readings by these readers, under these settings."""

    def __init__(self, record: Record, made_by: Sequence[str]) -> None:
        marks = ", ".join("?" * len(made_by))
        query = f"SELECT content, documents, reason FROM readings WHERE made_by IN ({marks})"
        self._rows = {key: row for key, *row in record.rows(query, made_by)}

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> _Reading:
        documents, reason = self._rows[key]
        return tuple(_document(row) for row in json.loads(documents)), reason


def _known(record: Record, settings: "IngestSettings") -> _Known:
    return _Known(record, (code_hash(), _limits(settings)))


def _limits(settings: "IngestSettings") -> str:
    """Return what a file that could not be read may owe its failure to."""
    return text_hash(code_hash(), str(settings.timeout_seconds), str(settings.memory_mb))


def _document(row: dict[str, Any]) -> Document:
    return Document(**{**row, "notes": tuple(row["notes"])})


def _keep(
    batch: Sequence[tuple[Original, "ReadOutcome"]], record: Record, settings: "IngestSettings"
) -> None:
    with record.transaction():
        record.write_many(
            "INSERT OR REPLACE INTO readings (content, made_by, documents, reason) "
            "VALUES (?, ?, ?, ?)",
            (
                (
                    one.key,
                    code_hash() if outcome.documents else _limits(settings),
                    json.dumps([asdict(document) for document in outcome.documents]),
                    outcome.reason,
                )
                for one, outcome in batch
            ),
        )


def _input_file(
    one: Original, documents: Sequence[Document], reason: str, taken: set[str]
) -> InputFile:
    file = one.file
    return InputFile(
        file.relative,
        file.path,
        list(_rows_of(one, documents, taken)),
        "" if documents else reason or "no text in it",
    )


def _rows_of(one: Original, documents: Sequence[Document], taken: set[str]) -> Iterator[Row]:
    file, source = one.file, display_name(one.file.path)
    for number, document in enumerate(documents, start=1):
        key = file.relative
        if len(documents) > 1 or document.row_id:
            key = unused(f"{key}#{display_name(document.row_id) or number}", taken)
        flags = "\n".join(map(display_name, flags_of(document.notes)))
        yield Row(
            key,
            document.text,
            source,
            {**document.metadata, "flags": flags} if flags else document.metadata,
            notes=document.notes,
            legibility=document.legibility,
            sha256=one.content,
            modified=one.modified,
        )


def remember(originals: Sequence[Original], record: Record) -> None:
    """Note the files as they are now, and forget what nobody holds any more.

    In a transaction of the caller's.
    """
    record.write("DELETE FROM originals")
    record.write_many(
        "INSERT INTO originals (file, sha256, signature, position, path, modified, refused) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                one.file.relative,
                one.content,
                one.signature,
                position,
                os.fsencode(one.file.path),
                one.modified,
                one.file.refused,
            )
            for position, one in enumerate(originals)
        ),
    )
    present = {one.key for one in originals}
    gone = [(key,) for (key,) in record.rows("SELECT content FROM readings") if key not in present]
    record.write_many("DELETE FROM readings WHERE content = ?", gone)


@cache
def code_hash() -> str:
    """Return what changes with the code that reads résumés: what other code made is made again."""
    packages = ("cvseeker.core", "cvseeker.resumes")
    return text_hash(*(text for name in packages for text in _code(resources.files(name))))


def _code(folder: "Traversable") -> Iterator[str]:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _code(entry)
        elif entry.is_file():
            yield sha256(entry.read_bytes()).hexdigest()
