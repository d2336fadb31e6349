import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import InputError
from cvseeker.retrieval.significance import (
    bootstrap_interval,
    holm,
    pair_p_values,
    paired_effect_size,
    percentile_interval,
    randomization_p_value,
    resampled_means,
    win_counts,
)

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
    monkeypatch.setattr("cvseeker.retrieval.significance._BLOCK", 1000)
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


def test_scipy_finds_the_same_p_values() -> None:
    """Its exact test of all 2^10 swaps, and its random one of more values."""
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(5)
    for count, tolerance in ((10, 0.012), (80, 0.015)):
        second = generator.random(count)
        first = second + generator.normal(0.05, 0.2, count)
        theirs = stats.permutation_test(
            (first, second),
            lambda x, y, axis: np.mean(x - y, axis=axis),
            permutation_type="samples",
            n_resamples=10_000,
            vectorized=True,
            rng=np.random.default_rng(6),
        ).pvalue
        assert randomization_p_value(first, second) == pytest.approx(theirs, abs=tolerance)


def test_scipy_finds_the_same_interval() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(7).beta(2, 1, 120)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=5_000, method="percentile", rng=np.random.default_rng(8)
    ).confidence_interval
    ours = bootstrap_interval(values, resamples=5_000)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_groups_are_resampled_as_scipy_resamples_their_means() -> None:
    """With groups of one size the mean of all is the mean of the groups' means."""
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(9)
    values = (generator.random((40, 1)) + generator.normal(0, 0.1, (40, 3))).ravel()
    groups = [f"person {at}" for at in range(40) for _ in range(3)]
    theirs = stats.bootstrap(
        (values.reshape(40, 3).mean(axis=1),),
        np.mean,
        n_resamples=5_000,
        method="percentile",
        rng=np.random.default_rng(10),
    ).confidence_interval
    ours = bootstrap_interval(values, groups=groups, resamples=5_000)
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_pairs_are_tested_as_if_each_were_alone() -> None:
    generator = np.random.default_rng(11)
    values = generator.random((4, 60)) + np.array([[0.0], [0.02], [0.1], [0.1]])
    groups = [f"person {at // 3}" for at in range(60)]
    pairs = [(0, 1), (2, 0), (3, 2), (1, 3)]
    alone = [randomization_p_value(values[i], values[j], groups=groups) for i, j in pairs]
    assert pair_p_values(values, pairs, groups=groups) == pytest.approx(alone, abs=1e-12)
    assert pair_p_values(values, []) == []


def test_differences_of_means_resampled_together_are_paired_differences() -> None:
    generator = np.random.default_rng(12)
    values = generator.random((3, 50))
    groups = [f"person {at // 2}" for at in range(50)]
    means = resampled_means(values, groups=groups)
    assert means.shape == (2000, 3)
    together = percentile_interval(means[:, 2] - means[:, 0])
    assert together == pytest.approx(bootstrap_interval(values[2] - values[0], groups=groups))


def test_holm_by_hand() -> None:
    """Holm's steps for m = 4: 4 · 0.005, then 3 · 0.01, then 2 · 0.03, then 1 · 0.04 < 0.06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []
    assert holm([0.03]) == [0.03]


@given(st.lists(UNIT, min_size=1, max_size=12))
def test_holm_rejects_what_its_definition_rejects(p_values: list[float]) -> None:
    """Reject in ascending order while p(k) <= α / (m - k + 1)."""
    alpha = 0.05
    rejected = set()
    for step, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[at] * (len(p_values) - step) > alpha:
            break
        rejected.add(at)
    assert {at for at, value in enumerate(holm(p_values)) if value <= alpha} == rejected


def test_effect_size_by_hand() -> None:
    """Differences 0.1, 0.3, 0.2 have mean 0.2 and standard deviation 0.1."""
    assert paired_effect_size([0.1, 0.3, 0.2]) == pytest.approx(2.0)
    assert paired_effect_size([0.0, 0.0]) == 0.0
    assert paired_effect_size([0.1, 0.1]) is None
    assert paired_effect_size([0.1]) is None
    assert win_counts([0.5, 1e-12, -0.5, 0.1]) == (2, 1, 1)


def test_a_missing_value_is_no_significant_difference() -> None:
    with pytest.raises(InputError, match="NaN"):
        randomization_p_value([0.1, float("nan")], [0.1, 0.2])
    with pytest.raises(InputError, match="NaN"):
        bootstrap_interval([0.1, float("inf")])
    with pytest.raises(InputError, match="outside 0 to 1"):
        holm([0.1, float("nan")])
