"""What a passage offers to ask about: titles, employers, skills, credentials and duties."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cvseeker.queries.chunks import stem, unwrap
from cvseeker.queries.duties import Duty, read_duties
from cvseeker.queries.lexicon import (
    GENERIC_WORDS,
    LEMMAS,
    NOUN_LIKE,
    NOUN_STARTS,
    STOP_WORDS,
    TITLE_HEADS,
)
from cvseeker.queries.phrases import is_name, key_phrases
from cvseeker.queries.rarity import GENERIC_STEMS, CorpusStatistics
from cvseeker.records import Profile
from cvseeker.resumes.sections import find_sections


class Fact(NamedTuple):
    """Something short that a passage says, where it says it, and how rare that is."""

    text: str
    stems: tuple[str, ...]
    position: int
    rarity: float


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage taken apart, in the order in which the facts stand in it.

    Attributes
    ----------
    titles, employers, schools, skills, credentials
        As their names say.
    projects
        Phrases that name a system, a product, a campaign.
    phrases
        Other key phrases.
    duties
        What the candidate did.
    profile
        The whole résumé's.
    """

    titles: tuple[Fact, ...]
    employers: tuple[Fact, ...]
    schools: tuple[Fact, ...]
    skills: tuple[Fact, ...]
    credentials: tuple[Fact, ...]
    projects: tuple[Fact, ...]
    phrases: tuple[Fact, ...]
    duties: tuple[Duty, ...]
    profile: Profile


def read_evidence(text: str, profile: Profile, statistics: CorpusStatistics) -> Evidence:
    """Take a passage apart.

    Parameters
    ----------
    text
        The passage.
    profile
        Of its résumé; the name in it is kept out of everything.
    statistics
        Of the corpus.

    Returns
    -------
    Evidence
    """
    lines = unwrap(_without_outsiders(text))
    banned = frozenset(stem(part) for part in re.findall(r"[^\W\d_]{2,}", profile.name))
    found = _read_facts(lines, statistics, banned)
    names = {word for kind in _ORGANIZATIONS for stems in found[kind] for word in stems}
    names |= GENERIC_STEMS
    phrases = [
        Fact(phrase.text, phrase.stems, phrase.position, phrase.score)
        for phrase in key_phrases(lines, statistics, banned=banned)
        if not names.issuperset(phrase.stems)
    ]
    duties = [duty for duty in read_duties(lines, statistics) if banned.isdisjoint(duty.stems)]
    return Evidence(
        titles=tuple(found["title"].values()),
        employers=tuple(found["employer"].values()),
        schools=tuple(found["school"].values()),
        skills=tuple(found["skill"].values())[:_MOST_SKILLS],
        credentials=tuple(found["credential"].values()),
        projects=tuple(phrase for phrase in phrases if _is_project(phrase)),
        phrases=tuple(
            phrase
            for phrase in phrases
            if not _is_project(phrase) and phrase.stems not in found["skill"]
        ),
        duties=tuple(duties),
        profile=profile,
    )


_MOST_SKILLS = 40
_ORGANIZATIONS = ("employer", "school")
_KINDS = ("title", "employer", "school", "credential", "skill")


def _without_outsiders(text: str) -> str:
    """Leave out the sections that name other people, or what nobody is hired for."""
    if not _OUTSIDERS.search(text):
        return text
    unwanted = ("references", "interests")
    return "\n".join(
        section.text for section in find_sections(text) if section.kind not in unwanted
    )


_OUTSIDERS = re.compile(r"^\W*(?:refer|hobb|interest)", re.IGNORECASE | re.MULTILINE)


def _read_facts(
    lines: Sequence[str], statistics: CorpusStatistics, banned: frozenset[str]
) -> dict[str, dict[tuple[str, ...], Fact]]:
    """Return kind → stems → fact, the first mention of each."""
    found: dict[str, dict[tuple[str, ...], Fact]] = {kind: {} for kind in _KINDS}
    for kind, wording, position in _wordings(lines):
        fact = _fact(wording, position, statistics)
        if fact and banned.isdisjoint(fact.stems) and _is_fit(kind, fact, statistics):
            found[kind].setdefault(fact.stems, fact)
    return found


