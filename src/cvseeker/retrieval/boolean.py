"""Boolean queries as recruiters type them: read into a tree, and held against texts."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.errors import InputError
from cvseeker.retrieval.bm25 import stems

# A quoted phrase; a name before what it has; a sign before what must or must not be there; a
# bracket; or whatever stands between spaces, brackets and quotes.
_TOKEN = re.compile(
    r'"[^"]*"|[^\W\d]+(?::|[<>]=?|=)(?=[^\s/)])|(?<![^\s(])[-+](?=["(]|[^\W\d])|[()"]|[^\s()"]+'
)
# A dash between spaces is punctuation.
_DASH = re.compile(r"(?<!\S)[-+](?!\S)")
_FIELD = re.compile(r"([^\W\d]+)(:|[<>]=?|=)")
_SAME = str.maketrans(dict.fromkeys("“”„‟«»＂「」『』", '"') | {"（": "(", "）": ")", "：": ":"})
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
    "-": "NOT",
    "(": "(",
    ")": ")",
}
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Leaf:
    """What a candidate must have: a word, a phrase, a beginning of words, or a field's value.

    ``kind`` is ``word``, ``phrase``, ``prefix``, or the field's name; a comparison, such as ``>=``,
    stands at the beginning of a field's ``text``.
    """

    text: str
    kind: str = "word"

    def __str__(self) -> str:
        if self.kind == "word":
            return self.text
        if self.kind == "prefix":
            return f"{self.text}*"
        if self.kind == "phrase":
            return f'"{self.text}"'
        comparison = re.match(r"[<>]=?|=", self.text)
        if comparison:
            return f"{self.kind}{self.text}"
        value = f'"{self.text}"' if re.search(r"[\s():]", self.text) else self.text
        return f"{self.kind}:{value}"


@dataclass(frozen=True, slots=True)
class Negation:
    """What must not be there."""

    part: "Tree"

    def __str__(self) -> str:
        return f"NOT {self.part}"


@dataclass(frozen=True, slots=True)
class Group:
    """Parts all of which (``AND``) or one of which (``OR``) must be there; two at least."""

    operator: str
    parts: tuple["Tree", ...]

    def __str__(self) -> str:
        return f"({f' {self.operator} '.join(map(str, self.parts))})"


Tree = Leaf | Negation | Group
Truth = TypeVar("Truth", bool, NDArray[np.bool_])


@dataclass(frozen=True, slots=True)
class SearchedText:
    """A text, read for Boolean queries."""

    # The stems of its words, stop words left out, in reading order; and all of them.
    order: tuple[str, ...]
    stems: frozenset[str]
    # Its words in lower case, in their order, a space around each.
    spaced: str

    @classmethod
    def from_text(cls, text: str) -> "SearchedText":
        """Read a text."""
        order = tuple(stems(text))
        return cls(order, frozenset(order), cls.words_of(text))

    @staticmethod
    def words_of(text: str) -> str:
        """Return a text's words in lower case, a space around each: what phrases are found in."""
        return f" {' '.join(_PHRASE_WORD.findall(text.lower()))} "

    def has(self, leaf: Leaf) -> bool:
        """Tell whether a word, by its stem, a phrase or a beginning of a word stands in it."""
        if leaf.kind == "word":
            return self.stems.issuperset(stems(leaf.text))
        wanted = self.words_of(leaf.text)
        return (wanted[:-1] if leaf.kind == "prefix" else wanted) in self.spaced


Matcher = Callable[[SearchedText], bool]
"""Tells whether a text is what a query asks for."""


def read_boolean(query: str, fields: Mapping[str, str] | None = None) -> Tree | None:
    """Read a Boolean query: words, "quoted phrases", beginnings*, brackets, AND, OR and NOT.

    Operators may be in any case. Neighbours without one must both be there; NOT binds tighter than
    AND, and AND than OR. ``-word`` is NOT word. Stop words outside quotes ask for nothing.

    Parameters
    ----------
    query
        What somebody typed.
    fields
        Names that may stand before a colon or a comparison, as in ``title:nurse`` or ``years>=5``,
        each with what it is called in the tree; ``None``: a colon means nothing.

    Returns
    -------
    Tree or None
        ``None`` where it asks for nothing.

    Raises
    ------
    InputError
        For an open bracket or quote, an operator that lacks what it belongs to, a field that is
        none, and brackets that are too deep inside each other.

    Examples
    --------
    >>> print(read_boolean('(nurse or midwife) and "night shifts" -intern'))
    ((nurse OR midwife) AND "night shifts" AND NOT intern)
    """
    return _Parser(query, fields or {}).parse()


def evaluate(tree: Tree, holds: Callable[[Leaf], Truth]) -> Truth:
    """Tell whether a tree holds, given which leaves do: for one text, or many in an array."""
    if isinstance(tree, Leaf):
        return holds(tree)
    if isinstance(tree, Negation):
        return evaluate(tree.part, holds) ^ True
    found = evaluate(tree.parts[0], holds)
    for part in tree.parts[1:]:
        other = evaluate(part, holds)
        found = found & other if tree.operator == "AND" else found | other
    return found


