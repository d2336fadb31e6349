"""Other words for the same thing: what the résumé calls it → what a recruiter may type."""

import random
import re
from collections.abc import Sequence
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from cvseeker.core.wordlists import read_lines


class _Paraphrases:
    """The wordings of a list, and a pattern that finds them."""

    def __init__(self, name: str) -> None:
        # Lower-case wording → what may be put in its place.
        self._table: dict[str, tuple[str, ...]] = {}
        for line in read_lines("cvseeker.queries.offline", name):
            source, _, targets = line.partition(" > ")
            if targets:
                self._table[source] = tuple(targets.split(" | "))
                continue
            members = line.split(" | ")
            for member in members:
                others = tuple(other for other in members if other != member)
                self._table.setdefault(member.lower(), others)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        wordings = _alternatives(sorted(self._table))
        return re.compile(rf"(?<![\w.-]){wordings}(?![\w-])", re.IGNORECASE)

    def replace(self, text: str, rng: random.Random, *, rate: float) -> str:
        """Put other words for each known wording with that probability."""
        pieces, end = [], 0
        for match in self._pattern.finditer(text):
            if rng.random() < rate:
                pieces += [text[end : match.start()], rng.choice(self._table[match[0].lower()])]
                end = match.end()
        return "".join(pieces) + text[end:] if pieces else text


def _alternatives(wordings: Sequence[str]) -> str:
    """Return a pattern of sorted wordings that branches letter by letter, the longest first."""
    # A plain list of some hundred wordings would be tried one by one at every word.
    branches = [
        re.escape(letter) + _alternatives([wording[1:] for wording in group])
        for letter, group in groupby(filter(None, wordings), key=itemgetter(0))
    ]
    if not wordings[0]:
        branches.append("")
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


# Trade terms in a phrase or the object of a responsibility, and job titles or parts of them.
TERMS = _Paraphrases("term_paraphrases")
TITLES = _Paraphrases("title_paraphrases")
