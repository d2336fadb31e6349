import pytest

from cvseeker.queries.filters.grounding import asks_for_nothing, grounding

PASSAGE = """Registered nurse, Alder Hey Hospital, Mar 2014 - Mar 2020
Natural language processing of notes with a GPU, Node.js and C++; budget of 10,000 pounds
WorkedasanInfectionControlLead and trained on HL7"""


@pytest.mark.parametrize(
    "query",
    [
        "Who was at Alder Hey?",
        "Did anyone use NLP on notes?",
        "Who has a Graphics Processing Unit?",
        "nurse with Node.js, c++",
        "An RN with HL7",
        "5+ years of nursing in March 2014",
        "a budget of 10000 pounds",
        "Who led Infection Control?",
        "Name 3 skills.",
        "The Nurse Manager's Senior role",
    ],
)
def test_what_the_passage_says_in_its_way_is_found(query: str) -> None:
    assert grounding(query, PASSAGE).missing == ()


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("Who was at Alder Hey and Whiston?", ("Whiston",)),
        ("nurse who knows SAP", ("SAP",)),
        ("a nurse with 9 years of experience", ("9",)),
        ("Was the budget 250,000 pounds?", ("250,000",)),
        ("nurse with MongoDB and C#", ("MongoDB", "C#")),
    ],
)
def test_what_it_does_not_say_is_missing(query: str, missing: tuple[str, ...]) -> None:
    assert grounding(query, PASSAGE).missing == missing


@pytest.mark.parametrize(
    ("query", "missing"),
    [
        ("(HL7 OR FHIR) AND nurse", ()),
        ("FHIR OR HL7 OR SNOMED", ()),
        ('("HL7 interface" OR FHIR) AND nurse', ("HL7", "FHIR")),
        ("(SNOMED OR FHIR) AND nurse", ("SNOMED", "FHIR")),
        ("nurse NOT SNOMED", ()),
        ('nurse NOT ("SNOMED CT" OR FHIR) AND SAP', ("SAP",)),
    ],
)
def test_of_alternatives_one_is_enough_and_what_is_excluded_is_no_claim(
    query: str, missing: tuple[str, ...]
) -> None:
    found = grounding(query, PASSAGE, capitals=False).missing
    # HL7 itself is there; only the phrase is not.
    assert found == tuple(name for name in missing if name != "HL7")


def test_capitals_need_not_name_anything() -> None:
    assert grounding("a Nurse in Liverpool", PASSAGE).missing == ("Liverpool",)
    assert grounding("a Nurse in Liverpool", PASSAGE, capitals=False).missing == ()


def test_the_share_counts_what_is_asserted_and_not_the_asking() -> None:
    asked = "Could you describe the candidate's experience with nursing notes and infection?"
    assert grounding(asked, PASSAGE).share == 1.0
    assert grounding("welding stainless pipes offshore, with notes", PASSAGE).share == 0.2
    # Two words about another profession are as little grounded as a sentence about it.
    assert grounding("stainless pipes", PASSAGE).share == 0.0
    assert grounding("stainless notes", PASSAGE).share == 0.5
    assert grounding("Who has experience?", PASSAGE).share == 1.0


@pytest.mark.parametrize(
    ("query", "nothing"),
    [
        ("What do you do?", True),
        ("What is the candidate's experience?", True),
        ("team player with good communication skills", True),
        ("Describe the individual's educational qualifications and career objectives", True),
        ("Who ran an intensive care unit?", False),
        ("SAP", False),
        ("payroll", False),
        ("five people, 3 sites", False),
        ("Erfahrung in der Pflege", False),
    ],
)
def test_a_query_that_could_be_put_to_anybody_is_told(query: str, nothing: bool) -> None:
    assert asks_for_nothing(query) is nothing
