"""Words that have lost the space between them ("teamof", "financialanalysis"): unfit for a query.

PDF text is full of them. What counts is what the corpus knows: a word is glued where the words that
it would be made of are much commoner than itself, or stand side by side about as often.
"""

import re
from collections.abc import Mapping

from cvseeker.core.wordlists import read_words
from cvseeker.queries.offline.chunks import stem
from cvseeker.queries.offline.lexicon import STOP_WORDS

# Function words that glue to the word after them, to the word before them; the last of each list
# begin or end many sound words, and need more evidence.
_BEFORE = frozenset(
    "the of and to with from by our any that this for their all new your which".split()
)
_BEFORE_WEAK = frozenset("in on as at be is a an or are it".split())
_AFTER = frozenset("and the of to with from for by that their which".split())
_AFTER_WEAK = frozenset("in is are as at all".split())
_WEAK_FACTOR = 20
# Sound words whose parts also stand side by side.
_COMPOUNDS = read_words("cvseeker.queries.offline", "compounds")
_GLUED = re.compile(
    r"(?!thousand).{5,}(?<!l)(?<!h)(?<!st)(?<!m)(?<!br)(?<!p)and$"
    r"|(?!manifesto|sacramento).{7,}to$|of(?!f|t).{4,}$|.{5,}the$"
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Passages that must hold a word before it counts as one that others are made of; a long one
# is seldom found inside another by chance.
_KNOWN, _KNOWN_LONG, _LONG, _LONGEST = 5, 2, 6, 16


def is_glued(word: str, frequencies: Mapping[str, int]) -> bool:
    """Tell whether a word is two or more that have lost the space between them."""
    base = word.replace("’", "'").removesuffix("'s")
    low = base.lower()
    if len(base) < 5 or not base.isalpha() or low in _COMPOUNDS or stem(low) in _COMPOUND_STEMS:
        return False
    # The cheap look at the ends spares most words the pattern.
    ends = low.endswith(("and", "to", "the")) or low.startswith("of")
    if ends and _GLUED.match(low):
        return True
    own = frequencies.get(stem(base), 1)
    pieces = [base] if base[1:].islower() or base.isupper() else _CAMEL.split(base)
    if len(pieces) > 1:
        known = all(
            piece.isupper() or _count(piece.lower(), frequencies) >= _KNOWN for piece in pieces
        )
        return (own <= 2 and known) or any(is_glued(piece, frequencies) for piece in pieces)
    parts = _parts(low, frequencies)
    if len(parts) > 2:
        return own <= 10
    return len(parts) == 2 and (
        _are_apart(*parts, own, frequencies) or any(is_glued(part, frequencies) for part in parts)
    )


def _are_apart(first: str, second: str, own: int, frequencies: Mapping[str, int]) -> bool:
    """Whether two words are likelier to stand apart than to make one."""
    for small, other, strong, weak in (
        (first, second, _BEFORE, _BEFORE_WEAK),
        (second, first, _AFTER, _AFTER_WEAK),
    ):
        if small in strong or small in weak:
            count = frequencies.get(stem(other), 0)
            factor = 2 if small in strong else _WEAK_FACTOR
            return count > factor * own and len(other) > (3 if small in strong else 4)
    pair = frequencies.get(f"{stem(first)} {stem(second)}", 0)
    if pair >= max(2, own / 3) and min(len(first), len(second)) > 2:
        return True
    count = min(_count(first, frequencies), _count(second, frequencies))
    enough = 3 * own if pair > 1 else 10 if own > 1 else 5
    return (own <= 3 or pair > 1) and count > enough and min(len(first), len(second)) > 3


def _parts(low: str, frequencies: Mapping[str, int]) -> tuple[str, ...]:
    """Return the fewest known words that a word is made of, itself aside."""
    size = len(low)
    best: dict[int, tuple[str, ...]] = {0: ()}
    for start in range(size):
        before = best.get(start)
        if before is None:
            continue
        for end in range(start + 1, min(start + _LONGEST, size if start else size - 1) + 1):
            found = best.get(end)
            if found is None or len(before) + 1 < len(found):
                part = low[start:end]
                if _is_known(part, frequencies):
                    best[end] = (*before, part)
    return best.get(size, ())


def _is_known(part: str, frequencies: Mapping[str, int]) -> bool:
    if len(part) < 3:
        return part in _SMALL
    enough = _KNOWN_LONG if len(part) >= _LONG else _KNOWN
    return frequencies.get(stem(part), 0) >= enough or part in STOP_WORDS


def _count(word: str, frequencies: Mapping[str, int]) -> int:
    return _KNOWN_STOP if word in STOP_WORDS else frequencies.get(stem(word), 0)


_KNOWN_STOP = 1000
_SMALL = _BEFORE | _BEFORE_WEAK | _AFTER | _AFTER_WEAK
_COMPOUND_STEMS = frozenset(map(stem, _COMPOUNDS))
