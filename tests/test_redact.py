"""Masking: what identifies goes, what recruiters ask for stays."""

import re
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
        ("24 cours Gambetta, 33000 Bordeaux", "[ADDRESS] Bordeaux"),
        ("3, cours Lafayette", "[ADDRESS]"),
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
        ("Aadhaar No. 1234 5678 9012", "Aadhaar No. [ID]"),
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
        "Developer at Yahoo.com; a summer at live.com; 12 cours Java, 3 cours du soir",
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


# In scripts, on lines and in orders of many sorts; most have an address that confirms the name.
NAMES_WHERE_THEY_STAND = [
    ("DARIUS\nFELLGATE\n\nCONTACT\n[MAIL]\nLyon\n\nPROFIL\nÉtudiant", "darius.fellgate"),
    ("CONTACT\n[MAIL]\n\nSKILLS\nSAP TM\nExcel\n\nTove Lindqvist\nLogistics Planner", "tove.l"),
    ("Name | : | Tove Lindqvist\nPhone | : | +46 70 123 45 67", ""),
    ("E\nA\nT\nI\nV\n\nDarius Fellgate\nData Engineer | [MAIL] | Austin, TX", "dfellgate"),
    ("J O R D A N   A V E R E L L\n[MAIL] | Austin, TX", "jordan.averell"),
    (
        "Contact\nwww.linkedin.com/in/jordan-averell-5b1a (LinkedIn)\n\nTop Skills\nZendesk\n\n"
        "Jordan Averell\nTeam Lead Customer Care at Bluebird Telecom",
        "",
    ),
    ("AVERELL, Jordan\nAustin, TX | [MAIL]", "jordan.averell"),
    ("jordan averell\naustin, tx | [MAIL]", "jordan.averell"),
    ("Maria da Conceição Albuquerque de Souza Lima\nSão Paulo | [MAIL]", "mcasl"),
    ("RESUME\nName : Rajesh Kumar S/o Late Mohan Lal\nMob: 98765 50143", ""),
    ("王晓明\n后端开发工程师\n电话：138 0013 8000 | 邮箱：[MAIL]", "xm.wang"),
    ("職務経歴書\n氏名：佐藤 美咲\nメール：[MAIL]", "misaki.sato"),
    ("Резюме\n\nЯрослав Щербаков\nТел.: +7 912 345-67-89\n[MAIL]", "y.shcherbakov"),
    ("नाम : राजेश कुमार\nमोबाइल: 98765 50143", ""),
    ("السيرة الذاتية\nالاسم: هدى الخطيب\nهاتف: 0512345678", ""),
    ("Vorname: Annegret\nNachname: Kirschbaum\nTel.: 0171/1234567", ""),
    ("Thibault d'Estienne\n06 12 34 56 78 | [MAIL]", "moonlight"),
]


@pytest.mark.parametrize(("text", "local"), NAMES_WHERE_THEY_STAND)
def test_a_name_is_read_wherever_it_stands(text: str, local: str) -> None:
    shown = redact(text.replace("[MAIL]", f"{local}@example.com")).text.lower()
    parts = (
        "darius fellgate tove lindqvist jordan averell conceição albuquerque souza lima rajesh "
        "kumar mohan ярослав щербаков annegret kirschbaum estienne "
        "王晓明 佐藤 美咲 राजेश कुमार هدى الخطيب"
    )
    assert "[name]" in shown
    assert not [part for part in parts.split() if part in shown]


def test_a_name_is_read_off_a_file_s_name() -> None:
    text = "Objective\nA post in care\n\nSkills\nLifting\n\nIlse Marwood wrote this."
    assert PersonName.from_text(text).full == ""
    assert (
        PersonName.from_text(text, source="team/CV_Ilse-Marwood_2024.docx").full == "Ilse Marwood"
    )


def test_what_else_reads_a_name_is_weighed_and_not_trusted() -> None:
    text = "Jane Doe\nData Engineer\njane.doe@example.com\n\nProfile\nPlans tours"
    assert PersonName.from_text(text, insight="Data Engineer").full == "Jane Doe"
    assert PersonName.from_text("Profile\nTel. 0171/1234567", insight="Jo Poe").full == "Jo Poe"


@pytest.mark.parametrize(
    "line",
    [
        "Mob No:-9876550143, 9876550199",
        "Mobile: +44 7700 900143,07700900199",
        "Passport No  :  N1234567",
        "Passport Number:  N 1234568",
        "Passport No | N1234569",
        "Date of Birth | 30-07-1993",
        "Date of birth: 5 th July 1993",
        "geb. 30.07.1993",
        "Data urodzenia: 30.07.1993",
        "Né le 14 mars 1986 à Lyon (38 ans)",
        "生年月日：1986年3月14日（満38歳）",
        "Дата рождения: 14 марта 1986 г.",
        "تاريخ الميلاد: 14 مارس 1986",
        "Ngày sinh: 14/03/1986",
        "DNI: 12345678Z",
        "CPF 529.982.247-25",
        "Codice fiscale: RSSMRA85T10A562S",
        "IBAN: DE89 3704 0044 0532 0130 00",
        "Steuer-ID: 12 345 678 901",
        "身份证号：110101199003071234",
        "Driving Licence No: MH12 20110012345",
        "ul. Krucza 17 m. 4, 00-525 Warszawa",
        "C/ Mayor, 12, 3º B, 28013 Madrid",
        "ул. Ленина, д. 12, кв. 34, Москва",
        "上海市浦东新区世纪大道100号",
        "주소: 서울특별시 강남구 테헤란로 152, 101동 1203호",
        "Address: Rosewood Cottage, 4 Main Road, Leeds",
        "jane at example dot org",
        "ｊａｎｅ２＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "jane2 arroba ejemplo punto com",
        "０９０－５５５０－０１４３",
        "612 345 678 | Madrid",
        "xing.com/profile/Jane_Doe7",
    ],
)
def test_no_number_of_a_person_is_left(line: str) -> None:
    shown = re.sub(r"\[[A-Z]+\]", "", redact(f"Profile\n{line}\nMore").text)
    assert not re.search(
        r"\d|jane|ｊａｎｅ|ul\.|Krucza|Mayor|Ленина|大道|테헤란|Rosewood|RSSMRA", shown
    )


@pytest.mark.parametrize(
    "line",
    [
        "sold 612 345 678 units, 10 000 000 users, 2 500 000 visits",
        "8 ans d'expérience, SAP 20 ans; ages 4 to 7; Age group 18-25",
        "Führerschein: Klasse B, Permis B, 2015; Passport (valid until 2027)",
        "Corso Excel 2019, D.Lgs 81/08; pan-European rollout 2019",
        "Developer @ Acme.com since 2019; worked at home. In 2020",
        "Staff ID cards for 12000 people; contact: 4 sites in 2 years",
        "エンジニアとして8年間、2018年4月～現在、TOEIC 820点",
    ],
)
def test_what_only_looks_like_it_stays(line: str) -> None:
    assert redact(line, name="Jane Doe").text == line


def test_parents_are_masked_as_well() -> None:
    text = "Father's Name : Mohan Lal\nS/o Late Shri Hari Lal, Noida"
    assert masked(text) == "Father's Name : [NAME]\nS/o [NAME], Noida"


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
