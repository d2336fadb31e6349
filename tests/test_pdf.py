"""PDFs of the sorts that are hard to read, each with what a person reads in it."""

import io
from pathlib import Path

import pytest

from cvseeker.resumes.clean import clean_text
from cvseeker.resumes.legibility import DOUBTFUL, legibility
from cvseeker.resumes.readers import ReadError, read_document
from cvseeker.resumes.readers.bidi import reading_order
from cvseeker.resumes.readers.font_codes import is_shifted, table_of

DATA = Path(__file__).parent / "data" / "pdf"


def _text(name: str) -> str:
    [document] = read_document(DATA / name)
    return clean_text(document.text)


def _lines(name: str) -> list[str]:
    return [line for line in _text(name).split("\n") if line]


def _drawn(folder: Path, *texts: tuple[float, float, str], **options: object) -> str:
    """Read a page with texts at (x, y), drawn in the order given."""
    from reportlab.pdfgen.canvas import Canvas

    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    for x, y, text in texts:
        canvas.drawString(x, y, text, **options)
    canvas.save()
    path = folder / "cv.pdf"
    path.write_bytes(buffer.getvalue())
    [document] = read_document(path)
    return document.text


@pytest.mark.parametrize("name", ["ligatures.pdf", "latex_ot1.pdf", "t1.pdf"])
def test_ligatures_are_whole_words(name: str) -> None:
    text = _text(name)
    lines = text.split("\n")
    assert lines[:2] == ["Griffith Duffield", "Office Manager"]
    assert lines[2].startswith("griffith.duffield@example.org")
    for words in ("Certified office manager with proficiency in workflow", "Netflix", "Airflow"):
        assert words in text
    assert "Office Manager, Fifield Refinery  2015 – 2022" in lines
    assert (
        "• Simplified the filing of staff certificates and notified the affected officers" in lines
    )


def test_codes_of_fonts_are_letters_by_what_else_the_font_has() -> None:
    cork = table_of({ord("a"), 0x1C, 0xB1}, is_tex=True)
    assert [chr(cork[code]) for code in (0x1C, 0x15, 0xB1, 0xFF)] == ["ﬁ", "–", "ś", "ß"]
    old = table_of({ord("a"), 0x0C}, is_tex=True)
    assert [chr(old[code]) for code in (0x0C, 0x19, 0x7B)] == ["ﬁ", "ß", "–"]
    assert set(table_of({0x0F, 0x88}, is_tex=True).values()) == {ord("•")}
    assert set(table_of(set(range(1, 90)), is_tex=False).values()) == {0xFFFD}


@pytest.mark.parametrize(
    ("text", "shifted"),
    [
        ("'DULXV)HOOJDWH([SHULHQFH", True),
        ("3URIHVVLRQDO([SHULHQFH", True),
        ("PROFESSIONALEXPERIENCE2012-2015", False),
        ("SUMMARY&SKILLS(SQL,AWS,GCP)", False),
        ("Professional Experience", False),
    ],
)
def test_numbers_of_glyphs_are_told_from_capitals(text: str, shifted: bool) -> None:
    assert is_shifted(text) == shifted


@pytest.mark.parametrize("name", ["one_font_lost.pdf", "one_font_unnamed.pdf"])
def test_what_one_font_does_not_name_is_no_word(name: str) -> None:
    [document] = read_document(DATA / name)
    assert "letters could not be read: their fonts name" in document.notes[0]
    text = clean_text(document.text)
    assert "Certified office manager with proficiency" in text
    assert set(text.split("\n")[0]) <= {"\ufffd", " "}
    assert not {"Griffith", "Profile", "3URfiOH"} & set(text.split())


@pytest.mark.parametrize(
    ("name", "first", "second"),
    [
        (
            "c03.pdf",
            [
                "Harbour Pilot, Humber Port Authority",
                "BSc Nautical Science, University of Plymouth",
            ],
            ["CONTACT", "tilda@example.com", "SKILLS", "Dredging", "LANGUAGES", "Dutch"],
        ),
        (
            "chrome_two.pdf",
            ["EXPERIENCE", "Harbour Pilot · Humber Port Authority", "EDUCATION", "BSc Nautical"],
            ["CONTACT", "Hull, United Kingdom", "SKILLS", "VHF procedure", "LANGUAGES", "Dutch"],
        ),
        (
            "threecol.pdf",
            ["Summary", "in outages.", "Skills", "Spark"],
            ["Experience", "Wrote the sales mart.", "Education", "Employee of the Year 2021"],
        ),
    ],
)
def test_columns_are_whole_and_one_after_the_other(
    name: str, first: list[str], second: list[str]
) -> None:
    text = _text(name)
    places = [text.index(words) for words in (*first, *second)]
    assert places == sorted(places)


def test_a_column_of_bare_skills_is_no_table(tmp_path: Path) -> None:
    skills = [(60, 600 - 14 * n, f"Skill {word}") for n, word in enumerate("one two three".split())]
    tools = [(300, 600 - 14 * n, f"Tool {word}") for n, word in enumerate("four five six".split())]
    below = [(60, 540 - 14 * n, f"Line {n} of the work below both") for n in range(3)]
    lines = _drawn(tmp_path, *skills, *tools, *below).split("\n")
    assert [line for line in lines if line] == [text for _, _, text in (*skills, *tools, *below)]


def test_dates_drawn_last_stay_beside_their_jobs(tmp_path: Path) -> None:
    jobs = [(60, 600 - 30 * n, f"Pastry chef in the hotel number {n}") for n in range(5)]
    dates = [(420, 600 - 30 * n, f"201{n} - 201{n + 1}") for n in range(5)]
    lines = [line for line in _drawn(tmp_path, *jobs, *dates).split("\n") if line]
    assert lines == [f"Pastry chef in the hotel number {n}\t201{n} - 201{n + 1}" for n in range(5)]


