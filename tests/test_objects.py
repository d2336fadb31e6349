import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import BODY, read_content, text_of
from cvseeker.resumes.readers import Document, ReadError
from cvseeker.resumes.readers.objects import read_json_lines, read_json_text, read_xml


def test_a_json_resume_gets_headings(tmp_path: Path) -> None:
    resume = {
        "basics": {"name": "Ana Prunk", "label": "Baker", "location": {"city": "Bled"}},
        "work": [
            {
                "name": "Hotel Lipa",
                "position": "Head of pastry",
                "startDate": "2018-02",
                "highlights": ["Ninety rooms", "Four apprentices"],
            }
        ],
        "skills": [{"name": "Pastry", "keywords": ["sugar", "chocolate"]}],
        "languages": [{"language": "French", "fluency": "B2"}],
    }
    assert text_of(tmp_path, "cv.json", json.dumps(resume).encode()) == (
        "Ana Prunk\nBaker\nBled\n\n"
        "Experience\nHead of pastry, Hotel Lipa (2018-02 – Present)\n"
        "• Ninety rooms\n• Four apprentices\n\n"
        "Skills\nPastry: sugar, chocolate\n\nLanguages\nFrench (B2)"
    )
    assert len(read_json_text(json.dumps([resume, resume]))) == 2


