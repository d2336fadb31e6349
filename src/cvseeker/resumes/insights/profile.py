"""Reading off a résumé what a recruiter sees in ten seconds.

Everything here prefers silence to a wrong fact: queries are written from these facts. A field is
filled only where a line's shape and its words agree.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date

from cvseeker.core.records import Insight, InsightKind, Section
from cvseeker.core.wordlists import read_words
from cvseeker.resumes.insights.experience import years_insights
from cvseeker.resumes.insights.header import CONTACT, find_location, find_name
from cvseeker.resumes.insights.titles import GAP_BEFORE, find_titles
from cvseeker.resumes.lexicon import (
    LANGUAGES,
    MONTHS,
    NOT_IN_NAMES,
    NOT_IN_TITLES,
    PLACES,
    STATES,
    TITLE_HEADS,
)
from cvseeker.resumes.sections import find_sections

_MOST_TITLES, _MOST_SKILLS, _MOST_EDUCATION = 8, 60, 5

_ITEM_SEPARATORS = re.compile(r"[\n|•·;]+|,\s*(?![^()]{0,200}\))|\s{2,}| / ")
_CATEGORY = re.compile(r"^[^\W\d_][^:,]{1,38}:\s*(?!//)")
_TOOL = re.compile(
    r"(?<![\w@./-])(?=[A-Zij.])(?:[A-Z][a-z]+(?:[A-Z]+[a-z]*)+\d*|[A-Z]{2,6}(?:/[A-Z]{2,6})?\d{0,4}|[ij][A-Z][A-Za-z]+"
    r"|C\+\+|C#|F#|\.NET|(?:Node|Vue|React|Angular|Next|D3)\.js)(?![\w@+#]|\.[a-z])"
)
_FIELDS = read_words("cvseeker.resumes", "fields_of_study")
_NOT_SKILLS = read_words("cvseeker.resumes", "not_skills")
_NOT_IN_SKILLS = NOT_IN_TITLES - {"work", "reporting"}
_NO_TOOLS = _NOT_SKILLS | NOT_IN_NAMES | NOT_IN_TITLES | TITLE_HEADS
_MIXED_CASE = re.compile(r"[a-z]{3}.*[a-z]{3}")
_YEARS_NOTE = re.compile(rf"{GAP_BEFORE}\(?\b\d+\+?\s*(?:years?|yrs?|months?)\b.*$", re.IGNORECASE)

_DEGREE = re.compile(
    r"(?<![\w.])(?=[A-Z])(?P<degree>"
    r"(?:Bachelor|Master|Associate|Doctor)(?:['’]?s)?(?:\s+(?:Degree|of\s+(?:Applied\s+)?"
    r"(?:Science|Arts|Business Administration|Commerce|Engineering|Technology|Education|"
    r"Fine Arts|Laws|Nursing|Philosophy|Music|Architecture|Public Health|Social Work|"
    r"Public Administration|Computer Applications?|Medicine)))(?:\s+(?:Degree|\([^)]{1,8}\)))?"
    r"|BSc|MSc|B\.Sc\.?|M\.Sc\.?|BA|MA|BS|MS|B\.A\.?|M\.A\.?|B\.S\.?|M\.S\.?|BEng|MEng|B\.E\.?|"
    r"B\.?\s?Tech\.?|M\.?\s?Tech\.?|B\.?\s?Com\.?|M\.?\s?Com\.?|BBA|MBA|M\.B\.A\.?|BCA|MCA|LLB|LLM|"
    r"JD|J\.D\.?|MD|M\.D\.?|PhD|Ph\.D\.?|BFA|MFA|BSN|MSN|MPH|MSW|BEd|B\.Ed\.?|MEd|M\.Ed\.?|PGCE|HND|"
    r"High School Diploma|GED|Associate Degree)(?![\w])"
    r"(?P<honours>\s*\((?:Hons|Honours)\)|\s+(?:Hons|Honours)\b)?"
    r"(?:(?P<link>\s+in\s+|\s*[:,–-]\s*|\s+of\s+|\s+)(?P<field>[A-Z][\w&/-]+(?:\s+(?:(?:and|of|in|for|the|&)\s+)?"
    r"[A-Z][\w&/-]+){0,4}))?"
)
_NOT_FIELD = frozenset(
    "university college school institute academy city state company campus gpa graduated expected "
    "honors minor from present".split()
).union(MONTHS)
_NO_ENDS = PLACES.union(("and", "of", "in", "for", "the", "&"))
# What stands before the languages that somebody speaks, and how near.
_FLUENT = re.compile("fluen|lingual|proficien|native|speak|language")
_NEAR = 70


def read_insights(
    text: str, sections: Sequence[Section] | None = None, *, today: date | None = None
) -> tuple[Insight, ...]:
    r"""Read off a résumé, or a passage of one, what it says of its person.

    Parameters
    ----------
    text
        A cleaned text: a whole résumé or one passage.
    sections
        Its sections, where they are known; found otherwise.
    today
        What "present" means: the day that the file was written; today, where nothing tells.

    Returns
    -------
    tuple of Insight
        In the order of the text within each kind; nothing where the text gives no clear answer.

    Examples
    --------
    >>> text = "Mira Voss\nWelder | Oslo, Norway\n\nSkills\nTIG, MIG"
    >>> [(found.kind, found.value) for found in read_insights(text)][:3]
    [('name', 'Mira Voss'), ('title', 'Welder'), ('skill', 'TIG')]
    """
    parts = find_sections(text) if sections is None else sections
    header = next((part.text for part in parts if part.kind == "header"), "")
    name = find_name(header, text)
    # A place without a person beside it is an employer's.
    place = find_location(header) if name or CONTACT.search(header[:400]) else ""
    titles = _distinct((title for title in find_titles(parts) if title != name), _MOST_TITLES)
    found: list[tuple[InsightKind, Iterable[str]]] = [
        ("name", [name] if name else []),
        ("title", titles),
        ("skill", _find_skills(parts, name)),
        ("degree", _find_education(text)),
        ("language", _find_languages(parts, text)),
        ("place", [place] if place else []),
    ]
    insights = [_locate(text, kind, value) for kind, values in found for value in values]
    years = years_insights(text, titles=titles, today=today or date.today())
    return tuple(insight for insight in (*insights, *years) if insight)


def _locate(text: str, kind: InsightKind, value: str) -> Insight | None:
    """Find the stretch that says a value, whose words may be parted by other white space."""
    words = [re.escape(word) for word in value.split() if word not in ("in", "of")]
    match = re.search(r"(?<!\w)" + r"[\s,:–-]+(?:(?:in|of)\s+)?".join(words), text, re.IGNORECASE)
    return match and Insight(kind, value, match[0], match.start(), match.end())


def _find_skills(parts: Sequence[Section], name: str) -> tuple[str, ...]:
    found: list[str] = []
    for part in parts:
        if part.kind == "skills":
            found += _skill_items(part.text)
    for part in parts:
        if part.kind not in ("education", "publications", "references", "languages"):
            # A header with a name is no prose; without one the passage starts mid-section.
            found += _tools_in(part.text if part.kind != "header" or not name else "")
    return _distinct((skill for skill in found if skill != name), _MOST_SKILLS)


def _skill_items(text: str) -> Iterator[str]:
    # A list that wraps goes on in the next line.
    joined = re.sub(r",[ ]*\n(?=\S)", ", ", text)
    for line in joined.split("\n"):
        for item in _ITEM_SEPARATORS.split(_CATEGORY.sub("", line)):
            skill = _YEARS_NOTE.sub("", item).strip(" -–—.:*\"'")
            tokens = skill.split()
            if not (1 < len(skill) <= 40 and 1 <= len(tokens) <= 4 and skill[0].isalnum()):
                continue
            lower = {word.lower() for word in tokens}
            if skill.lower() in _NOT_SKILLS or not lower.isdisjoint(_NOT_IN_SKILLS):
                continue
            if skill.count("(") != skill.count(")") or re.search(r"(?:19|20)\d\d|[@%]", skill):
                continue
            if tokens[0] in ("and", "or") or tokens[-1].lower() in ("and", "of", "or", "in", "&"):
                continue
            yield skill


def _tools_in(text: str) -> Iterator[str]:
    """Yield the words that look like names of tools: camel case, and acronyms in mixed lines."""
    for line in text.split("\n"):
        if not _MIXED_CASE.search(line) or CONTACT.search(line):
            continue
        for match in _TOOL.finditer(line):
            token = match[0]
            before = line[: match.start()].rstrip()
            lower = token.lower()
            if lower in _NO_TOOLS:
                continue
            if (
                (before.endswith(",") and lower in STATES)
                or re.fullmatch(r"[IVXLM]+|Mc[A-Z].*|Mac[A-Z].*|De[A-Z].*|X+", token)
                or len(token) > 14
            ):
                continue
            yield token


def _find_education(text: str) -> tuple[str, ...]:
    degrees: list[str] = []
    for match in _DEGREE.finditer(text):
        degree = " ".join(match["degree"].split())
        tokens = _until_institution((match["field"] or "").split("\n")[0].split())
        clear = (match["link"] or "").strip() in ("in", "of", ":") and degree != "MS"
        if tokens and not clear and not any(word.lower() in _FIELDS for word in tokens[:2]):
            tokens = []
        # Two capitals alone are a state or a form of address as often as a degree.
        if len(degree) < 4 and degree not in ("MBA", "PhD", "BSc", "MSc") and not tokens:
            continue
        joint = " in " if " " in degree else " "
        degrees.append(f"{degree}{joint}{' '.join(tokens)}" if tokens else degree)
    return _distinct(degrees, _MOST_EDUCATION)


def _until_institution(tokens: Sequence[str]) -> list[str]:
    kept: list[str] = []
    for word in tokens:
        lower = word.lower()
        if lower in _NOT_FIELD:
            # "Boston University": what stands before the word is the institution's name.
            return kept if lower not in ("university", "college", "school", "institute") else []
        kept.append(word)
    while kept and kept[-1].lower() in _NO_ENDS:
        kept.pop()
    return kept


def _find_languages(parts: Sequence[Section], text: str) -> tuple[str, ...]:
    spoken = [part.text for part in parts if part.kind == "languages"]
    lower = text.lower()
    spoken += [
        lower[match.start() : match.start() + _NEAR].split("\n")[0]
        for match in _FLUENT.finditer(lower)
    ]
    tokens = (word for piece in spoken for word in re.findall(r"[^\W\d_]+", piece))
    return _distinct((word.capitalize() for word in tokens if word.lower() in LANGUAGES), 10)


def _distinct(values: Iterable[str], most: int) -> tuple[str, ...]:
    """Keep the first spelling of each value, in order."""
    kept: dict[str, str] = {}
    for value in values:
        kept.setdefault(value.casefold(), value)
        if len(kept) == most:
            break
    return tuple(kept.values())
