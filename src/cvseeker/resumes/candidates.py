"""From rows of files to candidates in the record: only what changed is made anew."""

import json
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from cvseeker.core.hashes import text_hash
from cvseeker.core.languages import language_of
from cvseeker.core.overlap import UIntArray, repetitions, wording_hash
from cvseeker.core.progress import Progress
from cvseeker.core.record import ChangeKind, Record
from cvseeker.core.records import Passage, Resume, Split
from cvseeker.resumes.account import Row
from cvseeker.resumes.discover import unused
from cvseeker.resumes.insights import read_insights
from cvseeker.resumes.newcomers import Sketch, join_newcomers, sharers
from cvseeker.resumes.originals import code_hash
from cvseeker.resumes.passages import split_passages
from cvseeker.resumes.persons import Groups, group_texts, join_by_contacts, join_overlapping
from cvseeker.resumes.sections import find_sections
from cvseeker.resumes.spacing import SpacingRepair
from cvseeker.resumes.split import assign_splits

if TYPE_CHECKING:
    from cvseeker.core.settings import IngestSettings

# Less than this is a cover sheet, a caption or a scan's stray words.
_FEWEST_WORDS = 30
# The vocabulary is learnt again once it knows less than this share of the texts.
_KNOWN_TEXTS = 0.9
# A share of newcomers above which comparing all with all costs less.
_MOST_NEWCOMERS = 0.05
# Whoever was trained on stays so when two turn out to be one person: nothing may be tested on them.
_SAFEST: tuple[Split, ...] = ("train", "val", "test")

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Known:
    """What the record says of a candidate, but for the texts."""

    number: int
    resume_id: str
    source: str
    sha256: str
    person_group: str
    split: Split
    made_from: str
    wording: str


@dataclass(frozen=True, slots=True)
class Made:
    """A résumé made anew: its passages' texts, their sections, and what is compared of it."""

    resume: Resume
    passages: tuple[Passage, ...]
    sketch: Sketch


def known_candidates(record: Record) -> list[Known]:
    """Return what the record knows of each candidate."""
    query = (
        "SELECT number, resume_id, source, sha256, person_group, split, made_from, wording "
        "FROM candidates JOIN sketches USING (number) ORDER BY number"
    )
    return [Known(*row) for row in record.rows(query)]


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


def make(rows: Sequence[Row], settings: "IngestSettings", progress: Progress) -> dict[str, Made]:
    """Cut texts into sections and passages, and read what they say; by résumé id."""
    made = {}
    for number, row in enumerate(rows, start=1):
        sections = find_sections(row.text)
        insights = read_insights(row.text, today=_written_on(row))
        # A table's own column of that name says what its owner wants to know.
        metadata = {"language": language_of(row.text), **row.metadata}
        resume = Resume(row.resume_id, row.text, sections, row.source, insights, metadata)
        passages = tuple(
            Passage(f"{row.resume_id}:{position}", row.resume_id, text, kinds)
            for position, (text, kinds) in enumerate(
                split_passages(sections, passage_tokens=settings.passage_tokens)
            )
        )
        sketch = Sketch.of(row.text, (passage.text for passage in passages))
        made[row.resume_id] = Made(resume, passages, sketch)
        progress("finding sections", number, len(rows), "")
    return made


def _written_on(row: Row) -> date | None:
    """Return the day that a file says it was written."""
    with suppress(ValueError):
        return date.fromisoformat(row.metadata.get("written", ""))
    return None


# Persons


def place(
    rows: Sequence[Row],
    matched: Mapping[str, Known],
    made: Mapping[str, Made],
    record: Record,
    settings: "IngestSettings",
) -> tuple[dict[str, tuple[str, Split]], Groups]:
    """Return résumé id → person group and split, such that no passage can leak too much.

    Beside it, what was newly found to be of one person, and why. Whoever has a group and a split
    keeps them, but where new wording makes one person of two.
    """
    grouping = {
        name: getattr(settings, name)
        for name in ("duplicate_similarity", "max_overlap", "val_share", "test_share", "seed")
    }
    stored = json.dumps({**grouping, "code": code_hash()})
    before = next(record.rows("SELECT value FROM facts WHERE name = 'grouping'"), ("",))[0]
    stays = matched if before == stored else {}
    record.write("INSERT OR REPLACE INTO facts VALUES ('grouping', ?)", (stored,))
    groups = _groups(rows, matched, made, stays, record, settings)
    if not stays:
        record.write("DELETE FROM same_person")
    return _placed(groups, stays, settings), groups


