"""Job descriptions cut into what they ask for."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.search.query import Job, cut_job

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from requirements import measure

HEADED = """\
**Welder (m/f/d)**

About us
We are a family business and build ships.

Your tasks
- Weld hulls
- Document your work

Your profile
- Apprenticeship as a welder; MIG is a plus
- 3 years of experience
- German, e.g. level B1

We offer
- 30 days of holiday
- A pension

Please send your CV until 1 May.
"""

PROSE = (
    "Baker\n\nOur bakery in Leeds feeds a town. You would bake through the night. You must have a "
    "food hygiene certificate. At least two years' experience of sourdough is needed. Ideally you "
    "can drive a van. We pay 14 pounds an hour and offer a pension. To apply, send a cv."
)


def asked(job: Job) -> list[tuple[str, bool]]:
    return [(one.text, one.must) for one in job.requirements]


def test_headings_say_what_is_asked_for_and_what_is_left_out() -> None:
    job = cut_job(HEADED)
    assert job.title == "Welder (m/f/d)"
    assert asked(job) == [
        ("Apprenticeship as a welder", True),
        ("MIG is a plus", False),
        ("3 years of experience", True),
        ("German, e.g. level B1", True),
    ]
    assert job.duties == ("Weld hulls", "Document your work")
    left = " ".join(job.left_out)
    assert all(one in left for one in ("holiday", "pension", "send your CV", "ships"))


def test_sentences_say_it_where_there_are_no_headings() -> None:
    job = cut_job(PROSE)
    assert asked(job) == [
        ("You must have a food hygiene certificate", True),
        ("At least two years' experience of sourdough is needed", True),
        ("Ideally you can drive a van", False),
    ]
    assert job.duties == ("You would bake through the night",)


@pytest.mark.parametrize(
    "line",
    [
        "Requirements: a degree in biology; fluent Norwegian; field work",
        "Requirements. A degree in biology; fluent Norwegian; field work.",
        "REQUIREMENTS\na degree in biology\nfluent Norwegian\nfield work",
        "What we expect:\n1. A degree in biology\n2. Fluent Norwegian\n3. Field work",
        "Must-haves\n* a degree in biology\n* fluent Norwegian\n* field work",
    ],
)
def test_requirements_in_many_shapes(line: str) -> None:
    found = [text.lower() for text, _ in asked(cut_job(f"Biologist\n\n{line}"))]
    assert found == ["a degree in biology", "fluent norwegian", "field work"]


def test_a_job_that_only_tells_its_duties_is_asked_for_these() -> None:
    job = cut_job("Cook\n\nTasks\n- Peel potatoes\n- Wash up")
    assert asked(job) == [("Peel potatoes", True), ("Wash up", True)]
    assert job.duties == ()


def test_what_is_wrapped_is_one_requirement() -> None:
    text = (
        "Nurse\n\nRequirements\n- Experience with patients who are ventilated for many\n"
        "  weeks on end\n- Nights"
    )
    assert len(cut_job(text).requirements) == 2


def test_job_descriptions_are_cut_as_by_hand() -> None:
    found = measure()
    assert found["f1"] >= 0.9
    assert found["must"] >= 0.9


@given(st.text(alphabet="ab \n:;.,-*#()1•Requirements", max_size=200))
def test_any_text_is_cut(text: str) -> None:
    job = cut_job(text)
    assert all(any(map(str.isalpha, one.text)) for one in job.requirements)
    assert len(set(job.requirements)) == len(job.requirements)
