"""Files that were once read wrong, each of a kind, through the real command.

``CVSEEKER_CASES`` names their folder. Where it does not, only what is written here is read.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

import pytest

from cvseeker.core.files import read_jsonl
from cvseeker.core.records import Passage, Profile, Resume
from cvseeker.resumes import Ingested, PersonName, read_insights, redact

CASES = os.environ.get("CVSEEKER_CASES", "")
given = pytest.mark.skipif(not CASES, reason="CVSEEKER_CASES names no folder")
HERE = {
    "here/comma.txt": "AVERELL, Jordan\nAustin, TX | (512) 555-0148 | jordan.averell@example.com\n"
    "\nExperience\nCall Centre Agent, Bluebird Telecom, 2019 - 2024\n"
    "• Answered sixty calls a day and trained new starters in the spring\n",
    "here/exported.txt": "Contact\nwww.linkedin.com/in/mira-fellgate-5b1a (LinkedIn)\n\n"
    "Top Skills\nZendesk\nCoaching\n\nCertifications\nFirst Aid at Work\n\nMira Fellgate\n"
    "Team Lead at Bluebird Telecom\nAustin, Texas Metropolitan Area\n\nExperience\n\n"
    "Bluebird Telecom\nTeam Lead\nMarch 2021 - Present (3 years 1 month)\n",
    "here/referees.txt": "Ilse Marwood\nQuality Manager\nilse.marwood@example.com | Leeds\n\n"
    "Experience\nQuality Manager, Brackwell Foods, since March 2014\nLed audits of ISO 9001.\n\n"
    "References\n\nDr Anna Bergmark, Head of Nursing\nOslo Hospital\nanna@oslo.example\n\n"
    "Name: Peter Vanholt\nPosition: Plant Manager\n+44 7700 900123\n",
}


class Got(NamedTuple):
    """What became of a file: its row, its résumés, and what an LLM is shown of the person."""

    row: Mapping[str, object]
    resumes: list[Resume]
    shown: str
    group: str

    @property
    def text(self) -> str:
        return "\n".join(resume.text for resume in self.resumes)

    @property
    def profile(self) -> Profile:
        return self.resumes[0].profile


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Got]:
    """Read all of them at once."""
    folder, workspace = tmp_path_factory.mktemp("cases"), tmp_path_factory.mktemp("w") / "w"
    if CASES:
        unread = shutil.ignore_patterns("expected.txt", "actual.txt", "*.tex")
        shutil.copytree(CASES, folder, ignore=unread, dirs_exist_ok=True)
    (folder / "here").mkdir()
    for name, text in HERE.items():
        (folder / name).write_text(text, "utf-8")
    command = [sys.executable, "-m", "cvseeker", "ingest", str(folder), "-w", str(workspace)]
    subprocess.run(command, check=True, capture_output=True)
    ingested = Ingested(workspace / "ingest")
    names, passages = ingested.names(), list(ingested.passages())
    found: dict[str, Got] = {}
    for row in read_jsonl(workspace / "ingest" / "files.jsonl"):
        resumes = [one for one in ingested.resumes() if one.resume_id.split("#")[0] == row["file"]]
        own = {one.resume_id for one in resumes}
        groups = [one.person_group for one in passages if one.resume_id in own]
        shown = _shown(passages, own, names)
        found[row["file"]] = Got(row, resumes, shown, groups[0] if groups else "")
    return found


def _shown(passages: list[Passage], own: set[str], names: Mapping[str, str]) -> str:
    return "\n".join(
        redact(one.text, name=names.get(one.resume_id, "")).text
        for one in passages
        if one.resume_id in own
    )


def lines(text: str) -> list[str]:
    return [re.sub(r"\s+", " ", line).strip() for line in text.split("\n") if line.strip()]


def years_since(year: int, month: int) -> int:
    today = date.today()
    return (12 * (today.year - year) + today.month - month) // 12


def test_a_name_before_which_the_family_s_stands_is_an_insight(read: dict[str, Got]) -> None:
    got = read["here/comma.txt"]
    assert got.profile.name == "Jordan AVERELL"
    assert got.profile.location == "Austin, TX"
    assert "averell" not in got.shown.lower()


def test_below_a_sidebar_somebody_s_name_and_title_stand(read: dict[str, Got]) -> None:
    got = read["here/exported.txt"]
    assert got.profile.name == "Mira Fellgate"
    certificates = [one.value for one in got.resumes[0].insights if one.kind == "certificate"]
    assert certificates == ["First Aid at Work"]
    assert "fellgate" not in got.shown.lower()


def test_names_of_referees_are_masked(read: dict[str, Got]) -> None:
    shown = read["here/referees.txt"].shown
    assert not re.search("Anna|Bergmark|Peter|Vanholt|Marwood", shown)
    assert {"Dr [NAME], Head of Nursing", "Oslo Hospital", "Position: Plant Manager"} <= set(
        lines(shown)
    )
    assert read["here/referees.txt"].profile.years == years_since(2014, 3)


def test_lists_of_other_scripts_are_lists() -> None:
    text = (
        "職務経歴書\n氏名：佐藤 美咲\nメール：misaki.sato@example.jp\n\nスキル\nJava、Oracle、Linux"
    )
    profile = Profile.of(read_insights(text))
    assert profile.name == PersonName.from_text(text).full == "佐藤 美咲"
    assert profile.skills == ("Java", "Oracle", "Linux")
    assert profile.titles == ()
    assert "美咲" not in redact(text).text


@given
@pytest.mark.parametrize("name", ["ligatures", "latex_ot1"])
def test_ligatures_are_letters(read: dict[str, Got], name: str) -> None:
    got = read[f"1_ligatures_split/{name}.pdf"]
    assert lines(got.text)[:2] == ["Griffith Duffield", "Office Manager"]
    assert lines(got.text)[2].startswith("griffith.duffield@example.org")
    text = " ".join(lines(got.text))
    words = "Profile", "Certified office manager with proficiency in workflow", "Airflow", "Netflix"
    assert all(word in text for word in words)
    assert ("Sheffield" in text) is (name == "ligatures")
    assert got.profile.name == "Griffith Duffield"
    assert got.profile.titles == ("Office Manager",)
    assert {"TensorFlow", "Netflix OSS"} <= set(got.profile.skills)


@given
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_damage_is_not_learnt_from(read: dict[str, Got], number: int) -> None:
    text = read[f"1_ligatures_split/poisoned/sound_{number}.txt"].text
    assert text.count("office") == 3
    assert "of fice" not in text


@given
def test_ligatures_of_t1_fonts_are_letters(read: dict[str, Got]) -> None:
    got = read["2_latex_t1_letters_lost/t1.pdf"]
    if got.row["status"] == "duplicate":
        got = read[str(got.row["reason"]).removeprefix("same text as ")]
    assert lines(got.text)[:2] == ["Griffith Duffield", "Office Manager"]
    assert "Certified office manager with proficiency in workflow and filing" in got.text
    assert "2015 – 2022" in got.text
    assert got.profile.years == 7


@given
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("twoline_name.pdf", "darius fellgate"),
        ("table2col.docx", "tove lindqvist"),
        ("biodata.docx", "tove lindqvist"),
        ("rotated.pdf", "darius fellgate"),
        ("sec_letterspaced.txt", "jordan averell"),
        ("sec_topskills.txt", "jordan averell"),
        ("name_comma.txt", "jordan averell"),
        ("name_lower.txt", "jordan averell"),
        ("name_five.txt", "maria conceição albuquerque souza lima"),
        ("name_hindi_header.txt", "rajesh kumar"),
        ("dates_zh.txt", "王晓明 晓明 0013"),
        ("dates_ja.txt", "佐藤 美咲"),
    ],
)
def test_no_file_keeps_its_candidate_s_name(read: dict[str, Got], name: str, parts: str) -> None:
    got = read[f"3_name_not_masked/{name}"]
    shown = re.sub(r"(?<=\b\w) (?=\w\b)", "", got.shown.lower())
    assert "[name]" in shown
    assert not [part for part in parts.split() if part in shown]


@given
def test_no_number_of_a_person_is_shown(read: dict[str, Got]) -> None:
    shown = read["4_ids_birthdates_phones_not_masked/cv.txt"].shown
    kept = set(re.findall(r"\d{2,}", shown))
    assert kept <= {"9001", "2014", "2022"}
    assert "ISO 9001" in shown
    assert "2014 - 2022" in shown
    assert "Krucza" not in shown


@given
def test_titles_are_read_whatever_parts_them_from_employers(read: dict[str, Got]) -> None:
    assert read["5_titles_missed/cv.txt"].profile.titles == (
        "Administrative Assistant",
        "Team Lead",
        "Research Assistant",
        "Software Engineering Intern",
        "Project manager",
        "Managing Director",
        "Quality Engineer",
    )
    assert read["5_titles_missed/name_as_title.txt"].profile.titles == ("Senior Engineer",)


@given
@pytest.mark.parametrize(
    ("name", "years"),
    [
        ("present", years_since(2009, 3)),
        ("iso", 12),
        ("days", 12),
        ("foreign", years_since(2009, 1)),
        ("since", years_since(2009, 3)),
        ("not_work", 7),
    ],
)
def test_years_are_those_of_the_jobs(read: dict[str, Got], name: str, years: int) -> None:
    told = read[f"6_years_wrong/{name}.txt"].profile.years
    assert told is not None
    assert abs(told - years) <= (name in ("present", "foreign", "since"))


@given
@pytest.mark.parametrize("name", ["chrome_two", "c03"])
def test_columns_stand_one_after_the_other(read: dict[str, Got], name: str) -> None:
    text = read[f"7_columns_as_table_and_rtl/{name}.pdf"].text
    side = [text.index(word) for word in ("CONTACT", "SKILLS", "LANGUAGES", "Dutch")]
    main = [text.index(word) for word in ("EXPERIENCE", "Second Mate", "EDUCATION", "Plymouth")]
    assert side == sorted(side)
    assert main == sorted(main)
    assert side[-1] < main[0] or main[-1] < side[0]


@given
def test_three_columns_stand_one_after_the_other(read: dict[str, Got]) -> None:
    text = read["7_columns_as_table_and_rtl/threecol.pdf"].text
    words = "Summary", "in outages", "Skills", "Experience", "BI Analyst", "Wrote the sales mart"
    places = [text.index(word) for word in (*words, "Education", "Plains University", "Awards")]
    assert places == sorted(places)


@given
def test_dates_at_the_left_stand_beside_their_jobs(read: dict[str, Got]) -> None:
    got = read["7_columns_as_table_and_rtl/datesleft.pdf"]
    text = got.text
    words = "2012 - 2021", "2009 - 2012", "Education", "2006 - 2009", "Skills", "Radar"
    places = [text.index(word) for word in words]
    assert places == sorted(places)
    assert places[0] < text.index("Humber Port") < places[1] + len("2009 - 2012 Second Mate, ")
    assert got.profile.titles == ("Harbour Pilot", "Second Mate")
    assert got.profile.years == 12
    assert not [skill for skill in got.profile.skills if re.search("Port|Coasters|Mate", skill)]


@given
def test_arabic_is_read_from_the_right(read: dict[str, Got]) -> None:
    text = read["7_columns_as_table_and_rtl/chrome_ar.pdf"].text
    places = [
        text.index(words) for words in ("ليلى حسن الكردي", "مهندسة معمارية", "الخبرة العملية")
    ]
    assert places == sorted(places)


@given
def test_every_version_of_a_json_resume_is_read(read: dict[str, Got]) -> None:
    folder = "8_json_resume_loss"
    old = read[f"{folder}/v0_company.json"].text
    assert "Maison Perle" in old
    assert "Boulangerie Roux" in old
    new = read[f"{folder}/v1.json"].profile
    assert new.years == 10
    assert "Lille" in new.location
    roles = read[f"{folder}/roles.json"]
    assert set(roles.profile.titles) == {"Pastry Chef", "Commis Pastry Cook"}
    assert "2016" in roles.text
    reactive = read[f"{folder}/reactive_resume.json"]
    words = "Maison Perle", "Pastry Chef", "CFA Lille", "Tempering", "Sugar work"
    assert reactive.row["status"] == "failed" or all(word in reactive.text for word in words)


@given
@pytest.mark.parametrize("name", ["letters", "a-circumflex"])
def test_endless_words_cost_no_time_and_no_text(read: dict[str, Got], name: str) -> None:
    text = read[f"slow_patterns/{name}.txt"].text
    assert "Registered nurse with eight years of intensive care experience" in text


@given
@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("dates_fr", (2012, 3)),
        ("dates_de2", (2013, 4)),
        ("dates_es", (2011, 6)),
        ("dates_pl", (2011, 2)),
    ],
)
def test_headings_are_known_in_other_languages(
    read: dict[str, Got], name: str, start: tuple[int, int]
) -> None:
    (resume,) = read[f"x_foreign_headings/{name}.txt"].resumes
    wanted = {"experience", "education", "skills"}
    wanted |= {"interests"} if name in ("dates_fr", "dates_de2") else set()
    wanted |= {"languages"} if name != "dates_pl" else set()
    assert wanted <= {section.kind for section in resume.sections}
    assert resume.profile.years is not None
    assert abs(resume.profile.years - years_since(*start)) <= 1


@given
def test_versions_in_two_languages_are_one_person(read: dict[str, Got]) -> None:
    folder = "x_same_person_two_groups"
    assert read[f"{folder}/fr.txt"].group == read[f"{folder}/en.txt"].group


@given
def test_xml_forms_and_tables_are_read_or_refused(read: dict[str, Got]) -> None:
    folder = "x_xml_csv_font_silently_ok"
    for name in ("europass.xml", "hrxml.xml", "form.pdf"):
        got = read[f"{folder}/{name}"]
        assert not re.search("<[A-Za-z]|KwW", got.text), name
        assert got.row["status"] == "failed" or len(got.text) > 40, name
    assert read[f"{folder}/caesar.pdf"].row["status"] == "failed"
    for name in ("xl.csv", "columns.csv", "backslash.csv"):
        assert len(read[f"{folder}/{name}"].resumes) == 2, name
    columns = read[f"{folder}/columns.csv"].text
    words = "Accountant", "University of Leeds", "Leeds, United Kingdom", "CAP Pastry", "Lille"
    assert all(word in columns for word in words)
