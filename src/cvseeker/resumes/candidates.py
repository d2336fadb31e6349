"""From rows of files to candidates in the record: only what changed is made anew."""

import json
import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

from cvseeker.core.hashes import text_hash
from cvseeker.core.languages import language_of
from cvseeker.core.mapping import Mapper
from cvseeker.core.overlap import repetitions, wording_hash
from cvseeker.core.progress import Progress
from cvseeker.core.record import ChangeKind, Record
from cvseeker.core.records import Passage, Resume, Split
from cvseeker.resumes.account import Row
from cvseeker.resumes.insights import read_insights
from cvseeker.resumes.newcomers import Sketch
from cvseeker.resumes.originals import code_hash
from cvseeker.resumes.passages import split_passages
from cvseeker.resumes.placing import Known, Made, packed
from cvseeker.resumes.sections import find_sections
from cvseeker.resumes.spacing import SpacingRepair

if TYPE_CHECKING:
    from cvseeker.core.settings import IngestSettings

# Less than this is a cover sheet, a caption or a scan's stray words.
_FEWEST_WORDS = 30
# The vocabulary is learnt again once it knows less than this share of the texts.
_KNOWN_TEXTS = 0.9

_WORD = re.compile(r"[^\W_]+")


# Texts


def mend(
    rows: Sequence[Row],
    known: Iterable[Known],
    record: Record,
    settings: "IngestSettings",
    progress: Progress,
) -> None:
    """Mend the spacing of texts that are new, and note of every row what it is made from."""
    raw = [text_hash(row.text) for row in rows]
    spacing = _Spacing(record, rows, raw)
    wording_of = {one.made_from: one.wording for one in known}
    for number, (row, text) in enumerate(zip(rows, raw, strict=True), start=1):
        metadata = json.dumps(dict(row.metadata), sort_keys=True)
        row.made_from = text_hash(
            text, spacing.version, code_hash(), str(settings.passage_tokens), metadata
        )
        row.wording = wording_of.get(row.made_from, "")
        if not row.wording:
            row.text = spacing.repair(row.text)
            row.wording = wording_hash(row.text)
            words = len(_WORD.findall(row.text))
            if words < _FEWEST_WORDS:
                row.status = "failed"
                row.reason = f"only {words} word{'' if words == 1 else 's'} of text"
        progress("cleaning texts", number, len(rows), "")


def drop_duplicates(rows: Sequence[Row]) -> None:
    """Leave out rows that say what an earlier one says."""
    good = {row.resume_id: row for row in rows if row.status == "ok"}
    for key, original in repetitions({key: row.wording for key, row in good.items()}).items():
        good[key].status = "duplicate"
        good[key].reason = f"same text as {original}"


