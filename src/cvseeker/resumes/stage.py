"""The stage ``ingest``: files → résumés and passages, grouped by person and split."""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvseeker.core.errors import InputError
from cvseeker.core.files import read_jsonl, write_jsonl
from cvseeker.core.hashes import file_hash
from cvseeker.core.languages import language_of
from cvseeker.core.overlap import exact_duplicates
from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import Passage, Resume
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.resumes.account import (
    InputFile,
    Row,
    file_row,
    ingest_counts,
    nothing_read,
)
from cvseeker.resumes.discover import SourceFile, display_name, find_files, unused
from cvseeker.resumes.insights import read_insights
from cvseeker.resumes.names import PersonName
from cvseeker.resumes.passages import split_passages
from cvseeker.resumes.persons import Groups, group_texts, join_overlapping
from cvseeker.resumes.sections import find_sections
from cvseeker.resumes.spacing import SpacingRepair
from cvseeker.resumes.split import assign_splits, check_leakage

if TYPE_CHECKING:
    # Every worker that reads files loads this package: it need not load the settings' library.
    from cvseeker.core.settings import IngestSettings, Settings
    from cvseeker.resumes.readers import Document

# Less than this is a cover sheet, a caption or a scan's stray words.
_FEWEST_WORDS = 30

_WORD = re.compile(r"[^\W_]+")


def ingest_stage(
    workspace: Workspace, sources: Sequence[Path], settings: "Settings", progress: Progress = silent
) -> StageResult:
    """Turn files into résumés and passages, grouped by person and split.

    Parameters
    ----------
    workspace
        Where they go.
    sources
        Files and folders of résumés.
    settings
        All stages' settings.
    progress
        Called back while files are read and texts prepared.

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
    return workspace.run_stage(
        "ingest",
        settings.ingest.model_dump(exclude={"workers"}),
        input_hashes(sources),
        lambda folder: ingest(sources, folder, settings=settings.ingest, progress=progress),
        progress=progress,
    )


def ingest(
    sources: Sequence[Path],
    folder: Path,
    *,
    settings: "IngestSettings",
    progress: Progress = silent,
) -> dict[str, Any]:
    """Turn files into ``resumes.jsonl``, ``passages.jsonl`` and ``files.jsonl``."""
    files = _read(find_files(sources), settings, progress)
    _mend_spacing(files, progress)
    _drop_duplicates(files)
    rows = [row for file in files for row in file.rows if row.status == "ok"]
    if not rows:
        raise InputError(nothing_read(sources, files))
    resumes = _build_resumes(rows, progress)
    progress("grouping résumés by person", 0, 0, "")
    passages = _build_passages(resumes, settings)
    groups = _group_people(resumes, passages, settings)
    passages = _split(passages, groups.ids(), settings)
    reasons = groups.reasons()
    for row in rows:
        row.same_person = reasons.get(row.resume_id, {})
    leakage = check_leakage(passages, max_overlap=settings.max_overlap)
    write_jsonl(folder / "resumes.jsonl", (resume.to_dict() for resume in resumes))
    write_jsonl(folder / "passages.jsonl", (passage.to_dict() for passage in passages))
    file_rows = [file_row(file) for file in files]
    write_jsonl(folder / "files.jsonl", file_rows)
    return ingest_counts(file_rows, resumes, passages, leakage)


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
        """Return résumé id → the candidate's name, where the résumé tells it."""
        names = {
            resume.resume_id: PersonName.from_text(
                resume.text, insight=resume.profile.name, source=resume.resume_id
            ).full
            for resume in self.resumes()
        }
        return {resume_id: name for resume_id, name in names.items() if name}

    @staticmethod
    def text_of(path: Path, settings: "IngestSettings") -> str:
        """Return the text of one file, such as a job description, read as an ingest reads it."""
        from cvseeker.resumes.sandbox import read_files

        (found,) = read_files([SourceFile(path, path.name)], settings=settings)
        if not found.documents:
            raise InputError(f"{path}: {found.reason or 'no text in it'}")
        return "\n\n".join(document.text for document in found.documents)


def input_hashes(sources: Sequence[Path]) -> dict[str, str]:
    """Hash the files that :func:`ingest` would read, to tell whether any changed."""
    hashes: dict[str, str] = {}
    # What is refused by its place gives no résumé, whatever is in it.
    for file in (file for file in find_files(sources) if not file.refused):
        try:
            digest = file_hash(file.path) if file.path.is_file() else "not a regular file"
        except OSError:
            digest = "unreadable"
        hashes[file.relative] = digest
    return hashes


