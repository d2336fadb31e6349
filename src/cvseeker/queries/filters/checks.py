"""Which of an LLM's queries are fit for use, judged one by one against their passage."""

import re
from collections.abc import Callable
from functools import lru_cache

from cvseeker.core.query_settings import FilterSettings
from cvseeker.core.records import Query
from cvseeker.core.screen import printable
from cvseeker.queries.filters.grounding import asks_for_nothing, grounding
from cvseeker.queries.filters.languages import is_other_language, language_code
from cvseeker.queries.filters.wording import is_of_kind, speaks_of_its_source
from cvseeker.resumes import PersonName

NO_PLAIN_TEXT = "holds characters that no screen shows"
TOO_SHORT = "too short"
TOO_LONG = "too long"
WRONG_KIND = "not of the kind asked for"
WRONG_LANGUAGE = "wrong language"
NAMES_CANDIDATE = "names the candidate"
META = "speaks of the passage"
GENERIC = "could be asked of anybody"
COPIED = "copies the passage"
NOT_GROUNDED = "not grounded in the passage"
REPEATED = "near-duplicate of another query"
NOT_FOUND = "passage not among the top k for it"

REASONS = (
    NO_PLAIN_TEXT,
    TOO_SHORT,
    TOO_LONG,
    WRONG_KIND,
    WRONG_LANGUAGE,
    NAMES_CANDIDATE,
    META,
    GENERIC,
    COPIED,
    NOT_GROUNDED,
    REPEATED,
    NOT_FOUND,
)
"""Why queries are dropped, in the order of the checks; the last two look at the whole corpus."""

_WORD = re.compile(r"[^\W_]+(?:[.'’&+#-]+[^\W_]+)*[+#]*")
_COPIED_WORD = re.compile(r"[^\W_]+")
# What stands where something was masked.
_PLACEHOLDER = re.compile(
    r"\[(?:NAME|EMAIL|PHONE|URL|HANDLE|ADDRESS|BIRTHDATE|ID)\b[ \w]*\]", re.IGNORECASE
)
# Such queries consist of the passage's own terms by nature; only a long run of them is a copy.
_TERM_KINDS = frozenset({"keywords", "boolean", "title_skills"})
_COPIED_NGRAM = 4
_DESCRIPTION = "job_description"
# Characters a word, on an average that no language reaches.
_LONGEST_WORD = 40
# Languages whose nouns all have a capital, so that it tells no name.
_CAPITAL_NOUNS = frozenset({"de", "lb"})
# A paragraph of a job description may ask for one thing that the candidate lacks.
_MISSING_SHARE = 0.1


def check_query(query: Query, *, passage: str, name: str, settings: FilterSettings) -> str | None:
    """Return the first of ``REASONS`` to drop a query; ``None`` for one that is fit for use.

    Examples
    --------
    >>> limits = FilterSettings()
    >>> query = Query("q1", "a welder certified for TIG on stainless steel", "question", "p1")
    >>> check_query(query, passage="Registered nurse, ICU", name="", settings=limits)
    'not grounded in the passage'
    """
    text = query.text
    words = len(_WORD.findall(text))
    most = settings.max_description_words if query.kind == _DESCRIPTION else settings.max_words
    checks: tuple[tuple[str, Callable[[], bool]], ...] = (
        (NO_PLAIN_TEXT, lambda: printable(text) != text),
        (TOO_SHORT, lambda: words < settings.min_words),
        (TOO_LONG, lambda: max(words, len(text) / _LONGEST_WORD) > most),
        (WRONG_KIND, lambda: not is_of_kind(text, query.kind)),
        (WRONG_LANGUAGE, lambda: is_other_language(text, settings.language)),
        (NAMES_CANDIDATE, lambda: _is_naming(text, name)),
        (META, lambda: speaks_of_its_source(text)),
        (GENERIC, lambda: language_code(settings.language) == "en" and asks_for_nothing(text)),
        (COPIED, lambda: is_copied(query, passage, settings)),
        (NOT_GROUNDED, lambda: not is_grounded(query, passage, settings)),
    )
    return next((reason for reason, fails in checks if fails()), None)


def is_copied(query: Query, passage: str, settings: FilterSettings) -> bool:
    """Tell whether a query repeats its passage word for word: one long run, or many short ones.

    The share of runs of four words does not count for kinds of query that list a passage's terms.
    """
    runs = _copied_runs(_COPIED_WORD.findall(query.text.lower()), _spaced(passage))
    if max(runs, default=0) > settings.max_copied_words:
        return True
    if query.kind in _TERM_KINDS or len(runs) < _COPIED_NGRAM:
        return False
    copied = sum(run >= _COPIED_NGRAM for run in runs)
    return copied > settings.max_copied_share * (len(runs) - _COPIED_NGRAM + 1)


def _is_naming(text: str, name: str) -> bool:
    masked = _PLACEHOLDER.search(text) is not None
    return masked or PersonName(name).is_in_query(text)


def _copied_runs(words: list[str], passage: str) -> list[int]:
    """Return how many words from each one on stand in the passage in the same order."""
    runs: list[int] = []
    end = 0
    for start in range(len(words)):
        end = max(end, start)
        while end < len(words) and f" {' '.join(words[start : end + 1])} " in passage:
            end += 1
        runs.append(end - start)
    return runs


# Queries come passage by passage.
@lru_cache(maxsize=16)
def _spaced(passage: str) -> str:
    return f" {' '.join(_COPIED_WORD.findall(passage.lower()))} "


def is_grounded(query: Query, passage: str, settings: FilterSettings) -> bool:
    """Tell whether a passage says what a query asserts.

    It must have all the query's names, numbers and abbreviations, or nine of ten, and a share of
    its other words where those can be compared: between a query and a passage in English.
    """
    code = language_code(settings.language)
    capitals = query.kind not in _TERM_KINDS and code not in _CAPITAL_NOUNS
    found = grounding(query.text, passage, capitals=capitals)
    if len(found.missing) > _MISSING_SHARE * found.names:
        return False
    comparable = code == "en" and not _is_foreign(passage, settings.language)
    return found.share >= settings.min_grounded or not comparable


@lru_cache(maxsize=16)
def _is_foreign(passage: str, language: str) -> bool:
    return is_other_language(passage, language)