class _Spacing:
    """The vocabulary that spacing is mended by, learnt from the collection when it was last new.

    It stays while nearly all texts are those that it was learnt from: what one text adds to it
    must not change the others.
    """

    def __init__(self, record: Record, rows: Sequence[Row], raw: Sequence[str]) -> None:
        found = next(record.rows("SELECT value FROM facts WHERE name = 'spacing'"), (None,))[0]
        present = set(raw)
        kept: dict[str, Any] = json.loads(found) if found else {}
        learnt_from = set(kept.get("texts", ()))
        if not kept or len(learnt_from & present) < _KNOWN_TEXTS * len(learnt_from | present):
            # What was not read right teaches nothing.
            texts = [row.text for row in rows if not row.doubtful]
            self._repair: SpacingRepair | None = SpacingRepair(texts)
            learnt = json.dumps(self._repair.learnt(), ensure_ascii=False).encode()
            kept = {"texts": sorted(present), "version": text_hash(learnt.decode())}
            with record.transaction():
                for name, value in (
                    ("spacing", json.dumps(kept)),
                    ("vocabulary", zlib.compress(learnt, 1)),
                ):
                    record.write("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
        else:
            self._repair = None
        self.version: str = kept["version"]
        self._record = record

    def repair(self, text: str) -> str:
        if self._repair is None:
            query = "SELECT value FROM facts WHERE name = 'vocabulary'"
            learnt = json.loads(zlib.decompress(next(self._record.rows(query))[0]))
            self._repair = SpacingRepair.from_learnt(learnt)
        return self._repair.repair(text)


# Who is who


def match(rows: Sequence[Row], known: Iterable[Known]) -> dict[str, Known]:
    """Return résumé id → the candidate that it is of: by content first, then by its name."""
    left = {one.number: one for one in known}
    by_name = {one.resume_id: one for one in left.values()}
    matched: dict[str, Known] = {}

    def claim(row: Row, one: Known | None) -> None:
        if one is not None and one.number in left and row.resume_id not in matched:
            matched[row.resume_id] = left.pop(one.number)

    for row in rows:
        one = by_name.get(row.resume_id)
        claim(row, one if one and one.wording == row.wording else None)
    by_wording = {one.wording: one for one in left.values()}
    for row in rows:
        claim(row, by_wording.get(row.wording))
    for row in rows:
        claim(row, by_name.get(row.resume_id))
    return matched


def make(
    rows: Sequence[Row], settings: "IngestSettings", progress: Progress, mapper: Mapper
) -> dict[str, Made]:
    """Cut texts into sections and passages, and read what they say; by résumé id.

    In worker processes, as files are read: what fails there becomes the reason of its row.
    """
    from cvseeker.resumes.sandbox import in_workers

    made = {}
    work = partial(make_one, passage_tokens=settings.passage_tokens)
    found = mapper(partial(in_workers, work, settings=settings), rows)
    for number, (row, (one, reason)) in enumerate(zip(rows, found, strict=True), start=1):
        if one is None:
            row.status, row.reason = "failed", reason
        else:
            made[row.resume_id] = one
        progress("finding sections", number, len(rows), "")
    return made


def make_one(row: Row, *, passage_tokens: int) -> Made:
    """Cut one text into sections and passages, and read what it says."""
    sections = find_sections(row.text)
    insights = read_insights(row.text, today=_written_on(row))
    # A table's own column of that name says what its owner wants to know.
    metadata = {"language": language_of(row.text), **row.metadata}
    resume = Resume(row.resume_id, row.text, sections, row.source, insights, metadata)
    passages = tuple(
        Passage(f"{row.resume_id}:{position}", row.resume_id, text, kinds)
        for position, (text, kinds) in enumerate(
            split_passages(sections, passage_tokens=passage_tokens)
        )
    )
    return Made(resume, passages, Sketch.of(row.text, (passage.text for passage in passages)))


def _written_on(row: Row) -> date | None:
    """Return the day that a file says it was written."""
    with suppress(ValueError):
        return date.fromisoformat(row.metadata.get("written", ""))
    return None


# Into the record


def write(
    rows: Sequence[Row],
    matched: Mapping[str, Known],
    made: Mapping[str, Made],
    placed: Mapping[str, tuple[str, Split]],
    record: Record,
) -> dict[str, int]:
    """Write what has changed, in a transaction of the caller's; return résumé id → number."""
    numbers = {key: one.number for key, one in matched.items()}
    record.remove(set(record.numbers().values()) - set(numbers.values()))
    for key, known in matched.items():
        if key != known.resume_id:  # its new name may be one that another is about to give up
            record.write(
                "UPDATE candidates SET resume_id = char(0) || number WHERE number = ?",
                (known.number,),
            )
    for row in rows:
        key = row.resume_id
        one, (group, split) = matched.get(key), placed[key]
        if key in made:
            numbers[key] = _write_made(row, one, made[key], group, split, record)
        elif one is not None:
            if key != one.resume_id:
                record.rename(one.number, key)
            before = (one.person_group, one.split, one.sha256, one.source)
            if before != (group, split, row.sha256, row.source):
                _update(one.number, row, group, split, record)
    return numbers


def _write_made(
    row: Row, one: Known | None, made: Made, group: str, split: Split, record: Record
) -> int:
    """Write a résumé that was made anew, as a change where it says something else than before."""
    passages = [replace(passage, person_group=group, split=split) for passage in made.passages]
    if one is not None and _is_recorded(one.number, made, record):
        number = one.number
        _update(number, row, group, split, record)
    else:
        number = record.put(
            made.resume,
            passages,
            number=one.number if one else None,
            kind=_kind_of_change(row, one),
            sha256=row.sha256,
            modified=row.modified,
        )
    sketch = made.sketch
    hashes = map(packed, (sketch.shingles, sketch.copies, sketch.contacts))
    record.write(
        "INSERT OR REPLACE INTO sketches VALUES (?, ?, ?, ?, ?, ?)",
        (number, row.made_from, row.wording, *hashes),
    )
    record.write("DELETE FROM passage_sketches WHERE number = ?", (number,))
    record.write_many(
        "INSERT INTO passage_sketches VALUES (?, ?, ?)",
        ((number, at, packed(grams)) for at, grams in enumerate(sketch.grams)),
    )
    return number


def _is_recorded(number: int, made: Made, record: Record) -> bool:
    """Tell whether a candidate's record already is what was made anew."""
    pieces = [(one.passage_id, one.text, one.sections) for one in made.passages]
    (one,) = record.candidates([number])
    return replace(one.resume, source=made.resume.source) == made.resume and pieces == [
        (one.passage_id, one.text, one.sections) for _, one in record.passages([number])
    ]


def _kind_of_change(row: Row, one: Known | None) -> ChangeKind:
    if one is None:
        return "added"
    return "renamed" if one.wording == row.wording and one.resume_id != row.resume_id else "changed"


def _update(number: int, row: Row, group: str, split: Split, record: Record) -> None:
    """Write what says nothing of the candidate, and so is no change."""
    record.write(
        "UPDATE candidates SET person_group = ?, split = ?, sha256 = ?, source = ?, modified = ? "
        "WHERE number = ?",
        (group, split, row.sha256, row.source, row.modified, number),
    )
