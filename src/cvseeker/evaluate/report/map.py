"""A flat map of queries and résumés: what a model holds for alike lies side by side."""

import html
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cvseeker.core.errors import InputError
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.evaluate.report.excerpts import masked, shown_query
from cvseeker.retrieval.windows import FloatArray, IntArray

SEED = 13
# More of either would be a cloud, and minutes of work.
MOST_POINTS = 1_000
# As many hues as a reader can tell apart; the rest is "other".
MOST_GROUPS = 8
OTHER = "other"
# What t-SNE is given of each vector, as its author advises for speed and less noise.
_COMPONENTS = 50
# Fewer have no neighbourhoods to keep.
_FEWEST_FOR_TSNE = 12
_SIZE = 600
_TITLE_CHARACTERS = 120


@dataclass(frozen=True, slots=True)
class MapVectors:
    """A model's vectors of a query set.

    Attributes
    ----------
    queries
        Shape (n_queries, dim), in the order of the data set's queries.
    passages
        Shape (n_passages, dim), in the order of its corpus, or (n_windows, dim).
    owners
        Shape (n_windows,): the position of each window's passage; ``None``: one row a passage.
    """

    queries: FloatArray
    passages: FloatArray
    owners: IntArray | None = None


@dataclass(frozen=True, slots=True)
class MapDrawing:
    """The map and its legend.

    ``legend`` is (number of the colour, name, how many) a group; ``queries`` and ``resumes`` are
    how many of all there are stand on the map.
    """

    svg: str
    legend: tuple[tuple[int, str, int], ...]
    queries: int
    resumes: int


@dataclass(frozen=True, slots=True)
class _Point:
    """What stands on the map: its text, its group, and whether it is a query."""

    text: str
    group: str
    is_query: bool


def map_positions(embeddings: FloatArray, *, seed: int = SEED) -> FloatArray:
    """Lay vectors out on a square so that near ones stay near.

    Parameters
    ----------
    embeddings
        Shape (n, dim), any float type.
    seed
        Seed of the layout; the same vectors and seed give the same map.

    Returns
    -------
    numpy.ndarray
        Shape (n, 2), float32, in [0, 1]: the first two principal components for a dozen vectors or
        fewer, else t-SNE from there.

    Raises
    ------
    InputError
        If the array has not two axes, or holds values that are not finite.

    References
    ----------
    van der Maaten & Hinton 2008, "Visualizing Data using t-SNE", JMLR 9. Kobak & Berens 2019,
    https://doi.org/10.1038/s41467-019-13056-x: starting from the principal components keeps the
    large picture and makes it reproducible.
    """
    embeddings = np.asarray(embeddings, dtype=np.float32)
    if embeddings.ndim != 2 or not np.isfinite(embeddings).all():
        raise InputError(
            f"vectors of shape {embeddings.shape} for a map; expected two axes and finite values"
        )
    if not len(embeddings):
        return np.zeros((0, 2), dtype=np.float32)
    components = _principal_components(embeddings)  # (n, at most 50)
    flat = np.zeros((len(embeddings), 2), dtype=np.float32)
    flat[:, : components.shape[1]] = components[:, :2]
    if len(embeddings) > _FEWEST_FOR_TSNE and components.shape[1] > 2:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits

        spread = max(float(flat[:, 0].std()), 1e-9)
        # One thread: a busy machine's others only wait for one another.
        with threadpool_limits(1):
            flat = TSNE(
                init=flat / spread * 1e-4,
                perplexity=min(30, (len(embeddings) - 1) / 3),
                random_state=seed,
                max_iter=500,
                n_jobs=1,
            ).fit_transform(components)
    low, high = flat.min(axis=0), flat.max(axis=0)
    placed: FloatArray = ((flat - low) / np.maximum(high - low, 1e-9)).astype(np.float32)
    return placed


def map_vectors(evaluated: EvaluatedSet, system: str | None) -> MapVectors | None:
    """Return the vectors that a system ranked by, ``None`` where it has none."""
    result = evaluated.results.get(system or "")
    if result is None or result.encoded is None:
        return None
    encoded = result.encoded
    return MapVectors(encoded.queries.vectors, encoded.vectors, encoded.owners)


def draw_map(evaluated: EvaluatedSet, vectors: MapVectors, *, title: str) -> MapDrawing:
    """Draw a set's queries and résumés where the model's vectors put them.

    Parameters
    ----------
    evaluated
        The query set.
    vectors
        The model's vectors of its queries and passages.
    title
        What is drawn, for those who cannot see it.

    Returns
    -------
    MapDrawing
        Queries are dots and résumés squares, coloured by occupation where that is known, else
        queries by their kind. Every mark has its text as title, with contacts masked.

    Raises
    ------
    InputError
        If there are not as many vectors as queries or passages.
    """
    query_at = _thinned(len(evaluated.dataset.queries))
    names, resumes = _resume_vectors(evaluated, vectors)
    resume_at = _thinned(len(names))
    if len(vectors.queries) != len(evaluated.dataset.queries):
        raise InputError(
            f"{len(vectors.queries)} vectors for {len(evaluated.dataset.queries)} queries; "
            "expected one a query"
        )
    points = [
        *_query_points(evaluated, query_at),
        *_resume_points(evaluated, [names[at] for at in resume_at]),
    ]
    # Queries are worded unlike résumés; less each sort's mean, what is left is the subject.
    both = [_centred(vectors.queries[query_at]), _centred(resumes[resume_at])]
    places = map_positions(np.concatenate(both))
    colours = _colours(points)
    marks = "".join(
        _mark(point, place, colours.get(point.group, MOST_GROUPS))
        for point, place in zip(points, places.tolist(), strict=True)
    )
    counts = Counter(
        (colours.get(point.group, MOST_GROUPS), point.group if point.group in colours else OTHER)
        for point in points
    )
    svg = (
        f'<svg class="map" viewBox="-8 -8 {_SIZE + 16} {_SIZE + 16}" role="img" '
        f'aria-label="{html.escape(title)}">{marks}</svg>'
    )
    legend = tuple((number, name, counts[number, name]) for number, name in sorted(counts))
    return MapDrawing(svg, legend, len(query_at), len(resume_at))


