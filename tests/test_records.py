import json
from dataclasses import FrozenInstanceError

import pytest

from cvseeker.core.insights import Insight
from cvseeker.core.records import Passage, Resume, Section

RESUME = Resume(
    resume_id="sales/ana-prunk.pdf",
    text="Ana Prunk\nPastry chef",
    sections=(Section("header", "", "Ana Prunk"), Section("experience", "Work", "Pastry chef")),
    source="cvs/sales/ana-prunk.pdf",
    insights=(Insight("title", "Pastry chef", "Pastry chef", 10, 21, 0.9),),
    metadata={"category": "kitchen"},
)
PASSAGE = Passage(
    "ana#1", "ana", "Pastry chef", sections=("header", "skills"), person_group="g", split="val"
)


def test_a_resume_survives_json() -> None:
    assert Resume.from_dict(json.loads(json.dumps(RESUME.to_dict()))) == RESUME


def test_a_bare_resume_survives_json() -> None:
    bare = Resume("a.txt", "text")
    assert Resume.from_dict(json.loads(json.dumps(bare.to_dict()))) == bare
    assert bare.profile.years is None


def test_a_passage_survives_json() -> None:
    again = Passage.from_dict(json.loads(json.dumps(PASSAGE.to_dict())))
    assert again == PASSAGE
    assert isinstance(again.sections, tuple)


def test_records_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        PASSAGE.text = "other"  # type: ignore[misc]
