"""The stage ``ingest``: files → résumés and passages, grouped by person and split."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from cvseeker.core.errors import InputError
from cvseeker.core.files import read_jsonl, write_jsonl, write_lines
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.overlap import UIntArray
from cvseeker.core.progress import Progress, silent
from cvseeker.core.record import NAME, ChangeKind, Record
from cvseeker.core.records import Passage, Resume
from cvseeker.core.workspace import StageResult, Workspace, exclusive
from cvseeker.resumes.account import InputFile, Row, file_row, ingest_counts, nothing_read
from cvseeker.resumes.candidates import drop_duplicates, make, match, mend, write
from cvseeker.resumes.discover import SourceFile
from cvseeker.resumes.names import PersonName
from cvseeker.resumes.originals import (
    Original,
    find_originals,
    input_hashes,
    kept_originals,
    read_originals,
    remember,
)
from cvseeker.resumes.placing import (
    Known,
    known_candidates,
    note_same_people,
    passage_grams,
    place,
)
from cvseeker.resumes.split import check_leakage

if TYPE_CHECKING:
    # Every worker that reads files loads this package: it need not load the settings' library.
    from cvseeker.core.settings import IngestSettings, Settings


@exclusive
def ingest_stage(
    workspace: Workspace,
    sources: Sequence[Path] | None,
    settings: "Settings",
    progress: Progress = silent,
    *,
    mapper: Mapper = map_here,
) -> StageResult:
    """Turn files into résumés and passages, grouped by person and split.

    What was uploaded into the workspace is always among them.

    Parameters
    ----------
    workspace
        Where they go.
    sources
        Files and folders of résumés; ``None``: nobody looks whether those of the last time are
        still there, and what was uploaded since is added to them.
    settings
        All stages' settings.
    progress
        Called back while files are read and texts prepared.
    mapper
        Where files are read and texts are cut up.

    Returns
    -------
    StageResult
        Counts: files by status, failures by reason, résumés, passages, person groups, each
        split's share of them, and the leakage between the splits.

    Raises
    ------
    InputError
        If a source is missing, or no file gave a résumé.
    """
    before = workspace.manifest("ingest") or {"counts": {}}
    uploads = workspace.uploads
    with _opened(workspace) as record:
        if sources is None:
            originals = kept_originals(uploads, record, settings.ingest)
        else:
            added = [uploads] if uploads.is_dir() else []
            originals = find_originals([*sources, *added], record)

    def work(folder: Path) -> dict[str, Any]:
        with Record.make(workspace.path) as record:
            try:
                counts = ingest(
                    sources or [uploads],
                    originals,
                    folder,
                    record,
                    settings=settings.ingest,
                    progress=progress,
                    mapper=mapper,
                )
            except InputError:
                record.discard()
                raise
            return counts | _since(before["counts"], record)

    return workspace.run_stage(
        "ingest",
        settings.ingest.model_dump(exclude={"workers"}),
        input_hashes(originals),
        work,
        finished=lambda counts: _is_recorded(counts, workspace),
        progress=progress,
    )


@contextmanager
def _opened(workspace: Workspace) -> Iterator[Record | None]:
    """Open the record where there is one."""
    if not (workspace.path / NAME).is_file():
        yield None
        return
    with Record.open(workspace.path) as record:
        yield record


def _is_recorded(counts: Mapping[str, Any], workspace: Workspace) -> bool:
    """Tell whether the record is the one that the stage's files were written from."""
    with _opened(workspace) as record:
        return record is not None and record.sequence == counts.get("sequence")


