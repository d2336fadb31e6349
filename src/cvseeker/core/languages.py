"""What is said in each language: a file of words a language, and which language a text is in.

A file is ``words/languages/<ISO 639-1 code>.txt``: groups of entries, each under its label in
brackets. A new language is a new file.
"""

import re
from collections import Counter, defaultdict
from functools import cache
from importlib import resources

Entries = tuple[tuple[str, ...], ...]

_FOLDER = "words/languages"
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_KANA = re.compile(r"[\u3041-\u30ff]")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")
# Of a text's letters, so many in a script that only one language here is written in.
_ENOUGH_OF_SCRIPT = 0.15
# What this many characters do not tell is not told by more.
_ENOUGH = 20_000
# Known words that a text must have, shared out among the languages that have them, and how often
# one of them counts.
_FEWEST, _MOST = 3.0, 5
_TELLING = ("function words", "months", "present", "since")


@cache
def read_languages() -> dict[str, dict[str, Entries]]:
    """Read every language's words: code → label of a group → its lines, each a tuple of entries.

    English comes first.
    """
    folder = resources.files("cvseeker.core") / _FOLDER
    codes = sorted(file.name.removesuffix(".txt") for file in folder.iterdir())
    codes.sort(key=lambda code: code != "en")
    return {code: _groups((folder / f"{code}.txt").read_text("utf-8")) for code in codes}


def _groups(text: str) -> dict[str, Entries]:
    groups: dict[str, list[tuple[str, ...]]] = {}
    for line in text.split("\n"):
        if line.startswith("["):
            entries = groups.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            entries.append(tuple(entry.strip() for entry in line.split(",")))
    return {label: tuple(rows) for label, rows in groups.items()}


@cache
def words_of(group: str, *languages: str) -> frozenset[str]:
    """Return the entries of a group, of some languages or, where no code is given, of all.

    They are as they stand in the files: in lower case but for acronyms.

    Examples
    --------
    >>> sorted(words_of("seasons", "fr"))
    ['automne', 'hiver', 'printemps', 'été']
    """
    return frozenset(
        entry
        for code, groups in read_languages().items()
        if not languages or code in languages
        for row in groups.get(group, ())
        for entry in row
    )


@cache
def month_numbers(*languages: str) -> dict[str, int]:
    """Return month's name, in full or short → its number; languages as :func:`words_of` has it."""
    return {
        name: number
        for code, groups in read_languages().items()
        if not languages or code in languages
        for number, names in enumerate(groups["months"], start=1)
        for name in names
    }


def language_of(text: str) -> str:
    """Tell the language of a text, best of a whole résumé: lists of products are in none.

    Returns the code of a language that has a file here; empty where nothing tells one.

    Examples
    --------
    >>> language_of("Leiter der Buchhaltung bei einer Bank und für den Abschluss zuständig")
    'de'
    >>> language_of("Java, Python, SQL")
    ''
    """
    text = text[:_ENOUGH]
    letters = sum(map(str.isalpha, text))
    if len(_KANA.findall(text)) > _ENOUGH_OF_SCRIPT * letters / 2:
        return "ja"
    for code, script in (("ko", _HANGUL), ("zh", _HAN)):
        if len(script.findall(text)) > _ENOUGH_OF_SCRIPT * letters:
            return code
    scores: dict[str, float] = defaultdict(float)
    words = Counter(_WORD.findall(text.lower()))
    for word in words.keys() & _telling().keys():
        codes = _telling()[word]
        for code in codes:
            # A word that a résumé repeats tells no more for it.
            scores[code] += min(words[word], _MOST) / len(codes)
    best, score = max(scores.items(), key=lambda item: item[1], default=("", 0.0))
    return best if score >= _FEWEST else ""


@cache
def _telling() -> dict[str, frozenset[str]]:
    """Return word → languages that use it, of the words that any résumé has."""
    codes: dict[str, set[str]] = {}
    for code, groups in read_languages().items():
        for label, rows in groups.items():
            if label in _TELLING or label.startswith("heading "):
                for word in _WORD.findall(" ".join(entry for row in rows for entry in row)):
                    codes.setdefault(word.lower(), set()).add(code)
    return {word: frozenset(of) for word, of in codes.items()}
