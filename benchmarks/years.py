"""How well years of experience are read: résumés made up with known truth, languages × date styles.

Month names come from the Unicode locale data (babel) and all phrases are written here, so that the
reader's own word lists are not what it is measured with.

    python benchmarks/years.py --count 120
"""

import argparse
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from babel import Locale

from cvseeker.core.insights import Profile
from cvseeker.core.languages import language_of
from cvseeker.resumes import read_insights

TODAY = date(2026, 11, 15)

# Of each language: headings of jobs, studies, skills and hobbies, what a range is joined by, what
# is said for "until now", "since <date>", titles, a line of duty, a degree, a hobby and a validity.
PHRASES: dict[str, dict[str, list[str]]] = {
    "en": {
        "jobs": ["Work Experience", "EMPLOYMENT HISTORY", "Professional experience"],
        "studies": ["Education", "EDUCATION AND QUALIFICATIONS"],
        "skills": ["Skills", "KEY SKILLS"],
        "hobbies": ["Hobbies", "Interests and activities"],
        "joint": [" – ", " - ", " to ", "-", " until "],
        "now": ["present", "Present", "today", "current", "now"],
        "since": ["since {}", "Since {}", "{} onwards"],
        "titles": ["Warehouse Manager", "Nurse", "Account Clerk", "Electrician", "Team Leader"],
        "duty": ["Led a team of 12 and cut waste by 20 %", "Kept records according to ISO 9001"],
        "degree": ["BSc Economics, University of Ashby"],
        "hobby": ["Chess club, {}"],
        "valid": ["Passport valid {}"],
    },
    "de": {
        "jobs": ["Berufserfahrung", "BERUFLICHER WERDEGANG", "Beruflicher Werdegang"],
        "studies": ["Ausbildung", "Studium und Ausbildung"],
        "skills": ["Kenntnisse", "EDV-Kenntnisse"],
        "hobbies": ["Hobbys", "Interessen"],
        "joint": [" – ", " - ", " bis ", "-"],
        "now": ["heute", "Heute", "jetzt", "dato"],
        "since": ["seit {}", "Seit {}", "ab {}"],
        "titles": [
            "Lagerleiter",
            "Krankenpflegerin",
            "Sachbearbeiter",
            "Elektriker",
            "Controllerin",
        ],
        "duty": ["Leitung eines Teams von 12 Personen", "Audits nach ISO 9001 und IATF 16949"],
        "degree": ["Diplom-Kaufmann, Universität Nordheim"],
        "hobby": ["Schachverein, {}"],
        "valid": ["Reisepass gültig {}"],
    },
    "fr": {
        "jobs": [
            "Expérience professionnelle",
            "EXPÉRIENCES PROFESSIONNELLES",
            "Parcours professionnel",
        ],
        "studies": ["Formation", "FORMATION ET DIPLÔMES"],
        "skills": ["Compétences", "COMPÉTENCES TECHNIQUES"],
        "hobbies": ["Centres d'intérêt", "LOISIRS"],
        "joint": [" – ", " - ", " à ", " jusqu'à "],
        "now": ["aujourd'hui", "aujourd’hui", "présent", "ce jour"],
        "since": ["depuis {}", "Depuis {} :"],
        "titles": [
            "Responsable d'entrepôt",
            "Infirmière",
            "Comptable",
            "Électricien",
            "Chef d'équipe",
        ],
        "duty": ["Encadrement de 12 personnes, baisse des pertes de 20 %", "Audits ISO 9001"],
        "degree": ["Licence d'économie, Université de Valmont"],
        "hobby": ["Club d'échecs, {}"],
        "valid": ["Passeport valable {}"],
    },
    "es": {
        "jobs": ["Experiencia laboral", "EXPERIENCIA PROFESIONAL", "Trayectoria profesional"],
        "studies": ["Formación académica", "ESTUDIOS"],
        "skills": ["Habilidades", "COMPETENCIAS"],
        "hobbies": ["Aficiones", "INTERESES"],
        "joint": [" – ", " - ", " a ", " hasta "],
        "now": ["actualidad", "la actualidad", "presente", "hoy"],
        "since": ["desde {}", "Desde {}:"],
        "titles": ["Jefa de almacén", "Enfermero", "Contable", "Electricista", "Encargado"],
        "duty": ["Gestión de 12 personas y ahorro del 20 %", "Auditorías ISO 9001"],
        "degree": ["Grado en Economía, Universidad de Valdeluz"],
        "hobby": ["Club de ajedrez, {}"],
        "valid": ["Pasaporte válido {}"],
    },
    "it": {
        "jobs": ["Esperienze professionali", "ESPERIENZA LAVORATIVA", "Esperienze lavorative"],
        "studies": ["Istruzione e formazione", "FORMAZIONE"],
        "skills": ["Competenze", "CAPACITÀ E COMPETENZE"],
        "hobbies": ["Interessi", "HOBBY"],
        "joint": [" – ", " - ", " a ", " al "],
        "now": ["oggi", "Oggi", "ad oggi", "presente"],
        "since": ["dal {}", "da {}"],
        "titles": [
            "Responsabile di magazzino",
            "Infermiera",
            "Contabile",
            "Elettricista",
            "Capo turno",
        ],
        "duty": ["Gestione di 12 persone, riduzione degli scarti del 20 %", "Audit ISO 9001"],
        "degree": ["Laurea in Economia, Università di Valchiara"],
        "hobby": ["Circolo di scacchi, {}"],
        "valid": ["Passaporto valido {}"],
    },
    "pt": {
        "jobs": ["Experiência profissional", "EXPERIÊNCIA PROFISSIONAL", "Percurso profissional"],
        "studies": ["Formação académica", "EDUCAÇÃO"],
        "skills": ["Competências", "HABILIDADES"],
        "hobbies": ["Interesses", "PASSATEMPOS"],
        "joint": [" – ", " - ", " a ", " até "],
        "now": ["atual", "presente", "o momento", "hoje"],
        "since": ["desde {}", "Desde {}"],
        "titles": ["Chefe de armazém", "Enfermeira", "Contabilista", "Eletricista", "Encarregado"],
        "duty": ["Gestão de 12 pessoas e poupança de 20 %", "Auditorias ISO 9001"],
        "degree": ["Licenciatura em Economia, Universidade de Valeflor"],
        "hobby": ["Clube de xadrez, {}"],
        "valid": ["Passaporte válido {}"],
    },
    "nl": {
        "jobs": ["Werkervaring", "WERKERVARING", "Loopbaan"],
        "studies": ["Opleiding", "OPLEIDINGEN EN CURSUSSEN"],
        "skills": ["Vaardigheden", "COMPETENTIES"],
        "hobbies": ["Hobby's", "INTERESSES"],
        "joint": [" – ", " - ", " tot ", " t/m "],
        "now": ["heden", "Heden", "nu"],
        "since": ["sinds {}", "vanaf {}"],
        "titles": ["Magazijnchef", "Verpleegkundige", "Boekhouder", "Elektricien", "Teamleider"],
        "duty": ["Leiding over 12 mensen, 20 % minder uitval", "Audits volgens ISO 9001"],
        "degree": ["Bachelor Economie, Universiteit Oosterveld"],
        "hobby": ["Schaakclub, {}"],
        "valid": ["Paspoort geldig {}"],
    },
    "pl": {
        "jobs": ["Doświadczenie zawodowe", "DOŚWIADCZENIE ZAWODOWE", "Przebieg kariery zawodowej"],
        "studies": ["Wykształcenie", "EDUKACJA"],
        "skills": ["Umiejętności", "UMIEJĘTNOŚCI"],
        "hobbies": ["Zainteresowania", "HOBBY"],
        "joint": [" – ", " - ", " do "],
        "now": ["obecnie", "Obecnie", "teraz", "nadal"],
        "since": ["od {}", "Od {}"],
        "titles": ["Kierownik magazynu", "Pielęgniarka", "Księgowy", "Elektryk", "Brygadzista"],
        "duty": ["Zarządzanie zespołem 12 osób", "Audyty zgodnie z ISO 9001"],
        "degree": ["Magister ekonomii, Uniwersytet Zielonogajski"],
        "hobby": ["Klub szachowy, {}"],
        "valid": ["Paszport ważny {}"],
    },
    "vi": {
        "jobs": ["Kinh nghiệm làm việc", "KINH NGHIỆM LÀM VIỆC"],
        "studies": ["Học vấn", "TRÌNH ĐỘ HỌC VẤN"],
        "skills": ["Kỹ năng", "KỸ NĂNG"],
        "hobbies": ["Sở thích", "SỞ THÍCH"],
        "joint": [" – ", " - ", " đến "],
        "now": ["nay", "hiện tại", "Hiện tại"],
        "since": ["từ {}", "Từ {} đến nay"],
        "titles": ["Trưởng kho", "Điều dưỡng", "Kế toán", "Thợ điện", "Tổ trưởng"],
        "duty": ["Quản lý nhóm 12 người", "Kiểm tra theo ISO 9001"],
        "degree": ["Cử nhân Kinh tế, Đại học Sông Lam"],
        "hobby": ["Câu lạc bộ cờ vua, {}"],
        "valid": ["Hộ chiếu có hiệu lực {}"],
    },
    "zh": {
        "jobs": ["工作经历", "工作经验", "職業經歷"],
        "studies": ["教育背景", "教育经历"],
        "skills": ["专业技能", "技能"],
        "hobbies": ["兴趣爱好"],
        "joint": [" – ", "-", "至", "～"],
        "now": ["至今", "现在", "今"],
        "since": ["自{}起", "{}至今"],
        "titles": ["仓库主管", "护士", "会计", "电工", "组长"],
        "duty": ["管理12人的团队，浪费减少20%", "按照ISO 9001进行审核"],
        "degree": ["经济学本科，云岭大学"],
        "hobby": ["象棋社 {}"],
        "valid": ["护照有效期 {}"],
    },
    "ja": {
        "jobs": ["職務経歴", "職歴", "業務経歴"],
        "studies": ["学歴"],
        "skills": ["スキル", "活かせるスキル"],
        "hobbies": ["趣味"],
        "joint": ["～", " – ", "から", "-"],
        "now": ["現在"],
        "since": ["{}～現在", "{}より現在"],
        "titles": ["倉庫管理責任者", "看護師", "経理担当", "電気工事士", "チームリーダー"],
        "duty": ["12名のチームを管理し、ロスを20%削減", "ISO 9001に基づく監査"],
        "degree": ["青葉台大学 経済学部 卒業"],
        "hobby": ["将棋クラブ {}"],
        "valid": ["旅券有効期限 {}"],
    },
    "ar": {
        "jobs": ["الخبرة العملية", "الخبرات المهنية", "الخبرة المهنية"],
        "studies": ["التعليم", "المؤهلات العلمية"],
        "skills": ["المهارات"],
        "hobbies": ["الهوايات"],
        "joint": [" – ", " - ", " إلى ", " حتى "],
        "now": ["الآن", "الوقت الحالي"],
        "since": ["منذ {}"],
        "titles": ["مدير مستودع", "ممرضة", "محاسب", "كهربائي", "مشرف"],
        "duty": ["إدارة فريق من 12 شخصا", "تدقيق وفق ISO 9001"],
        "degree": ["بكالوريوس اقتصاد، جامعة الوادي"],
        "hobby": ["نادي الشطرنج {}"],
        "valid": ["جواز سفر صالح {}"],
    },
}
NAMES = {"zh": "云海岚", "ja": "青山 遥", "ar": "سليم الوادي"}
EMPLOYERS = ["Brackwell", "Oakmere", "Nordhaven", "Tessaly", "Quillon", "Ostrava Verde"]


