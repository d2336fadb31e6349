import re
import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cvseeker.resumes.clean import clean_text
from cvseeker.resumes.spacing import SpacingRepair

CORPUS = [
    *["led project management in data science and machine learning"] * 12,
    *["a data-driven team of software engineers with TensorFlow skills"] * 12,
    *["worked as a design engineer with the development of healthcare software"] * 12,
    *["nurse in charge of the website and of the ward"] * 12,
]


@pytest.fixture(scope="module")
def repair() -> SpacingRepair:
    return SpacingRepair(CORPUS)


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("o\ufb03ce \ufb01le", "office file"),
        ("two\u00a0words\u2003here", "two words here"),
        ("zero\u200bwidth\ufeff soft\u00adhyphen", "zerowidth softhyphen"),
        ("bell\x07 and \x00nul", "bell and nul"),
        ("a\r\nb\rc\x0bd\u2028e", "a\nb\nc\nd\ne"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("page one\fpage two", "page one\n\npage two"),
        ("Title \t  Company", "Title  Company"),
        ("cafÃ© â€“ naÃ¯ve", "café – naïve"),
        ("CompanyNameï¼\x8c City", "CompanyName\uff0c City"),
        ("Reliable Â\nCompany ï¼ City", "Reliable\nCompany, City"),
        ("S K I L L S", "SKILLS"),
        ("W O R K  H I S T O R Y", "WORK HISTORY"),
        ("J O R D A N   A V E R E L L", "JORDAN  AVERELL"),
        ("S K I L L S  &  T O O L S", "SKILLS & TOOLS"),
        ("E DUCATION", "EDUCATION"),
        ("AWA R D S", "AWARDS"),
        ("C O N TA C T", "CONTACT"),
        ("W O R K E X P E R I E N C E", "WORK EXPERIENCE"),
        ("É D U C AT I O N", "ÉDUCATION"),
        ("\uf0b7 Led a team", "• Led a team"),
        ("●  Led a team", "• Led a team"),
        ("•\n\nLed a team", "• Led a team"),
        ("cafe\u0301", "café"),
        ("\ud800broken", "broken"),
    ],
)
def test_cleans(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


@pytest.mark.parametrize(
    "text",
    [
        "Ã",
        "â€",
        "A B C",
        "I V",
        "A LEVEL",
        "B.A. HISTORY",
        "PLAN B",
        "C C++ R SQL",
        "TEAM A",
        "Straße",
        "C++ and C#",
        "5°",
        "नौकरी",
    ],
)
def test_leaves_what_is_sound(text: str) -> None:
    assert clean_text(text) == text


def test_justified_lines_have_no_columns() -> None:
    assert clean_text("Two  year  5  months  experience") == "Two year 5 months experience"


def test_keeps_joiners_between_letters_that_need_them() -> None:
    assert clean_text("می\u200cخواهم") == "می\u200cخواهم"
    assert clean_text("a\u200cb") == "ab"


def letters(text: str) -> str:
    """Return the letters and digits of a text; compatibility forms are spelt out."""
    return "".join(char for char in unicodedata.normalize("NFKC", text) if char.isalnum())


ascii_text = st.text(st.characters(min_codepoint=9, max_codepoint=126), max_size=200)


@given(st.text(max_size=200))
@example("Ã\x83Â©")
@example("•\n• a")
@example("A  B  C  D\tE")
@example("\u200c\u00ad\u200d")
@settings(max_examples=300, deadline=None)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean_text(clean_text(text)) == clean_text(text)


@given(ascii_text)
@settings(max_examples=300, deadline=None)
def test_cleaning_keeps_letters_and_digits(text: str) -> None:
    assert letters(clean_text(text)) == letters(text)


@given(st.lists(ascii_text, max_size=5))
@settings(max_examples=100, deadline=None)
def test_cleaning_keeps_lines(lines: list[str]) -> None:
    text = "\n".join(re.sub(r"[^a-z ]", "", line) for line in lines)
    kept = [line.strip() for line in text.split("\n") if line.strip()]
    cleaned = [line for line in clean_text(text).split("\n") if line]
    assert [letters(line) for line in cleaned] == [letters(line) for line in kept]


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("manag ement", "management"),
        ("s cienc e", "science"),
        ("Tenso rFlow", "TensorFlow"),
        ("data -driven", "data-driven"),
        ("data- driven", "data-driven"),
        ("projectmanagement", "project management"),
        ("ProjectManagement", "Project Management"),
        ("PROJECTMANAGEMENT", "PROJECT MANAGEMENT"),
        ("Workedasadesignengineer", "Worked as a design engineer"),
        ("chargeofthe ward", "charge of the ward"),
        ("develop-\nment of healthcare", "development\nof healthcare"),
        ("data-\ndriven team", "data-driven\nteam"),
    ],
)
def test_mends_spacing(repair: SpacingRepair, broken: str, mended: str) -> None:
    assert repair.repair(broken) == mended


@pytest.mark.parametrize(
    "text",
    [
        "website",
        "healthcare",
        "Zanzibar",
        "ward of the website",
        "a team of engineers",
        "projectmanagement@example.com",
        "www.projectmanagement.example",
        "XXXXXX",
        "tail-\nwagging",
        "skills -\ndata",
    ],
)
def test_leaves_spacing_without_evidence(repair: SpacingRepair, text: str) -> None:
    assert repair.repair(text) == text


def test_a_small_collection_proves_nothing() -> None:
    repair = SpacingRepair(["project management", "projectmanagement"])
    assert repair.repair("projectmanagement sci ence") == "projectmanagement sci ence"


def test_where_no_text_teaches_none_is_mended() -> None:
    assert SpacingRepair([]).repair("inof onat projectmanagement") == "inof onat projectmanagement"


SURVEYOR = "ran the office of the canal board, taught office staff and moved the head office"
CLERK = "kept the of fice of the harbour master and the papers of the port"


@pytest.mark.parametrize("sound", [1, 5])
@pytest.mark.parametrize("broken", [3, 30])
def test_broken_words_teach_no_sound_text(sound: int, broken: int) -> None:
    repair = SpacingRepair([SURVEYOR] * sound + [CLERK] * broken)
    assert repair.repair(SURVEYOR) == SURVEYOR


def test_words_broken_at_their_ligatures_are_mended_however_many_are() -> None:
    texts = ["an office with staff for the workflow of the first floor"] * 3
    broken = "an of fice with staf f for the work flow, workf low of the f irst floor"
    repair = SpacingRepair([*texts, *[broken] * 9])
    mended = repair.repair("an of fice with staf f for the workf low of the f irst floor")
    assert mended == texts[0]
    assert repair.repair("of first floor") == "of first floor"


words = st.sampled_from(
    "project management data driven data-driven of the a science s cienc e tenso rflow "
    "ofthe projectmanagement develop- ment health care Team IT 2019 9".split()
)


@given(st.lists(st.tuples(words, st.sampled_from([" ", "\n", "", ", ", " -"])), max_size=30))
@settings(max_examples=300, deadline=None)
def test_repair_keeps_letters_and_settles(
    repair: SpacingRepair, pieces: list[tuple[str, str]]
) -> None:
    text = "".join(word + gap for word, gap in pieces)
    mended = repair.repair(text)
    assert letters(mended) == letters(text)
    assert mended.count("\n") == text.count("\n")
    assert repair.repair(mended) == mended
