"""Passages in other languages than English: told by their function words, cut into phrases at them.

The templates are English; about such a passage nothing is asked but lists of its own phrases.
"""

import re
from collections.abc import Mapping, Sequence

from cvseeker.core.languages import language_of, words_of
from cvseeker.resumes import find_sections

# The largest share of letters of other scripts in a text that is English.
_MOST_FOREIGN = 0.3
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_LATIN = re.compile(r"[a-zA-Z\u00c0-\u024f\u1e00-\u1eff]")
# Chinese and Japanese do not part their words: these letters and marks stand between them.
_BETWEEN = re.compile(
    r"[\u3041-\u3096\u3000-\u303f\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+"
    r"|[的了和与及在为以从到将把被等对并由我也每是就都还，。、；：！？（）；،؛]"
)
# Ends a phrase, and parts no items of a list.
_END = " … "
_FIELD = re.compile(r"\{(?:far)?(?:phrase|skill)\d?\}")
_NAME_END = re.compile(r"[,，、。|·(（:：]|\s[–—-]\s")
_LONGEST_NAME = 5


def other_language(text: str) -> str:
    """Return the code of a text's language; empty where it is English or nothing tells.

    Languages that are not written in Latin letters are called ``other``.
    """
    letters = "".join(_WORD.findall(text))
    if len(letters) - len(_LATIN.findall(letters)) > _MOST_FOREIGN * len(letters):
        return "other"
    language = language_of(text)
    return "" if language == "en" else language


def phrases_apart(text: str, language: str, *, name: str) -> str:
    """Return a text with a mark for every function word and part of a name, without headings."""
    codes = ("ar", "ru") if language == "other" else (language,)
    words = words_of("function words", *codes) | words_of("months", *codes)
    lines = "\n".join(section.text for section in find_sections(text))
    for part in name.split():
        # Without capitals and spaces nothing tells a name from what it stands in.
        if part.lower() == part.upper():
            lines = lines.replace(part, _END)
    return _WORD.sub(
        lambda match: _END if match[0].lower() in words else match[0], _BETWEEN.sub(_END, lines)
    )


def opening_name(text: str) -> str:
    """Return what stands first in a passage, where it is as short as a name."""
    line = text.strip().split("\n", 1)[0].strip(" #*•■【】")
    name = _NAME_END.split(line, maxsplit=1)[0]
    return name if len(name.split()) <= _LONGEST_NAME else ""


def without_english(templates: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the templates that are lists of phrases, in no language."""
    lists = {
        kind: [line for line in lines if not _WORD.search(_FIELD.sub("", line))]
        for kind, lines in templates.items()
    }
    return {kind: lines for kind, lines in lists.items() if lines}
