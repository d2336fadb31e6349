"""Which language a query is in: its script, and an identifier that says how sure it is."""

import unicodedata
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

# English names and the languages' own; any ISO 639-1 code that the identifier knows will do too.
_NAMES = {
    "ar": "arabic عربي العربية",
    "bg": "bulgarian български",
    "bn": "bengali বাংলা",
    "ca": "catalan català",
    "cs": "czech čeština",
    "da": "danish dansk",
    "de": "german deutsch",
    "el": "greek ελληνικά",
    "en": "english",
    "es": "spanish español castellano",
    "et": "estonian eesti",
    "eu": "basque euskara",
    "fa": "persian farsi فارسی",
    "fi": "finnish suomi",
    "fr": "french français",
    "gl": "galician galego",
    "he": "hebrew עברית",
    "hi": "hindi हिन्दी",
    "hr": "croatian hrvatski",
    "hu": "hungarian magyar",
    "id": "indonesian indonesia",
    "it": "italian italiano",
    "ja": "japanese 日本語",
    "ko": "korean 한국어",
    "lt": "lithuanian lietuvių",
    "lv": "latvian latviešu",
    "ms": "malay melayu",
    "nl": "dutch nederlands flemish",
    "no": "norwegian norsk bokmål nb",
    "pl": "polish polski",
    "pt": "portuguese português",
    "ro": "romanian română",
    "ru": "russian русский",
    "sk": "slovak slovenčina",
    "sl": "slovenian slovene slovenščina",
    "sr": "serbian srpski српски",
    "sv": "swedish svenska",
    "sw": "swahili kiswahili",
    "ta": "tamil தமிழ்",
    "th": "thai ไทย",
    "tl": "filipino tagalog",
    "tr": "turkish türkçe",
    "uk": "ukrainian українська",
    "ur": "urdu اردو",
    "vi": "vietnamese việt",
    "zh": "chinese mandarin 中文 汉语 漢語",
}
_CODES = {name: code for code, names in _NAMES.items() for name in names.split()}

# Script, by the first word of Unicode's names of its letters → the languages written in it; one
# that is not here is written in Latin letters.
_SCRIPTS = {
    "ARABIC": "ar fa ps sd ug ur arz ary",
    "ARMENIAN": "hy",
    "BENGALI": "as bn",
    "CJK": "ja yue wuu zh",
    "CYRILLIC": "ba be bg kk ky mk mn ru sr tg tt uk",
    "DEVANAGARI": "gom hi mr ne",
    "ETHIOPIC": "am",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "KANNADA": "kn",
    "KATAKANA": "ja",
    "KATAKANA-HIRAGANA": "ja",
    "KHMER": "km",
    "LAO": "lo",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "ORIYA": "or",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
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
    """Return the code of a language.

    Parameters
    ----------
    language
        Its English name, its own name or its ISO 639-1 code, in any case; a region may follow
        (``en-GB``, ``Portuguese (Brazil)``).

    Returns
    -------
    str or None
        ``None`` for a language that cannot be told from others here.

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
    """Tell whether a text is surely not in a language.

    Names of products say nothing about a language, so a short list of them is never called
    foreign, and neither is a text of fewer than three words in the right script.

    Parameters
    ----------
    text
        A query.
    language
        A name or code as in :func:`language_code`; one that it does not know is not checked.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_other_language("Welche Erfahrung hat der Kandidat mit SAP?", "English")
    True
    >>> is_other_language("React TypeScript Redux Node.js", "English")
    False
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
