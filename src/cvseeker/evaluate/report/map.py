"""A flat map of queries and résumés: the two directions in which a model's vectors differ most."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvseeker.evaluate.encoded import EncodedDataset
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.wording import shown_query
from cvseeker.retrieval.windows import FloatArray

# More of either would be a cloud.
MOST_POINTS = 1_000
# As many hues as a reader can tell apart; the rest is "other".
MOST_GROUPS = 8
OTHER = "other"
_TITLE_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class MapMark:
    """What stands on the map, in [0, 1] from its left upper corner."""

    text: str
    group: str
    is_query: bool
    colour: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Map:
    """The marks and their legend, which is (number of the colour, name, how many) a group."""

    marks: tuple[MapMark, ...]
    legend: tuple[tuple[int, str, int], ...]

    @property
    def queries(self) -> int:
        """Count the queries on the map."""
        return sum(mark.is_query for mark in self.marks)

    @property
    def resumes(self) -> int:
        """Count the résumés on the map."""
        return len(self.marks) - self.queries


def lay_out(evaluated: EvaluatedSet, encoded: EncodedDataset) -> Map:
    """Put a set's queries and résumés where a model's vectors put them.

    They are coloured by occupation, else queries by kind. A résumé's text is its id, for its own
    begins with a name.
    """
    query_ids = list(evaluated.dataset.queries)
    names, resumes = _resume_vectors(evaluated, encoded)
    query_at = _spread(range(len(query_ids)), MOST_POINTS)
    resume_at = _spread(range(len(names)), MOST_POINTS)
    texts = [evaluated.dataset.queries[query_ids[at]] for at in query_at]
    texts += [names[at] for at in resume_at]
    groups = [_query_group(evaluated, query_ids[at]) for at in query_at]
    groups += [_resume_group(evaluated, names[at]) for at in resume_at]
    # Queries are worded unlike résumés; less each sort's mean, what is left is the subject.
    both = [_centred(encoded.queries.vectors[list(query_at)]), _centred(resumes[list(resume_at)])]
    places = map_positions(np.concatenate(both)).tolist()
    colours = _colours(groups)
    marks = tuple(
        MapMark(
            shown_query(text, _TITLE_CHARACTERS),
            group,
            at < len(query_at),
            colours.get(group, MOST_GROUPS),
            *place,
        )
        for at, (text, group, place) in enumerate(zip(texts, groups, places, strict=True))
    )
    counts = Counter(
        (mark.colour, mark.group if mark.group in colours else OTHER) for mark in marks
    )
    return Map(marks, tuple((*key, counts[key]) for key in sorted(counts)))


def map_positions(embeddings: FloatArray) -> FloatArray:
    """Lay vectors, (n, dim), on the unit square, (n, 2), by their first principal components."""
    flat = np.zeros((len(embeddings), 2), dtype=np.float32)
    if not len(embeddings):
        return flat
    centred = _centred(embeddings)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]  # (at most 2, dim)
    # A direction and its opposite are the same to the decomposition, but not on a map.
    signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
    flat[:, : len(directions)] = centred @ (directions * signs[:, None]).T
    low, high = flat.min(axis=0), flat.max(axis=0)
    placed: FloatArray = (flat - low) / np.maximum(high - low, np.float32(1e-9))
    return placed


def _spread(items: range, most: int) -> Sequence[int]:
    """Take every so many of a very long list, first and last included."""
    if len(items) <= most:
        return items
    step = (len(items) - 1) / (most - 1)
    return [items[round(at * step)] for at in range(most)]


def _centred(embeddings: FloatArray) -> FloatArray:
    values = np.asarray(embeddings, dtype=np.float32)
    return values - values.mean(axis=0, keepdims=True) if len(values) else values


def _resume_vectors(
    evaluated: EvaluatedSet, encoded: EncodedDataset
) -> tuple[list[str], FloatArray]:
    """Return the résumés' ids, or the passages' where résumés are not known, and mean vectors."""
    windows = encoded.corpus.embeddings
    names = [evaluated.resume_of.get(key, key) for key in evaluated.dataset.corpus]
    position = {name: at for at, name in enumerate(dict.fromkeys(names))}
    of_passage = np.array([position[name] for name in names], dtype=np.int64)
    sums = np.zeros((len(position), windows.vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, of_passage[windows.owners], np.asarray(windows.vectors, dtype=np.float32))
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return list(position), sums / np.maximum(lengths, 1e-9)


def _query_group(evaluated: EvaluatedSet, query_id: str) -> str:
    """Return the occupation of what answers a query, or its kind."""
    if not evaluated.occupations:
        return evaluated.dataset.kinds.get(query_id, "").replace("_", " ") or "query"
    grades = evaluated.dataset.qrels[query_id]
    return _occupation(evaluated, max(grades, key=lambda key: grades[key], default=""))


def _resume_group(evaluated: EvaluatedSet, name: str) -> str:
    return _occupation(evaluated, name) if evaluated.occupations else "résumé"


def _occupation(evaluated: EvaluatedSet, key: str) -> str:
    occupations = evaluated.occupations
    return occupations.get(key) or occupations.get(evaluated.resume_of.get(key, ""), "") or OTHER


def _colours(groups: Sequence[str]) -> dict[str, int]:
    """Give the groups their numbers, the largest first; groups beyond the last colour have none."""
    counts = Counter(group for group in groups if group != OTHER)
    ranked = sorted(counts, key=lambda group: (-counts[group], group))
    return {group: number for number, group in enumerate(ranked[:MOST_GROUPS])}
