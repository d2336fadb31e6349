"""Whether names of one group do better than those of another: paired permutation tests.

Two questions are asked, because names of one group differ among themselves. Would these very names
do as well if their labels were shuffled within each résumé? And would the group still stand out
among names that differ as much as these do, if whole names changed their group?
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cvseeker.retrieval.significance import holm

Matrix = NDArray[np.float64]

# Sums of floats differ in their last digits with the order of adding.
_EXACT = 1e-12


@dataclass(frozen=True, slots=True)
class GroupEffect:
    """What a group's names did to a measure.

    ``mean`` is over résumés and names, ``versus_others`` that less the other names' mean, and
    ``between_names`` the standard deviation of the names' means. Both p-values are two-sided and
    corrected by Holm: labels permuted within each résumé, and labels of whole names.
    """

    mean: float
    versus_others: float
    between_names: float
    lowest_name: tuple[str, float]
    highest_name: tuple[str, float]
    p_value: float
    p_value_names: float

    @property
    def is_shown(self) -> bool:
        """Whether the group differs by more than chance and by more than its names do."""
        return max(self.p_value, self.p_value_names) < 0.05


def group_effects(
    values: Matrix,
    names: Sequence[str],
    groups: Sequence[str],
    *,
    permutations: int = 10_000,
    seed: int = 13,
) -> dict[str, GroupEffect]:
    """Compare the groups of names; ``values``, (n_resumes, n_names), measure résumés under names.

    References
    ----------
    Good 2005, "Permutation, Parametric and Bootstrap Tests of Hypotheses", chapter 4: permuting
    within blocks. The observed order counts as one (Davison & Hinkley 1997, § 4.3). Holm 1979,
    "A Simple Sequentially Rejective Multiple Test Procedure".

    Examples
    --------
    >>> same = np.zeros((4, 4))
    >>> group_effects(same, ["A", "B", "C", "D"], ["x", "x", "y", "y"])["x"].p_value
    1.0
    """
    keys = list(dict.fromkeys(groups))
    contrasts = _contrasts(groups, keys)  # (n_names, n_groups)
    means = values.mean(axis=0)  # (n_names,)
    observed = means @ contrasts
    generator = np.random.default_rng(seed)
    within, across = np.zeros(len(keys)), np.zeros(len(keys))
    threshold = np.abs(observed) - _EXACT
    for _ in range(permutations):
        shuffled = generator.permuted(values, axis=1).mean(axis=0)
        within += np.abs(shuffled @ contrasts) >= threshold
        across += np.abs(generator.permutation(means) @ contrasts) >= threshold
    p_values = holm(((within + 1) / (permutations + 1)).tolist())
    p_values_names = holm(((across + 1) / (permutations + 1)).tolist())
    effects = {}
    for at, key in enumerate(keys):
        own = {
            name: float(mean)
            for name, group, mean in zip(names, groups, means, strict=True)
            if group == key
        }
        effects[key] = GroupEffect(
            mean=float(np.mean(list(own.values()))),
            versus_others=float(observed[at]),
            between_names=float(np.std(list(own.values()), ddof=1)),
            lowest_name=min(own.items(), key=lambda item: item[1]),
            highest_name=max(own.items(), key=lambda item: item[1]),
            p_value=p_values[at],
            p_value_names=p_values_names[at],
        )
    return effects


def _contrasts(groups: Sequence[str], keys: Sequence[str]) -> Matrix:
    """Return the weights that turn names' means into "group less the others", a column a group."""
    member = np.array([[group == key for key in keys] for group in groups], dtype=np.float64)
    contrasts: Matrix = member / member.sum(axis=0) - (1 - member) / (1 - member).sum(axis=0)
    return contrasts