@dataclass(frozen=True, slots=True)
class Month:
    """A month and the day that some styles name."""

    number: int
    day: int

    @property
    def parts(self) -> tuple[int, int, int]:
        """Year, month and day."""
        return self.number // 12, self.number % 12 + 1, self.day


def styles(language: str, pick: random.Random) -> dict[str, Callable[[Month], str]]:
    """Return the date styles that a language has."""
    locale = Locale.parse(language)
    context = pick.choice(["format", "stand-alone"])
    wide, short = (locale.months[context][width] for width in ("wide", "abbreviated"))
    full = pick.choice(["{2:02}.{1:02}.{0}", "{2:02}/{1:02}/{0}"])
    numbers = pick.choice(["{1:02}/{0}", "{1:02}.{0}", "{1}/{0}"])
    named: dict[str, Callable[[Month], str]] = {
        "month": lambda at: f"{wide[at.parts[1]]} {at.parts[0]}",
        "short month": lambda at: f"{short[at.parts[1]]} {at.parts[0]}",
    }
    if language in ("zh", "ja"):
        named = {"han": lambda at: f"{at.parts[0]}年{at.parts[1]}月"}
    if language == "ja":
        named["era"] = lambda at: (
            f"令和{at.parts[0] - 2018}年{at.parts[1]}月"
            if at.parts[0] > 2018
            else f"平成{at.parts[0] - 1988}年{at.parts[1]}月"
        )
    if language == "vi":
        named = {"month": lambda at: f"tháng {at.parts[1]}/{at.parts[0]}"}
    if language in ("en", "de"):
        named["two digits"] = lambda at: f"{short[at.parts[1]]} '{at.parts[0] % 100:02}"
    return {
        **named,
        "numbers": lambda at: numbers.format(*at.parts),
        "iso": lambda at: f"{at.parts[0]}-{at.parts[1]:02}",
        "days": lambda at: full.format(*at.parts),
        "years": lambda at: str(at.parts[0]),
    }


