"""What a passage's lines name: job titles, employers, schools, credentials and skills."""

import re
from collections.abc import Iterator, Sequence

from cvseeker.core.insights import Profile
from cvseeker.core.wordlists import read_lines, read_words
from cvseeker.queries.offline.lexicon import GENERIC_WORDS, NOUN_STARTS, STOP_WORDS, TITLE_HEADS
from cvseeker.queries.offline.rarity import may_start_end_name
from cvseeker.queries.offline.verbs import GERUNDS, LEMMAS, NOUN_LIKE

_PLACES = read_words("cvseeker.core", "places")


def read_mentions(lines: Sequence[str], profile: Profile) -> Iterator[tuple[str, str, int]]:
    """Yield what a passage's lines name: titles, employers, schools, credentials and skills."""
    position = 0
    for line in lines:
        words = line.lower().replace(",", " ").split()
        if len(line) < 120 and not TITLE_HEADS.isdisjoint(words):
            yield from (("title", title, position) for title in _titles(line))
        yield from (("skill", item, position) for item in _items(line))
        position += len(words)
    text = "\n".join(lines)
    scale = position / max(1, len(text))
    lower = text.lower()
    for skill in profile.skills:
        start = lower.find(skill.lower())
        if start >= 0 and _is_item(skill) and (len(skill) > 2 or skill in _SHORT_SKILLS):
            yield "skill", skill, int(start * scale)
    for match in _AS_TITLE.finditer(text):
        yield "title", title_case(match[1]), int(match.start() * scale)
    for match in _ORGANIZATION.finditer(text):
        kind = "school" if SCHOOL.search(match[1]) else "employer"
        yield kind, _LEGAL_FORM.sub("", match[1]).strip(" ,&."), int(match.start() * scale)
    for match in _EMPLOYER_LABEL.finditer(f"\n{text}"):
        yield "employer", _LEGAL_FORM.sub("", match[1]).strip(" ,&."), int(match.start() * scale)
    for match in _CREDENTIAL.finditer(text):
        yield "credential", match.group().strip(" ,."), int(match.start() * scale)


_SPLIT = re.compile(
    r"(?=[\ ,;|•(){}\t:–—/\d])"
    r"(?:\ *[,;|•(){}\t:–—/]\ *|\ +[-~@]\ +|\ +(?:at|for|with|in|from|to)\ +|\ *\d\S*)"
)


def _titles(line: str) -> Iterator[str]:
    for part in _SPLIT.split(line):
        words = part.strip(" .").split()
        if 1 <= len(words) <= 6 and words[-1].lower() in TITLE_HEADS and words[0][0].isupper():
            proper = all(word[0].isupper() or word in ("of", "and", "&") for word in words)
            first = words[0].lower()
            proper = proper and (first not in LEMMAS or first in _TITLE_STARTS)
            if proper and (len(words) > 1 or words[0].lower() not in GENERIC_WORDS):
                yield title_case(part.strip(" ."))


def title_case(title: str) -> str:
    """Write a title as one types it: in lower case but for short forms, whenever it was held."""
    title = _FORMERLY.sub("", title)
    shouted = title.isupper()
    title = re.sub(r"\b[Ss][Rr]\b\.?", "senior", title)
    title = re.sub(r"\b[Jj][Rr]\b\.?", "junior", title)
    return " ".join(
        word if not shouted and (word.isupper() or not word[1:].islower()) else word.lower()
        for word in title.split()
    )