def _read(
    found: Sequence[SourceFile], settings: "IngestSettings", progress: Progress
) -> list[InputFile]:
    from cvseeker.resumes.sandbox import read_files

    outcomes = read_files(found, settings=settings, progress=progress)
    # A row must not be called as a file is, nor as another table's row.
    taken = {file.relative for file in found}
    return [
        InputFile(
            file.relative,
            file.path,
            list(_rows_of(file, outcome.documents, taken)),
            "" if outcome.documents else outcome.reason or "no text in it",
        )
        for file, outcome in zip(found, outcomes, strict=True)
    ]


def _rows_of(file: SourceFile, documents: Sequence["Document"], taken: set[str]) -> Iterator[Row]:
    source = display_name(file.path)
    for number, document in enumerate(documents, start=1):
        key = file.relative
        if len(documents) > 1 or document.row_id:
            key = unused(f"{key}#{display_name(document.row_id) or number}", taken)
        yield Row(
            key,
            document.text,
            source,
            document.metadata,
            notes=document.notes,
            legibility=document.legibility,
        )


def _mend_spacing(files: Sequence[InputFile], progress: Progress) -> None:
    """Mend the spacing of every text; the words of all texts tell how."""
    rows = [row for file in files for row in file.rows]
    # What was not read right teaches nothing.
    repair = SpacingRepair([row.text for row in rows if not row.doubtful])
    for number, row in enumerate(rows, start=1):
        row.text = repair.repair(row.text)
        progress("cleaning texts", number, len(rows), "")
        words = len(_WORD.findall(row.text))
        if words < _FEWEST_WORDS:
            row.status = "failed"
            row.reason = f"only {words} word{'' if words == 1 else 's'} of text"


def _drop_duplicates(files: Sequence[InputFile]) -> None:
    rows = {row.resume_id: row for file in files for row in file.rows if row.status == "ok"}
    repeated = exact_duplicates({key: row.text for key, row in rows.items()})
    for key, original in repeated.items():
        rows[key].status = "duplicate"
        rows[key].reason = f"same text as {original}"


def _build_resumes(rows: Sequence[Row], progress: Progress) -> list[Resume]:
    resumes = []
    for number, row in enumerate(rows, start=1):
        sections = find_sections(row.text)
        insights = read_insights(row.text, today=_written_on(row))
        # A table's own column of that name says what its owner wants to know.
        metadata = {"language": language_of(row.text), **row.metadata}
        resumes.append(Resume(row.resume_id, row.text, sections, row.source, insights, metadata))
        progress("finding sections", number, len(rows), "")
    return resumes


def _written_on(row: Row) -> date | None:
    """Return the day that a file says it was written."""
    with suppress(ValueError):
        return date.fromisoformat(row.metadata.get("written", ""))
    return None


def _build_passages(resumes: Sequence[Resume], settings: "IngestSettings") -> list[Passage]:
    return [
        Passage(f"{resume.resume_id}:{number}", resume.resume_id, text, kinds)
        for resume in resumes
        for number, (text, kinds) in enumerate(
            split_passages(resume.sections, passage_tokens=settings.passage_tokens)
        )
    ]


def _split(
    passages: Sequence[Passage], group_of: Mapping[str, str], settings: "IngestSettings"
) -> list[Passage]:
    """Give every passage its person group and its split."""
    splits = assign_splits(
        {passage.passage_id: group_of[passage.resume_id] for passage in passages},
        val_share=settings.val_share,
        test_share=settings.test_share,
        seed=settings.seed,
    )
    return [
        replace(
            passage,
            person_group=group_of[passage.resume_id],
            split=splits[passage.passage_id],
        )
        for passage in passages
    ]


def _group_people(
    resumes: Sequence[Resume], passages: Sequence[Passage], settings: "IngestSettings"
) -> Groups:
    """Group résumés by person, such that no passage can leak more than is allowed."""
    texts = {resume.resume_id: resume.text for resume in resumes}
    groups = group_texts(texts, similarity=settings.duplicate_similarity)
    passage_texts = [(passage.resume_id, passage.text) for passage in passages]
    join_overlapping(passage_texts, groups, share=settings.max_overlap)
    return groups
