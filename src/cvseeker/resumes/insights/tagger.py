"""The tagger: a linear conditional random field over the tokens of a résumé."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple, Protocol

from cvseeker.core.insights import InsightKind
from cvseeker.resumes.insights.pieces import Piece
from cvseeker.resumes.insights.tokens import Token

KINDS: tuple[InsightKind, ...] = (
    "name",
    "title",
    "employer",
    "institution",
    "degree",
    "place",
    "skill",
)
# A token joins a stretch from this probability on.
_LEAST = 0.3

Marginals = Callable[[str, int], float]


class Tagger(Protocol):
    """What of a tagger of python-crfsuite is used."""

    def set(self, features: Sequence[Sequence[str]]) -> None:
        """Look at a text's tokens."""

    def marginal(self, label: str, at: int) -> float:
        """Return how likely a token has a label."""

    def labels(self) -> list[str]:
        """Return the labels that the tagger knows."""


def find_tagged(
    tokens: Sequence[Token], features: Sequence[Sequence[str]], tagger: Tagger | None = None
) -> Iterator[Piece]:
    """Yield every stretch that may say something, with the probability that it does.

    References
    ----------
    Lafferty, McCallum and Pereira (2001), "Conditional Random Fields: Probabilistic Models for
    Segmenting and Labeling Sequence Data".
    """
    tagger = tagger or _shipped()
    tagger.set(features)
    outside = [tagger.marginal("O", at) for at in range(len(tokens))]
    known = frozenset(tagger.labels())
    for kind in KINDS:
        if f"B-{kind}" in known:
            yield from _stretches(kind, tokens, outside, tagger.marginal, f"I-{kind}" in known)


def _stretches(
    kind: InsightKind,
    tokens: Sequence[Token],
    outside: Sequence[float],
    marginal: Marginals,
    has_inside: bool,
) -> Iterator[Piece]:
    """Join neighbours that are likely of a kind, where none is likely to begin anew."""
    start, chances = 0, list[float]()
    for at in range(len(tokens) + 1):
        begins = inside = 0.0
        if at < len(tokens) and outside[at] < 1 - _LEAST:
            begins = marginal(f"B-{kind}", at)
            inside = marginal(f"I-{kind}", at) if has_inside else 0.0
        joins = begins + inside >= _LEAST
        if chances and (not joins or begins > inside):
            yield _stretch(kind, tokens, start, at, chances)
            chances = []
        if joins:
            start = start if chances else at
            chances.append(begins + inside)


def _stretch(
    kind: InsightKind, tokens: Sequence[Token], first: int, last: int, chances: Sequence[float]
) -> Piece:
    return Piece(kind, tokens[first].start, tokens[last - 1].end, sum(chances) / len(chances))


def open_tagger(path: Path) -> Tagger:
    """Open a trained model."""
    import pycrfsuite

    tagger: Tagger = pycrfsuite.Tagger()
    tagger.open(str(path))  # type: ignore[attr-defined]
    return tagger


@cache
def _shipped() -> Tagger:
    with resources.as_file(_folder() / "insights.crfsuite") as path:
        return open_tagger(path)


class Trust(NamedTuple):
    """How sure the tagger must be of each kind, and how often rules are right where it is silent.

    ``alone`` is of texts that have lost their lines; what has no share there is always believed.
    """

    least: Mapping[str, float]
    alone: Mapping[str, float]


@cache
def shipped_trust() -> Trust:
    """Return what the cross-validation of the shipped tagger came to."""
    return Trust(**json.loads((_folder() / "trust.json").read_text("utf-8")))


def _folder() -> Traversable:
    return resources.files("cvseeker.resumes.insights")
