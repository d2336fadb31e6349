"""Which engine finds the nearest candidates, and how well it does on this very index."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cvseeker.core.hashes import text_hash
from cvseeker.search.index.base import Engine
from cvseeker.search.index.exact import ExactEngine
from cvseeker.search.index.segments import Segment
from cvseeker.search.index.signs import SignsEngine

# Up to so many windows all cosines take no longer than the rest of a search: 3 ms.
FEW_WINDOWS = 25_000
# Of the ten nearest candidates; an engine that finds fewer is not used.
ENOUGH = 0.99
QUERIES, BEST = 64, 10
# Candidates that an engine is asked for, before they are scored.
NEAREST = 300


def open_engine(name: str, *, cache: Path, workspace: Path, identity: str) -> Engine | None:
    """Open an engine by its name in the settings; ``None``: what was found good for the index.

    Parameters
    ----------
    name
        ``auto``, ``exact``, ``signs``, ``edge`` or a server's URL.
    cache
        Where an engine's copy of the vectors may lie.
    workspace, identity
        Whose vectors, and by which model: a server has those of several.
    """
    if name == "auto":
        return None
    if name == "exact":
        return ExactEngine()
    if name == "signs":
        return SignsEngine()
    if name == "edge":
        from cvseeker.search.index.edge import EdgeEngine

        return EdgeEngine(cache / "edge")
    from cvseeker.search.index.qdrant import QdrantEngine

    return QdrantEngine(name, f"cvseeker-{text_hash(str(workspace.resolve()), identity)}")


def measured_recall(engine: Engine, segments: Mapping[str, Segment], *, seed: int = 13) -> float:
    """Return how many of the ten nearest candidates an engine finds, of windows as queries.

    The windows are blurred by noise of half their length: no query is a window.
    """
    exact, rng = ExactEngine(), np.random.default_rng(seed)
    exact.sync(segments)
    parts, found = list(segments.values()), []
    sizes = np.array([len(one.vectors) for one in parts], np.float64)
    for at in rng.choice(len(parts), QUERIES, p=sizes / sizes.sum()).tolist():
        window = parts[at].vectors[rng.integers(len(parts[at].vectors))]
        noise = rng.normal(size=len(window)) * (0.5 / np.sqrt(len(window)))
        query = (window + noise).astype(np.float32)
        best = exact.nearest(query, None, BEST)
        found.append(np.isin(best, engine.nearest(query, None, NEAREST)).mean())
    return round(float(np.mean(found)), 4)


def choose_engine(segments: Mapping[str, Segment]) -> tuple[str, float | None]:
    """Return which engine suits an index, and the recall of the signs where it was measured."""
    if sum(len(one.vectors) for one in segments.values()) <= FEW_WINDOWS:
        return "exact", None
    signs = SignsEngine()
    signs.sync(segments)
    recall = measured_recall(signs, segments)
    return ("signs" if recall >= ENOUGH else "exact"), recall
