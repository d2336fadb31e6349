"""Labels without an LLM: what a query asks for, word by word, and which passages have all of it."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import InputError
from cvseeker.core.wordlists import read_words
from cvseeker.retrieval.bm25 import stems
from cvseeker.retrieval.boolean import SearchedText, parse_boolean

MATCH = 2
"""The grade of a passage that has all that a query asks for."""

# Kinds whose words are attributes, each of which must be there; sentences say more than they ask.
_TERM_KINDS = frozenset({"keywords", "title_skills", "requirements"})
_OPERATOR = re.compile(r"\b(?:AND|OR|NOT)\b")
# A word, or punctuation, which ends a run of words.
_PIECE = re.compile(r"[^\W_]+[+#]*|[^\w\s]")
_POSSESSIVE = re.compile(r"['’]s?\b")
# Alone, as in B.S. or M&A, a letter is in every passage; C and R are languages.
_LETTER = re.compile(r"[^\W\dacir_]")
# Words apart, stop words not counted, that two neighbours of a query may be in a passage: scattered
# over a page, "charge" and "bookkeeper" are no charge bookkeeper.
_NEAR = 6
_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
# "5+ years", "at least five years of", "10 or more yrs", "3-5 years": the fewest count.
_YEARS = re.compile(
    rf"\b(?P<number>\d{{1,2}}|{'|'.join(_NUMBER_WORDS)})\s*(?:\+|plus\b|or more\b|[-–]\s?\d{{1,2}}"
    r"\b|to\s\d{1,2}\b)?[\s-]*(?:years?|yrs?)\b['’]?",
    re.IGNORECASE,
)
_ASKING_NOTHING = read_words("cvseeker.queries.judging", "asking_nothing")


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a query asks for: its words, and a working life in years, 0 where none is asked for."""

    matcher: Callable[[SearchedText], bool]
    years: int = 0


def read_attributes(query: str, kind: str) -> Attributes:
    """Read what a query asks for; refuse one that leaves open what would be a match.

    Examples
    --------
    >>> wanted = read_attributes("5+ years of experience, payroll, SAP", "requirements")
    >>> wanted.years, wanted.matcher(SearchedText.from_text("Ran the payroll in SAP FI/CO"))
    (5, True)
    """
    if kind == "boolean" or (kind in {*_TERM_KINDS, ""} and _OPERATOR.search(query)):
        return Attributes(parse_boolean(query))
    if kind not in _TERM_KINDS:
        raise InputError(
            f"queries of kind {kind!r} have no attributes; expected one of: "
            f"boolean, {', '.join(sorted(_TERM_KINDS))}"
        )
    years = [_number(match["number"]) for match in _YEARS.finditer(query)]
    runs = list(_content_runs(_YEARS.sub(" ", query)))
    if not runs:
        raise InputError(f"{query[:80]!r}: asks for nothing in particular; expected a skill, say")
    wanted = frozenset(stem for run in runs for stem in run)
    pairs = [pair for run in runs for pair in pairwise(run)]

    def matches(text: SearchedText) -> bool:
        return wanted <= text.stems and all(_are_near(pair, text.order) for pair in pairs)

    return Attributes(matches, max(years, default=0))


def match_attributes(
    dataset: RetrievalDataset,
    pools: Mapping[str, Sequence[str]],
    *,
    years: Mapping[str, int] | None = None,
) -> dict[str, dict[str, int]]:
    """Label the passages of each query's pool that have all that it asks for, by ``MATCH``.

    A passage that lacks a word is not judged: it may say the same in another. A query is missing
    where its kind or wording leaves open what a match is, or where it asks for years and nobody's
    in its pool are known. ``pools`` are query id → passage ids, ``years`` passage id → the
    candidate's working life.
    """
    known = years or {}
    read: dict[str, SearchedText] = {}
    matches = {}
    for query_id, text in dataset.queries.items():
        pool = pools[query_id]
        try:
            wanted = read_attributes(text, dataset.kinds.get(query_id, ""))
        except InputError:
            continue
        if wanted.years and not any(passage_id in known for passage_id in pool):
            continue
        for passage_id in pool:
            if passage_id not in read:
                read[passage_id] = SearchedText.from_text(dataset.corpus[passage_id])
        matches[query_id] = {
            passage_id: MATCH
            for passage_id in pool
            if known.get(passage_id, 0) >= wanted.years and wanted.matcher(read[passage_id])
        }
    return matches


def _content_runs(query: str) -> Iterator[list[str]]:
    """Yield the stems of words that follow one another with nothing but a space between them."""
    run: list[str] = []
    for match in _PIECE.finditer(_POSSESSIVE.sub("", query.lower())):
        word = match[0]
        if _LETTER.fullmatch(word):
            raise InputError(f"{query[:80]!r}: {word!r} is found by chance; expected longer words")
        found = stems(word) if word not in _ASKING_NOTHING else []
        if found:
            run += found
        elif run:
            yield run
            run = []
    if run:
        yield run


def _are_near(pair: tuple[str, str], order: Sequence[str]) -> bool:
    """Tell whether two stems stand within a few words of each other, in whichever order."""
    first, second = pair
    places = [place for place, stem in enumerate(order) if stem == first]
    return any(second in order[max(0, at - _NEAR) : at + _NEAR + 1] for at in places)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBER_WORDS.index(text.lower()) + 1
