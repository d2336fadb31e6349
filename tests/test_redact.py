"""Masking: what identifies goes, what recruiters ask for stays."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.resumes import PersonName, redact


def masked(text: str, name: str = "Jane Doe") -> str:
    return redact(text, name=name).text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jane.doe+cv@mail.example.com,", "[EMAIL],"),
        ("jane (at) example (dot) com", "[EMAIL]"),
        ("jane @ gmail.com", "[EMAIL]"),
        ("x.y@\nexample.org", "[EMAIL]"),
        ("+1 (512) 555-0148", "[PHONE]"),
        ("512.555.0148 | (512) 555-0148", "[PHONE] | [PHONE]"),
        ("07700 900238 / 020 7946 0853", "[PHONE] / [PHONE]"),
        ("+968 0055\n5017", "[PHONE]"),
        ("+44 7700 900123\n2019 – 2021", "[PHONE]\n2019 – 2021"),
        ("06 12 34 56 78; 030/1234567; 98765 43210", "[PHONE]; [PHONE]; [PHONE]"),
        ("9876543210/9123456780", "[PHONE]/[PHONE]"),
        ("Tel. 555 0148", "Tel. [PHONE]"),
        ("https://example.com/a(b).", "[URL]."),
        ("linkedin.com/in/jdoe | github.com/jdoe", "[URL] | [URL]"),
        ("www.example.org and sorrel.dev", "[URL] and [URL]"),
        ("Portfolio: folio.example.com", "Portfolio: [URL]"),
        ("see janedoe.com", "see [URL]"),
        ("12 Elm Street, Apt 4, Austin, TX 78210", "[ADDRESS], Austin, TX [ADDRESS]"),
        ("88 Mallow Drive Clarksville, TN 37040", "[ADDRESS] Clarksville, TN [ADDRESS]"),
        ("221B Baker St, London NW1 6XE", "[ADDRESS], London [ADDRESS]"),
        ("10 Downing Drive, Leeds", "[ADDRESS], Leeds"),
        ("P.O. Box 123, Muscat", "[ADDRESS], Muscat"),
        ("Hauptstraße 12a, 10115 Berlin", "[ADDRESS] Berlin"),
        ("12 rue de la Paix, 75002 Paris", "[ADDRESS] Paris"),
        ("12 Boulevard Voltaire, Lyon", "[ADDRESS], Lyon"),
        ("Plot No 8-9, Rukhmini Nagar, Jalgaon", "[ADDRESS], Jalgaon"),
        ("Pune - 411021.", "Pune - [ADDRESS]."),
        ("Brunswick VIC 3056", "Brunswick VIC [ADDRESS]"),
        ("DOB: 12/05/1990", "DOB: [BIRTHDATE]"),
        ("Born 12 May 1990 in Oslo", "Born [BIRTHDATE] in Oslo"),
        ("Date of Birth : May 12, 1990", "Date of Birth : [BIRTHDATE]"),
        ("born Setúbal, 1990", "born Setúbal, [BIRTHDATE]"),
        ("Passport No: K1234567", "Passport No: [ID]"),
        ("SSN 123-45-6789", "SSN [ID]"),
        ("Aadhaar: 1234 5678 9012", "Aadhaar: [ID]"),
        ("skype: live.jane | @jd_87", "skype: [HANDLE] | [HANDLE]"),
    ],
)
def test_what_identifies_is_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2014 – 2018, 2014-2018, 01/2019 - 12/2020, 01-2019 - 12-2020, 12.05.2019 - 31.12.2020",
        "2008-2009 2, Jan 2019 - Feb 2020, Q1 2020, Windows 2000/2003/2008",
        "$1,200,000,000, €12.5M, 35%, 1 200 000 customers, 2 200 users, 100-2000 employees",
        "Python 3.11, .NET 4.5, ASP.NET, VB.NET, Node.js, vue.js, Socket.io, 802.11, H.264",
        "ISO 9001:2015, ISO/IEC 27001, SOX 404, CS 101, MATH 2001, 10.0.0.1, 192.168.100.200",
        "1,200 employees in 90 rooms, 24x7, CGPA 8.45, 9/10, flat 20%, 3 Supreme Court cases",
        "Booking.com, Amazon.com, naukri.com, @Service, @autowire, @RestController",
        "Chilean and French passports; born in Witbank, South Africa; finished 2019, 2023",
        "Walthamstow, London E17; Dublin 7; San Antonio, TX; Al Barsha, Dubai",
        "Apprentice at Tigers Road Contractors; Gumbo Street Software; Wall Street analyst",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert redact(text, name="Jane Doe").text == text
    assert redact(text).counts == {}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Jane Doe", "JANE DOE; Doe, Jane; Doe's; J. Doe", "[NAME]; [NAME]; [NAME]'s; [NAME]"),
        ("Jane R. Doe", "J. R. Doe and Jane\nDoe", "[NAME] and [NAME]"),
        ("Jane Doe", "janedoe87, jane_doe, j.doe, K. Doe", "[NAME], [NAME], [NAME], K. [NAME]"),
        ("Efraín Montalvo", "EFRAIN MONTALVO and Efraín", "[NAME] and [NAME]"),
        ("Bartosz Wilczyński", "wilczynski's team", "[NAME]'s team"),
        ("Jo Müller", "Mueller; Muller; Müller", "[NAME]; [NAME]; [NAME]"),
        ("Ann O’Brien", "O'Brien and OBrien", "[NAME] and [NAME]"),
        ("Marlous van der Wiel", "van der Wiel, Marlous", "[NAME]"),
        (
            "Adaeze Nwachukwu-Bell",
            "Ms Nwachukwu; Bell rang a bell",
            "Ms [NAME]; [NAME] rang a bell",
        ),
        ("Dr Kim Poe, MBA", "MBA, Dr Poe", "MBA, Dr [NAME]"),
        ("Will Cook", "Head Cook; a cook will ask Mr Cook", "Head Cook; a cook will ask Mr [NAME]"),
        ("Amit Java", "Java, SQL; Core Java 8; Mr Java", "Java, SQL; Core Java 8; Mr [NAME]"),
        ("May Li", "May 2019 to 12 May; May led", "May 2019 to 12 May; [NAME] led"),
        ("Austin Poe", "Austin, Texas; Austin ran it", "Austin, Texas; [NAME] ran it"),
        ("友希 花村", "花村友希です", "[NAME]です"),
        ("瞿云舟", "瞿云舟主导改造", "[NAME]主导改造"),
        ("黒木原 辰真", "黒木原は担当した", "[NAME]は担当した"),
        ("与那覇 奏", "与那覇 奏、保育士。与那覇奏の演奏", "[NAME]、保育士。[NAME]の演奏"),
        ("حنان رحّال", "كتبت حنان رحال", "كتبت [NAME]"),
    ],
)
def test_names_are_masked_wherever_they_stand(name: str, text: str, expected: str) -> None:
    assert masked(text, name) == expected


def test_a_name_is_found_with_the_help_of_an_address() -> None:
    text = '*** OLU "SEUN" ADEB ***\nseun.adeb@example.com\nSeun led 9 people'
    assert masked(text, "") == "*** [NAME] ***\n[EMAIL]\n[NAME] led 9 people"
    read = PersonName.from_text
    assert read("Business Development\nsales@example.com").full == ""
    assert read("原 辰真（はら たつま）\nx@example.com").full == '原 辰真 "はらたつま"'
    assert read("夏侯振宇\n外贸销售经理\nx@example.com").full == "夏侯振宇"
    assert read("Gerald Poe\ngerry.poe@example.com").full == 'Gerald Poe "gerry"'
    text = "NOH Hye-jin (Hailey), CFA\nx@example.com"
    assert read(text, name="NOH Hye-jin").full == 'NOH Hye-jin "Hailey"'


def test_counts_say_what_was_masked() -> None:
    text = "Jane Doe, 12 Elm Street, Oslo\njane@example.com, +47 000 00 151\nJane led"
    assert redact(text, name="Jane Doe").counts == {"name": 2, "address": 1, "email": 1, "phone": 1}


@pytest.mark.parametrize(
    ("query", "name", "named"),
    [
        ("What did Jane Doe build at Acme?", "Jane Doe", True),
        ("what did kowalczyk build", "Renata Kowalczyk", True),
        ("Does Will speak Norwegian?", "Will Cook", True),
        ("Will the cook relocate?", "Will Cook", False),
        ("cook with will power", "Will Cook", False),
        ("nurse in Oslo", "Jane Doe", False),
        ("nurse in Oslo", "", False),
        ("java developer, Java and SQL", "Amit Java", False),
    ],
)
def test_a_query_names_the_candidate_or_not(query: str, name: str, named: bool) -> None:
    assert PersonName(name).is_in_query(query) is named


PIECES = st.sampled_from(
    "Jane Doe jane.doe@ example.com +47 0770 900 238 12 Elm Street , . / : @ ( ) [ ] - \n Born May "
    "1990 P.O. Box TX 78210 skype: www. https:// [NAME] [PHONE] Flat No Nagar O'Brien J. van ID "
    "2014 – tel $ 5551 0148 rue 98765 NAME ’s".split(" ")
)


@settings(max_examples=300)
@given(
    st.one_of(st.text(), st.lists(PIECES, max_size=25).map(" ".join), st.lists(PIECES).map("".join))
)
def test_masking_again_changes_nothing(text: str) -> None:
    for name in ("Jane Doe", ""):
        once = redact(text, name=name)
        again = redact(once.text, name=name)
        assert again.text == once.text
        assert again.counts == {}


@given(st.text(), st.text(max_size=30))
def test_any_name_may_be_given(text: str, name: str) -> None:
    spans = PersonName(name).find(text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))


@pytest.mark.parametrize(
    ("piece", "size"),
    [
        *((piece, 1_000_000) for piece in ("1", "a", "A", ".", "a.")),
        *(
            (piece, 250_000)
            for piece in ("1 ", "12 ", "@", "a@", "Aa ", "+", "(", "Jane ", "born ")
        ),
    ],
)
def test_time_is_linear(piece: str, size: int) -> None:
    text = piece * (size // len(piece))
    start = time.process_time()
    redact(text, name="Jane Doe")
    assert time.process_time() - start < 1
