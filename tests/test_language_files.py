"""What each language's file says, and which language a text is told to be in."""

import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from cvseeker.core.languages import language_of, month_numbers, read_languages, words_of
from cvseeker.core.records import SectionKind
from cvseeker.resumes import find_sections

MULTILINGUAL = Path(__file__).parents[1] / "benchmarks" / "multilingual" / "resumes"
# Labels that every file has; of the others some languages have no use.
NEEDED = {"months", "present", "years long", "experience", "studies", "validity", "honorifics"}
KINDS = ("summary", "experience", "education", "skills", "projects", "certificates", "languages")


def squashed(heading: str) -> str:
    plain = unicodedata.normalize("NFKD", heading.lower().replace("&", "and"))
    return "".join(char for char in plain if char.isalpha())


@pytest.mark.parametrize("code", list(read_languages()))
def test_a_language_has_what_is_read_in_it(code: str) -> None:
    groups = read_languages()[code]
    assert NEEDED | {f"heading {kind}" for kind in KINDS} <= groups.keys()
    assert len(groups["months"]) == 12
    entries = [(label, entry) for label, rows in groups.items() for row in rows for entry in row]
    assert [entry for _, entry in entries if entry != entry.strip() or not entry] == []
    repeated = [
        entry
        for (label, entry), count in Counter(entries).items()
        if count > 1 and label.startswith("heading")
    ]
    assert repeated == []


def test_a_heading_heads_the_same_kind_in_all_languages() -> None:
    kinds: dict[str, set[str]] = {}
    for groups in read_languages().values():
        for label, rows in groups.items():
            for entry in (entry for row in rows for entry in row if label.startswith("heading ")):
                kinds.setdefault(squashed(entry), set()).add(label)
    assert {heading: kind for heading, kind in kinds.items() if len(kind) > 1} == {}


def test_a_month_has_one_number() -> None:
    numbers: dict[str, set[int]] = {}
    for code in read_languages():
        for name, number in month_numbers(code).items():
            numbers.setdefault(name, set()).add(number)
    assert {name: number for name, number in numbers.items() if len(number) > 1} == {}
    assert month_numbers("fr")["août"] == month_numbers("pl")["sierpnia"] == 8
    assert "août" not in words_of("months", "de")


