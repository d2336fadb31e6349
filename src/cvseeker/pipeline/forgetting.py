"""Where a workspace holds what is known of people, and how each place forgets some of them.

Every step may be done again after a kill: nothing is looked up in what it changes.
"""

import json
import re
import shutil
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cvseeker.core.datasets import RetrievalDataset, read_split, write_dataset
from cvseeker.core.errors import InputError
from cvseeker.core.files import read_json, read_jsonl, write_json, write_jsonl
from cvseeker.core.manifest import is_stage_folder
from cvseeker.core.places import delete_left_over
from cvseeker.core.record import Journal, Record
from cvseeker.core.records import SPLITS
from cvseeker.core.workspace import COMMAND_OF_STAGE, JOBS, Workspace
from cvseeker.llm import Ledger
from cvseeker.pipeline.people import People
from cvseeker.queries import ledger_of

# What their own commands make again, and what holds no others' work.
REBUILT = ("evaluation", "audit")
_WORD = re.compile(r"\w+")
Row = dict[str, Any]
Follows = Mapping[str, Sequence[str]]


def forget_scratch(workspace: Workspace) -> int:
    """Delete what interrupted stages left: pairs, checkpoints, half an index."""
    gone = 0
    for stage in COMMAND_OF_STAGE:
        for place in (workspace.scratch_folder(stage), workspace.retired_folder(stage)):
            gone += place.exists()
            shutil.rmtree(place, ignore_errors=True)
        # Nobody else writes there; into uploads a server does.
        delete_left_over(workspace.stage_folder(stage), older_than=0)
    for path in workspace.path.glob(f".{workspace.erasing.name}.*.part"):
        path.unlink()
    delete_left_over(workspace.cache, older_than=0)
    return gone


def forget_uploads(workspace: Workspace, people: People) -> tuple[int, list[str]]:
    """Delete their files that lie in the workspace; return how many, and those elsewhere."""
    root = workspace.path.resolve()
    inside = {path for path in people.own_paths if path.resolve().is_relative_to(root)}
    there = [path for path in inside if path.exists()]
    for path in there:
        path.unlink()
    _forget_jobs(workspace, people)
    return len(there), sorted(map(str, people.paths.keys() - inside))


def _forget_jobs(workspace: Workspace, people: People) -> None:
    """Take their files out of what is told of uploads; what a power cut left of that goes whole."""
    names = people.own_files | people.resume_ids
    for path in (workspace.path / JOBS).rglob("*.json"):
        try:
            job = read_json(path)
        except InputError:
            path.unlink(missing_ok=True)
            continue
        told = [f"{one['name']}: {one['reason']}" for one in job["files"]]
        kept = [
            one
            for one, text in zip(job["files"], told, strict=True)
            if not any(name in text for name in names)
        ]
        if len(kept) == len(told):
            continue
        path.unlink()
        if kept:
            write_json(path, {**job, "files": kept, "reason": ""})


def forget_exports(workspace: Workspace, people: People) -> int:
    """Take their lines out of what an ingest exported."""
    folder = workspace.stage_folder("ingest")
    if not is_stage_folder(folder):
        return 0
    gone = 0
    for name in ("resumes.jsonl", "passages.jsonl"):
        gone += _filter(folder / name, "resume_id", people.resume_ids)
    rows = (_without(row, people) for row in read_jsonl(folder / "files.jsonl"))
    write_jsonl(folder / "files.jsonl", (row for row in rows if row))
    workspace.rewrote("ingest", follows=(), gone=people.own_files)
    return gone


def _without(row: Row, people: People) -> Row | None:
    """Return what is told of an input file, without people; ``None``: it holds nobody else."""
    if row["file"] in people.own_files:
        return None
    ids = people.resume_ids
    for name in ("doubtful", "same_person"):
        if name in row:
            kept = [key for key in row[name] if key not in ids]
            row[name] = kept if name == "doubtful" else {key: row[name][key] for key in kept}
            if not kept:
                del row[name]
    if "rows_left_out" in row:
        left_out = [one for one in row["rows_left_out"] if one["row"] not in ids]
        row["rows"]["duplicate"] -= len(row["rows_left_out"]) - len(left_out)
        row["rows_left_out"] = left_out
        prefix = f"{row['file']}#"
        gone = sum(one.resume_id.startswith(prefix) for one in people.resumes)
        row["rows"]["ok"] -= gone
        row["resumes"] -= gone
    return row


def forget_queries(workspace: Workspace, people: People, follows: Follows) -> int:
    """Take out queries about them, their passages, and what was judged of these."""
    gone = 0
    for stage in ("queries", "judged"):
        folder = workspace.stage_folder(stage)
        if not is_stage_folder(folder):
            continue
        queries: set[str] = set()
        rests = []
        for place in (folder, folder / "sections"):
            for split in SPLITS:
                if found := _split_without(place, split, people):
                    queries |= found[1]
                    rests.append((place, split, found[0]))
        # The data sets last: they say which queries were about these people.
        about = people.passage_ids | queries
        for path in folder.glob("*.jsonl"):
            gone += _filter(path, "passage_id", about) + _filter(path, "query_id", about)
        for place, split, rest in rests:
            write_dataset(rest, place / f"{split}.json")
            write_dataset(rest, place / "beir" / split, split=split)
        gone += len(queries)
        workspace.rewrote(stage, follows=follows.get(stage, ()), keeps=ledger_of(workspace).name)
    return gone


