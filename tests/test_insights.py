from datetime import date

import pytest

from cvseeker.core.insights import Profile
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
    assert profile.skills == (
        "AutoCAD",
        "TIG",
        "MIG",
        "blueprint reading",
        "crane operation",
        "first aid",
    )
    assert profile.education == ("BSc Mechanical Engineering",)
    assert profile.languages == ("Norwegian", "English", "German")
    assert profile.location == "Tacoma, WA"
    # March 2014 to today, after 06/2008 - 02/2014.
    assert profile.years == date.today().year - 2008 - (date.today().month < 5)


def test_an_empty_text_has_an_empty_profile() -> None:
    assert profile_of("") == Profile()


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("ACCOUNTANT", "Accountant"),
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
        ("ANN EXAMPLE\nNurse", "Ann Example"),
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


def test_titles_stand_before_employers_with_any_sign_between() -> None:
    profile = profile_of(
        "Ilse Marwood\nAdministrative Assistant\nilse.marwood@example.com | Leeds, United Kingdom\n"
        "\nExperience\nTeam Lead, Bluebird Telecom, 2019 - 2022\n"
        "Led nine agents who look after small firms and wrote their handbook.\n"
        "Research Assistant, Hudson Institute of Soils, 2016 - 2019\n"
        "Sampled 300 plots and wrote the field protocol in use today.\n"
        "Software Engineering Intern, Tallgrass Software, 2015 - 2015\n"
        "Wrote the regression suite for the billing product.\n"
        "Project manager, Fenwick Grocers, 2012 - 2015\n"
        "Moved forty shops to new tills in eleven months.\n"
        "Managing Director, Marwood & Co, 2009 - 2012\n"
        "Ran a firm of six that kept the books of farmers.\n"
        "Quality Engineer · Oakmere Ltd · 2007 - 2009\n"
        "Checked incoming goods and kept the register of complaints."
    )
    assert profile.titles == (
        "Administrative Assistant",
        "Team Lead",
        "Research Assistant",
        "Software Engineering Intern",
        "Project manager",
        "Managing Director",
        "Quality Engineer",
    )


def test_a_name_that_ends_in_a_trade_is_no_title() -> None:
    profile = profile_of(
        "CONTACT\njane.smith@example.com\n\nEXPERIENCE\n"
        "Senior Engineer, Bluebird Telecom, 2015 - 2019\n"
        "Kept the exchange running through two floods and a fire, and trained four apprentices.\n"
        "\nJane Smith\nREFERENCES\n"
        "On request, from the chief engineer and from the works council of the exchange in Leeds."
    )
    assert profile.titles == ("Senior Engineer",)


@pytest.mark.parametrize(
    ("line", "title", "employer"),
    [
        ("Bluebird Telecom - Team Lead (2019 - 2022)", "Team Lead", "Bluebird Telecom"),
        ("Team Lead, Bluebird Telecom (2019 - 2022)", "Team Lead", "Bluebird Telecom"),
        ("2019 – 2022 | Office Manager | Oakmere Ltd", "Office Manager", "Oakmere Ltd"),
        ("Jan 2019 - today  Night Nurse at St Brid's Clinic", "Night Nurse", "St Brid's Clinic"),
        ("Bäckermeister bei Holm & Söhne, 2011 - 2014", "Bäckermeister", "Holm & Söhne"),
        ("Teamleiterin Einkauf, Nordwerk GmbH, seit 2018", "Teamleiterin Einkauf", "Nordwerk GmbH"),
        ("Chef de projet, Atelier Morin, 2012 - 2015", "Chef de projet", "Atelier Morin"),
        ("Ingeniera de datos | Olivar SA | 2016 - 2020", "Ingeniera de datos", "Olivar SA"),
        ("Księgowa, Zielony Dom, 2010 - 2013", "Księgowa", "Zielony Dom"),
        ("2015 - 2019  软件工程师  青山科技", "软件工程师", ""),
    ],
)
def test_an_entry_tells_title_and_employer_in_any_order(
    line: str, title: str, employer: str
) -> None:
    found = read_insights(f"Mira Voss\nmira@example.com\n\nEXPERIENCE\n{line}\nRan it well.")
    assert [one.value for one in found if one.kind == "title"] == [title]
    if employer:
        assert [one.value for one in found if one.kind == "employer"] == [employer]


def test_every_insight_has_its_stretch_and_nothing_is_told_twice() -> None:
    found = read_insights(f"{RESUME}\n{RESUME}")
    told = [(one.kind, one.value.casefold()) for one in found if not one.kind.endswith("years")]
    assert len(told) == len(set(told))
    assert all(0 < one.confidence <= 1 for one in found)
    kinds = {one.kind for one in found}
    assert {"name", "title", "employer", "degree", "institution", "skill", "language"} <= kinds


def test_the_name_that_heads_a_page_is_no_employer() -> None:
    again = RESUME.replace("Welder, Nordhavn Yard", "Welder, MIRA VOSS")
    assert profile_of(again).name == "Mira Voss"
    found = read_insights(again)
    assert [one.value for one in found if one.kind == "employer"] == ["Harbour Works"]


def test_languages_have_one_name_in_whatever_language() -> None:
    text = "SPRACHEN\nDeutsch (Muttersprache), Englisch, Französisch"
    assert profile_of(text).languages == ("German", "English", "French")


def test_certificates_are_the_entries_of_their_section() -> None:
    found = read_insights("CERTIFICATES\nCWI Inspector, 2014\n2016 First Aid at Work | Red Cross")
    assert [one.value for one in found if one.kind == "certificate"] == [
        "CWI Inspector",
        "First Aid at Work",
    ]


def test_what_lies_far_behind_is_not_read() -> None:
    found = read_insights("word " * 20_000 + "\nSKILLS\nTIG, MIG")
    assert not {"TIG", "MIG"} & {one.value for one in found}