def _fact(wording: str, position: int, statistics: CorpusStatistics) -> Fact | None:
    words = [word for word in wording.replace("’", "'").split() if not _MONTH.match(word)]
    while words and _VERSION.match(words[-1]):
        words.pop()
    if (
        not words
        or len(words) > 7
        or not all(statistics.word(word.strip(".,&")).sound for word in words)
    ):
        return None
    stems = tuple(stem(word.strip(".,&")) for word in words)
    rarity = max(statistics.rarity((word,)) for word in stems)
    return Fact(" ".join(words), stems, position, rarity)


_MONTH = re.compile(r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*\.?$", re.I)
_VERSION = re.compile(r"v?\d[\d.x]*$", re.IGNORECASE)


def _is_fit(kind: str, fact: Fact, statistics: CorpusStatistics) -> bool:
    """Whether an organisation has a name of its own, not "Contact Center", and a skill is rare."""
    if kind not in _ORGANIZATIONS:
        return kind != "skill" or statistics.is_specific(fact.stems)
    words = fact.text.split()
    if kind == "school" or len(words) > 1:
        words = [word for word in words if not _SCHOOL.match(word)]
    return any(
        len(word) > 2
        and word.lower() not in GENERIC_WORDS
        and not statistics.surface(word).islower()
        for word in words
    )


_PROJECT_HEADS = words(
    """
    app application campaign database initiative module platform portal product program
    programme project site software system website
    """
)


def _is_project(phrase: Fact) -> bool:
    return len(phrase.stems) > 1 and phrase.text.lower().rsplit(" ", 1)[-1] in _PROJECT_HEADS


def _wordings(lines: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Yield the (kind, wording, position) of what the lines name."""
    position = 0
    for line in lines:
        words = line.lower().replace(",", " ").split()
        if len(line) < 120 and not TITLE_HEADS.isdisjoint(words):
            yield from (("title", title, position) for title in _titles(line))
        yield from (("skill", item, position) for item in _items(line))
        position += len(words)
    text = "\n".join(lines)
    scale = position / max(1, len(text))
    for match in _AS_TITLE.finditer(text):
        yield "title", _title_case(match[1]), int(match.start() * scale)
    for match in _ORGANIZATION.finditer(text):
        kind = "school" if _SCHOOL.search(match[1]) else "employer"
        yield kind, _LEGAL_FORM.sub("", match[1]).strip(" ,&."), int(match.start() * scale)
    for match in _EMPLOYER_LABEL.finditer(text):
        yield "employer", _LEGAL_FORM.sub("", match[1]).strip(" ,&."), int(match.start() * scale)
    for match in _CREDENTIAL.finditer(text):
        yield "credential", match.group().strip(" ,."), int(match.start() * scale)


_SPLIT = re.compile(r"\ *[,;|•(){}\t:–—/]\ *|\ +[-~@]\ +|\ +(?:at|for|with|in|from|to)\ +|\ *\d\S*")


def _titles(line: str) -> Iterator[str]:
    for part in _SPLIT.split(line):
        words = part.strip(" .").split()
        if 1 <= len(words) <= 6 and words[-1].lower() in TITLE_HEADS and words[0][0].isupper():
            proper = all(word[0].isupper() or word in ("of", "and", "&") for word in words)
            first = words[0].lower()
            proper = proper and (first not in LEMMAS or first in NOUN_LIKE)
            if proper and (len(words) > 1 or words[0].lower() not in GENERIC_WORDS):
                yield _title_case(part.strip(" ."))


def _title_case(title: str) -> str:
    """Write a title as one is typed: lower case but for the short forms."""
    title = re.sub(r"\b[Ss][Rr]\b\.?", "senior", title)
    title = re.sub(r"\b[Jj][Rr]\b\.?", "junior", title)
    shouted = title.isupper()
    return " ".join(
        word if not shouted and (word.isupper() or not word[1:].islower()) else word.lower()
        for word in title.split()
    )


_HEADS = "|".join(sorted(TITLE_HEADS))
_AS_TITLE = re.compile(
    rf"\b(?:[Aa]s|[Rr]ole of) (?:an? |the )?((?:[A-Z][\w/.+&-]*\ +){{1,4}}(?i:{_HEADS}))\b"
)
_ORGANIZATION = re.compile(
    r"\b((?:[A-Z][\w&'’-]*\.?\ +(?:(?:of|and|&|for)\ +)?){1,4}"
    r"(?:Ltd|LTD|Limited|LIMITED|Inc|INC|LLC|LLP|PLC|Plc|plc|GmbH|AG|Corp|Corporation|Company"
    r"|Group|Bank|BANK|University|UNIVERSITY|College|COLLEGE|School|Hospital|HOSPITAL|Clinic"
    r"|Institute|Technologies|Insurance|Foundation|Council|Trust|Association|Agency|Cent(?:er|re)"
    r"|Academy|Airlines|Motors|Industries|Enterprises|Laborator(?:y|ies)|Labs|Hotel|Restaurant"
    r"|Pharmaceuticals|Healthcare|Communications|Logistics|Consulting|Partnership|Authority)"
    r"(?:\ +of(?:\ +[A-Z]\w+){1,2})?)(?!\w)"
)
_EMPLOYER_LABEL = re.compile(
    r"^(?:client|company|employer|organi[sz]ation)(?: name)?\s*[:–-]+\s*((?-i:[A-Z])[^,;:|(–\n\d]{2,40})",
    re.IGNORECASE | re.MULTILINE,
)
_SCHOOL = re.compile(r"university|college|school|institute|academy", re.IGNORECASE)
_LEGAL_FORM = re.compile(
    r"[\s,]+(?:pvt|private|ltd|limited|inc|llc|llp|plc|gmbh|corp|corporation|co)\b\.?",
    re.IGNORECASE,
)
_FIELD = r"(?:\ +(?:of|in|and|&)?\ *[A-Z][A-Za-z]+(?:\ +(?:and|&|of)\ +[A-Z][a-z]+)?){1,3}"
_CREDENTIAL = re.compile(
    rf"""
    \b(?:Bachelor|Master|Associate|Doctor|Diploma)(?:['’]?s)?(?:\ +(?:degree|Degree))?{_FIELD}
    | \b(?:B\.?\ ?(?:Com|Sc|Tech|Ed)|B\.(?:A|E|S)|B[AS](?=\ in\b)|M\.?\ ?(?:Com|Sc|Tech|Ed)|M\.S|MBA|MCA
        |BCA|BBA|PhD|Ph\.D|LLB|PGDM|PGCE|HND|NVQ|MSW)\b\.?(?:\ +(?:in|of)?\ *[A-Z][a-z]+(?:\ [A-Z][a-z]+)?)?
    | \b(?:PMP|CPA|CFA|ACCA|CIPD|CISSP|CISA|CCNA|CCNP|CSM|ITIL|CDL|ACLS|BLS|LCSW|LPN|CNA|SHRM|PHR
        |NEBOSH|IOSH|OSHA|SIA|QTS|CompEx|ServSafe|FINRA|EIT)\b
    | \bCertified(?:\ +[A-Z][\w+-]*){{1,4}}
    | \b(?:[A-Z][\w&-]*\ +){{1,3}}(?:[Ll]icen[cs]e|[Cc]ertifica(?:te|tion)|[Dd]iploma)\b
    """,
    re.VERBOSE,
)

_LABEL = re.compile(r"^[^,;|:]{2,30}[:–]\s+")


def _items(line: str) -> list[str]:
    """Return the items of a line that is a list of short names."""
    items = [item.strip(" .&") for item in re.split(r"[,;|•]|\s/\s", _LABEL.sub("", line))]
    items = [item.removeprefix("and ") for item in items if item]
    if len(items) < 3 or sum(item.count(" ") < 3 for item in items) < 0.8 * len(items):
        return []
    return [item for item in items if _is_item(item)]


def _is_noun_like(words: list[str]) -> bool:
    """Whether the words are no instruction or clause ("created brd", "involved in testing")."""
    first = words[0].lower()
    if len(words) == 1:
        return is_name(words[0]) or first in NOUN_STARTS
    if first.endswith(("ing", "ed")) and len(first) > 5:
        return first in NOUN_STARTS
    return first not in LEMMAS or first in NOUN_LIKE


def _is_item(item: str) -> bool:
    words = item.split()
    return (
        len(words) <= 3
        and len(item) > 1
        and not any(char.isdigit() and item[0].isdigit() for char in item)
        and words[0].lower() not in STOP_WORDS
        and words[-1].lower() not in STOP_WORDS
        and not all(word.lower() in GENERIC_WORDS for word in words)
        and _is_noun_like(words)
        and not any(mark in item for mark in '()[]:<>="“”_')
    )
