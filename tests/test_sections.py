import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.records import SectionKind
from cvseeker.resumes.sections import find_sections

RESUME = """Mira Voss
Welder | Oslo, Norway

PROFILE
Ten years on ships.

Where I've worked
Nordhavn Verft, 2014 - 2020
Welder
- Repaired hulls.
Experience with TIG and MIG.

## Tickets & licences
EN ISO 9606-1

Education
=========
Oslo Trade School

S K I L L S
TIG
"""


def kinds(text: str) -> list[SectionKind]:
    return [section.kind for section in find_sections(text)]


def test_finds_the_sections_of_a_resume() -> None:
    found = [(section.kind, section.title) for section in find_sections(RESUME)]
    assert found == [
        ("header", ""),
        ("summary", "PROFILE"),
        ("experience", "Where I've worked"),
        ("certificates", "## Tickets & licences"),
        ("education", "Education\n========="),
        ("skills", "S K I L L S"),
    ]


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("WORK HISTORY", "experience"),
        ("Professional Experience:", "experience"),
        ("ProfessionalExperience", "experience"),
        ("Employment", "experience"),
        ("EDUCATION & TRAINING", "education"),
        ("Academic Qualifications:-", "education"),
        ("Core competencies", "skills"),
        ("Key Skills", "skills"),
        ("Technical Skills:", "skills"),
        ("Areas of Expertise", "skills"),
        ("Tickets & licences", "certificates"),
        ("Licenses and Certifications", "certificates"),
        ("Languages", "languages"),
        ("Selected Publications", "publications"),
        ("Honors and Awards", "awards"),
        ("Notable Career Achievements", "awards"),
        ("Volunteer Experience", "volunteering"),
        ("Hobbies & Interests", "interests"),
        ("References", "references"),
        ("About me", "summary"),
        ("CAREER OBJECTIVE:", "summary"),
        ("Academic Projects", "projects"),
        ("Work History_________", "experience"),
        ("**Skills**", "skills"),
        ("1. Education", "education"),
        ("Berufserfahrung", "experience"),
        ("Kenntnisse und Fähigkeiten", "skills"),
        ("EXPÉRIENCES PROFESSIONNELLES", "experience"),
        ("Centres d'intérêt", "interests"),
        ("Formación", "education"),
        ("Premios y reconocimientos", "awards"),
        ("Habilitações académicas", "education"),
        ("ISTRUZIONE E FORMAZIONE", "education"),
        ("Vrijwilligerswerk", "volunteering"),
        ("JĘZYKI OBCE", "languages"),
        ("Arbetslivserfarenhet", "experience"),
        ("İŞ DENEYİMİ", "experience"),
        ("Опыт работы", "experience"),
        ("MỤC TIÊU NGHỀ NGHIỆP", "summary"),
        ("工作经历", "experience"),
        ("证书", "certificates"),
        ("■職務要約", "summary"),
        ("【資格・免許】", "certificates"),
        ("경력사항", "experience"),
        ("المؤهلات العلمية", "education"),
        ("PERSONAL DETAILS:", "other"),
    ],
)
def test_knows_headings(heading: str, kind: SectionKind) -> None:
    found = find_sections(f"Ann Example\n\n{heading}\nsome text")
    assert [(section.kind, section.title) for section in found[1:]] == [(kind, heading)]


@pytest.mark.parametrize(
    ("line", "kind", "title"),
    [
        ("Experience 03/2010 to 12/2010 Harbour Ltd", "experience", "Experience"),
        ("Experience January 2013 to Current", "experience", "Experience"),
        ("Skills: welding, rigging", "skills", "Skills:"),
        ("TECHNICAL SKILLS: Java", "skills", "TECHNICAL SKILLS:"),
        ("Education Bachelor of Science", "education", "Education"),
        ("Sprachen: Deutsch, Dänisch", "languages", "Sprachen:"),
        ("技能：Go、Python", "skills", "技能："),
    ],
)
def test_knows_headings_that_run_on(line: str, kind: SectionKind, title: str) -> None:
    section = find_sections(f"Ann Example\n\n{line}")[1]
    assert (section.kind, section.title) == (kind, title)
    assert section.text == line[len(title) :].strip()


@pytest.mark.parametrize(
    "line",
    [
        "Sales Associate",
        "skills",
        "Experience with customers and tills.",
        "Training",
        "Project Management",
        "Skills in negotiation",
        "JAVA DEVELOPER",
        "Harbour Ltd",
        "experience and education in nursing,",
        "- projects",
        "Education,",
        "Skills &",
    ],
)
def test_other_lines_are_no_headings(line: str) -> None:
    assert kinds(f"Ann Example\nclerk\n{line}\nmore text") == ["header"]


def test_labels_within_a_job_are_no_headings() -> None:
    text = "EXPERIENCE\nClerk, Harbour Ltd\nSkills: filing\nProjects: archive\nmore"
    assert kinds(text) == ["experience"]


def test_an_empty_text_has_no_sections() -> None:
    assert find_sections("") == ()
    assert find_sections(" \n\n ") == ()


lines = st.lists(
    st.one_of(
        st.sampled_from(["EDUCATION", "Skills:", "====", "", "## Work", "Experience 2010 - 2012"]),
        st.text(max_size=40),
    ),
    max_size=20,
)


@given(lines)
@settings(max_examples=300, deadline=None)
def test_nothing_is_lost_but_whitespace(parts: list[str]) -> None:
    text = "\n".join(parts)
    joined = "".join(section.title + section.text for section in find_sections(text))
    assert "".join(joined.split()) == "".join(text.split())
