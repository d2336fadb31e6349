"""Time spent on outside text grows with its length, whatever stands in it."""

from collections.abc import Callable
from contextlib import suppress
from time import process_time

import pytest

from cvseeker.core.errors import InputError
from cvseeker.core.orders import without_orders
from cvseeker.core.query_settings import FilterSettings, GenerateSettings
from cvseeker.core.records import Query
from cvseeker.queries.filters import Repeats, check_query
from cvseeker.queries.filters.grounding import grounding
from cvseeker.queries.judging.attributes import read_attributes
from cvseeker.queries.offline import generate_offline
from cvseeker.queries.prompts import as_data
from cvseeker.resumes import PersonName, find_sections, person_groups, read_insights, redact
from cvseeker.resumes.clean import clean_text
from cvseeker.resumes.legibility import legibility
from cvseeker.resumes.passages import count_tokens, split_passages
from cvseeker.resumes.readers.html import html_to_text
from cvseeker.resumes.spacing import SpacingRepair
from cvseeker.retrieval.boolean import SearchedText

KNOWN = [
    *["led project management in data science and machine learning"] * 12,
    *["a data-driven team of software engineers with TensorFlow skills"] * 12,
]
HEADER = "Jane Doe\nWelder | Oslo, Norway\njane.doe@example.com\n\n"


def attributes_of(query: str, kind: str) -> None:
    with suppress(InputError):
        read_attributes(query, kind)


def check(query: str, passage: str) -> None:
    limits = FilterSettings(max_words=10_000, max_copied_words=10_000)
    check_query(
        Query("q", query, "question", "p"), passage=passage, name="Jane Doe", settings=limits
    )


READING: dict[str, Callable[[str], object]] = {
    "clean": clean_text,
    "legibility": legibility,
    "learn spacing": lambda text: SpacingRepair([text]),
    "repair spacing": lambda text: SpacingRepair(KNOWN).repair(text),
    "sections": find_sections,
    "passages": lambda text: split_passages(find_sections(text), passage_tokens=750),
    "tokens": count_tokens,
    "profile": read_insights,
    "profile of a section": lambda text: read_insights(f"{HEADER}SKILLS\n{text}\n\nWORK\n{text}"),
    "redact": redact,
    "redact a name": lambda text: redact(HEADER + text, name="Jane Ann Doe"),
    "find a name": PersonName("Jane Ann van der Doe").find,
    "name in a text": lambda text: PersonName.from_text(f"{text} jane@example.com"),
    "persons": lambda text: person_groups({"a": text, "b": f"{text} b"}, similarity=0.8),
    "page": html_to_text,
    "orders": without_orders,
    "data": lambda text: as_data(text, "passage"),
    "check a query": lambda text: check(text, KNOWN[0]),
    "check against a passage": lambda text: check("a welder with SAP, C++ and 5 years", text),
    "ground a query": lambda text: grounding(text, KNOWN[0]),
    "terms": lambda text: attributes_of(text, "keywords"),
    "Boolean query": lambda text: attributes_of(text, "boolean"),
    "searched text": SearchedText.from_text,
    "repeats": lambda text: Repeats(0.8).first_alike(text),
    "offline queries": lambda text: generate_offline(
        {"a": text, "b": KNOWN[0]}, settings=GenerateSettings()
    ),
}

# What made something slow once, or comes close to what a pattern looks for and never ends.
UNITS = [
    *"a A 1 . , - _ @ / : ( [ • · Â é ï \x83 \u0301 \u200d \u3000 \ue000 = ─ <".split(" "),
    *(" ", "\t", "\n", "\r", "\f", "\x0b", "\xad", "\xa0"),
    *("Ã\x83", "ï…€", "â€‹", "•\u200d", "•\n", "• ", "\u0301\u0327", "ÂÂ ", "ï¼", " \t"),
    *("a-", "a ", "a -", "a-\n", "A ", "Ab ", "Ab, ", "Ab  ", "of ", "and ", "a, ", "(a,", "a: "),
    *("Skills\n", "SKILLS: ", "skill", "Education ", "jan ", "2019 - ", "19", "1 ", "1-", "+1 ("),
    *("A B C & ", "E DUCATION ", "abcdefghijklmnopqrstuvwxyz", "of fice "),
    *("a@", "@a", "a.b@", "a.", "www.", "http://", "x/", "id: ", "born ", "tel: ", "phone 1"),
    *("1 Elm ", "Flat No. 1 ", "No 1, ", "Nagar, ", "Via ", "rue de ", "Jane ", "J. ", "van der "),
    *("NOT (", "a OR ", "(a OR ", '" a', "you are ", "ignore all ", "<|", "<a", "##\n", "{ "),
    *("Managed a ", "led and ", "responsible for ", "5 to ", "A University of ", "as a ", "AaA"),
    *(
        "worked as ",
        "role: -",
        "name: ",
        "5 years ",
        "MBA in ",
        "Bachelor of ",
        "C++ ",
        "Ab/",
        "<td>",
    ),
]
LENGTH = 2_000


def _seconds(read: Callable[[str], object], unit: str, length: int) -> float:
    run = unit * (length // len(unit) // 2)
    text = f"x{run}x\n{run}\n"
    start = process_time()
    read(text)
    return process_time() - start


def _growth(read: Callable[[str], object], unit: str) -> float:
    """Return how many times longer four times the text takes; linear is 4, quadratic 16."""
    # What takes under a hundredth of a second for 8,000 characters is not slow, however it grows.
    longer = _seconds(read, unit, 4 * LENGTH)
    return 0.0 if longer < 0.01 else longer / max(_seconds(read, unit, LENGTH), 1e-3)


@pytest.mark.parametrize("name", READING)
def test_time_grows_no_faster_than_the_text(name: str) -> None:
    read = READING[name]
    read(HEADER)  # loads what is loaded at first use
    # Somebody else's work on the machine may disturb one measurement, hardly all three.
    assert not [unit for unit in UNITS if all(_growth(read, unit) > 9 for _ in range(3))]


@pytest.mark.slow
@pytest.mark.parametrize("name", READING)
def test_a_megabyte_takes_as_long_among_twenty_as_among_five(name: str) -> None:
    read = READING[name]
    read(HEADER)

    def seconds_a_megabyte(megabytes: int) -> float:
        runs = (unit * (megabytes * 1_000_000 // len(UNITS) // len(unit)) for unit in UNITS)
        text = "\nx".join(runs)
        start = process_time()
        read(text)
        return (process_time() - start) / megabytes

    assert seconds_a_megabyte(20) < 2 * seconds_a_megabyte(5) + 0.01