def parse_boolean(query: str) -> Matcher:
    """Read a Boolean query without fields into what tells which texts it matches.

    Refused is what :func:`read_boolean` refuses, and what a text without any word would match.

    Examples
    --------
    >>> matches = parse_boolean('(nurse OR midwife) AND "night shifts" NOT student')
    >>> matches(SearchedText.from_text("Nursing on the ICU, mostly night shifts"))
    True
    """
    tree = read_boolean(query)
    if tree is None or evaluate(tree, SearchedText.from_text("").has):
        raise InputError(
            f"{query[:80]!r}: asks for no word that must be there; expected one outside NOT"
        )
    return lambda text: evaluate(tree, text.has)


class _Parser:
    """Goes over the tokens once; each method reads one level of the grammar.

    A part that asks for nothing, such as a stop word, is ``None``.
    """

    def __init__(self, query: str, fields: Mapping[str, str]) -> None:
        self.query = query
        self.fields = fields
        tokens: list[str] = _TOKEN.findall(_DASH.sub(" ", query.translate(_SAME)))
        # What must be there is what is named.
        self.tokens = [_OPERATORS.get(one.lower(), one) for one in tokens if one != "+"]
        self.at = 0
        self.depth = 0
        # The field and the comparison that whatever is in the present brackets belongs to.
        self.field = ""
        self.comparison = ""

    def parse(self) -> Tree | None:
        tree = self.alternatives()
        if self.token:
            self.refuse(f"{self.token!r} belongs to nothing")
        return tree

    @property
    def token(self) -> str:
        """The next token, empty at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def takes(self, token: str) -> bool:
        """Go past the next token if it is this one."""
        found = self.token == token
        self.at += found
        return found

    def alternatives(self) -> Tree | None:
        """Read ``conjunction (OR conjunction)*``."""
        parts = [self.conjunction()]
        while self.takes("OR"):
            parts.append(self.conjunction())
        return _joined("OR", parts)

    def conjunction(self) -> Tree | None:
        """Read ``negation (AND? negation)*``."""
        parts = [self.negation()]
        while self.takes("AND") or self.token not in ("", "OR", ")"):
            parts.append(self.negation())
        return _joined("AND", parts)

    def negation(self) -> Tree | None:
        """Read ``NOT* atom``."""
        negated = False
        while self.takes("NOT"):
            negated = not negated
        tree = self.atom()
        return Negation(tree) if negated and tree is not None else tree

    def atom(self) -> Tree | None:
        """Read ``( alternatives )``, a field's value, a phrase or a word."""
        token = self.token
        if token in ("", "AND", "OR", "NOT", ")", '"'):
            self.refuse(f"{token!r} where a word was expected" if token else "ends too early")
        self.at += 1
        if token == "(":
            return self.bracketed()
        named = _FIELD.fullmatch(token)
        if named and self.is_field(named[1]):
            return self.valued(self.fields[named[1].lower()], named[2])
        return self.leaf(token)

    def is_field(self, name: str) -> bool:
        """Tell a field from a word with a colon after it; refuse what looks like a misspelt one."""
        if name.lower() in self.fields:
            return True
        near = difflib.get_close_matches(name.lower(), self.fields, n=1, cutoff=0.75)
        if near:
            self.refuse(f"no field {name!r}; is {near[0]!r} meant?")
        return False

    def valued(self, field: str, comparison: str) -> Tree | None:
        outer = self.field, self.comparison
        self.field, self.comparison = field, comparison.strip(":")
        tree = self.atom()
        self.field, self.comparison = outer
        return tree

    def leaf(self, token: str) -> Tree | None:
        if self.field:
            value = " ".join(token.strip('"').split())
            return Leaf(self.comparison + value, self.field) if value else None
        if token.startswith('"'):
            phrase = " ".join(token.strip('"').split())
            return Leaf(phrase, "phrase") if SearchedText.words_of(phrase).strip() else None
        start = token.rstrip("*")
        if start != token and SearchedText.words_of(start).strip():
            return Leaf(start, "prefix")
        return Leaf(token) if stems(token) else None

    def bracketed(self) -> Tree | None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.refuse(f"more than {_DEEPEST} brackets inside each other")
        tree = self.alternatives()
        if not self.takes(")"):
            self.refuse("a bracket is not closed")
        self.depth -= 1
        return tree

    def refuse(self, problem: str) -> NoReturn:
        raise InputError(
            f'{self.query[:80]!r}: {problem}; expected words and "phrases" with AND, OR, NOT and '
            "brackets"
        )


def _joined(operator: str, parts: list[Tree | None]) -> Tree | None:
    """Join the parts that ask for something; a group of one, and one inside its like, vanish."""
    asking: list[Tree] = []
    for part in parts:
        if isinstance(part, Group) and part.operator == operator:
            asking += part.parts
        elif part is not None:
            asking.append(part)
    if len(asking) < 2:
        return asking[0] if asking else None
    return Group(operator, tuple(asking))
