"""Lines, chunks, corpus statistics and the key phrases made of them."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.queries.offline.chunks import chunks, stem
from cvseeker.queries.offline.glue import is_glued
from cvseeker.queries.offline.lexicon import STOP_WORDS
from cvseeker.queries.offline.phrases import key_phrases
from cvseeker.queries.offline.rarity import CorpusStatistics, may_start_end_name
from cvseeker.retrieval.lines import unwrap

NURSE = """Clinical experience
Managed wound care and dialysis access for renal transplant patients on a 34-bed ward.
Trained new staff nurses in peritoneal dialysis and infection control.
Skills: phlebotomy, Epic, triage, telemetry"""
BAKER = """Bakery
Baked sourdough bread and laminated pastry every night, four hundred loaves a shift.
Ordered rye flour and trained apprentices in dough fermentation and infection control."""
CLERK = """Office
Filed invoices and answered the telephone; kept the stock list in a spreadsheet."""


def count(*texts: str) -> CorpusStatistics:
    statistics = CorpusStatistics()
    for text in texts:
        statistics.add(text)
    return statistics


def phrases_of(text: str, *others: str, **options: frozenset[str]) -> list[str]:
    statistics = count(text, *others)
    return [phrase.text for phrase in key_phrases(unwrap(text), statistics, **options)]


@pytest.mark.parametrize(
    ("forms", "others"),
    [
        (("train", "trained", "training", "trains"), "tree"),
        (("policy", "policies"), "police"),
        (("budget", "budgets", "budgeting", "Budget's"), "bus"),
        (("plan", "planned", "planning"), "plane crash"),
    ],
)
def test_forms_of_a_word_share_a_stem(forms: tuple[str, ...], others: str) -> None:
    assert len({stem(form) for form in forms}) == 1
    assert stem(others) != stem(forms[0])


def test_short_words_keep_their_letters() -> None:
    assert [stem(word) for word in ("SAS", "bus", "R", "red", "sing")] == [
        "sas",
        "bus",
        "r",
        "red",
        "sing",
    ]


def test_wrapped_lines_are_joined_and_bullets_dropped() -> None:
    text = "• Negotiated the renewal of forty supplier contracts in\n  the northern region\n- Excel"
    assert unwrap(text) == [
        "Negotiated the renewal of forty supplier contracts in the northern region",
        "Excel",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Name: Jane Doe",
        "Date of birth: 1 May 1990",
        "Father's name : John Doe",
        "Marital status: single",
        "E-mail jane@example.com",
        "Phone (555) 555-0142",
        "12 Orchard Street, Springfield",
        "H.No 4, Example Nagar",
        "References available",
    ],
)
def test_personal_data_are_left_out(line: str) -> None:
    assert unwrap(line) == []


def test_contact_details_inside_a_line_are_left_out() -> None:
    (line,) = unwrap("Welder, see www.example.com or jane@example.com or +1 (555) 555-0142 now")
    assert "example" not in line
    assert not any(char.isdigit() for char in line)


def test_chunks_end_at_punctuation_function_words_and_past_verbs() -> None:
    found = [" ".join(chunk.words) for chunk in chunks(unwrap(NURSE))]
    assert "wound care and dialysis access" in found
    assert "renal transplant patients" in found
    words = {word.lower() for chunk in found for word in chunk.split()}
    assert not words & STOP_WORDS - {"and"}
    assert not any("managed" in words.lower() for words in found)


@pytest.mark.parametrize("name", ["C++", "C#", ".NET", "PL/SQL", "Node.js", "B.Com", "R&D", "3D"])
def test_names_of_tools_stay_whole(name: str) -> None:
    (chunk,) = chunks([name])
    assert chunk.words == [name]


def test_what_all_passages_say_is_no_key_phrase() -> None:
    found = phrases_of(NURSE, *(BAKER.replace("rye", word) for word in string.ascii_lowercase))
    assert "peritoneal dialysis" in found
    assert "infection control" not in found


def test_no_phrase_begins_or_ends_badly() -> None:
    for text in (NURSE, BAKER, CLERK):
        for phrase in phrases_of(text, NURSE, BAKER, CLERK):
            words = phrase.lower().split()
            assert words[0] not in STOP_WORDS
            assert words[-1] not in STOP_WORDS | {"and", "of"}
            assert words[0] not in {"managed", "trained", "baked", "ordered", "filed"}


def test_no_phrase_holds_what_is_banned() -> None:
    assert any("dialysis" in phrase for phrase in phrases_of(NURSE, BAKER))
    banned = frozenset({stem("dialysis")})
    assert not any("dialysis" in phrase for phrase in phrases_of(NURSE, BAKER, banned=banned))


def test_no_phrase_repeats_another() -> None:
    found = phrases_of(NURSE, BAKER, CLERK)
    assert len(found) > 4
    assert not any(a != b and f" {a} " in f" {b} " for a in found for b in found)


def test_words_that_lost_their_spaces_are_noticed() -> None:
    plain = ["The team of designers did the financial analysis and technical support here"] * 12
    frequencies = count(*plain, "keyboard income contractor").frequencies
    for glued in ("designersand", "ofdesigners", "financialanalysis", "technicalsupport"):
        assert is_glued(glued, frequencies), glued
    sound = "designers income contractor keyboard understand Maryland office healthcare Toronto"
    for word in sound.split():
        assert not is_glued(word, frequencies), word


def test_the_usual_spelling_is_taken() -> None:
    statistics = count("Java and sales", "Java and sales", "JAVA SALES", "Java and Sales")
    assert statistics.surface("SALES") == "sales"
    assert statistics.surface("Java") == "Java"


def test_rarity_falls_with_frequency() -> None:
    statistics = count(NURSE, BAKER, CLERK)
    assert statistics.rarity([stem("dialysis")]) > statistics.rarity([stem("control")])
    assert statistics.frequency([stem("infection"), stem("control")]) == 2


def test_phrases_met_once_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CorpusStatistics, "_BATCH", 2)
    statistics = count(NURSE, BAKER)
    assert stem("sourdough") in statistics.frequencies
    assert "sourdough bread" not in statistics.frequencies
    assert f"{stem('infection')} {stem('control')}" in statistics.frequencies


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("dialysis", (True, True, True)),
        ("managed", (True, True, True)),
        ("adjoining", (False, True, False)),
        ("of", (False, False, False)),
        ("negative", (True, True, False)),
    ],
)
def test_places_of_a_word_in_a_phrase(word: str, expected: tuple[bool, bool, bool]) -> None:
    assert may_start_end_name(word) == expected


@given(st.text(max_size=400))
def test_any_text_can_be_read(text: str) -> None:
    statistics = count(text, NURSE)
    for phrase in key_phrases(unwrap(text), statistics):
        assert phrase.text.strip()
        assert len(phrase.stems) == len(phrase.text.split())
