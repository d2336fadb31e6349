"""Responsibilities: the sentences that begin with an action verb, taken into verb and object."""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from cvseeker.queries.offline.chunks import stem
from cvseeker.queries.offline.lexicon import INNER_WORDS, STOP_WORDS, TITLE_HEADS
from cvseeker.queries.offline.rarity import CorpusStatistics
from cvseeker.queries.offline.verbs import GERUNDS, LEMMAS, NOUN_LIKE, PAST_FORMS


class Duty(NamedTuple):
    """What somebody did: a verb's lemma, and its object as a fact is told."""

    lemma: str
    text: str
    stems: tuple[str, ...]
    position: int
    rarity: float


_SENTENCE_END = re.compile(r"(?<=[a-z)][.;!?])\s+(?=[A-Z])|\s*;\s+|\s+[•●▪]\s*")
_ASIDE = re.compile(r"\s*\([^)]*\)?\s*")
_MANY = re.compile(r"[.;!?•●▪](?:(?<=[•●▪])| \S)")
_OPENING = re.compile(
    r"""
    (?:(?:I|We|He|She)\s+(?:(?:have|had|has|am|was|also)\s+)*)?
    (?:(?:successfully|actively|also|effectively|directly|independently|regularly|currently
        |primarily|closely|consistently|proactively|personally|efficiently)\s+)*
    (?P<cover>(?:(?:was|were|is|am)\s+)?(?:responsible|accountable)\s+for\s+(?:the\s+)?
       |(?:was\s+|actively\s+|heavily\s+|extensively\s+)*(?:involved|engaged|participated|assisted|helped)\s+in\s+
       |(?:experience[d]?|expertise|skilled|proficient)\s+(?:in|with|of)\s+
       |duties\s+included?\s*:?\s*)?
    (?P<first>[A-Za-z]+)
    (?:\s*(?:,|/|&|\band\b)\s*(?:and\s+)?(?P<second>[a-z]+))?
    \s+(?P<rest>.+)
    """,
    re.VERBOSE | re.IGNORECASE,
)
_CLAUSE = re.compile(
    r"""
    (?=[\s:.!?–—,]) (?:    # most characters begin none of these
    \s*[:.!?]\s | \s*[–—]\s | \s-\s
    | ,?\s+(?:which|that|who|whom|where|resulting|so|in\ order|thereby|while|when|because|since
        |such\ as|including|includes|e\.g|i\.e|etc|to\ ensure|ensuring|leading\ to|by\ \w+ing
        |as\ well|due\ to|according\ to|if|until|after|before|but|yet
        |and\ (?:was|were|is|am|have|had|[a-z]+ed|[a-z]+ing|made|built|led|wrote|ran)(?=\s))(?!\w)
    )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<!\w)(?:\b(?:of|over|about|around|approximately|approx\.?|up to|more than|at least|by"
    r"|nearly|from|to)\s+)*[~$€£₹#]?\d[\d,.:/x×-]*\s?"
    r"(?:%|\+|(?:st|nd|rd|th|k|K|M|m|g|kg|km|cm|mm|kV|kW|million|thousand|percent)\b)?"
)
_DIGIT = re.compile(r"\d")
_MARKS = re.compile(r"[&\"“”*\[\]{}<>|](?:(?<!&)|(?<=\s&)(?=\w))")
_DETERMINERS = frozenset("the a an all any our new daily various and multiple both each".split())
_PUFF = frozenset(
    "various multiple numerous several many different successful successfully effectively "
    "efficiently excellent innovative exceptional outstanding overall quality accurate "
    "accurately timely own complex extensive extensively very all daily etc new key properly "
    "strong respective".split()
)
_OWNED = {"our": "the", "my": "the", "their": "the", "his": "the", "her": "the", "&": "and"}
_MAX_OBJECT = 11


def read_duties(lines: Iterable[str], statistics: CorpusStatistics) -> Iterator[Duty]:
    """Yield the responsibilities that a passage's lines tell, in reading order."""
    position = 0
    for line in lines:
        for sentence in _SENTENCE_END.split(line) if _MANY.search(line) else (line,):
            duty = _read(sentence, position, statistics) if _may_open(sentence) else None
            if duty:
                yield duty
            position += sentence.count(" ") + 1


def _may_open(sentence: str) -> bool:
    """Whether a sentence's first word may begin a responsibility; spares the slow pattern."""
    first = sentence.split(" ", 1)[0].lower().rstrip(",/:")
    return len(sentence) > 15 and (first in LEMMAS or first in _OPENERS or first.endswith("ly"))


_OPENERS = frozenset(
    "i we he she was am responsible accountable involved engaged participated assisted helped "
    "experience experienced expertise skilled proficient duties also".split()
)


def _read(sentence: str, position: int, statistics: CorpusStatistics) -> Duty | None:
    match = _OPENING.match(_ASIDE.sub(" ", sentence))
    if not match:
        return None
    lemma, rest = _verb_and_rest(match)
    if not lemma or (
        lemma == "work" and not rest.startswith(("with ", "on ", "under ", "closely "))
    ):
        return None
    words = _object(rest, statistics)
    if not 2 <= len(words) <= _MAX_OBJECT or (words[-1].lower() in TITLE_HEADS and len(words) < 4):
        return None
    stems = tuple(stem(word) for word in words if word.lower() not in STOP_WORDS)
    told = [root for root in stems if root not in INNER_WORDS and statistics.is_specific((root,))]
    pairs = [pair for pair in pairwise(stems) if statistics.is_specific(pair)]
    if not told and not pairs:
        return None
    rarity = sum(sorted((statistics.rarity((root,)) for root in stems), reverse=True)[:3])
    return Duty(lemma, " ".join(words), stems, position, rarity)


def _verb_and_rest(match: re.Match[str]) -> tuple[str, str]:
    """Return the verb's lemma and what follows it; an empty lemma where there is no verb."""
    first, second, rest = match["first"].lower(), (match["second"] or ""), match["rest"]
    lemma = LEMMAS.get(first, "")
    if lemma and second and second in LEMMAS:
        # "Designed and built": the second verb stands nearest to the object.
        return LEMMAS[second], rest
    whole = match.string[match.start("first") :]
    if lemma:
        rest = whole[len(first) :].lstrip()
        return (lemma, rest) if _is_verb(first, rest) else ("", "")
    if match["cover"] and first not in STOP_WORDS and not first.endswith("ed"):
        covered = match["cover"].lower()
        return ("work", "with " + whole) if "exp" in covered else ("handle", whole)
    return "", ""


def _is_verb(form: str, rest: str) -> bool:
    """Whether a form that may be a noun stands for the verb here."""
    following = rest.split(" ", 1)[0].lower().strip(",")
    if ":" in rest[:30] or rest[:1] in ",.&/-|(":
        return False
    if form in PAST_FORMS or following in _DETERMINERS:
        return True
    if form in GERUNDS:
        return rest.count(" ") >= 2
    return form not in NOUN_LIKE and LEMMAS[form] not in NOUN_LIKE


def _object(rest: str, statistics: CorpusStatistics) -> list[str]:
    """Return the words of the object, cut short; none where a word is unfit."""
    rest = _MARKS.sub(" ", rest)
    head = _CLAUSE.split(rest, maxsplit=1)[0]
    head = _NUMBER.sub(" ", head) if _DIGIT.search(head) else head
    parts = [part.strip() for part in head.split(",")]
    kept = parts[0]
    for part in parts[1:]:
        if len(kept.split()) >= 4 or not part:
            break
        kept = f"{kept}, {part}"
    words = [word for word in kept.split() if word.lower().strip(",") not in _PUFF]
    words = _shorten(words)
    plain = [word.strip(",.'’&/") for word in words]
    if not all(word and statistics.word(word).sound for word in plain if len(word) > 2):
        return []
    if any(word.isupper() and word.lower() in STOP_WORDS - {"it", "us"} for word in words):
        words = [word.lower() for word in words]
    surfaces = (
        _OWNED.get(word.lower(), statistics.surface(word) if word.strip(",") == word else word)
        for word in words
    )
    return [word for word in surfaces if word]


def _shorten(words: list[str]) -> list[str]:
    """Cut after the last whole phrase that fits, and leave no function word at the end."""
    if len(words) > _MAX_OBJECT:
        joints = [at for at in range(4, _MAX_OBJECT) if words[at].lower() in _LITTLE_WORDS]
        words = words[: joints[-1] if joints else _MAX_OBJECT]
    while words and _dangles(words[-1].lower().strip(","), words[-2:-1]):
        words = words[:-1]
    if words and words[0].lower() in ("and", "of", "by", "or", "is", "was"):
        return []
    return [*words[:-1], words[-1].strip(",.;:")] if words else []


def _dangles(last: str, before: list[str]) -> bool:
    """Whether a last word promises another: "to", "and", "to assure", "and translating"."""
    if last in _LITTLE_WORDS or last == "&":
        return True
    joined = bool(before) and before[0].lower() in _JOINTS
    return joined and (last in LEMMAS or last.endswith("ing"))


_LITTLE_WORDS = STOP_WORDS | INNER_WORDS
_JOINTS = frozenset({"to", "and", "for", "by", "of", "in", "while"})
