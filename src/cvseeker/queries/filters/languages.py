"""Which language a query is in: its script, and an identifier that says how sure it is."""

import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

from cvseeker.core.wordlists import read_pairs

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# Any ISO 639-1 code that the identifier knows will do, too.
_CODES = {
    name: code
    for code, names in read_pairs("cvseeker.queries.filters", "languages").items()
    for name in names.split()
}
# One that is not here is written in Latin letters.
_SCRIPTS = read_pairs("cvseeker.queries.filters", "scripts")
# The largest share of letters of scripts that neither the language nor technology uses.
_MOST_FOREIGN = 0.3
# Certainty asked of the identifier, and what it may still grant to the language that is wanted. Of
# slices of 4 to 20 words of English résumés, lists of products among them, 0.5 % are dropped, and
# no whole question.
_SURE = 0.6
_UNLIKELY = 0.05
_FEWEST_WORDS = 3
# What is told after so many characters is told no better after more.
_ENOUGH = 300


@cache
def language_code(language: str) -> str | None:
    """Return the ISO 639-1 code of a language, ``None`` where it cannot be told from others here.

    Examples
    --------
    >>> language_code("Deutsch"), language_code("pt-BR"), language_code("Klingon")
    ('de', 'pt', None)
    """
    words = "".join(char if char.isalpha() else " " for char in language.casefold()).split()
    code = next((_CODES[word] for word in words if word in _CODES), None)
    if code is None and words and words[0] in _identifier().labels:
        code = words[0]
    return code


def is_other_language(text: str, language: str) -> bool:
    """Tell whether a text is surely not in a language, which :func:`language_code` reads.

    Names of products say nothing about a language: a short list of them is never called foreign,
    and neither is a text of fewer than three words in the right script.
    """
    code = language_code(language)
    if code is None:
        return False
    text = text[:_ENOUGH]
    scripts = Counter(_script(char) for char in text if char.isalpha())
    foreign = sum(
        count
        for script, count in scripts.items()
        # The names of products are Latin everywhere.
        if script != "LATIN" and code not in _SCRIPTS.get(script, "").split()
    )
    if foreign > _MOST_FOREIGN * scripts.total():
        return True
    if len(text.split()) < _FEWEST_WORDS:
        return False
    chances: dict[str, float] = dict(_identifier().rank(text))
    return max(chances.values()) >= _SURE and chances[code] < _UNLIKELY


def sure_language(text: str) -> str:
    """Return the English name of the language that a text is surely in; empty: none is sure.

    Searches are too short for their function words to tell, as they do of a whole résumé.
    """
    code, chance = max(_identifier().rank(text), key=lambda row: row[1])
    name = next((name for name, known in _CODES.items() if known == code), "")
    return name.capitalize() if chance >= _SURE else ""


def free_identifier() -> None:
    """Give back the 70 MiB that the identifier takes; it is read again when it is needed."""
    _identifier.cache_clear()


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "UNKNOWN").split()[0]


@cache
def _identifier() -> "LanguageIdentifier":
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
