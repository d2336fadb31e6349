"""Boolean queries as recruiters type them, read and held against passages."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from cvseeker.core.errors import InputError
from cvseeker.retrieval.bm25 import stems

# A quoted phrase, a bracket, or whatever stands between spaces, brackets and quotes.
_TOKEN = re.compile(r'"[^"]*"|[()"]|[^\s()"]+')
_QUOTES = str.maketrans(dict.fromkeys("“”„‟«»", '"'))
# What a phrase is compared by: "Node.js" is "node js", C++ and C stay two things.
_PHRASE_WORD = re.compile(r"[^\W_]+[+#]*")
_OPERATORS = {
    "and": "AND",
    "&": "AND",
    "&&": "AND",
    "or": "OR",
    "|": "OR",
    "||": "OR",
    "not": "NOT",
    "(": "(",
    ")": ")",
}
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class SearchedText:
    """A passage, read for Boolean queries."""

    # The stems of its words, stop words left out, in reading order; and all of them.
    order: tuple[str, ...]
    stems: frozenset[str]
    # Its words in lower case, in their order, a space around each.
    spaced: str

    @classmethod
    def from_text(cls, text: str) -> "SearchedText":
        """Read a text."""
        order = tuple(stems(text))
        return cls(order, frozenset(order), _spaced(text))


Matcher = Callable[[SearchedText], bool]
"""Tells whether a passage is what a query asks for."""


def parse_boolean(query: str) -> Matcher:
    """Read a Boolean query: words, "quoted phrases", brackets, AND, OR and NOT, in any case.

    Words match by their stems, phrases exactly but for case and punctuation. Neighbours without an
    operator must both be there; NOT binds tighter than AND, and AND than OR. Stop words outside
    quotes ask for nothing.
    Refused are an open bracket or quote, an operator that lacks what it belongs to, and what a text
    without any word would match.

    Examples
    --------
    >>> matches = parse_boolean('(nurse OR midwife) AND "night shifts" NOT student')
    >>> matches(SearchedText.from_text("Nursing on the ICU, mostly night shifts"))
    True
    """
    matcher = _Parser(query).parse()
    if matcher is None or matcher(SearchedText.from_text("")):
        raise InputError(
            f"{query[:80]!r}: asks for no word that must be there; expected one outside NOT"
        )
    return matcher


class _Parser:
    """Goes over the tokens once; each method reads one level of the grammar.

    A part that asks for nothing, such as a stop word, is ``None``.
    """

    def __init__(self, query: str) -> None:
        self.query = query
        tokens: list[str] = _TOKEN.findall(query.translate(_QUOTES))
        self.tokens = [_OPERATORS.get(token.lower(), token) for token in tokens]
        self.at = 0
        self.depth = 0

    def parse(self) -> Matcher | None:
        matcher = self.alternatives()
        if self.token:
            self.refuse(f"{self.token!r} belongs to nothing")
        return matcher

    @property
    def token(self) -> str:
        """The next token, empty at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def takes(self, token: str) -> bool:
        """Go past the next token if it is this one."""
        found = self.token == token
        self.at += found
        return found

    def alternatives(self) -> Matcher | None:
        """Read ``conjunction (OR conjunction)*``."""
        parts = [self.conjunction()]
        while self.takes("OR"):
            parts.append(self.conjunction())
        return _joined(any, parts)

    def conjunction(self) -> Matcher | None:
        """Read ``negation (AND? negation)*``."""
        parts = [self.negation()]
        while self.takes("AND") or self.token not in ("", "OR", ")"):
            parts.append(self.negation())
        return _joined(all, parts)

    def negation(self) -> Matcher | None:
        """Read ``NOT* atom``."""
        negated = False
        while self.takes("NOT"):
            negated = not negated
        matcher = self.atom()
        return (lambda text: not matcher(text)) if negated and matcher is not None else matcher

    def atom(self) -> Matcher | None:
        """Read ``( alternatives )``, a phrase or a word."""
        token = self.token
        if token in ("", "AND", "OR", "NOT", ")", '"'):
            self.refuse(f"{token!r} where a word was expected" if token else "ends too early")
        self.at += 1
        if token == "(":
            return self.bracketed()
        if token.startswith('"'):
            words = _spaced(token)
            return (lambda text: words in text.spaced) if words.strip() else None
        wanted = frozenset(stems(token))
        return (lambda text: wanted <= text.stems) if wanted else None

    def bracketed(self) -> Matcher | None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.refuse(f"more than {_DEEPEST} brackets inside each other")
        matcher = self.alternatives()
        if not self.takes(")"):
            self.refuse("a bracket is not closed")
        self.depth -= 1
        return matcher

    def refuse(self, problem: str) -> NoReturn:
        raise InputError(
            f'{self.query[:80]!r}: {problem}; expected words and "phrases" with AND, OR, NOT and '
            "brackets"
        )


def _joined(join: Callable[[Iterator[bool]], bool], parts: list[Matcher | None]) -> Matcher | None:
    asking = [part for part in parts if part is not None]
    if len(asking) < 2:
        return next(iter(asking), None)
    return lambda text: join(part(text) for part in asking)


def _spaced(text: str) -> str:
    return f" {' '.join(_PHRASE_WORD.findall(text.lower()))} "