def _groups(
    rows: Sequence[Row],
    matched: Mapping[str, Known],
    made: Mapping[str, Made],
    stays: Mapping[str, Known],
    record: Record,
    settings: "IngestSettings",
) -> Groups:
    """Group résumés by person: a few newcomers are compared with all, else all with all."""
    groups = Groups(row.resume_id for row in rows)
    first: dict[str, str] = {}
    for key, one in stays.items():
        groups.join(key, first.setdefault(one.person_group, key))
    newcomers = [key for key in made if key not in stays or _is_other(made[key], stays[key])]
    if stays and len(newcomers) <= _MOST_NEWCOMERS * len(rows):
        sketches = dict(_sketches(rows, matched, made, record))
        join_newcomers(
            sketches,
            newcomers,
            groups,
            similarity=settings.duplicate_similarity,
            share=settings.max_overlap,
        )
        texts = {
            key: made[key].resume.text if key in made else _text_of(matched[key].number, record)
            for key in sharers(sketches, newcomers)
        }
        join_by_contacts(texts, groups, newcomers=set(newcomers))
        return groups
    texts, passages = _texts(rows, matched, made, record)
    group_texts(texts, groups, similarity=settings.duplicate_similarity)
    join_overlapping(passages, groups, share=settings.max_overlap)
    return groups


def _text_of(number: int, record: Record) -> str:
    return str(next(record.rows("SELECT text FROM candidates WHERE number = ?", (number,)))[0])


def _is_other(made: Made, known: Known) -> bool:
    return wording_hash(made.resume.text) != known.wording


def _placed(
    groups: Groups, stays: Mapping[str, Known], settings: "IngestSettings"
) -> dict[str, tuple[str, Split]]:
    """Name the groups and put them into splits; those that are known stay what they are."""
    ids = groups.ids()
    former: dict[str, list[Known]] = defaultdict(list)
    for key, one in stays.items():
        former[ids[key]].append(one)
    names = {root: min(one.person_group for one in several) for root, several in former.items()}
    splits = {
        names[root]: min((one.split for one in several), key=_SAFEST.index)
        for root, several in former.items()
    }
    taken = set(splits)
    for root in sorted(set(ids.values()) - names.keys()):
        names[root] = unused(root, taken)
    group_of = {key: names[root] for key, root in ids.items()}
    split_of = assign_splits(
        group_of,
        val_share=settings.val_share,
        test_share=settings.test_share,
        seed=settings.seed,
        known=splits,
    )
    return {key: (group_of[key], split_of[key]) for key in group_of}


def _texts(
    rows: Sequence[Row], matched: Mapping[str, Known], made: Mapping[str, Made], record: Record
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """Return every résumé's text, and every passage's with whose it is."""
    texts = dict(record.rows("SELECT number, text FROM candidates"))
    passages: dict[int, list[str]] = defaultdict(list)
    for number, text in record.rows("SELECT number, text FROM passages ORDER BY number, position"):
        passages[number].append(text)
    found, pieces = {}, []
    for key in (row.resume_id for row in rows):
        if key in made:
            found[key] = made[key].resume.text
            pieces += [(key, passage.text) for passage in made[key].passages]
        else:
            found[key] = texts[matched[key].number]
            pieces += [(key, text) for text in passages[matched[key].number]]
    return found, pieces


def _sketches(
    rows: Sequence[Row], matched: Mapping[str, Known], made: Mapping[str, Made], record: Record
) -> Iterable[tuple[str, Sketch]]:
    """Yield every résumé's sketch."""
    grams = passage_grams(record)
    query = "SELECT number, shingles, copies, contacts FROM sketches"
    kept = {number: blobs for number, *blobs in record.rows(query)}
    for key in (row.resume_id for row in rows):
        if key in made:
            yield key, made[key].sketch
        else:
            number = matched[key].number
            shingles, copies, contacts = map(unpacked, kept[number])
            yield key, Sketch(shingles, copies, contacts, tuple(grams[number]))


def passage_grams(record: Record) -> dict[int, list[UIntArray]]:
    """Return each candidate's number → the 8-grams of each passage."""
    grams: dict[int, list[UIntArray]] = defaultdict(list)
    query = "SELECT number, grams FROM passage_sketches ORDER BY number, position"
    for number, blob in record.rows(query):
        grams[number].append(unpacked(blob))
    return grams


def packed(hashes: UIntArray) -> bytes:
    """Return hashes as the record keeps them."""
    return hashes.astype("<u8").tobytes()


def unpacked(blob: bytes) -> UIntArray:
    """Return hashes that the record keeps."""
    return np.frombuffer(blob, dtype="<u8").astype(np.uint64, copy=False)


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


def note_same_people(
    rows: Sequence[Row], numbers: Mapping[str, int], groups: Groups, record: Record
) -> None:
    """Write who was found to be one person, and tell each row what is known of it."""
    record.write_many(
        "INSERT OR IGNORE INTO same_person VALUES (?, ?, ?)",
        (
            (numbers[one], numbers[other], reason)
            for one, others in groups.reasons().items()
            for other, reason in others.items()
            if reason
        ),
    )
    row_of = {numbers[row.resume_id]: row for row in rows}
    query = "SELECT one, other, reason FROM same_person ORDER BY one, rowid"
    for one, other, reason in record.rows(query):
        row_of[one].same_person[row_of[other].resume_id] = reason


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
