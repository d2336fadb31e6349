"""What an audit works on: résumés stripped of their identity, queries, and names to give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from cvseeker.core.errors import InputError
from cvseeker.core.settings import AuditSettings
from cvseeker.evaluate.audit.names import PLACEHOLDER, NameLists, strip_identity
from cvseeker.evaluate.collection import Candidates
from cvseeker.resumes import PersonName
from cvseeker.retrieval.windows import IntArray

# What a first page of results holds.
MOST_SELECTED = 10


@dataclass(frozen=True, slots=True)
class AuditMaterial:
    """Stripped résumés, and which of them, ``subjects``, (n_subjects,), are given names.

    ``found`` counts those in which a name was found; into the others it is put as the first line.
    ``mentioned`` counts those left out because they mention one of the names anyhow; the first
    ``top_k`` of a ranking count as selected.
    """

    candidates: Candidates
    texts: list[str]
    subjects: IntArray
    queries: list[str]
    names: NameLists
    found: int
    mentioned: int
    top_k: int


def prepare_audit(
    corpus: Mapping[str, str],
    queries: Sequence[str],
    names: NameLists,
    *,
    settings: AuditSettings,
    resume_of: Mapping[str, str] | None = None,
    name_of: Mapping[str, str] | None = None,
) -> AuditMaterial:
    """Strip résumés of their identity and choose those that are given names.

    ``corpus`` is passage id → text, a résumé's passages together; ``resume_of`` passage id → résumé
    id, ``None``: each passage is one; ``name_of`` résumé id → the candidate's name, where known.
    """
    candidates = Candidates.from_corpus(list(corpus), resume_of)
    if not queries:
        raise InputError("no queries to audit with; expected one at least")
    top_k = settings.top_k or min(MOST_SELECTED, -(-len(candidates.ids) // 10))
    if top_k >= len(candidates.ids):
        raise InputError(
            f"--top-k {top_k} of {len(candidates.ids)} résumés selects everybody; "
            "expected fewer than there are résumés, about a tenth of them"
        )
    known = name_of or {}
    texts = [
        strip_identity(text, name=known.get(candidates.ids[owner], ""))
        for text, owner in zip(corpus.values(), candidates.owners, strict=True)
    ]
    found = _mark_places(texts, candidates)
    mentioning = {
        int(owner)
        for text, owner in zip(texts, candidates.owners, strict=True)
        if any(PersonName(name).find(text) for name in names.full_names)
    }
    free = [at for at in range(len(candidates.ids)) if at not in mentioning]
    if len(free) < 2:
        raise InputError(
            f"{len(free)} of {len(candidates.ids)} résumés mention none of the names; expected two "
            "at least: name others with --names FILE"
        )
    generator = np.random.default_rng(settings.seed)
    size = min(settings.max_resumes, len(free))
    subjects = np.sort(generator.choice(free, size=size, replace=False)).astype(np.int64)
    return AuditMaterial(
        candidates, texts, subjects, list(queries), names, found, len(mentioning), top_k
    )


def _mark_places(texts: list[str], candidates: Candidates) -> int:
    """Put a placeholder before the first passage of résumés that have none; count the others."""
    having = {
        int(owner)
        for text, owner in zip(texts, candidates.owners, strict=True)
        if PLACEHOLDER in text
    }
    first = np.flatnonzero(np.diff(candidates.owners, prepend=-1))
    for owner, at in enumerate(first):
        if owner not in having:
            texts[at] = f"{PLACEHOLDER}\n{texts[at]}"
    return len(having)