def _principal_components(embeddings: FloatArray) -> FloatArray:
    """Return (n, at most 50): the vectors along their widest directions, each with a fixed sign."""
    centred = _centred(embeddings)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    kept = directions[:_COMPONENTS]
    # A direction and its opposite are the same to the decomposition, but not on a map.
    signs = np.sign(kept[np.arange(len(kept)), np.abs(kept).argmax(axis=1)])
    components: FloatArray = centred @ (kept * signs[:, None]).T
    return components


def _centred(embeddings: FloatArray) -> FloatArray:
    values = np.asarray(embeddings, dtype=np.float32)
    return values - values.mean(axis=0, keepdims=True) if len(values) else values


def _resume_vectors(evaluated: EvaluatedSet, vectors: MapVectors) -> tuple[list[str], FloatArray]:
    """Return the résumés' ids, or the passages' where résumés are not known, and mean vectors."""
    passage_ids = list(evaluated.dataset.corpus)
    names = [evaluated.resume_of.get(key, key) for key in passage_ids]
    position = {name: at for at, name in enumerate(dict.fromkeys(names))}
    of_passage = np.array([position[name] for name in names], dtype=np.int64)
    owners: IntArray = (
        np.arange(len(vectors.passages)) if vectors.owners is None else np.asarray(vectors.owners)
    )
    if len(owners) != len(vectors.passages) or set(owners.tolist()) != set(range(len(names))):
        raise InputError(
            f"{len(vectors.passages)} vectors for {len(names)} passages; expected one a passage, "
            "or the passage that each is of"
        )
    sums = np.zeros((len(position), vectors.passages.shape[1]), dtype=np.float32)
    np.add.at(sums, of_passage[owners], np.asarray(vectors.passages, dtype=np.float32))
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    return list(position), sums / np.maximum(lengths, 1e-9)


def _query_points(evaluated: EvaluatedSet, positions: Sequence[int]) -> list[_Point]:
    """Describe queries; one has the occupation of what answers it."""
    query_ids = list(evaluated.dataset.queries)
    points = []
    for query_id in (query_ids[at] for at in positions):
        grades = evaluated.dataset.qrels[query_id]
        best = max(grades, key=lambda key: grades[key], default="")
        group = (
            _occupation(evaluated, best)
            if evaluated.occupations
            else evaluated.dataset.kinds.get(query_id, "").replace("_", " ") or "query"
        )
        points.append(_Point(shown_query(evaluated.dataset.queries[query_id]), group, True))
    return points


def _resume_points(evaluated: EvaluatedSet, names: Sequence[str]) -> list[_Point]:
    """Describe résumés by their ids; their texts begin with names and contacts."""
    return [
        _Point(
            masked(name),
            _occupation(evaluated, name) if evaluated.occupations else "résumé",
            False,
        )
        for name in names
    ]


def _occupation(evaluated: EvaluatedSet, key: str) -> str:
    occupations = evaluated.occupations
    return occupations.get(key) or occupations.get(evaluated.resume_of.get(key, ""), "") or OTHER


def _colours(points: Sequence[_Point]) -> dict[str, int]:
    """Give the groups their numbers, the largest first; groups beyond the last colour have none."""
    counts = Counter(point.group for point in points if point.group != OTHER)
    ranked = sorted(counts, key=lambda group: (-counts[group], group))
    return {group: number for number, group in enumerate(ranked[:MOST_GROUPS])}


def _thinned(count: int) -> list[int]:
    """Return positions spread evenly over ``count`` things, all where they are few enough."""
    if count <= MOST_POINTS:
        return list(range(count))
    return [round(at * (count - 1) / (MOST_POINTS - 1)) for at in range(MOST_POINTS)]


def _mark(point: _Point, place: Sequence[float], colour: int) -> str:
    x, y = place[0] * _SIZE, place[1] * _SIZE
    text = point.text
    if len(text) > _TITLE_CHARACTERS:
        text = f"{text[: _TITLE_CHARACTERS - 1]}…"
    title = f"<title>{html.escape(f'{text} · {point.group}')}</title>"
    if point.is_query:
        return f'<circle class="g{colour}" cx="{x:.1f}" cy="{y:.1f}" r="3">{title}</circle>'
    corner = f'x="{x - 4:.1f}" y="{y - 4:.1f}"'
    return f'<rect class="g{colour}" {corner} width="8" height="8">{title}</rect>'
