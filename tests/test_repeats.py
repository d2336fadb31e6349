import random

from hypothesis import given
from hypothesis import strategies as st

from cvseeker.queries.filters.repeats import Repeats
from cvseeker.retrieval.bm25 import stems


def owners(queries: list[str], *, similarity: float = 0.8) -> list[int | None]:
    repeats = Repeats(similarity)
    return [repeats.first_alike(query) for query in queries]


def test_order_inflection_and_small_words_make_no_difference() -> None:
    queries = [
        "nurse with intensive care skills",
        "welder, TIG",
        "skilled nurses, intensive care",
        "Nurse WITH Intensive Care Skills!",
    ]
    assert owners(queries) == [None, None, 0, 0]


def test_what_tells_queries_apart_is_kept() -> None:
    assert owners(["Java, 5 years", "Java, 8 years", "Java years", "NOT Java years"]) == [None] * 4
    assert owners(["C developer", "C++ developer", "C# developer"]) == [None] * 3
    assert owners(["of the", "and you", "", "The  of", "OF THE"]) == [None, None, None, None, 0]


def test_the_first_one_is_told_and_only_kept_ones_are_compared_with() -> None:
    base = "audit payroll tax ledger invoice budget forecast treasury dividend".split()
    chain = [" ".join([*base[: 9 - n], *(f"other{i}" for i in range(n))]) for n in (0, 1, 2)]
    # Each shares nine words of ten with the one before it, but the third only two thirds with the
    # first.
    assert owners(chain) == [None, 0, None]
    assert owners([*chain, chain[0]]) == [None, 0, None, 0]


WORDS = "nurse nurses icu ward payroll ledger audit the of c++ 5 8 NOT".split()


@given(
    st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=30),
    st.sampled_from([0.1, 0.5, 0.6, 2 / 3, 0.75, 0.8, 0.9, 1.0]),
)
def test_they_are_those_that_comparing_with_all_finds(
    queries: list[str], similarity: float
) -> None:
    kept: dict[int, frozenset[str]] = {}
    wanted = []
    for number, query in enumerate(queries):
        telling = [word for word in query.split() if word in {"5", "8", "NOT"}]
        found = frozenset([*stems(query), *telling]) or frozenset([query.casefold()])
        alike = (
            first
            for first, other in kept.items()
            if len(found & other) >= similarity * len(found | other)
        )
        wanted.append(next(alike, None))
        if wanted[-1] is None:
            kept[number] = found
    assert owners(queries, similarity=similarity) == wanted


@given(st.lists(st.text(alphabet="abc ", max_size=6), max_size=30))
def test_with_a_similarity_of_one_equal_sets_are_alike_and_no_others(queries: list[str]) -> None:
    first: dict[frozenset[str], int] = {}
    wanted = []
    for number, query in enumerate(queries):
        key = frozenset(stems(query)) or frozenset([" " + " ".join(query.split())])
        wanted.append(first.get(key))
        first.setdefault(key, number)
    assert owners(queries, similarity=1.0) == wanted


def test_near_ones_are_found_among_many() -> None:
    rng = random.Random(7)
    words = [f"term{number}" for number in range(3000)]
    queries = [rng.sample(words, 12) for _ in range(1500)]
    repeats = Repeats(0.8)
    assert [repeats.first_alike(" ".join(query)) for query in queries] == [None] * len(queries)
    # Twelve words of thirteen are shared: 0.92.
    near = [" ".join([*rng.sample(query, 12), "extra"]) for query in queries]
    assert [repeats.first_alike(query) for query in near] == list(range(len(queries)))
