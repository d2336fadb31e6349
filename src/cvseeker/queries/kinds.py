"""The kinds of query that an LLM writes, how long each is to be, and the reply that holds them."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from typing import Any

from cvseeker.core.hashes import text_hash
from cvseeker.core.query_settings import GenerateSettings

# In the order of their worth: the first ones are asked for more often where N is no multiple of 5.
RECRUITER_KINDS = ("question", "keywords", "title_skills", "job_description", "boolean")
EXAM_KINDS = ("exam",)
# The reply's entries are named like the kinds, but for this one.
_ENTRIES = {"exam": "questions"}
FACTS = "facts"
# Where people differ, so must what models learn from (Wang et al. 2024, arXiv 2401.00368, table 7,
# draws length and clarity likewise).
_LENGTHS = {
    "question": ("5 to 9 words", "8 to 14 words", "12 to 20 words"),
    "keywords": ("2 or 3 terms", "3 to 5 terms", "5 to 8 terms"),
    "title_skills": ("4 to 7 words", "8 to 15 words"),
    "job_description": ("50 to 90 words", "100 to 160 words", "200 to 300 words"),
    "boolean": ("2 or 3 terms", "3 to 5 terms", "5 to 8 terms"),
    "exam": ("8 to 14 words", "12 to 25 words"),
}
_MANNERS = (
    "to the point",
    "in everyday words, with a synonym or the more general word for at least one term",
    "typed in haste, with abbreviations and few capitals; Boolean operators keep theirs",
)
CHOICES = text_hash(json.dumps([_LENGTHS, _MANNERS]))
"""Stands for what is drawn from: it is part of what identifies a request."""
# Of a job advertisement of 300 words, of any other query, and of the facts, JSON and a reasoning
# preamble.
_TOKENS = {"job_description": 640}
_TOKENS_A_QUERY, _TOKENS_BESIDE = 160, 300


def kinds_of(settings: GenerateSettings) -> Counter[str]:
    """Return how many queries of which kind are asked for, the worthiest kind first.

    Examples
    --------
    >>> dict(kinds_of(GenerateSettings(per_passage=6)))
    {'question': 2, 'keywords': 1, 'title_skills': 1, 'job_description': 1, 'boolean': 1}
    """
    kinds = RECRUITER_KINDS if settings.style == "recruiter" else EXAM_KINDS
    return Counter(islice(cycle(kinds), settings.queries_per_passage))


def entry_of(kind: str) -> str:
    """Return the name of the reply's entry that holds the queries of a kind."""
    return _ENTRIES.get(kind, kind)


def longest_reply(kinds: Mapping[str, int]) -> int:
    """Return the tokens that a reply may have."""
    tokens = (number * _TOKENS.get(kind, _TOKENS_A_QUERY) for kind, number in kinds.items())
    return sum(tokens) + _TOKENS_BESIDE


def drawn_lengths(text: str, kinds: Mapping[str, int]) -> dict[str, str]:
    """Return how long the queries about a text are to be, the same whenever it is asked about."""
    return {kind: _drawn(f"{kind}\0{text}", _LENGTHS[kind]) for kind in kinds}


def drawn_manner(text: str) -> str:
    """Return how clearly the queries about a text are to speak."""
    return _drawn(f"manner\0{text}", _MANNERS)


def brief(lengths: Mapping[str, str], manner: str, *, language: str) -> str:
    """Return what is said below a passage: how its queries are to differ from other passages'."""
    parts = "; ".join(f"{entry_of(kind)} {length}" for kind, length in lengths.items())
    return f"Write in {language}. Length of each: {parts}. Manner: {manner}."


def _drawn(seed: str, choices: tuple[str, ...]) -> str:
    return choices[int(text_hash(seed), 16) % len(choices)]


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of an object with these properties, all required, and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def reply_schema(kinds: Mapping[str, int]) -> dict[str, Any]:
    """Return the schema of a reply: facts first where recruiters search, then each kind's queries.

    A kind is the name of an entry, for a name cannot be misspelt where a server keeps to a schema.
    """
    facts = {} if kinds.keys() <= set(EXAM_KINDS) else {FACTS: _texts(3, 6)}
    return object_schema(
        facts | {entry_of(kind): _texts(number, number) for kind, number in kinds.items()}
    )


def accepted_schema(kinds: Mapping[str, int]) -> dict[str, Any]:
    """Return the schema of a reply that can be used: with queries of some of the kinds."""
    several = {"type": "array", "items": {"type": "string"}, "minItems": 1}
    texts = {"anyOf": [{"type": "string"}, several]}
    entries = [entry_of(kind) for kind in kinds]
    return {
        "type": "object",
        "properties": dict.fromkeys(entries, texts),
        "anyOf": [{"required": [entry]} for entry in entries],
    }


def read_queries(reply: str, kinds: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Yield the kind and text of a reply's queries, of each kind as many as were asked for."""
    entries = json.loads(reply)
    for kind, number in kinds.items():
        texts = entries.get(entry_of(kind), [])
        for text in [texts] if isinstance(texts, str) else texts[:number]:
            yield kind, " ".join(text.split())


def _texts(fewest: int, most: int) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "minItems": fewest, "maxItems": most}
