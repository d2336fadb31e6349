import pytest

from cvseeker.queries.filters.languages import free_identifier, is_other_language, language_code


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("English", "en"),
        ("en-GB", "en"),
        ("Portuguese (Brazil)", "pt"),
        ("FRANÇAIS", "fr"),
        ("中文", "zh"),
        ("nb", "no"),
        ("cy", "cy"),
        ("Klingon", None),
        ("", None),
    ],
)
def test_names_and_codes_are_known(language: str, code: str | None) -> None:
    assert language_code(language) == code


@pytest.mark.parametrize(
    ("text", "language", "other"),
    [
        ("Which candidate has run a payroll for a hospital?", "English", False),
        ("Which candidate has run a payroll for a hospital?", "German", True),
        ("Wer hat die Lohnabrechnung eines Krankenhauses geleitet?", "en", True),
        ("Wer hat die Lohnabrechnung eines Krankenhauses geleitet?", "Deutsch", False),
        ("Quelle expérience le candidat a-t-il en gestion de projet ?", "English", True),
        ("Java Spring Boot Kubernetes AWS", "English", False),
        ("HVAC AutoCAD Revit MEP", "English", False),
        ("Java Spring Boot Kubernetes AWS", "French", False),
        ("具有五年 Java 经验的后端工程师", "English", True),
        ("具有五年 Java 经验的后端工程师", "Chinese", False),
        ("опыт работы с Kafka и Spark", "Russian", False),
        ("опыт работы с Kafka и Spark", "Greek", True),
        ("Wer hat die Lohnabrechnung geleitet?", "Klingon", False),
        ("", "English", False),
    ],
)
def test_only_what_is_surely_another_language_is_told(
    text: str, language: str, other: bool
) -> None:
    assert is_other_language(text, language) is other


def test_an_identifier_given_back_is_read_again() -> None:
    text = "Welche Erfahrung hat der Kandidat mit der Buchhaltung?"
    assert is_other_language(text, "English")
    free_identifier()
    assert is_other_language(text, "English")
