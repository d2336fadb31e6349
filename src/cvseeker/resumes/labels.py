"""What personal data are called on résumés ("Date of birth", "DNI", "氏名"), in many languages."""

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Literal, NamedTuple, cast

from cvseeker.core.wordlists import read_pairs
from cvseeker.resumes.name_forms import fold

LabelKind = Literal[
    "name", "given", "family", "relative", "phone", "mail", "birth", "age", "id", "address", "site"
]

_RUN = re.compile(r"[^\W\d_]+")
# Chinese and Japanese part no words, so a label there is known by its first letters.
_EAST = "\u2e80"
_FIRST_LETTERS = 2
# What may follow a label and belongs to it.
_NUMBER = (
    r"(?:[ \t]{0,3}(?:[-/]?(?:n[o°ºr]|n(?=\.)|nos|num|nr|number|numbers|numero|nummer|numer"
    r"|numeris|details?|"
    r"card|id|号|号码|番号|رقم|नंबर|संख्या)(?![^\W_])\.?|№|#))?"
)
_END = re.compile(rf"{_NUMBER}\.?(?:[ \t]?\([^()\n]{{1,20}}\))?")
# What parts a label from its value: cells of a table are joined by bars.
SEPARATOR = re.compile(r"[ \t]{0,20}(?:[:：|=#№.–—-][ \t:：|=#№.–—-]{0,20})?\n?[ \t]{0,20}")


class Label(NamedTuple):
    """A label in a text: ``end`` is behind a word for "number", ``value`` behind the separator.

    ``parted`` says that more than space parts it from the value, ``leads`` that it stands first in
    its line or cell.
    """

    kind: LabelKind
    start: int
    end: int
    value: int
    parted: bool
    leads: bool


def find_labels(text: str) -> list[Label]:
    """Find all labels of a text, in order."""
    folded = fold(text).lower()
    patterns = _patterns()
    labels: list[Label] = []
    done = 0
    for run in _RUN.finditer(folded):
        start = run.start()
        pattern = patterns.get(_key(run[0])) if start >= done else None
        match = pattern.match(folded, start) if pattern else None
        if match:
            label = _label(folded, start, match)
            done = label.end
            labels.append(label)
    return labels


def _label(folded: str, start: int, match: re.Match[str]) -> Label:
    kind = _kinds()[_squeeze(match[0])]
    end = match.end()
    if tail := _END.match(folded, end):
        end = tail.end()
    gap = SEPARATOR.match(folded, end)
    value = gap.end() if gap else end
    parted = bool(re.search(r"[:：|=#№\n]|[-–—.]", folded[match.end() : value]))
    before = folded[max(0, start - 3) : start].rstrip(" \t*•·-(>#_")
    # Where line ends are lost, wide gaps are left of them.
    wide = start > 1 and folded[start - 2 : start] == "  "
    leads = wide or not before or before[-1] in "\n|,;•"
    return Label(kind, start, end, value, parted, leads)


def _squeeze(label: str) -> str:
    return " ".join(label.split())


def _key(run: str) -> str:
    return run[:_FIRST_LETTERS] if run[0] >= _EAST else run


@cache
def _kinds() -> dict[str, LabelKind]:
    pairs = read_pairs("cvseeker.resumes", "personal_labels")
    return {fold(label).lower(): cast("LabelKind", kind) for label, kind in pairs.items()}


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """Return the first word of labels → a pattern of all labels that begin with it."""
    by_key: dict[str, list[str]] = defaultdict(list)
    for label in _kinds():
        if first := _RUN.search(label):
            by_key[_key(first[0])].append(label)
    return {key: re.compile("|".join(_alternatives(labels))) for key, labels in by_key.items()}


def _alternatives(labels: list[str]) -> Iterator[str]:
    for label in sorted(labels, key=len, reverse=True):
        pattern = r"[ \t]{1,4}\n?".join(map(re.escape, label.split()))
        yield pattern if label[-1] >= _EAST else rf"{pattern}(?![^\W_])"