def _split_without(
    folder: Path, split: str, people: People
) -> tuple[RetrievalDataset, set[str]] | None:
    """Return a data set without their passages, and which queries go; ``None``: none of theirs."""
    place = folder / "beir" / split
    if not (place / "corpus.jsonl").is_file():
        return None
    dataset = read_split(place, split)
    if people.passage_ids.isdisjoint(dataset.corpus):
        return None
    rest = dataset.subset(set(dataset.corpus) - people.passage_ids)
    return rest, set(dataset.queries) - set(rest.queries)


def forget_answers(workspace: Workspace, people: People) -> int:
    """Erase what LLMs were asked and have answered about them; the bill stays."""
    path = ledger_of(workspace)
    if not path.is_file():
        return 0
    with Ledger(path) as ledger:
        gone = ledger.forget(people.passage_ids)
        ledger.compact()
    return gone


def forget_vectors(workspace: Workspace, people: People) -> int:
    """Delete what was kept of their passages, and of all queries."""
    from cvseeker.retrieval.store import VectorStore

    gone = VectorStore(workspace.cache).forget([one.text for one in people.passages])
    # An engine's copy, and vectors by an endpoint, whose texts' keys nobody knows any more.
    for path in workspace.cache.glob("embeddings.sqlite*"):
        path.unlink()
        gone += 1
    shutil.rmtree(workspace.cache / "edge", ignore_errors=True)
    return gone


def forget_index(workspace: Workspace, people: People, follows: Follows) -> int:
    """Take them out of the index; one that cannot be read is deleted."""
    from cvseeker.search import CandidateSearch

    folder = workspace.stage_folder("index")
    if not is_stage_folder(folder):
        return 0
    if CandidateSearch.forget(workspace.path, people.numbers):
        workspace.rewrote("index", follows=follows.get("index", ()))
    else:
        _delete_stage(workspace, "index")
    return len(people.numbers)


def forget_reports(workspace: Workspace) -> int:
    """Delete reports, runs and audits."""
    gone = [stage for stage in REBUILT if is_stage_folder(workspace.stage_folder(stage))]
    for stage in gone:
        _delete_stage(workspace, stage)
    return len(gone)


def _delete_stage(workspace: Workspace, stage: str) -> None:
    """Delete a stage; half of it would be no stage any more, and be left."""
    retired = workspace.retired_folder(stage)
    workspace.stage_folder(stage).rename(retired)
    shutil.rmtree(retired)


def forget_record(record: Record, people: People) -> int:
    """Take them out of the record, in one transaction; their files are not taken in again."""
    with record.transaction():
        contents = [content for content in people.files if content not in people.shared]
        record.write_many(
            "INSERT OR IGNORE INTO erased VALUES (?)",
            [(one,) for one in (*contents, *people.wordings) if one],
        )
        record.write_many(
            "DELETE FROM originals WHERE file = ?", [(file,) for file in people.own_files]
        )
        for one in people.readings:
            if one.kept:
                kept = (json.dumps(one.kept), one.content)
                record.write("UPDATE readings SET documents = ? WHERE content = ?", kept)
            else:
                record.write("DELETE FROM readings WHERE content = ?", (one.content,))
        Journal(record).blank(list(_entries_about(record, people)))
        searches = record.rows("SELECT name, form FROM saved_searches")
        named = [(name,) for name, form in searches if _names(f"{name} {form}", people)]
        record.write_many("DELETE FROM saved_searches WHERE name = ?", named)
        record.remove(people.numbers)
        _unlearn(record, people)
        record.write("INSERT INTO full_text (full_text) VALUES ('optimize')")
    return len(people.numbers)


def _entries_about(record: Record, people: People) -> Iterator[int]:
    for entry, about in record.rows("SELECT entry, about FROM journal WHERE about != ''"):
        told = json.loads(about)
        if told.get("number") in people.numbers or _names(about, people):
            yield entry


def _names(text: str, people: People) -> bool:
    """Tell whether a text names one of them."""
    folded = text.casefold()
    return any(word.casefold() in folded for word in (*people.words, *people.resume_ids))


def _unlearn(record: Record, people: People) -> None:
    """Forget the words that nobody else has, of those that spacing is mended by."""
    found = next(record.rows("SELECT value FROM facts WHERE name = 'vocabulary'"), None)
    if found is None:
        return
    learnt = json.loads(zlib.decompress(found[0]))
    own: dict[str, int] = {}
    for text in people.read:
        for word in set(_WORD.findall(text.lower())):
            own[word] = own.get(word, 0) + 1
    gone = {word for word, count in learnt["words"].items() if count <= own.get(word, 0)}
    learnt["words"] = {word: n for word, n in learnt["words"].items() if word not in gone}
    learnt["pairs"] = [one for one in learnt["pairs"] if gone.isdisjoint(one[:2])]
    learnt["compounds"] = [one for one in learnt["compounds"] if gone.isdisjoint(one.split("-"))]
    packed = zlib.compress(json.dumps(learnt, ensure_ascii=False).encode(), 1)
    record.write("UPDATE facts SET value = ? WHERE name = 'vocabulary'", (packed,))


def still_named(workspace: Workspace, people: People) -> list[str]:
    """Return the files in which their names or addresses still stand, such as others' résumés."""
    words = [word.encode() for word in people.words]
    return sorted(
        path.relative_to(workspace.path).as_posix()
        for path in workspace.path.rglob("*")
        if path.is_file() and _holds(path, words)
    )


def _holds(path: Path, words: Iterable[bytes]) -> bool:
    content = path.read_bytes()
    return any(word in content for word in words)


def _filter(path: Path, key: str, gone: Collection[str]) -> int:
    """Write JSON lines again without those of some ids; return how many went."""
    if not path.is_file():
        return 0
    before = list(read_jsonl(path))
    kept = [row for row in before if row.get(key) not in gone]
    if len(kept) < len(before):
        write_jsonl(path, kept)
    return len(before) - len(kept)
