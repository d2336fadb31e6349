"""Who is to be removed: everything by which the workspace's files know them."""

import json
import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from cvseeker.core.errors import InputError
from cvseeker.core.files import read_jsonl
from cvseeker.core.overlap import wording_hash
from cvseeker.core.record import Record
from cvseeker.core.records import Passage, Resume

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a file: which of its documents go, and which stay."""

    content: str
    gone: tuple[dict[str, Any], ...]
    kept: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class People:
    """People who are to be removed, with all versions of their résumés."""

    numbers: tuple[int, ...]
    resumes: tuple[Resume, ...]
    passages: tuple[Passage, ...]
    # Résumés that said the same as one of theirs, and so are no candidates.
    duplicates: frozenset[str]
    wordings: frozenset[str]
    # SHA-256 of the files that theirs came from → those files' names.
    files: dict[str, list[str]]
    readings: tuple[Reading, ...]
    # Where all these files lie → their contents.
    paths: dict[Path, str]
    # Contents of files that hold others as well.
    shared: frozenset[str]

    @classmethod
    def find(
        cls,
        record: Record,
        numbers: Collection[int],
        exports: Path,
        *,
        known: Mapping[str, Collection[str]],
    ) -> "People":
        """Look up candidates.

        ``exports`` is the folder of an ingest, there or not; ``known`` are the ``contents`` and
        ``wordings`` that were found before it was changed, if any.
        """
        found = list(record.candidates(numbers))
        ids = {one.resume.resume_id for one in found}
        duplicates = frozenset(_duplicates(exports / "files.jsonl", ids))
        named = {key.partition("#")[0] for key in duplicates} | duplicates
        contents = {one.sha256 for one in found} | {*known.get("contents", ())}
        files: dict[str, list[str]] = {}
        paths = {Path(one.resume.source): one.sha256 for one in found}
        for file, content, path in record.rows("SELECT file, sha256, path FROM originals"):
            if content in contents or file in named:
                files.setdefault(content, []).append(file)
                paths[Path(os.fsdecode(path) or file)] = content
        marks = record.rows("SELECT number, wording FROM sketches")
        wordings = {wording for number, wording in marks if number in set(numbers)}
        wordings |= {*known.get("wordings", ())}
        documents = dict(_documents(record, contents | files.keys()))
        keys = ids | duplicates
        for content, several in documents.items():
            for key, one in _keyed(several, files.get(content[:64], [])):
                if key in keys:
                    wordings.add(wording_hash(one["text"]))
        readings = tuple(_parted(key, several, wordings) for key, several in documents.items())
        others = record.rows("SELECT number, sha256 FROM candidates")
        shared = {content for number, content in others if number not in numbers}
        return cls(
            tuple(sorted(numbers)),
            tuple(one.resume for one in found),
            tuple(passage for _, passage in record.passages(numbers)),
            duplicates,
            frozenset(wordings),
            {**{one.sha256: [] for one in found}, **files},
            readings,
            paths,
            frozenset(shared | {one.content[:64] for one in readings if one.kept}),
        )

    @property
    def own_paths(self) -> set[Path]:
        """Where files lie that hold nobody else."""
        return {path for path, content in self.paths.items() if content not in self.shared}

    @cached_property
    def resume_ids(self) -> frozenset[str]:
        """All names of their résumés, duplicates too."""
        return self.duplicates | {one.resume_id for one in self.resumes}

    @cached_property
    def passage_ids(self) -> frozenset[str]:
        """Their passages'."""
        return frozenset(one.passage_id for one in self.passages)

    @cached_property
    def own_files(self) -> frozenset[str]:
        """Names of files that hold nobody else."""
        return frozenset(
            file
            for content, files in self.files.items()
            if content not in self.shared
            for file in files
        )

    @cached_property
    def read(self) -> list[str]:
        """What was read of them, before it was mended."""
        return [one["text"] for reading in self.readings for one in reading.gone]

    @cached_property
    def words(self) -> list[str]:
        """What says who they are: full names and e-mail addresses."""
        names = [one.profile.name for one in self.resumes if " " in one.profile.name]
        texts = [*(one.text for one in self.resumes), *self.read]
        return sorted({*names, *(mail for text in texts for mail in _EMAIL.findall(text))})


def numbers_of(record: Record, names: Collection[str]) -> list[int]:
    """Return the numbers of candidates who are named by number, résumé or file, and their kin.

    Raises
    ------
    InputError
        If one is nobody's.
    """
    ids = record.numbers()
    query = "SELECT source, number FROM candidates"
    sources = {str(Path(source).resolve()): number for source, number in record.rows(query)}
    known = set(ids.values())
    chosen = set()
    for name in names:
        number = ids.get(name) or sources.get(str(Path(name).resolve()))
        if number is None and name.isdecimal() and int(name) in known:
            number = int(name)
        if number is None:
            raise InputError(
                f"{name!r}: no candidate; expected a number or a résumé's file as searches show "
                f"them, such as {next(iter(ids), 'anna.pdf')!r}"
            )
        chosen.add(number)
    return with_versions(record, chosen)


def with_versions(record: Record, numbers: Collection[int]) -> list[int]:
    """Return candidates and everybody who was found to be the same person."""
    rows = dict(record.rows("SELECT number, person_group FROM candidates"))
    groups = {rows[number] for number in numbers}
    return sorted(number for number, group in rows.items() if group in groups)


def _duplicates(files: Path, ids: Collection[str]) -> Iterator[str]:
    reasons = {f"same text as {key}" for key in ids}
    for row in read_jsonl(files) if files.is_file() else ():
        if row["reason"] in reasons and not row["resumes"]:
            yield row["file"]
        for left_out in row.get("rows_left_out", ()):
            if left_out["reason"] in reasons:
                yield left_out["row"]


def _documents(
    record: Record, contents: Collection[str]
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for content in contents:
        query = "SELECT content, documents FROM readings WHERE content GLOB ? || '*'"
        for key, documents in record.rows(query, (content,)):
            yield key, json.loads(documents)


def _keyed(
    documents: list[dict[str, Any]], files: Collection[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield documents by what their résumés are called."""
    for file in files:
        for number, one in enumerate(documents, start=1):
            several = len(documents) > 1 or one["row_id"]
            yield (f"{file}#{one['row_id'] or number}" if several else file), one


def _parted(content: str, documents: list[dict[str, Any]], wordings: Collection[str]) -> Reading:
    gone = [one for one in documents if wording_hash(one["text"]) in wordings]
    kept = [one for one in documents if wording_hash(one["text"]) not in wordings]
    return Reading(content, tuple(gone), tuple(kept))