def test_dates_at_the_left_stand_beside_their_jobs_below_their_headings() -> None:
    lines = _lines("datesleft.pdf")
    assert lines[2:5] == [
        "Experience",
        "2012 - 2021  Harbour Pilot, Humber Port Authority",
        "Brought tankers of up to 120,000 tonnes to their berths at night",
    ]
    assert "2009 - 2012  Second Mate, Northern Coasters Ltd" in lines
    assert lines[lines.index("Education") + 1].startswith("2006 - 2009  BSc Nautical Science")
    assert lines[lines.index("Skills") + 1] == "Navigation  Radar, ECDIS, charts"


def test_arabic_is_read_from_right_to_left() -> None:
    assert _lines("chrome_ar.pdf") == [
        "ليلى حسن الكردي",
        "مهندسة معمارية",
        "layla.kurdi@example.jo | +962 7 9555 0143 | عمّان، الأردن",
        "الخبرة العملية",
        "مهندسة معمارية أولى، مكتب النخيل للاستشارات، عمّان، 2016 - 2022",
        "تصميم المدارس والمستشفيات والإشراف على التنفيذ باستخدام AutoCAD و Revit منذ عام 2016",
        "المهارات",
        "AutoCAD، Revit، SketchUp",
    ]


def test_columns_of_a_text_from_right_to_left_begin_at_the_right() -> None:
    lines = _lines("arabic_columns.pdf")
    main, side = lines[3:17], lines[17:]
    assert main[:2] == [
        "نبذة",
        "مهندسة معمارية تعمل في تصميم المدارس والمستشفيات وتشرف على التنفيذ في",
    ]
    assert "• صممت سبع مدارس في القرى وأشرفت على بنائها حتى يوم الافتتاح" in main
    assert side[:4] == ["المهارات", "الرسم", "التخطيط", "الإشراف"]


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("םולש", "שלום"),
        ("2022 - 2016 ןודנול", "לונדון 2016 - 2022"),
        ("2016-2022 ןודנול", "לונדון 2016-2022"),
        ("AutoCAD Revit תא עדוי", "יודע את AutoCAD Revit"),
        (")הריכב( תסדנהמ", "מהנדסת (בכירה)"),
        ("(הריכב) תסדנהמ", "מהנדסת (בכירה)"),
    ],
)
def test_numbers_and_other_scripts_keep_their_direction(seen: str, read: str) -> None:
    assert reading_order(seen, leftward=True) == read


def test_a_name_in_hebrew_within_english_text_is_read_from_right_to_left() -> None:
    seen = "Known as (ןהכ הנח) since 2016, Haifa"
    assert reading_order(seen, leftward=False) == "Known as (חנה כהן) since 2016, Haifa"


def test_fields_of_a_form_stand_beside_their_labels() -> None:
    lines = _lines("form.pdf")
    assert lines[:3] == [
        "Name:  Tilda Hawksworth",
        "Position sought:  Harbour Pilot",
        "Experience:  Harbour Pilot, Humber Port Authority, 2012 - 2021",
    ]


def test_text_on_its_side_does_not_mix_with_what_stands_upright() -> None:
    lines = _lines("rotated.pdf")
    assert lines[0] == "Darius Fellgate"
    assert lines[-1] == "CURRICULUM VITAE"


def test_a_name_of_two_lines_comes_first() -> None:
    lines = _lines("twoline_name.pdf")
    assert lines[:2] == ["DARIUS", "FELLGATE"]
    assert lines.index("COMPÉTENCES") < lines.index("Python") < lines.index("PROFIL")


def test_a_font_that_names_other_letters_is_refused() -> None:
    with pytest.raises(ReadError, match="unreadable text layer: its fonts name other letters"):
        read_document(DATA / "caesar.pdf")


SOUND = {
    "en": "I led the team that moved the accounts of the firm to a new system, and trained those "
    "who use it each day. I also wrote the plan for the next year and met with the people who pay.",
    "de": "Ich habe das Team geleitet, das die Konten der Firma in ein neues System gebracht hat, "
    "und alle geschult, die damit jeden Tag arbeiten. Auch den Plan für das Jahr habe ich gemacht.",
    "pl": "Kierowałem zespołem, który przeniósł konta firmy do nowego systemu, i szkoliłem tych, "
    "którzy pracują z nim każdego dnia. Napisałem też plan na następny rok i byłem na spotkaniach "
    "z ludźmi, którzy za to płacą.",
    "ru": "Я руководил командой, которая перенесла счета компании в новую систему, и учил тех, "
    "кто работает с ней каждый день. Также я написал план на год и был на встречах с людьми.",
    "zh": "我带领团队把公司的账目转移到新的系统, 并且培训每天使用它的人. 我还写了明年的计划, "
    "参加了和客户的会议.",
}


@pytest.mark.parametrize("language", SOUND)
def test_sound_text_is_legible_and_other_letters_in_its_place_are_not(language: str) -> None:
    text = SOUND[language]
    known = legibility(text)
    assert known is not None
    assert known > 0.35
    # The code of each letter moved on, as by a font whose table is off by some places.
    moved = "".join(chr(ord(char) + 5) if char.isalpha() else char for char in text)
    if language != "zh":
        assert (legibility(moved) or 0) < DOUBTFUL


def test_few_words_and_unknown_scripts_are_not_judged() -> None:
    assert legibility("Python SQL Airflow") is None
    assert legibility("ผมเป็นหัวหน้าทีม " * 40) is None
