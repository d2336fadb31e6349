"""Labels by exact attributes: which queries they suit, and what is a match."""

import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.queries.judging.attributes import MATCH, match_attributes, read_attributes
from cvseeker.retrieval.boolean import SearchedText

PAYROLL = SearchedText.from_text(
    "Payroll accountant. Ran the payroll of 1,200 employees in SAP; C++ at university."
)


@pytest.mark.parametrize(
    ("query", "kind", "expected"),
    [
        ("payroll SAP", "keywords", True),
        ("payrolls, sap", "keywords", True),
        ("payroll IFRS", "keywords", False),
        ("C++ payroll", "keywords", True),
        ("payroll AND (IFRS OR SAP)", "keywords", True),
        ("payroll NOT SAP", "keywords", False),
        ("looking for an accountant, must know payroll and SAP", "title_skills", True),
        ("Requirements: payroll; strong SAP skills.", "requirements", True),
        ("(payroll OR wages) AND accountant", "boolean", True),
        ("(payroll OR wages) and sap", "boolean", True),
        ("payroll AND IFRS", "", False),
    ],
)
def test_every_content_word_must_be_there(query: str, kind: str, expected: bool) -> None:
    assert read_attributes(query, kind).matcher(PAYROLL) is expected


@pytest.mark.parametrize(
    ("query", "years"),
    [
        ("5+ years of experience, payroll", 5),
        ("at least five years in payroll", 5),
        ("payroll, 10 or more yrs", 10),
        ("3-5 years payroll", 3),
        ("payroll, 2 years SAP, 8 years' accounting", 8),
        ("payroll in 2015", 0),
    ],
)
def test_years_are_read(query: str, years: int) -> None:
    assert read_attributes(query, "requirements").years == years


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("Who has run a payroll?", "question"),
        ("payroll SAP", ""),
        ("5+ years of experience", "requirements"),
        ("payroll AND (SAP", "boolean"),
        ("who with what", "keywords"),
        ("B.S. and payroll", "keywords"),
    ],
)
def test_what_leaves_a_match_open_is_refused(query: str, kind: str) -> None:
    with pytest.raises(InputError, match="expected"):
        read_attributes(query, kind)


def dataset(query: str, kind: str) -> RetrievalDataset:
    corpus = {
        "old": "Payroll in SAP for twenty branches",
        "young": "SAP payroll clerk",
        "unknown": "payroll, SAP",
        "other": "SAP basis administration",
    }
    return RetrievalDataset(corpus, {"q": query}, {"q": {"young": 1}}, {"q": kind})


POOL = {"q": ["young", "old", "unknown", "other"]}


def test_neighbours_in_a_query_stand_near_each_other() -> None:
    scattered = SearchedText.from_text(
        "Charge of stock in three warehouses, cycle counts, pricing, deliveries and the yard. "
        "Before that bookkeeper."
    )
    assert not read_attributes("charge bookkeeper", "keywords").matcher(scattered)
    assert read_attributes("charge, bookkeeper", "keywords").matcher(scattered)
    assert read_attributes("bookkeeper before deliveries", "keywords").matcher(scattered)


def test_years_must_be_met_and_known() -> None:
    asked = dataset("payroll, SAP, 5+ years", "requirements")
    years = {"old": 12, "young": 1}
    assert match_attributes(asked, POOL, years=years) == {"q": {"old": MATCH}}
    # With nobody's years known, the query is not decided at all.
    assert match_attributes(asked, POOL) == {}


def test_without_years_all_that_have_the_words_match() -> None:
    found = match_attributes(dataset("payroll SAP", "keywords"), POOL)
    assert found == {"q": dict.fromkeys(["young", "old", "unknown"], MATCH)}


def test_only_the_pool_is_looked_at() -> None:
    assert match_attributes(dataset("payroll SAP", "keywords"), {"q": ["old"]}) == {
        "q": {"old": MATCH}
    }


def test_a_decided_query_without_a_match_is_told_from_an_undecided_one() -> None:
    assert match_attributes(dataset("payroll Cobol", "keywords"), POOL) == {"q": {}}
    assert match_attributes(dataset("payroll Cobol", "question"), POOL) == {}
