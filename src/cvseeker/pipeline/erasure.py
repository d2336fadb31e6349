"""Removing people from everything that a workspace holds, all the way or to be completed.

A note of numbers lies in the workspace meanwhile, and nothing else is done there before it is gone.
The record, by which all else is looked up, forgets last: a removal that was interrupted is done
again from the start.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from cvseeker.core.errors import InputError
from cvseeker.core.files import read_json, write_json
from cvseeker.core.hashes import file_hash, text_hash
from cvseeker.core.overlap import wording_hash
from cvseeker.core.places import sync
from cvseeker.core.progress import Progress, silent
from cvseeker.core.record import Journal, Record
from cvseeker.core.settings import IngestSettings
from cvseeker.core.workspace import COMMAND_OF_STAGE, Workspace
from cvseeker.pipeline.forgetting import (
    REBUILT,
    forget_answers,
    forget_exports,
    forget_index,
    forget_queries,
    forget_record,
    forget_reports,
    forget_scratch,
    forget_uploads,
    forget_vectors,
    still_named,
)
from cvseeker.pipeline.people import People, numbers_of
from cvseeker.resumes import Ingested

_STEPS = 9


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was removed.

    Attributes
    ----------
    numbers
        Of the candidates, with all versions of a person.
    resume_ids
        Their résumés.
    removed
        Place in the workspace → how many lines, requests, files or candidates went there.
    outside
        Files of theirs that are not the workspace's, or hold others as well: they are as they were.
    named
        Files of the workspace in which their names or addresses still stand, such as the résumé of
        somebody who has them as a reference.
    commands
        Stage → what is typed to make it again without them: reports that were deleted, and the
        models that were trained with them.
    digest
        A hash of all this, which the log has, too.
    """

    numbers: tuple[int, ...]
    resume_ids: tuple[str, ...]
    removed: Mapping[str, int]
    outside: tuple[str, ...]
    named: tuple[str, ...]
    commands: Mapping[str, str]
    digest: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {**asdict(self), "removed": dict(self.removed), "commands": dict(self.commands)}


def remove_people(
    workspace: Workspace,
    names: Collection[str],
    progress: Progress = silent,
    *,
    who: str = "this machine",
    dry_run: bool = False,
) -> list[Receipt]:
    """Remove people, with all versions of their résumés, from everything in a workspace.

    A removal that was interrupted is completed first; without names, it alone.

    Parameters
    ----------
    workspace
        Which must not be in use; readers may go on.
    names
        Numbers of candidates, ids of résumés, or their files.
    progress
        Called with the steps done.
    who
        Who removes them, for the log.
    dry_run
        Only say who it would be.

    Returns
    -------
    list of Receipt
        One of each removal.

    Raises
    ------
    CVSeekerError
        If a name is nobody's, or something cannot be written; the same call completes it.
    """
    note = workspace.erasing
    if not names and not note.exists():
        raise InputError("nobody is named; expected a candidate's number, or a résumé's file")
    receipts, left = [], list(names)
    with workspace.alone("remove", progress, erasing=True):
        if note.exists() and not dry_run:
            # The same command, typed again, need not know them any more.
            begun = read_json(note)["names"]
            left = [name for name in names if text_hash(name) not in begun]
            receipts.append(_complete(workspace, progress, who))
        if left:
            with Record.open(workspace.path) as record:
                numbers = numbers_of(record, left)
                people = People.find(record, numbers, workspace.stage_folder("ingest"), known={})
            if dry_run:
                return [_announced(people)]
            _begin(workspace, people, left)
            receipts.append(_complete(workspace, progress, who))
    return receipts


def _begin(workspace: Workspace, people: People, names: Collection[str]) -> None:
    """Note what is to be done, in numbers and hashes; from now on it has to be completed."""
    stages = [stage for stage in COMMAND_OF_STAGE if stage not in {"model", *REBUILT}]
    note = {
        "names": [text_hash(name) for name in names],
        "numbers": people.numbers,
        "contents": sorted(people.files),
        "wordings": sorted(people.wordings),
        "follows": {stage: workspace.upstream(stage) for stage in stages},
    }
    write_json(workspace.erasing, note)
    sync(workspace.erasing)
    sync(workspace.path)


def _announced(people: People) -> Receipt:
    sources = tuple(sorted(map(str, people.paths)))
    return Receipt(people.numbers, tuple(sorted(people.resume_ids)), {}, sources, (), {})


