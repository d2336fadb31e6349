"""A résumé is cut into what a person claims and the text that shows it."""

import pytest

from cvseeker.retrieval.claims import Claim, cut_claims
from cvseeker.retrieval.lines import count_words, terms

RESUME = """\
Mira Voss
Welder | Oslo, Norway | mira@example.com

SUMMARY
Coded pipe welder who enjoys awkward positions. Eleven winters on rigs in the
North Sea without a lost day.

SKILLS
• TIG, orbital welding, ultrasonic testing
Software: AutoCAD, Cold Stretch

CERTIFICATES
EN ISO 9606-1 pipe welding (2019 - 2025)

AWARDS
Apprentice of the year, 2009

EXPERIENCE
Lead Welder, Fjord Yards, 2015 - present
Joins duplex manifolds for subsea trees and trains four apprentices a year.

PROJECTS
Retrofit of a stern thruster, 2020
Replaced the cracked hub within one tide and had it pass the surveyor's inspection at once.

REFERENCES
Ole Hansen, foreman
"""


def test_claims_are_taken_out_of_the_sections_where_people_claim() -> None:
    claims, evidence = cut_claims(RESUME)
    assert claims == (
        Claim("title", "Welder"),
        Claim("summary", "Coded pipe welder who enjoys awkward positions"),
        Claim("summary", "Eleven winters on rigs in the North Sea without a lost day"),
        Claim("skill", "TIG"),
        Claim("skill", "orbital welding"),
        Claim("skill", "ultrasonic testing"),
        Claim("skill", "AutoCAD"),
        Claim("skill", "Cold Stretch"),
        Claim("certificate", "EN ISO 9606-1 pipe welding"),
        Claim("award", "Apprentice of the year"),
        Claim("project", "Retrofit of a stern thruster"),
        Claim("title", "Lead Welder"),
    )
    assert evidence == (
        "EXPERIENCE\nLead Welder, Fjord Yards, 2015 - present\n"
        "Joins duplex manifolds for subsea trees and trains four apprentices a year.\n\n"
        "PROJECTS\nReplaced the cracked hub within one tide and had it pass the surveyor's "
        "inspection at once."
    )


@pytest.mark.parametrize(
    ("headings", "kinds"),
    [
        (("Profil", "Kenntnisse", "Berufserfahrung", "Zertifikate"), {"summary", "certificate"}),
        (("Resumen", "Habilidades", "Experiencia laboral", "Idiomas"), {"summary", "skill"}),
    ],
)
def test_headings_of_other_languages_cut_as_well(
    headings: tuple[str, ...], kinds: set[str]
) -> None:
    texts = ("Ich pflege gern auf Intensiv.", "Beatmung, Dialyse", "Klinik, 2010-2020", "Fachkraft")
    text = "\n\n".join(f"{heading}\n{told}" for heading, told in zip(headings, texts, strict=True))
    claims, evidence = cut_claims(text)
    assert kinds <= {claim.kind for claim in claims}
    assert "Klinik, 2010-2020" in evidence
    assert "Beatmung" not in evidence


def test_without_headings_the_first_sentences_are_claims() -> None:
    told = [f"In year {number} she rebuilt the ward's rota and its budget." for number in range(10)]
    claims, evidence = cut_claims("\n".join(told))
    assert [claim.text for claim in claims] == [line.rstrip(".") for line in told[:2]]
    assert {claim.kind for claim in claims} == {"opening"}
    assert evidence == "\n".join(told[2:])


def test_what_stands_under_a_summary_is_evidence_where_it_goes_on_and_on() -> None:
    lines = [f"Case {number}: settled after a long and dull negotiation." for number in range(60)]
    claims, evidence = cut_claims("SUMMARY\n" + "\n".join(lines))
    assert len(claims) < 30
    assert lines[-1] in evidence


def test_a_text_that_begins_in_the_middle_of_a_job_has_no_head() -> None:
    text = "Ran the night shift of a bakery with forty people and three ovens.\n\nSKILLS\nSourdough"
    claims, evidence = cut_claims(text)
    assert claims == (Claim("skill", "Sourdough"),)
    assert evidence.startswith("Ran the night shift")


def test_words_are_counted_where_no_spaces_stand_between_them() -> None:
    claims, evidence = cut_claims(
        "自己PR\n車載機器メーカーで十二年、ブレーキ制御のソフトウェア開発に従事。常に実車で確かめます。\n\n"
        "職歴\n2015年4月 三河アクチュエータ株式会社 制御開発部"
    )
    assert [claim.text for claim in claims] == [
        "車載機器メーカーで十二年、ブレーキ制御のソフトウェア開発に従事。",
        "常に実車で確かめます。",
    ]
    assert "三河アクチュエータ" in evidence
    assert count_words("Go 開発者") == 3
    assert terms("Go 開発者") == {"go", "開発", "発者"}
    assert count_words("Nurses in the ICU") == 4
    assert terms("Nurses in the ICU") == {"nurs", "icu"}
