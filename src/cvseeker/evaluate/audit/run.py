"""The counterfactual name swap: the same résumé under many names, scored by an encoder.

A robustness test of the encoder: does a name, which says nothing of what somebody can do, move a
résumé? Every résumé is stripped of its identity and given each name in turn; all others keep the
placeholder. Windows are laid over the stripped text once and stay, so that nothing but the name
differs, and only those that hold it are encoded again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import AuditSettings
from cvseeker.evaluate.audit.material import AuditMaterial
from cvseeker.evaluate.audit.names import PLACEHOLDER, give_name, mask_name
from cvseeker.retrieval.encoder import LocalEncoder, WindowEmbeddings
from cvseeker.retrieval.windows import FloatArray, IntArray, max_over_windows

# Tokens by which a window may grow when a name takes the placeholder's place.
_ROOM = 32
# Below every cosine: the score of a résumé that has no windows left.
_NOTHING = np.float32(-2)
# Queries whose scores over all windows are held at once.
_QUERY_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Measures:
    """What names did to résumés, each of shape (n_subjects, n_names), float64, means over queries.

    Cosine and ranks are compared with those of the same résumé with a placeholder for its name;
    ``selected`` is the share of the queries that rank the résumé among their ``top_k``.
    """

    score_change: NDArray[np.float64]
    rank_gain: NDArray[np.float64]
    selected: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Unmasked:
    """Passages whose masked text is not the stripped one, by place, and their windows."""

    places: list[int]
    windows: WindowEmbeddings


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
    encoder: LocalEncoder,
    material: AuditMaterial,
    *,
    settings: AuditSettings,
    progress: Progress = silent,
) -> ModelAudit:
    """Score every résumé under every name."""
    encoder = _with_room(encoder)
    reference = encoder.encode_passages(material.texts, progress)
    candidates, subjects = material.candidates, material.subjects
    window_owners = candidates.owners[reference.owners]  # (n_windows,)
    held = np.flatnonzero(
        np.isin(window_owners, subjects)
        & np.array([PLACEHOLDER in window.text for window in reference.windows])
    )
    named = _encode_named(encoder, [reference.windows[at].text for at in held], material, progress)
    masked = _encode_masked(encoder, material, progress)
    holders = np.searchsorted(subjects, window_owners[held])
    parts: list[tuple[Measures, Measures]] = []
    spreads: list[FloatArray] = []
    for begin in range(0, len(material.queries), _QUERY_BLOCK):
        queries = encoder.encode_queries(material.queries[begin : begin + _QUERY_BLOCK])
        windows = queries @ reference.vectors.T  # (n_queries, n_windows)
        passages = max_over_windows(windows, reference.owners)
        scores = candidates.reduce(passages)  # (n_queries, n_resumes)
        windows[:, held] = _NOTHING
        rest = candidates.reduce(max_over_windows(windows, reference.owners))[:, subjects]
        swapped = [_best(rest, queries @ vectors.T, holders) for vectors in named]
        blind = [
            candidates.reduce(_replaced(passages, queries, part))[:, subjects] for part in masked
        ]
        spreads.append(scores.std(axis=1))
        parts.append(
            (
                _measure(np.stack(swapped), scores, subjects, settings.top_k),
                _measure(np.stack(blind), scores, subjects, settings.top_k),
            )
        )
    number = len(material.queries)
    return ModelAudit(
        named=_mean([part[0] for part in parts], number),
        blind=_mean([part[1] for part in parts], number),
        spread=float(np.concatenate(spreads).mean()),
        unmasked=sum(len(part.places) for part in masked if part is not None),
    )


def _with_room(encoder: LocalEncoder) -> LocalEncoder:
    """Return the encoder with windows that a longer name does not push over the model's length."""
    limit = (encoder.model.max_seq_length or 512) - _ROOM
    size = max(min(encoder.windows.window_tokens, limit), 16)
    overlap = min(encoder.windows.overlap_tokens, size // 2)
    return _with_windows(encoder, size, overlap)


def _with_windows(encoder: LocalEncoder, size: int, overlap: int) -> LocalEncoder:
    windows = encoder.windows.model_copy(update={"window_tokens": size, "overlap_tokens": overlap})
    return LocalEncoder(encoder.model, name=encoder.name, windows=windows)


def _encode_named(
    encoder: LocalEncoder, windows: Sequence[str], material: AuditMaterial, progress: Progress
) -> FloatArray:
    """Encode the windows that hold the name under every name, shape (n_names, n_windows, dim)."""
    wide = _with_windows(encoder, encoder.windows.window_tokens + _ROOM, 0)
    names = material.names.full_names
    encoded = wide.encode_passages(
        [give_name(text, name) for name in names for text in windows], progress
    )
    # A window of many mentions may be cut in two all the same: its first part stands for it.
    first = np.flatnonzero(np.diff(encoded.owners, prepend=-1))
    return encoded.vectors[first].reshape(len(names), len(windows), -1)


def _encode_masked(
    encoder: LocalEncoder, material: AuditMaterial, progress: Progress
) -> list[_Unmasked | None]:
    """For each name, encode the passages whose masked text is not the stripped one; mostly none."""
    chosen = np.isin(material.candidates.owners, material.subjects)
    places = [at for at, text in enumerate(material.texts) if chosen[at] and PLACEHOLDER in text]
    names = material.names.full_names
    encoded: list[_Unmasked | None] = []
    for number, name in enumerate(names, start=1):
        masked = {at: mask_name(give_name(material.texts[at], name), name) for at in places}
        changed = [at for at in places if masked[at] != material.texts[at]]
        part = encoder.encode_passages([masked[at] for at in changed]) if changed else None
        encoded.append(None if part is None else _Unmasked(changed, part))
        progress("mask names again", number, len(names), "names")
    return encoded


def _best(rest: FloatArray, scores: FloatArray, holders: IntArray) -> FloatArray:
    """Return the best of a résumé's windows, those with the name and the rest."""
    best = rest.copy()
    np.maximum.at(best.T, holders, scores.T)
    return best


def _replaced(passages: FloatArray, queries: FloatArray, part: _Unmasked | None) -> FloatArray:
    """Return the scores of passages, some of which were encoded anew."""
    if part is None:
        return passages
    replaced = passages.copy()
    found = queries @ part.windows.vectors.T
    replaced[:, part.places] = max_over_windows(found, part.windows.owners)
    return replaced


def _measure(versions: FloatArray, scores: FloatArray, subjects: IntArray, top_k: int) -> Measures:
    """Sum a block of queries; ``versions`` has shape (n_names, n_queries, n_subjects)."""
    own = scores[:, subjects]  # (n_queries, n_subjects)
    shape = versions.shape[2], versions.shape[0]
    total = Measures(np.zeros(shape), np.zeros(shape), np.zeros(shape))
    for row, ordered in enumerate(np.sort(scores, axis=1)):
        before = _rank(ordered, own[row], own[row])  # (n_subjects,)
        after = _rank(ordered, versions[:, row], own[row])  # (n_names, n_subjects)
        change = versions[:, row].astype(np.float64) - own[row]
        total.score_change[:] += change.T
        total.rank_gain[:] += (before - after).T
        total.selected[:] += (after <= top_k).T
    return total


def _rank(ordered: FloatArray, scores: FloatArray, own: FloatArray) -> IntArray:
    """Return ranks from 1 among the others' scores, which are ``ordered`` less one's own."""
    above = len(ordered) - np.searchsorted(ordered, scores, side="right")
    return above - (own > scores) + 1


def _mean(parts: Sequence[Measures], queries: int) -> Measures:
    return Measures(
        *(
            np.sum([getattr(part, name) for part in parts], axis=0) / queries
            for name in ("score_change", "rank_gain", "selected")
        )
    )
