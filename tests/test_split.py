import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import DatasetError
from cvseeker.core.records import Passage, Split
from cvseeker.resumes.split import assign_splits, check_leakage, split_overlap


def words(prefix: str, count: int) -> str:
    return " ".join(f"{prefix}{number}" for number in range(count))


def passage(name: str, text: str, split: Split) -> Passage:
    return Passage(name, name, text, person_group=name, split=split)


def split_of(count: int, seed: int = 13) -> dict[str, Split]:
    groups = {f"p{number}": f"g{number}" for number in range(count)}
    return assign_splits(groups, val_share=0.1, test_share=0.2, seed=seed)


def test_shares_are_about_right() -> None:
    splits = list(split_of(2000).values())
    assert 150 < splits.count("val") < 250
    assert 340 < splits.count("test") < 460


def test_a_group_added_moves_no_other() -> None:
    before, after = split_of(100), split_of(101)
    assert {key: after[key] for key in before} == before


def test_another_seed_gives_another_split() -> None:
    assert split_of(100) != split_of(100, seed=14)


@given(
    st.dictionaries(st.text(max_size=4), st.sampled_from("abcdefg"), max_size=12),
    st.integers(0, 50),
)
def test_every_split_is_filled_and_no_group_is_torn(groups: dict[str, str], seed: int) -> None:
    splits = assign_splits(groups, val_share=0.1, test_share=0.2, seed=seed)
    assert list(splits) == list(groups)
    assert splits == assign_splits(
        dict(reversed(groups.items())), val_share=0.1, test_share=0.2, seed=seed
    )
    of_group: dict[str, set[str]] = {}
    for key, group in groups.items():
        of_group.setdefault(group, set()).add(splits[key])
    assert all(len(found) == 1 for found in of_group.values())
    if len(of_group) >= 3:
        assert set(splits.values()) == {"train", "val", "test"}


def test_a_share_of_zero_stays_empty() -> None:
    groups = {str(number): str(number) for number in range(50)}
    splits = assign_splits(groups, val_share=0.0, test_share=0.0, seed=1)
    assert set(splits.values()) == {"train"}


def test_shares_must_leave_something_to_train_on() -> None:
    with pytest.raises(DatasetError, match="leave nothing to train on"):
        assign_splits({"a": "a"}, val_share=0.5, test_share=0.5, seed=1)


def test_measures_overlap() -> None:
    shared = words("s", 17)
    passages = [
        passage("a", shared + " " + words("a", 50), "train"),
        passage("b", shared + " " + words("b", 3), "test"),
        passage("c", words("c", 30), "val"),
        passage("d", "too short", "val"),
    ]
    rows = split_overlap(passages)
    # 10 of the 13 8-grams of passage b stand in passage a.
    assert rows[0] == ("b", "test", "train", pytest.approx(10 / 13))
    assert ("c", "val", "train", 0.0) in rows
    assert ("c", "val", "test", 0.0) in rows
    assert not [row for row in rows if row[0] in ("a", "d")]


def test_reports_leakage_below_the_limit() -> None:
    passages = [
        passage("a", words("s", 20) + " " + words("a", 50), "train"),
        passage("b", words("s", 20) + " " + words("b", 40), "test"),
    ]
    report = check_leakage(passages, max_overlap=0.5)
    assert (report.passages, report.over_10_percent) == (1, 1)
    assert report.worst_overlap == pytest.approx(13 / 53, abs=1e-4)
    assert json.loads(json.dumps(report.to_dict()))["worst"][0][:3] == ["b", "test", "train"]


def test_refuses_leakage() -> None:
    passages = [
        passage("a", words("s", 30), "train"),
        passage("b", words("s", 30), "test"),
        passage("c", words("s", 30) + " " + words("c", 20), "val"),
    ]
    with pytest.raises(
        DatasetError, match=r"2 passages repeat .*: b \(test\) shares 100% with train"
    ):
        check_leakage(passages, max_overlap=0.5)
    assert check_leakage(passages, max_overlap=1.0).worst_overlap == 1.0


def test_val_must_not_leak_into_test_either() -> None:
    passages = [passage("a", words("s", 30), "val"), passage("b", words("s", 30), "test")]
    with pytest.raises(DatasetError, match="shares 100% with test"):
        check_leakage(passages, max_overlap=0.5)
