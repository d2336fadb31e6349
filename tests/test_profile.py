from datetime import date

import pytest

from cvseeker.core.records import Profile
from cvseeker.resumes import read_insights

RESUME = """Mira Voss
Senior Welder | mira.voss@example.com | +1 555 0142
Tacoma, WA

SUMMARY
Ten years on ships. Fluent in Norwegian.

EXPERIENCE
Lead Fabricator at Harbour Works
March 2014 - Present
- Repaired hulls with AutoCAD drawings, trained by the shop Manager

Welder, Nordhavn Yard  06/2008 - 02/2014
- Ran the TIG line

EDUCATION
BSc Mechanical Engineering, Example University, 2008

SKILLS
Welding: TIG, MIG; blueprint reading | crane operation
• first aid (5 years)

LANGUAGES
English, German
"""


def profile_of(text: str) -> Profile:
    insights = read_insights(text)
    assert all(found.text == text[found.start : found.end] for found in insights)
    return Profile.of(insights)


def test_reads_a_whole_resume() -> None:
    profile = profile_of(RESUME)
    assert profile.name == "Mira Voss"
    assert profile.titles == ("Senior Welder", "Lead Fabricator", "Welder")
    assert profile.skills[:6] == (
        "TIG",
        "MIG",
        "blueprint reading",
        "crane operation",
        "first aid",
        "AutoCAD",
    )
    assert profile.education == ("BSc Mechanical Engineering",)
    assert profile.languages == ("English", "German", "Norwegian")
    assert profile.location == "Tacoma, WA"
    # March 2014 to today, after 06/2008 - 02/2014.
    assert profile.years == date.today().year - 2008 - (date.today().month < 5)


def test_an_empty_text_has_an_empty_profile() -> None:
    assert profile_of("") == Profile()


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("ACCOUNTANT", "ACCOUNTANT"),
        ("Data Analyst  Petrel Services 2016 - 2018", "Data Analyst"),
        ("Senior Chef at The Anchor", "Senior Chef"),
        ("Night Nurse | Example Hospital | 2011 - 2014", "Night Nurse"),
        ("Designation: Branch Manager", "Branch Manager"),
        ("Role: Sr. Java Developer", "Sr. Java Developer"),
        ("2001 - 2003: Director of Nursing, Example Clinic", "Director of Nursing"),
        ("Worked as a delivery driver", ""),
        ("Worked as a Delivery Driver for Example Ltd.", "Delivery Driver"),
        ("Software Engineer II", "Software Engineer II"),
        ("Banquet Server", "Banquet Server"),
        ("Microsoft SQL Server", ""),
        ("Reported to the Manager", ""),
        ("Responsible for every Teacher", ""),
        ("Trained each new Nurse.", ""),
        ("- Managed by a Chef", ""),
        ("Master of Business Administration", ""),
        ("Harbour Works", ""),
    ],
)
def test_reads_titles(line: str, title: str) -> None:
    titles = profile_of(f"EXPERIENCE\n{line}\nmore of it").titles
    assert titles == ((title,) if title else ())


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Ann Example\nann@example.com", "Ann Example"),
        ("ANN EXAMPLE\nNurse", "ANN EXAMPLE"),
        ("CURRICULUM VITAE\nAnn van der Berg\n555-0100 555-0101", "Ann van der Berg"),
        ("Resume of Ann Example\nann@example.com", "Ann Example"),
        ("Name: Ann Example\nsome text", "Ann Example"),
        ("Ann Baker\nann@example.com", "Ann Baker"),
        ("Pastry Cook\nann@example.com", ""),
        ("INFORMATION TECHNOLOGY MANAGER\nann@example.com", ""),
        ("BUSINESS DEVELOPMENT\nann@example.com", ""),
        ("Example Works, Warren, NJ May 2016\nDriver", ""),
        ("ACCOUNTANT\nann@example.com", ""),
        ("Harbour Works\nwe built ships", ""),
        ("San Francisco, CA\nann@example.com", ""),
        ("瞿云舟\n运维工程师\nq@example.com", "瞿云舟"),
        ("个人简历\n姓名：瞿云舟\nq@example.com", "瞿云舟"),
        ("上官美兰，成本会计，现居东莞。q@example.com", "上官美兰"),
        ("職務経歴書\n黒木原 辰真（くろきばる たつま）\nk@example.com", "黒木原 辰真"),
        ("حنان زيتوني رحّال\nمترجمة قانونية\nh@example.com", "حنان زيتوني رحّال"),
        ("高级运维工程师\nq@example.com", ""),
        ("السيرة الذاتية\nh@example.com", ""),
    ],
)
def test_reads_names(text: str, name: str) -> None:
    assert profile_of(text).name == name


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("BSc Computer Science, 2010", ("BSc Computer Science",)),
        (
            "Bachelor of Science in Nursing - Example University",
            ("Bachelor of Science in Nursing",),
        ),
        (
            "Bachelor of Science : Electrical Engineering 2001",
            ("Bachelor of Science in Electrical Engineering",),
        ),
        ("MBA, Example School", ("MBA",)),
        ("M.A. in History", ("M.A. History",)),
        ("Boston, MA and Austin", ()),
        ("MS Office, MS Project, MS Excel", ()),
        ("worked with BA and QA", ()),
        ("High School Diploma", ("High School Diploma",)),
    ],
)
def test_reads_degrees(text: str, degrees: tuple[str, ...]) -> None:
    assert profile_of(f"EDUCATION\n{text}").education == degrees


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("Ann Example\nann@example.com\nTacoma, WA 98402", "Tacoma, WA"),
        ("Ann Example\nann@example.com | Oslo, Norway", "Oslo, Norway"),
        ("Ann Example\nann@example.com\nLocation: Leeds, England", "Leeds, England"),
        ("Ann Example\nTacoma, WA\nann@example.com", "Tacoma, WA"),
        ("Ann Example\nann@example.com\nTacoma,\nWA 98402", "Tacoma, WA"),
        ("Ann Example\nann@example.com\nWelding, Rigging", ""),
        ("Client: Example Inc., Washington\nDriver", ""),
    ],
)
def test_reads_locations(text: str, location: str) -> None:
    assert profile_of(text).location == location


def test_reads_a_passage_that_starts_in_the_middle() -> None:
    profile = profile_of("of the ward.\nStaff Nurse  Example Hospital 2012 - 2015\nUsed EpicCare")
    assert profile.titles == ("Staff Nurse",)
    assert profile.skills == ("EpicCare",)
    assert profile.years == 3
    assert profile.name == ""