_FORMERLY = re.compile(r"^(?:formerly|previously|currently)\s+", re.IGNORECASE)
# "Perform System Analyst" is an instruction; "Registered Nurse", "Managing Director" are not.
_TITLE_STARTS = NOUN_LIKE | NOUN_STARTS | GERUNDS
_HEADS = "|".join(sorted(TITLE_HEADS))
_AS_TITLE = re.compile(
    r"[AaRr](?<!\w.)(?:(?<=[Aa])s|(?<=[Rr])ole of) (?:an? |the )?"
    rf"((?:[A-Z][\w/.+&-]*\ +){{1,4}}(?i:{_HEADS}))\b"
)
_NAME_REST = r"[\w&'’-]*\.?\ +(?:(?:of|and|&|for)\ +)?"
_LAST_WORDS = "|".join(read_lines("cvseeker.queries.offline", "organizations"))
_CERTIFICATES = "|".join(read_lines("cvseeker.queries.offline", "certificates"))
_ORGANIZATION = re.compile(
    # A set of characters and no \\b first: the regex engine finds these fastest.
    rf"([A-Z](?<!\w.){_NAME_REST}(?:[A-Z]{_NAME_REST}){{0,3}}"
    rf"(?:{_LAST_WORDS})"
    r"(?:\ +of(?:\ +[A-Z]\w+){1,2})?)(?!\w)"
)
_EMPLOYER_LABEL = re.compile(
    r"\n(?:client|company|employer|organi[sz]ation)(?: name)?\s*[:–-]+\s*"
    r"((?-i:[A-Z])[^,;:|(–\n\d]{2,40})",
    re.IGNORECASE,
)
SCHOOL = re.compile(r"university|college|school|institute|academy", re.IGNORECASE)
_LEGAL_FORM = re.compile(
    r"[\s,]+(?:pvt|private|ltd|limited|inc|llc|llp|plc|gmbh|corp|corporation|co)\b\.?",
    re.IGNORECASE,
)
_FIELD = r"(?:\ +(?:of|in|and|&)?\ *[A-Z][A-Za-z]+(?:\ +(?:and|&|of)\ +[A-Z][a-z]+)?){1,3}"
_CREDENTIAL = re.compile(
    rf"""
    \b(?=[A-Z])(?:
    (?:Bachelor|Master|Associate|Doctor|Diploma)(?:['’]?s)?(?:\ +(?:degree|Degree))?{_FIELD}
    | (?:B\.?\ ?(?:Com|Sc|Tech|Ed)|B\.(?:A|E|S)|B[AS](?=\ in\b)|M\.?\ ?(?:Com|Sc|Tech|Ed)|M\.S
        |MBA|MCA|BCA|BBA|PhD|Ph\.D|LLB|PGDM|PGCE|HND|NVQ|MSW)\b\.?
        (?:\ +(?:in|of)?\ *[A-Z][a-z]+(?:\ [A-Z][a-z]+)?)?
    | (?:{_CERTIFICATES})\b
    | Certified(?:\ +[A-Z][\w+-]*){{1,4}}
    | (?:[A-Z][\w&-]*\ +){{1,3}}(?:[Ll]icen[cs]e|[Cc]ertifica(?:te|tion)|[Dd]iploma)\b
    )
    """,
    re.VERBOSE,
)

# Other short forms of two letters are as often a place or a unit.
_SHORT_SKILLS = frozenset({"AI", "BI", "C#", "Go", "HR", "JS", "ML", "PR", "QA", "UI", "UX", "VB"})
_LABEL = re.compile(r"^[^,;|:]{2,30}[:–]\s+")


def _items(line: str) -> list[str]:
    """Return the items of a line that is a list of short names."""
    if sum(map(line.count, ",;|•/")) < 2:
        return []
    items = [item.strip(" .&") for item in re.split(r"[,;|•]|\s/\s", _LABEL.sub("", line))]
    items = [item.removeprefix("and ") for item in items if item]
    if len(items) < 3 or sum(item.count(" ") < 3 for item in items) < 0.8 * len(items):
        return []
    return [item for item in items if _is_item(item)]


def _is_noun_like(words: list[str]) -> bool:
    """Whether the words are no instruction or clause ("created brd", "involved in testing")."""
    starts, _, names = may_start_end_name(words[0])
    return names if len(words) == 1 else starts


def _is_item(item: str) -> bool:
    words = item.split()
    return (
        len(words) <= 3
        and len(item) > 1
        and "…" not in item
        and item.lower() not in _PLACES
        and not any(char.isdigit() and item[0].isdigit() for char in item)
        and words[0].lower() not in STOP_WORDS
        and words[-1].lower() not in STOP_WORDS
        and not all(word.lower() in GENERIC_WORDS for word in words)
        and _is_noun_like(words)
        and not any(mark in item for mark in '()[]:<>="“”_')
    )
