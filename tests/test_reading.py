"""Queries as they are read: what filters exactly, what ranks, what is refused and corrected."""

import random
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import InputError
from cvseeker.core.insights import Insight, InsightKind
from cvseeker.core.record import Record
from cvseeker.core.records import Resume
from cvseeker.search.query import Pool, Requirement, correct, read_query
from cvseeker.search.query.spelling import corrections


def insight(kind: InsightKind, value: str) -> Insight:
    return Insight(kind, value, value, 0, 0)


def resume(number: int, text: str, *insights: tuple[InsightKind, str]) -> tuple[int, Resume]:
    read = tuple(insight(*one) for one in insights)
    return number, Resume(f"r{number}", text, insights=read)


RESUMES = [
    resume(
        1,
        "Head of project management. Budgeting, Node.js, C++. Intern supervisor.",
        ("title", "Project Manager"),
        ("place", "Oslo, Norway"),
        ("years", "12"),
        ("degree", "MSc Economics"),
        ("language", "German"),
    ),
    resume(
        2,
        "PM for IT. Budgets of 3m; developed in C and Java.",
        ("title", "PM"),
        ("place", "Bergen, Norway"),
        ("years", "4"),
        ("degree", "BSc Computing"),
        ("skill", "Java"),
    ),
    resume(3, "Nurse. Night shifts; kubernetes as a hobby. Kubernetes!", ("title", "Nurse")),
    resume(4, "Nursing student, intern on the ICU; Kubernetes.", ("title", "Student Nurse")),
]
MODIFIED = {1: 1_700_000_000.0, 2: 1_600_000_000.0}


def pool_of(folder: Path, people: Iterable[tuple[int, Resume]]) -> Pool:
    """Write a record of people, whose numbers begin at 1."""
    with Record.make(folder) as record, record.transaction():
        for number, one in people:
            assert record.put(one, (), modified=MODIFIED.get(number, 0.0)) == number
    return Pool(folder)


PEOPLE = pool_of(Path(mkdtemp()), RESUMES)


def allowed(query: str, **wishes: Sequence[str]) -> list[int]:
    tree = read_query(query, **wishes).must  # type: ignore[arg-type]
    return PEOPLE.numbers.tolist() if tree is None else PEOPLE.allowed(tree)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('("project management" OR PM) AND budgeting', [1, 2]),
        ('("project management" OR PM) AND budgeting NOT intern', [2]),
        ('"project management" or pm', [1, 2]),
        ("“project management” budgeting", [1]),
        ("(nurse or student) -intern", [3]),
        ("+budgeting +java", [2]),
        ("develop* AND java", [2]),
        ("nurs*", [3, 4]),
        ('"node js"', [1]),
        ("C++ AND NOT java", [1]),
        ('title:"project manager"', [1]),
        ("title:nurse", [3, 4]),
        ("title:(nurse OR pm) -student", [2, 3]),
        ("-title:nurse", [1, 2]),
        ("place:norway", [1, 2]),
        ("place:norw*", [1, 2]),
        ("years>=5", [1]),
        ("years<5", [2]),
        ("years:4", [2]),
        ("degree:bachelor", [2]),
        ("degree>=bachelor", [1, 2]),
        ("degree:economics", [1]),
        ("since:2023", [1]),
        ("since:2020-01", [1, 2]),
        ("language:german skill:java", []),
        ("language:german OR skill:java", [1, 2]),
        ("nurse or student", [1, 2, 3, 4]),
        ("head of projects and budgets, not junior", [1, 2, 3, 4]),
        ("skills: python", [1, 2, 3, 4]),
    ],
)
def test_who_is_allowed(query: str, expected: list[int]) -> None:
    assert allowed(query) == expected


def test_wishes_join_the_query() -> None:
    assert allowed("nurse", must=["kubernetes", "night"], exclude=["student OR intern"]) == [3]
    assert allowed("", fields={"place": ["Oslo", "Bergen"], "years": [">=10"]}) == [1]
    reading = read_query("nurse", must=["ICU"], nice=["German"], exclude=["intern"])
    assert reading.text == "nurse ICU German"
    assert reading.requirements == (Requirement("ICU"), Requirement("German", must=False))
    assert reading.shown == (
        "must: ICU AND NOT intern · 1 must, 1 nice to have · ranked by: nurse ICU German"
    )


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("icu nurse and nights", ""),
        (
            '("project manager" OR PM) AND budgeting NOT intern',
            'must: ("project manager" OR PM) AND budgeting AND NOT intern · ranked by: project '
            "manager PM budgeting",
        ),
        (
            'agile place:"New York" years>=5',
            'must: place:"New York" AND years>=5 · ranked by: agile',
        ),
        ("java -junior", "must: NOT junior · ranked by: java"),
        ("-intern", "must: NOT intern"),
    ],
)
def test_its_reading_is_shown(query: str, shown: str) -> None:
    assert read_query(query).shown == shown


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("years>=five", "expected a number of years"),
        ("since:yesterday", "expected a date"),
        ("degree>=genius", "expected one of associate, bachelor"),
        ("(nurse OR midwife", "a bracket is not closed"),
        ("nurse AND", "ends too early"),
        ("titel:nurse AND icu", "is 'title' meant?"),
        ("title:* AND x", "expected a word after title:"),
    ],
)
def test_what_cannot_be_read_is_one_line(query: str, problem: str) -> None:
    with pytest.raises(InputError) as caught:
        read_query(query)
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


