"""What a passage offers to ask about: titles, employers, skills, credentials and duties."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cvseeker.core.insights import Profile
from cvseeker.core.wordlists import read_words
from cvseeker.queries.offline.chunks import stem
from cvseeker.queries.offline.duties import Duty, read_duties
from cvseeker.queries.offline.lexicon import GENERIC_WORDS, MONTHS, STOP_WORDS, TITLE_HEADS
from cvseeker.queries.offline.mentions import SCHOOL, read_mentions, title_case
from cvseeker.queries.offline.phrases import Fact, key_phrases
from cvseeker.queries.offline.rarity import GENERIC_STEMS, CorpusStatistics
from cvseeker.resumes import find_sections


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage taken apart, in the order in which the facts stand in it."""

    titles: tuple[Fact, ...]
    employers: tuple[Fact, ...]
    schools: tuple[Fact, ...]
    skills: tuple[Fact, ...]
    credentials: tuple[Fact, ...]
    # Phrases that name a system, a product, a campaign; the others are key phrases.
    projects: tuple[Fact, ...]
    phrases: tuple[Fact, ...]
    duties: tuple[Duty, ...]
    # The whole résumé's.
    profile: Profile


def read_evidence(text: str, profile: Profile, statistics: CorpusStatistics) -> Evidence:
    """Take a passage apart."""
    lines = statistics.lines(_without_outsiders(text))
    name = profile.name or _probable_name(text)
    banned = frozenset(map(stem, _NAME_PART.findall(name) + name.split()))
    found = _read_facts(lines, profile, statistics, banned)
    names = {word for kind in _ORGANIZATIONS for stems in found[kind] for word in stems}
    phrases = [
        phrase
        for phrase in key_phrases(lines, statistics, banned=banned, limit=_MOST_PHRASES)
        if any(word not in names and word not in GENERIC_STEMS for word in phrase.stems)
    ]
    duties = [duty for duty in read_duties(lines, statistics) if banned.isdisjoint(duty.stems)]
    return Evidence(
        titles=tuple(found["title"].values()) or _profile_titles(profile, statistics),
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


def _probable_name(text: str) -> str:
    """Return a first line of two to four capitalised words that no title or section is made of."""
    line = text.strip().split("\n", 1)[0].strip(" #*•")
    words = line.split(maxsplit=_LONGEST_NAME)
    if not 2 <= len(words) <= _LONGEST_NAME:
        return ""
    lower = {word.lower() for word in words} - _PARTICLES
    own = [word for word in words if word not in _PARTICLES]
    proper = all(map(_NAME_WORD.fullmatch, own))
    return line if proper and lower.isdisjoint(_NO_NAMES) else ""


_NAME_WORD = re.compile(r"[^\W\d_a-z][^\W\d_]*(?:[.'’-][^\W\d_]*)*")
_PARTICLES = read_words("cvseeker.core", "particles")
_NO_NAMES = TITLE_HEADS | GENERIC_WORDS | STOP_WORDS
_LONGEST_NAME = 4


def _profile_titles(profile: Profile, statistics: CorpusStatistics) -> tuple[Fact, ...]:
    facts = (_fact(title_case(title), 0, statistics) for title in profile.titles[:2])
    return tuple(fact for fact in facts if fact)


_NAME_PART = re.compile(r"[^\W\d_]{2,}")
_MOST_SKILLS, _MOST_PHRASES = 30, 30
_ORGANIZATIONS = ("employer", "school")
_KINDS = ("title", "employer", "school", "credential", "skill")


def _without_outsiders(text: str) -> str:
    """Leave out the sections that name other people, or what nobody is hired for."""
    if not _OUTSIDERS.search(f"\n{text}"):
        return text
    unwanted = ("references", "interests")
    return "\n".join(
        section.text for section in find_sections(text) if section.kind not in unwanted
    )


_OUTSIDERS = re.compile(r"\n[^\w\n]*(?:refer|hobb|interest)", re.IGNORECASE)


def _read_facts(
    lines: Sequence[str],
    profile: Profile,
    statistics: CorpusStatistics,
    banned: frozenset[str],
) -> dict[str, dict[tuple[str, ...], Fact]]:
    """Return kind → stems → fact, the first mention of each."""
    found: dict[str, dict[tuple[str, ...], Fact]] = {kind: {} for kind in _KINDS}
    for kind, wording, position in read_mentions(lines, profile):
        fact = _fact(wording, position, statistics)
        if fact and banned.isdisjoint(fact.stems) and _is_fit(kind, fact, statistics):
            found[kind].setdefault(fact.stems, fact)
    return found


def _fact(wording: str, position: int, statistics: CorpusStatistics) -> Fact | None:
    words = [word for word in wording.replace("’", "'").split() if not _is_month(word)]
    while words and _VERSION.match(words[-1]):
        words.pop()
    if (
        not words
        or len(words) > 7
        or not all(statistics.word(word.strip(".,&")).sound for word in words)
    ):
        return None
    if "companyname" in wording.lower().replace(" ", ""):
        return None  # what anonymised résumés have in an employer's place
    if len(words) > 1 and words[: len(words) // 2] == words[(len(words) + 1) // 2 :]:
        return None
    stems = tuple(stem(word.strip(".,&")) for word in words)
    rarity = max(statistics.rarity((word,)) for word in stems)
    return Fact(" ".join(words), stems, position, rarity)


def _is_month(word: str) -> bool:
    return word.lower().removesuffix(".") in MONTHS


_VERSION = re.compile(r"v?\d[\d.x]*$", re.IGNORECASE)


def _is_fit(kind: str, fact: Fact, statistics: CorpusStatistics) -> bool:
    """Whether an organisation has a name of its own, not "Contact Center", and a skill is rare."""
    if kind not in _ORGANIZATIONS:
        return kind != "skill" or statistics.is_specific(fact.stems)
    words = fact.text.split()
    if kind == "school" or len(words) > 1:
        words = [word for word in words if not SCHOOL.match(word)]
    return any(
        len(word) > 2
        and word.lower() not in GENERIC_WORDS
        and not statistics.surface(word).islower()
        for word in words
    )


_PROJECT_HEADS = frozenset(
    "app application campaign database initiative module platform portal product program "
    "programme project site software system website".split()
)


def _is_project(phrase: Fact) -> bool:
    return len(phrase.stems) > 1 and phrase.text.lower().rsplit(" ", 1)[-1] in _PROJECT_HEADS