def _complete(workspace: Workspace, progress: Progress, who: str) -> Receipt:
    """Remove those whom the note names, from wherever they still are."""
    note = read_json(workspace.erasing)
    with Record.open(workspace.path) as record:
        exports = workspace.stage_folder("ingest")
        people = People.find(record, note["numbers"], exports, known=note)
        removed: dict[str, int] = {}

        def done(place: str, count: int) -> None:
            removed[place] = count
            progress("remove", len(removed), _STEPS, place)

        inside, outside = 0, list[str]()
        # Where the record has forgotten them, everything else has.
        if people.resumes:
            done("unfinished stages", forget_scratch(workspace))
            done("index", forget_index(workspace, people, {}))
            done("ingest", forget_exports(workspace, people))
            done("queries", forget_queries(workspace, people, note["follows"]))
            done("ledger", forget_answers(workspace, people))
            done("cache", forget_vectors(workspace, people))
            done("reports", forget_reports(workspace))
            workspace.rewrote("index", follows=note["follows"].get("index", ()))
            inside, outside = forget_uploads(workspace, people)
            removed["uploads"] = inside
            done("record", forget_record(record, people))
        record.compact()
        receipt = Receipt(
            tuple(note["numbers"]),
            tuple(sorted(people.resume_ids)),
            removed,
            tuple(outside),
            tuple(still_named(workspace, people)),
            _commands(workspace),
        )
        digest = text_hash(json.dumps(receipt.to_dict(), sort_keys=True))
        if people.resumes or not _is_told(record, note["numbers"]):
            Journal(record).write(who, "removed", {"numbers": note["numbers"], "receipt": digest})
        record.compact()
    workspace.erasing.unlink()
    sync(workspace.path)
    return Receipt(**{**receipt.to_dict(), "digest": digest})


def _is_told(record: Record, numbers: Collection[int]) -> bool:
    """Tell whether the log has a removal already, which was interrupted right after."""
    return any(
        entry.what == "removed" and entry.about.get("numbers") == list(numbers)
        for entry in Journal(record).entries()
    )


def _commands(workspace: Workspace) -> dict[str, str]:
    """Return what makes again what was deleted, or was made with those who are gone."""
    made = [stage for stage in ("queries", "model") if workspace.manifest(stage)]
    outdated = [stage for stage in made if workspace.newer_than(stage)]
    missing = [stage for stage in REBUILT if workspace.manifest(stage) is None]
    wanted = [*outdated, *(stage for stage in missing if stage == "evaluation" and made)]
    return {stage: workspace.command(stage) for stage in wanted}


def outdated_people(workspace: Workspace, before: date) -> list[str]:
    """Return the résumés of people all of whose files are older than a day.

    Parameters
    ----------
    workspace
        Which has a record.
    before
        The day. A file is as old as it says itself, else as when it was last written.

    Returns
    -------
    list of str
        As :func:`remove_people` takes them.
    """
    latest: dict[str, date] = {}
    query = (
        "SELECT resume_id, person_group, modified, json_extract(metadata, '$.written') "
        "FROM candidates ORDER BY number"
    )
    with Record.open(workspace.path) as record:
        rows = list(record.rows(query))
    for _, group, modified, written in rows:
        day = date.fromisoformat(written) if written else date.fromtimestamp(modified)
        latest[group] = max(day, latest.get(group, day))
    return [resume_id for resume_id, group, *_ in rows if latest[group] < before]


def readmit(workspace: Workspace, file: Path, settings: IngestSettings) -> bool:
    """Let the next ingest take in a file that was of somebody who was removed.

    Parameters
    ----------
    workspace
        Which has a record.
    file
        Which.
    settings
        How files are read.

    Returns
    -------
    bool
        Whether it would have been left out.

    Raises
    ------
    InputError
        If there is no such file, or no text in it.
    """
    wording = wording_hash(Ingested.text_of(file, settings))
    content = file_hash(file)
    with workspace.alone("remove"), Record.open(workspace.path) as record:
        query = "SELECT hash FROM erased WHERE hash IN (?, ?)"
        known = list(record.rows(query, (content, wording)))
        with record.transaction():
            record.write("DELETE FROM erased WHERE hash IN (?, ?)", (content, wording))
            record.write("DELETE FROM readings WHERE content GLOB ? || '*'", (content,))
    return bool(known)