RESUMES: dict[str, list[tuple[str, SectionKind]]] = {
    "en": [
        ("Professional Profile", "summary"),
        ("Employment History", "experience"),
        ("Education and Training", "education"),
        ("Key Skills", "skills"),
        ("Languages", "languages"),
        ("Sports and hobbies", "interests"),
    ],
    "de": [
        ("Kurzprofil", "summary"),
        ("Beruflicher Werdegang", "experience"),
        ("Schulische Ausbildung", "education"),
        ("EDV-Kenntnisse", "skills"),
        ("Sprachkenntnisse", "languages"),
        ("Ehrenamtliche Tätigkeit", "volunteering"),
        ("Interessen und Hobbys", "interests"),
        ("Berufserfahrung (7 Jahre)", "experience"),
    ],
    "fr": [
        ("Profil professionnel", "summary"),
        ("EXPÉRIENCES PROFESSIONNELLES", "experience"),
        ("Diplômes et formations", "education"),
        ("Compétences informatiques", "skills"),
        ("Langues étrangères", "languages"),
        ("Centres d’intérêt", "interests"),
        ("Compétences principales", "skills"),
    ],
    "es": [
        ("Perfil profesional", "summary"),
        ("Trayectoria laboral", "experience"),
        ("Formación académica", "education"),
        ("Conocimientos informáticos", "skills"),
        ("Idiomas", "languages"),
        ("Cursos y certificaciones", "certificates"),
        ("Aficiones", "interests"),
        ("Experiencia laboral relevante", "experience"),
    ],
    "pt": [
        ("Resumo profissional", "summary"),
        ("Experiência Profissional", "experience"),
        ("Formação acadêmica", "education"),
        ("Habilidades e competências", "skills"),
        ("Idiomas", "languages"),
        ("Trabalho voluntário", "volunteering"),
    ],
    "it": [
        ("Profilo professionale", "summary"),
        ("ESPERIENZE LAVORATIVE", "experience"),
        ("Istruzione e formazione", "education"),
        ("Capacità e competenze personali", "skills"),
        ("Conoscenze linguistiche", "languages"),
        ("Patente di guida", "certificates"),
        ("Esperienze lavorative precedenti", "experience"),
    ],
    "nl": [
        ("Persoonlijk profiel", "summary"),
        ("Relevante werkervaring", "experience"),
        ("Opleidingen en cursussen", "education"),
        ("Vaardigheden", "skills"),
        ("Talenkennis", "languages"),
        ("Hobby's en interesses", "interests"),
    ],
    "pl": [
        ("Podsumowanie zawodowe", "summary"),
        ("Doświadczenie zawodowe", "experience"),
        ("Wykształcenie", "education"),
        ("Umiejętności techniczne", "skills"),
        ("Znajomość języków obcych", "languages"),
        ("ZAINTERESOWANIA", "interests"),
        ("Przebieg kariery zawodowej", "experience"),
    ],
    "vi": [
        ("Mục tiêu nghề nghiệp", "summary"),
        ("KINH NGHIỆM LÀM VIỆC", "experience"),
        ("Trình độ học vấn", "education"),
        ("Kỹ năng chuyên môn", "skills"),
        ("Ngoại ngữ", "languages"),
        ("Chứng chỉ", "certificates"),
        ("Sở thích", "interests"),
    ],
    "zh": [
        ("自我评价", "summary"),
        ("工作经历", "experience"),
        ("教育背景：", "education"),
        ("专业技能", "skills"),
        ("语言能力", "languages"),
        ("【证书】", "certificates"),
        ("兴趣爱好", "interests"),
        ("工作經驗", "experience"),
    ],
    "ja": [
        ("■職務要約", "summary"),
        ("職務経歴", "experience"),
        ("学歴", "education"),
        ("活かせる経験・知識・技術", "skills"),
        ("語学", "languages"),
        ("免許・資格", "certificates"),
        ("趣味・特技", "interests"),
        ("学歴・職歴", "experience"),
    ],
    "ar": [
        ("الملخص المهني", "summary"),
        ("الخبرات العملية", "experience"),
        ("المؤهلات العلمية", "education"),
        ("المهارات والقدرات:", "skills"),
        ("اللغات", "languages"),
        ("الدورات والشهادات", "certificates"),
        ("الهوايات", "interests"),
    ],
}


@pytest.mark.parametrize("code", list(RESUMES))
def test_finds_every_heading_of_a_small_resume(code: str) -> None:
    headings = RESUMES[code]
    text = "Robin Ashgrove\n\n" + "\n\n".join(f"{heading}\nBrackwell 12" for heading, _ in headings)
    found = [(section.title, section.kind) for section in find_sections(text)[1:]]
    assert found == headings


@pytest.mark.parametrize(
    "line", ["Résumé", "Lebenslauf", "Curriculum vitae", "السيرة الذاتية", "Sơ yếu lý lịch"]
)
def test_what_a_document_calls_itself_is_no_heading(line: str) -> None:
    assert [section.kind for section in find_sections(f"{line}\nRobin Ashgrove")] == ["header"]


@pytest.mark.parametrize(
    ("code", "file"),
    [
        ("ar", "hanan-zeitouni-rahal.txt"),
        ("de", "hannelore-quistorp.txt"),
        ("es", "itziar-camprubi.md"),
        ("fr", "gwendal-lemouellic.txt"),
        ("it", "fiammetta-colucci-dane.txt"),
        ("ja", "kurokibara-tatsuma.txt"),
        ("nl", "aaltje-renkema-osei.txt"),
        ("pl", "bogna-wisnicka-tran.md"),
        ("pt", "benedita-sarzedas.txt"),
        ("vi", "luong-thi-bich-hanh.txt"),
        ("zh", "qu-yunzhou.txt"),
    ],
)
def test_tells_the_language_of_a_resume(code: str, file: str) -> None:
    text = (MULTILINGUAL / file).read_text(encoding="utf-8")
    assert language_of(text) == code
    assert language_of(text[: len(text) // 3]) == code


def test_lists_of_products_are_in_no_language() -> None:
    assert language_of("Java, Python, SQL, Docker, Kafka") == ""
    assert language_of("") == ""
