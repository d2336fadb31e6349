"""Whether a group of names stands out."""

import numpy as np
import pytest

from cvseeker.evaluate.audit.effects import group_effects

NAMES = [f"{group}{number}" for group in "abc" for number in range(6)]
GROUPS = [name[0] for name in NAMES]


def draw(seed: int, *, by_name: float, by_group: float) -> np.ndarray:
    """Résumés × names: noise, an effect of each name, and one of group "a"."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(30, len(NAMES))) + by_name * generator.normal(size=len(NAMES))
    return values + by_group * (np.array(GROUPS) == "a")


def test_a_planted_difference_is_shown() -> None:
    effects = group_effects(draw(1, by_name=0.1, by_group=1.0), NAMES, GROUPS, permutations=2000)
    assert effects["a"].is_shown
    assert effects["a"].versus_others == pytest.approx(1.0, abs=0.2)
    assert effects["a"].between_names < 0.5
    assert list(effects) == ["a", "b", "c"]


def test_equal_values_differ_by_nothing() -> None:
    effects = group_effects(np.full((5, len(NAMES)), 0.3), NAMES, GROUPS, permutations=200)
    assert {effect.p_value for effect in effects.values()} == {1.0}
    assert not any(effect.is_shown for effect in effects.values())


def test_names_that_differ_among_themselves_make_no_group() -> None:
    """Labels within résumés see the single names' effects; whole names tell them from a group's."""
    within = across = shown = 0
    for seed in range(40):
        values = draw(seed, by_name=1.0, by_group=0.0)
        effects = group_effects(values, NAMES, GROUPS, permutations=300)
        within += any(effect.p_value < 0.05 for effect in effects.values())
        across += any(effect.p_value_names < 0.05 for effect in effects.values())
        shown += any(effect.is_shown for effect in effects.values())
    assert within > 20
    assert shown <= across <= 6


def test_the_lowest_and_the_highest_name_are_named() -> None:
    values = np.zeros((3, len(NAMES)))
    values[:, 1], values[:, 2] = -1.0, 2.0
    effect = group_effects(values, NAMES, GROUPS, permutations=100)["a"]
    assert effect.lowest_name == ("a1", -1.0)
    assert effect.highest_name == ("a2", 2.0)