def make_resume(language: str, style: str, pick: random.Random) -> tuple[str, float]:
    """Return a résumé and the years that its person has worked."""
    words = PHRASES[language]
    write = styles(language, pick)[style]

    def one(key: str) -> str:
        return pick.choice(words[key])

    def written(since: int, until: int | None, *, past: bool = False) -> str:
        first = write(Month(since, 1))
        if until is None:
            if pick.random() < 0.3:
                return one("since").format(first)
            return first + joint + one("now")
        return first + (" - " if past else joint) + write(Month(until, 28))

    joint = one("joint")
    now = 12 * TODAY.year + TODAY.month - 1
    jobs, begin = _jobs(pick, now)
    layout = pick.choice(["left", "right", "below", "above"])
    entries = []
    for number, (since, until) in enumerate(reversed(jobs)):
        dates = written(since, until)
        title = f"{pick.choice(words['titles'])}, {EMPLOYERS[number]}"
        head = {
            "left": f"{dates}   {title}",
            "right": f"{title}, {dates}",
            "below": f"{title}\n{dates}",
            "above": f"{dates}\n{title}",
        }[layout]
        entries.append(f"{head}\n• {one('duty')}")
    studied = f"{written(begin - 48, begin - 3, past=True)} {one('degree')}"
    hobby = one("hobby").format(written(begin - 100, now - 5, past=True))
    valid = one("valid").format(written(now - 60, now + 60, past=True))
    parts = [
        f"{NAMES.get(language, 'Robin Ashgrove')}\nrobin.ashgrove@example.com",
        f"{one('jobs')}\n" + pick.choice(["\n", "\n\n"]).join(entries),
        f"{one('studies')}\n{studied}",
        f"{one('skills')}\nSAP, Excel\n{valid}",
        f"{one('hobbies')}\n{hobby}",
    ]
    if pick.random() < 0.3:
        parts[1], parts[2] = parts[2], parts[1]
    covered = {
        month
        for since, until in jobs
        for month in range(since, 1 + (now if until is None else until))
    }
    return "\n\n".join(parts), len(covered) / 12


