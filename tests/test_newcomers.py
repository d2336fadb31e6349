"""A few new résumés are grouped as if all were compared anew."""

import random

from hypothesis import given
from hypothesis import strategies as st

from cvseeker.resumes.newcomers import Sketch, join_newcomers, sharers
from cvseeker.resumes.persons import Groups, join_by_contacts, join_overlapping, person_groups

SIMILARITY, SHARE = 0.5, 0.5


def words(seed: int, count: int) -> str:
    rng = random.Random(seed)
    return " ".join(f"w{rng.randrange(100_000)}" for _ in range(count))


def grouped(texts: dict[str, str], passages: dict[str, list[str]]) -> Groups:
    groups = Groups(texts)
    for key, group in person_groups(texts, similarity=SIMILARITY).items():
        groups.join(key, group)
    rows = [(key, passage) for key, several in passages.items() for passage in several]
    join_overlapping(rows, groups, share=SHARE)
    return groups


def with_newcomers(texts: dict[str, str], passages: dict[str, list[str]], new: list[str]) -> Groups:
    known = {key: text for key, text in texts.items() if key not in new}
    before = grouped(known, {key: passages[key] for key in known})
    groups = Groups(texts)
    for key in known:
        groups.join(key, before.root(key))
    sketches = {key: Sketch.of(text, passages[key]) for key, text in texts.items()}
    join_newcomers(sketches, new, groups, similarity=SIMILARITY, share=SHARE)
    shared = {key: texts[key] for key in sharers(sketches, new)}
    join_by_contacts(shared, groups, newcomers=set(new))
    return groups


@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 5), st.integers(16, 40)), min_size=1, max_size=4),
        min_size=2,
        max_size=7,
    ),
    st.integers(1, 2),
)
def test_it_is_as_if_all_were_compared_anew(
    people: list[list[tuple[int, int]]], newcomers: int
) -> None:
    passages = {
        f"{number}.txt": [words(seed, count) for seed, count in pieces]
        for number, pieces in enumerate(people)
    }
    texts = {key: "\n".join(several) for key, several in passages.items()}
    new = list(texts)[-newcomers:]
    assert with_newcomers(texts, passages, new).ids() == grouped(texts, passages).ids()


def test_a_shared_address_makes_one_person_of_two() -> None:
    texts = {
        "old": f"Ann Abel ann@example.com {words(1, 200)}",
        "new": f"Ann M. Abel ANN@example.com {words(2, 200)}",
        "other": f"Bo Baker bo@example.com {words(3, 200)}",
    }
    passages = {key: [text] for key, text in texts.items()}
    groups = with_newcomers(texts, passages, ["new"])
    assert groups.ids() == {"old": "new", "new": "new", "other": "other"}


def test_what_many_have_makes_nobody_one_person() -> None:
    footer = words(999, 40)
    texts = {f"{number}": f"{words(number, 60)} {footer}" for number in range(30)}
    passages = {key: [text] for key, text in texts.items()}
    assert len(set(with_newcomers(texts, passages, ["29"]).ids().values())) == 30