WORDS = ("budgeting", "java", "nurse", "intern", "kubernetes")
HAVE = {"budgeting": {1, 2}, "java": {2}, "nurse": {3, 4}, "intern": {1, 4}, "kubernetes": {3, 4}}
EVERYBODY = {1, 2, 3, 4}


def generated(chance: random.Random, depth: int) -> tuple[str, set[int]]:
    """Write a query in many ways of writing, and who it finds, computed with sets."""
    kind = chance.choice(("word", "word", "and", "or", "not", "next"))
    if depth == 0 or kind == "word":
        word = chance.choice(WORDS)
        quoted = word in ("java", "intern", "kubernetes") and chance.random() < 0.3
        return (f'"{word}"' if quoted else word), HAVE[word]
    first, who = generated(chance, depth - 1)
    if kind == "not":
        return f"{chance.choice(('NOT ', 'not ', '-'))}({first})", EVERYBODY - who
    second, others = generated(chance, depth - 1)
    if kind == "or":
        return f"({first} {chance.choice(('OR', 'or', '||'))} {second})", who | others
    joint = {"and": chance.choice((" AND ", " and ", " && ")), "next": " "}[kind]
    return f"({first}{joint}{second})", who & others


def test_a_thousand_queries_find_whom_sets_find() -> None:
    chance = random.Random(5)
    for _ in range(1000):
        query, expected = generated(chance, 4)
        assert set(allowed(f"{query} AND ({query})")) == expected, query


def test_ten_thousand_fuzzed_queries_are_read_or_refused() -> None:
    chance = random.Random(7)
    pieces = [*"()\"“”«»-+*:<>=&|,;'\\\0\n\u202e", "AND", "or", "NOT", "title:", "years>=", "x"]
    pieces += ["since:2024", "degree>", "place:(", "C++", "é", "日本", " ", " ", "nurse", "🙂"]
    begun = time.process_time()
    for _ in range(10_000):
        query = "".join(chance.choice(pieces) for _ in range(chance.randrange(25)))
        with suppress(InputError):
            tree = read_query(query).must
            assert tree is None or set(PEOPLE.allowed(tree)) <= EVERYBODY
    assert time.process_time() - begun < 120


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(query: str) -> None:
    try:
        read_query(query)
    except InputError:
        return


def test_facets_count_those_who_are_left() -> None:
    counted = PEOPLE.facets(allowed("place:norway"))
    assert counted["place"] == {"Bergen, Norway": 1, "Oslo, Norway": 1}
    for kind in ("place", "title", "degree", "language"):
        for value, count in PEOPLE.facets([1, 2, 3, 4])[kind].items():
            assert len(allowed("", fields={kind: [value]})) >= count
            assert len(allowed("", fields={kind: [f"{value}"]})) >= 1


def test_a_job_description_is_read_as_one() -> None:
    job = "Welder\n\nYou bring\n- TIG welding\n- Spanish is a plus\n\nWe offer\n- A pension"
    reading = read_query(job, job=True)
    assert reading.requirements == (
        Requirement("TIG welding"),
        Requirement("Spanish is a plus", must=False),
    )
    assert "pension" not in reading.text
    assert reading.parts == ("Welder", "TIG welding", "Spanish is a plus")
    assert read_query("weld ships " * 40).parts
    assert not read_query(" OR ".join(["welder"] * 90)).parts


def test_typos_of_known_words_are_corrected_and_said() -> None:
    reading = correct(read_query("kuberntes AND nurse"), PEOPLE.words, is_known=lambda _: False)
    assert PEOPLE.allowed(reading.must) == [3, 4]  # type: ignore[arg-type]
    assert reading.text == "kubernetes nurse"
    assert reading.notes == ("no résumé has 'kuberntes'; read as 'kubernetes'",)


class Words(dict[str, int]):
    """Words, and how many résumés have them."""

    def knows(self, word: str) -> bool:
        return word.rstrip("s") in {one.rstrip("s") for one in self}

    def beginning(self, letter: str) -> Mapping[str, int]:
        return {word: count for word, count in self.items() if word.startswith(letter)}

    def spelt(self, term: str) -> str:
        return term


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("kubernetse", "kubernetes"),
        ("kubrenets", "kubernetes"),
        ("nurze", ""),  # one résumé has it only: a typo of its own, perhaps
        ("spark", ""),
        ("sparky", ""),
        ("KUBER", ""),
        ("kubernetes", ""),
        ("welding", ""),
    ],
)
def test_what_is_a_typo(word: str, meant: str) -> None:
    words = Words({"kubernetes": 3, "spark": 9, "nurse": 1, "wedding": 5})
    found = corrections(word, words, is_known=lambda one: one == "welding")
    assert found.get(word, "") == meant