def _jobs(pick: random.Random, now: int) -> tuple[list[tuple[int, int | None]], int]:
    """Return jobs as months, from the first on; some overlap, some are parted by a gap."""
    begin = at = now - pick.randint(36, 26 * 12)
    jobs: list[tuple[int, int | None]] = []
    while at < now - 6 and len(jobs) < 5:
        until = at + pick.randint(8, 90)
        jobs.append((at, min(until, now - 2)))
        at = until + pick.choice([1, 1, 1, -6, 7, 14])
    if pick.random() < 0.65:
        jobs[-1] = (jobs[-1][0], None)
    return jobs, begin


def cases(count: int, seed: int) -> Iterator[tuple[str, str, str, float]]:
    """Yield language, style, résumé and truth, going round all pairs of the first two."""
    pick = random.Random(seed)
    pairs = [
        (language, style) for language in PHRASES for style in styles(language, random.Random(0))
    ]
    pick.shuffle(pairs)
    for number in range(count):
        language, style = pairs[number % len(pairs)]
        yield language, style, *make_resume(language, style, pick)


def main() -> None:
    """Print the share within a year, for each language and each style."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--wrong", action="store_true", help="print the résumés that are read wrong"
    )
    arguments = parser.parse_args()
    right: dict[str, Counter[bool]] = defaultdict(Counter)
    for language, style, text, truth in cases(arguments.count, arguments.seed):
        years = Profile.of(read_insights(text, today=TODAY)).years
        good = years is not None and abs(years - truth) <= 1
        for key in ("all", language, f"as {style}"):
            right[key][good] += 1
        right["language known"][language_of(text) == language] += 1
        if arguments.wrong and not good:
            print(f"--- {language}, {style}: {years} instead of {truth:.1f}\n{text}\n")
    for key, counts in right.items():
        print(f"{key:16}{counts[True]:5} of {counts.total():4}")


if __name__ == "__main__":
    main()
