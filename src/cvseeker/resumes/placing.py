"""Which candidates are one person, and in which split: whoever is known stays where they are."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from cvseeker.core.overlap import UIntArray, wording_hash
from cvseeker.core.record import Record
from cvseeker.core.records import Passage, Resume, Split
from cvseeker.resumes.account import Row
from cvseeker.resumes.discover import unused
from cvseeker.resumes.newcomers import Sketch, join_newcomers, sharers
from cvseeker.resumes.originals import code_hash
from cvseeker.resumes.persons import Groups, group_texts, join_by_contacts, join_overlapping
from cvseeker.resumes.split import assign_splits

if TYPE_CHECKING:
    from cvseeker.core.settings import IngestSettings

# A share of newcomers above which comparing all with all costs less.
_MOST_NEWCOMERS = 0.05
# Whoever was trained on stays so when two turn out to be one person: nothing may be tested on them.
_SAFEST: tuple[Split, ...] = ("train", "val", "test")


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
