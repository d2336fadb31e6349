"""The counterfactual name swap: the same résumé under many names, ranked by search.

A robustness test of search: does a name, which says nothing of what somebody can do, move a
résumé? Every résumé is stripped of its identity and given each name in turn; all others keep the
placeholder.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.progress import Progress, silent
from cvseeker.evaluate.audit.material import AuditMaterial
from cvseeker.evaluate.audit.names import PLACEHOLDER, give_name, mask_name
from cvseeker.evaluate.audit.scores import ROOM, RenamedPassages, SearchScores, with_windows
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.windows import FloatArray, IntArray


@dataclass(frozen=True, slots=True)
class Measures:
    """What names did to résumés, each of shape (n_subjects, n_names), float64, means over queries.

    Score and ranks are compared with those of the same résumé with a placeholder for its name;
    ``selected`` is the share of the queries that rank the résumé among their ``top_k``.
    """

    score_change: NDArray[np.float64]
    rank_gain: NDArray[np.float64]
    selected: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ModelAudit:
    """One model's measures: with the names in the text, and masked again before encoding.

    ``spread`` is the mean standard deviation of a query's scores between résumés, ``unmasked`` how
    many texts blind mode did not bring back as they were.
    """

    named: Measures
    blind: Measures
    spread: float
    unmasked: int


def audit_model(
    encoder: LocalEncoder, material: AuditMaterial, *, progress: Progress = silent
) -> ModelAudit:
    """Search for every query among the résumés, each in turn under every name."""
    scores = SearchScores(_with_room(encoder), material.texts, material.queries, progress)
    candidates, subjects = material.candidates, material.subjects
    chosen = np.isin(candidates.owners, subjects)
    held = [at for at, text in enumerate(material.texts) if chosen[at] and PLACEHOLDER in text]
    renamed = RenamedPassages(scores, held)
    passages = renamed.with_name(PLACEHOLDER, scores.passages)  # (n_queries, n_passages)
    reference = candidates.reduce(passages)  # (n_queries, n_resumes)
    ordered = np.sort(reference, axis=1)
    names, named, blind, unmasked = material.names.full_names, [], [], 0
    for number, name in enumerate(names, start=1):
        swapped = candidates.reduce(renamed.with_name(name, passages))[:, subjects]
        named.append(_measure(swapped, reference[:, subjects], ordered, material.top_k))
        masked = {at: mask_name(give_name(material.texts[at], name), name) for at in held}
        changed = {at: text for at, text in masked.items() if text != material.texts[at]}
        again = candidates.reduce(scores.with_texts(changed, passages))[:, subjects]
        blind.append(_measure(again, reference[:, subjects], ordered, material.top_k))
        unmasked += len(changed)
        progress("swap names", number, len(names), "names")
    spread = float(reference.std(axis=1).mean())
    return ModelAudit(_by_name(named), _by_name(blind), spread, unmasked)


def _with_room(encoder: LocalEncoder) -> LocalEncoder:
    """Return the encoder with windows that a longer name does not push over the model's length."""
    limit = (encoder.model.max_seq_length or 512) - ROOM
    size = max(min(encoder.windows.window_tokens, limit), 16)
    return with_windows(encoder, size, min(encoder.windows.overlap_tokens, size // 2))


def _measure(
    versions: FloatArray, own: FloatArray, ordered: FloatArray, top_k: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the mean change of score, ranks won and share of selections, (n_subjects,) each.

    ``versions`` and ``own`` are of shape (n_queries, n_subjects), ``ordered`` all scores, sorted.
    """
    change = versions.astype(np.float64) - own
    rows = zip(ordered, versions, own, strict=True)
    ranks = np.array([[_rank(row, one, two), _rank(row, two, two)] for row, one, two in rows])
    after, before = ranks[:, 0], ranks[:, 1]
    return change.mean(axis=0), (before - after).mean(axis=0), (after <= top_k).mean(axis=0)


def _rank(ordered: FloatArray, scores: FloatArray, own: FloatArray) -> IntArray:
    """Return ranks from 1 among the others' scores, which are ``ordered`` less one's own."""
    above = len(ordered) - np.searchsorted(ordered, scores, side="right")
    return above - (own > scores) + 1


def _by_name(columns: Sequence[tuple[FloatArray, ...]]) -> Measures:
    """Put the names' columns side by side."""
    return Measures(*(np.stack(parts, axis=1) for parts in zip(*columns, strict=True)))