def test_lists_of_objects_are_tables() -> None:
    rows = [{"id": f"r{n}", "text": BODY, "city": "Bled"} for n in range(3)]
    expected = Document(BODY, "r1", {"city": "Bled"})
    assert read_json_text(json.dumps(rows))[1] == expected
    assert read_json_text(json.dumps({"resumes": rows}))[1] == expected
    lines = "\n".join(json.dumps(row) for row in rows)
    cut = read_json_lines(lines + '\n{"id": "cut')[1]
    assert cut == replace(expected, notes=("1 of its lines are no JSON: left out",))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("42", "JSON of an unknown form"),
        ('{"a": 1}', "JSON of an unknown form"),
        ('{"a": ', "not valid JSON"),
        ("[" * 100_000, "JSON nested too deeply"),
    ],
)
def test_other_json_has_a_reason(text: str, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_json_text(text)
    assert str(caught.value).startswith(reason)


def test_prose_that_begins_with_a_bracket_is_text(tmp_path: Path) -> None:
    assert (
        text_of(tmp_path, "cv.txt", b"[Job title] with experience") == "[Job title] with experience"
    )


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(_JSON, st.dictionaries(st.sampled_from(["work", "skills", "education"]), _JSON))
def test_any_json_resume_gives_text(basics: object, parts: dict[str, object]) -> None:
    [document] = read_json_text(
        json.dumps({**parts, "basics": {"name": "Ana", "location": basics}})
    )
    assert document.text.startswith("Ana")


PERSON = {"name": "Odile Fairweather", "email": "odile@example.org"}
BAKER = {"startDate": "2012-06-01", "position": "Commis Baker"}


def _resume(**parts: object) -> str:
    [document] = read_json_text(json.dumps({"basics": PERSON, **parts}))
    return document.text


@pytest.mark.parametrize("key", ["company", "name", "organization", "employer", "companyName"])
def test_an_employer_is_read_by_any_name(key: str) -> None:
    text = _resume(work=[{**BAKER, key: "Boulangerie Roux", "endDate": "2016-08-01"}])
    assert "Commis Baker, Boulangerie Roux (2012-06-01 – 2016-08-01)" in text


@pytest.mark.parametrize("end", [None, "", "null"])
def test_only_the_latest_job_without_an_end_goes_on(end: str | None) -> None:
    chef = {"position": "Pastry Chef", "startDate": "2016-09", "endDate": end}
    text = _resume(work=[chef, {**BAKER, "endDate": end}])
    assert "Pastry Chef (2016-09 – Present)" in text
    assert "Commis Baker (2012-06-01)" in text
    assert "(2010)" in _resume(education=[{"institution": "CFA", "startDate": "2010"}])


def test_each_role_at_one_employer_is_a_job() -> None:
    roles = [
        {"position": "Pastry Chef", "startDate": "2018-01", "highlights": ["Four menus"]},
        {"position": "Commis", "startDate": "2016-01", "endDate": "2017-12"},
    ]
    assert _resume(work=[{"name": "Maison Perle", "roles": roles}]).endswith(
        "Experience\nPastry Chef, Maison Perle (2018-01 – Present)\n• Four menus\n\n"
        "Commis, Maison Perle (2016-01 – 2017-12)"
    )


def test_reactive_resume_is_read() -> None:
    sections = {
        "summary": {"id": "s", "content": "<p>Trains <b>apprentices</b>.</p>"},
        "work": {
            "name": "Work",
            "items": [
                {"name": "Perle", "position": "Chef", "date": {"start": "2016", "end": "2023"}},
                {"name": "Unseen", "position": "Cook", "visible": False},
            ],
        },
        "education": {"items": [{"institution": "CFA Lille", "degree": "CAP", "area": "Pastry"}]},
        "skills": {"items": [{"name": "Tempering", "level": 0}, {"name": "Sugar work"}]},
    }
    basics = {**PERSON, "headline": "Pastry Chef", "picture": {"url": "data:image/png;base64,QUJ"}}
    [document] = read_json_text(
        json.dumps({"basics": basics, "sections": sections, "metadata": {"template": "onyx"}})
    )
    assert document.text == (
        "Odile Fairweather\nPastry Chef\nodile@example.org\n\nSummary\nTrains apprentices.\n\n"
        "Experience\nChef, Perle (2016 – 2023)\n\nEducation\nCAP, Pastry, CFA Lille\n\n"
        "Skills\nTempering (0)\nSugar work"
    )


@pytest.mark.parametrize(
    "resume",
    [
        {  # LinkedIn, as scrapers give it
            "full_name": "Odile Fairweather",
            "people_also_viewed": [{"name": "Somebody Else", "summary": "Other"}],
            "experiences": [
                {
                    "starts_at": {"day": 1, "month": 9, "year": 2016},
                    "ends_at": {"day": 31, "month": 5, "year": 2023},
                    "company": "Maison Perle",
                    "title": "Pastry Chef",
                    "logo_url": "https://example.org/perle.png",
                }
            ],
            "education": [{"school": "CFA Lille", "degree_name": "CAP"}],
        },
        {  # Lever
            "data": {
                "id": "12491-44",
                "name": "Odile Fairweather",
                "stage": "00922a60",
                "parsedData": {
                    "positions": [
                        {
                            "org": "Maison Perle",
                            "title": "Pastry Chef",
                            "start": {"year": 2016, "month": 9},
                            "end": {"year": 2023, "month": 5},
                        }
                    ],
                    "schools": [{"org": "CFA Lille", "degree": "CAP"}],
                },
            }
        },
        {  # FRESH
            "name": "Odile Fairweather",
            "employment": {
                "history": [
                    {
                        "employer": "Maison Perle",
                        "position": "Pastry Chef",
                        "start": "2016-09",
                        "end": "2023-05",
                    }
                ]
            },
            "education": {"history": [{"institution": "CFA Lille", "title": "CAP"}]},
        },
        {  # what language models return
            "personal_info": {"first_name": "Odile", "last_name": "Fairweather"},
            "work_experience": [
                {
                    "job_title": "Pastry Chef",
                    "company": {"name": "Maison Perle", "id": 7},
                    "duration": "2016-09 – 2023-05",
                }
            ],
            "education": [{"degree": "CAP", "institution": "CFA Lille"}],
        },
    ],
    ids=["linkedin", "lever", "fresh", "model"],
)
def test_resumes_of_other_programs_are_read(resume: dict[str, object]) -> None:
    [document] = read_json_text(json.dumps(resume))
    lines = document.text.split("\n")
    assert lines[0] == "Odile Fairweather"
    line = lines[lines.index("Experience") + 1]
    assert line.startswith("Pastry Chef, Maison Perle (2016-09")
    assert "2023-05" in line
    assert lines[lines.index("Education") + 1] == "CAP, CFA Lille"
    assert not {"Somebody", "00922a60", "logo"} & set(document.text.replace("_", " ").split())


def test_resumes_by_their_keys_are_as_many_documents() -> None:
    resume = {"basics": PERSON, "work": [BAKER]}
    documents = read_json_text(json.dumps({"a": resume, "b": resume}))
    assert [document.row_id for document in documents] == ["a", "b"]


# XML


EUROPASS = """<?xml version="1.0" encoding="UTF-8"?>
<SkillsPassport xmlns="http://europass.cedefop.europa.eu/Europass" locale="en"><LearnerInfo>
<Identification><PersonName><FirstName>Ilse</FirstName><Surname>Marwood</Surname></PersonName>
<ContactInfo><Email><Contact>ilse@example.com</Contact></Email></ContactInfo>
<Photo><MimeType>image/jpeg</MimeType><Data>RCCCPP3m8cJr</Data></Photo></Identification>
<WorkExperienceList><WorkExperience>
<Period><From year="2014" month="--01"/><Current>true</Current></Period>
<Position><Label>Quality Manager</Label></Position>
<Activities>&lt;ul&gt;&lt;li&gt;Led audits&lt;/li&gt;&lt;/ul&gt;</Activities>
<Employer><Name>Brackwell Foods</Name></Employer></WorkExperience></WorkExperienceList>
<EducationList><Education><Period><From year="2005"/><To year="2008"/></Period>
<Title>BSc Food Science</Title><Organisation><Name>University of Leeds</Name></Organisation>
</Education></EducationList><Skills><Computer><Description>Minitab</Description></Computer>
</Skills></LearnerInfo></SkillsPassport>"""
HR_XML = """<Candidate xmlns="http://www.hr-xml.org/3"><CandidatePerson><PersonName>
<FormattedName>Ilse Marwood</FormattedName></PersonName><Communication>
<ChannelCode>Email</ChannelCode><URI>ilse@example.com</URI></Communication></CandidatePerson>
<CandidateProfile languageCode="en"><EmploymentHistory><EmployerHistory>
<OrganizationName>Brackwell Foods</OrganizationName><PositionHistory>
<PositionTitle>Quality Manager</PositionTitle><EmploymentPeriod><StartDate>
<FormattedDateTime>2014-01</FormattedDateTime></StartDate>
<CurrentIndicator>true</CurrentIndicator></EmploymentPeriod>
<Description>• Led audits</Description></PositionHistory></EmployerHistory></EmploymentHistory>
<EducationHistory><SchoolOrInstitution><School><SchoolName>University of Leeds</SchoolName>
</School><Degree><DegreeName>BSc Food Science</DegreeName></Degree>
<DatesOfAttendance><StartDate><Year>2005</Year></StartDate><EndDate><Year>2008</Year></EndDate>
</DatesOfAttendance></SchoolOrInstitution></EducationHistory>
<Qualifications><Competency name="Minitab"/></Qualifications></CandidateProfile></Candidate>"""


@pytest.mark.parametrize("text", [EUROPASS, HR_XML], ids=["europass", "hr-xml"])
def test_resumes_in_xml_are_read_as_what_they_are(tmp_path: Path, text: str) -> None:
    assert text_of(tmp_path, "cv.xml", text.encode()) == (
        "Ilse Marwood\nilse@example.com\n\nExperience\n"
        "Quality Manager, Brackwell Foods (2014-01 – Present)\n• Led audits\n\n"
        "Education\nBSc Food Science, University of Leeds (2005 – 2008)\n\nSkills\nMinitab"
    )


def test_many_candidates_in_xml_are_as_many_documents() -> None:
    one = HR_XML.replace(' xmlns="http://www.hr-xml.org/3"', "")
    documents = read_xml(f"<Export>{one}{one}</Export>".encode())
    assert len(documents) == 2
    assert all(document.text.startswith("Ilse Marwood") for document in documents)


BOMB = "<!DOCTYPE a [<!ENTITY b 'lol'>" + "".join(
    f"<!ENTITY {name} '{f'&{inner};' * 10}'>"
    for inner, name in zip("bcdefgh", "cdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<catalog><plant><common>Rose</common></plant></catalog>", "XML of an unknown form"),
        ("<note><to>Ann</to></note>", "XML of an unknown form (root element 'note')"),
        ("<a><b></a>", "not valid XML"),
        (f"{BOMB}]><a>&i;</a>", "not valid XML (Maximum entity"),
        ("<a>" * 200 + "</a>" * 200, "XML nested too deeply"),
        ("<svg xmlns='http://www.w3.org/2000/svg'><text>Ann</text></svg>", "a drawing (SVG)"),
    ],
)
def test_other_xml_has_a_reason(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(ReadError) as caught:
        read_content(tmp_path, "cv.xml", text.encode())
    assert str(caught.value).startswith(reason)


def test_files_named_in_xml_are_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password", encoding="utf-8")
    doctype = f"<!DOCTYPE a [<!ENTITY s SYSTEM 'file://{tmp_path}/secret'>]>"
    text = HR_XML.replace("<FormattedName>", "<FormattedName>&s;")
    assert "password" not in text_of(tmp_path, "cv.xml", (doctype + text).encode())
