import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.errors import InputError
from cvseeker.rank.significance import bootstrap_interval, randomization_p_value

UNIT = st.floats(0, 1)


def test_identical_systems_give_a_p_value_of_one() -> None:
    values = np.random.default_rng(0).random(50)
    assert randomization_p_value(values, values.copy()) == 1.0
    assert bootstrap_interval(values - values) == (0.0, 0.0)


def test_a_planted_effect_is_found() -> None:
    generator = np.random.default_rng(1)
    second = generator.random(200)
    first = second + generator.normal(0.05, 0.1, 200)
    assert randomization_p_value(first, second) < 0.001
    low, high = bootstrap_interval(first - second)
    assert 0 < low < 0.05 < high < 0.1


def test_noise_is_called_significant_as_often_as_it_should_be() -> None:
    generator = np.random.default_rng(2)
    p_values = [
        randomization_p_value(generator.random(30), generator.random(30), permutations=400)
        for _ in range(200)
    ]
    assert 2 <= sum(p_value < 0.05 for p_value in p_values) <= 22
    assert 0.35 < float(np.mean(p_values)) < 0.65


def test_few_pairs_give_the_exact_p_value() -> None:
    """Of the 2^4 swaps, two are as extreme as four wins out of four."""
    exact = 2 / 2**4
    found = randomization_p_value([1, 1, 1, 1], [0, 0, 0, 0], permutations=40_000)
    assert found == pytest.approx(exact, abs=0.005)


def test_queries_of_one_person_are_no_independent_witnesses() -> None:
    """Ten persons, five of whom gain and five of whom lose nothing; each asked about 20 times."""
    groups = [f"person {number}" for number in range(10) for _ in range(20)]
    gains = [0.1 if number < 5 else -0.02 for number in range(10) for _ in range(20)]
    alone = randomization_p_value(gains, [0.0] * 200)
    together = randomization_p_value(gains, [0.0] * 200, groups=groups)
    assert alone < 0.001
    assert together > 0.05
    low, high = bootstrap_interval(gains)
    low_grouped, high_grouped = bootstrap_interval(gains, groups=groups)
    assert high_grouped - low_grouped > 3 * (high - low)


def test_the_interval_covers_the_mean_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    intervals = [
        bootstrap_interval(generator.normal(0.5, 1, 60), resamples=300) for _ in range(200)
    ]
    covered = sum(low <= 0.5 <= high for low, high in intervals)
    assert 176 <= covered <= 199


def test_blocks_do_not_change_the_number_of_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(4)
    first, second = generator.random(40), generator.random(40)
    whole = randomization_p_value(first, second), bootstrap_interval(first)
    monkeypatch.setattr("cvseeker.rank.significance._BLOCK", 1000)
    parts = randomization_p_value(first, second), bootstrap_interval(first)
    assert parts[0] == pytest.approx(whole[0], abs=0.02)
    assert parts[1] == pytest.approx(whole[1], abs=0.02)


@given(st.lists(st.tuples(UNIT, UNIT, st.sampled_from("abc")), min_size=1, max_size=30))
def test_values_are_in_range_and_repeatable(rows: list[tuple[float, float, str]]) -> None:
    first, second, groups = ([row[column] for row in rows] for column in range(3))
    p_value = randomization_p_value(first, second, groups=groups, permutations=50)
    assert 0 < p_value <= 1
    assert p_value == randomization_p_value(second, first, groups=groups, permutations=50)
    low, high = bootstrap_interval(first, groups=groups, resamples=50)
    assert min(first) - 1e-9 <= low <= high <= max(first) + 1e-9


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(InputError, match="2 values of one system against 1"):
        randomization_p_value([1, 2], [1])
    with pytest.raises(InputError, match="no values"):
        bootstrap_interval([])
    with pytest.raises(InputError, match="1 groups for 2 values"):
        bootstrap_interval([1, 2], groups=["a"])