def _since(before: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Count what has come to the record since the stage that is to be replaced.

    Not since the last run: that may have been killed before its files were in their place.
    """
    sequence, reading = (
        before.get(name, 0) if before.get(name, 0) <= last else 0
        for name, last in (("sequence", record.sequence), ("reading", record.last("readings")))
    )
    changes = Counter(change.kind for change in record.changes(after=sequence))
    query = "SELECT count(*) FROM readings WHERE reading > ?"
    return {
        "changes": {kind: changes[kind] for kind in get_args(ChangeKind)},
        "read": next(record.rows(query, (reading,)))[0],
        "sequence": record.sequence,
        "reading": record.last("readings"),
    }


def ingest(
    sources: Sequence[Path],
    originals: Sequence[Original],
    folder: Path,
    record: Record,
    *,
    settings: "IngestSettings",
    progress: Progress = silent,
    mapper: Mapper = map_here,
) -> dict[str, Any]:
    """Bring the record up to the files, and export it.

    The export is ``resumes.jsonl``, ``passages.jsonl`` and ``files.jsonl``.
    """
    files = read_originals(originals, record, settings, progress, mapper)
    rows = [row for file in files for row in file.rows]
    known = known_candidates(record)
    mend(rows, known, record, settings, progress)
    drop_duplicates(rows)
    rows = _read_ones(rows, sources, files)
    matched = match(rows, known)
    new = [row for row in rows if not _is_unchanged(row, matched)]
    made = make(new, settings, progress, mapper)
    if any(row.status != "ok" for row in new):
        rows = _read_ones(rows, sources, files)
        matched = {
            row.resume_id: matched[row.resume_id] for row in rows if row.resume_id in matched
        }
    progress("grouping résumés by person", 0, 0, "")
    with record.transaction():
        placed, groups = place(rows, matched, made, record, settings)
        numbers = write(rows, matched, made, placed, record)
        note_same_people(rows, numbers, groups, record)
        remember(originals, record)
        order = [numbers[row.resume_id] for row in rows]
        passages, grams = _passages(order, record)
        leakage = check_leakage(passages, grams, max_overlap=settings.max_overlap)
    write_lines(folder / "resumes.jsonl", record.lines(order))
    write_jsonl(folder / "passages.jsonl", (passage.to_dict() for passage in passages))
    file_rows = [file_row(file) for file in files]
    write_jsonl(folder / "files.jsonl", file_rows)
    query = "SELECT json_extract(metadata, '$.language') FROM candidates"
    languages = [str(code) for (code,) in record.rows(query)]
    return ingest_counts(file_rows, languages, passages, leakage)


def _read_ones(
    rows: Sequence[Row], sources: Sequence[Path], files: Sequence[InputFile]
) -> list[Row]:
    kept = [row for row in rows if row.status == "ok"]
    if not kept:
        raise InputError(nothing_read(sources, files))
    return kept


def _is_unchanged(row: Row, matched: Mapping[str, Known]) -> bool:
    return row.resume_id in matched and matched[row.resume_id].made_from == row.made_from


def _passages(order: Sequence[int], record: Record) -> tuple[list[Passage], list[UIntArray]]:
    """Return all passages and their 8-grams, candidate by candidate in the order given."""
    passages: dict[int, list[Passage]] = defaultdict(list)
    for number, passage in record.passages():
        passages[number].append(passage)
    grams = passage_grams(record)
    return (
        [passage for number in order for passage in passages[number]],
        [own for number in order for own in grams[number]],
    )


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest found, read from its folder one at a time.

    Parameters
    ----------
    folder
        Where it wrote.
    """

    folder: Path

    def resumes(self) -> Iterator[Resume]:
        """Yield the résumés."""
        for row in read_jsonl(self.folder / "resumes.jsonl"):
            yield Resume.from_dict(row)

    def passages(self) -> Iterator[Passage]:
        """Yield the passages, those of a résumé one after the other."""
        for row in read_jsonl(self.folder / "passages.jsonl"):
            yield Passage.from_dict(row)

    def sound_passages(self) -> Iterator[Passage]:
        """Yield the passages to learn from: without those of files that were hardly readable."""
        rows = read_jsonl(self.folder / "files.jsonl")
        doubtful = {resume_id for row in rows for resume_id in row.get("doubtful", ())}
        yield from (one for one in self.passages() if one.resume_id not in doubtful)

    def names(self) -> dict[str, str]:
        """Return résumé id → the candidate's name, where the résumé tells it.

        In quotation marks behind it stands what else is read there as somebody's name.
        """
        names = {}
        for resume in self.resumes():
            first, *others = [one.value for one in resume.insights if one.kind == "name"] or [""]
            name = PersonName.from_text(resume.text, insight=first, source=resume.resume_id).full
            names[resume.resume_id] = " ".join([name, *(f'"{other}"' for other in others)])
        return {resume_id: name for resume_id, name in names.items() if name}

    @staticmethod
    def text_of(path: Path, settings: "IngestSettings") -> str:
        """Return the text of one file, such as a job description, read as an ingest reads it."""
        from cvseeker.resumes.sandbox import read_files

        (found,) = read_files([SourceFile(path, path.name)], settings=settings)
        if not found.documents:
            raise InputError(f"{path}: {found.reason or 'no text in it'}")
        return "\n\n".join(document.text for document in found.documents)
