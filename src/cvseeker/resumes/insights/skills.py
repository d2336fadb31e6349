"""Skills: the items of their section's lists, and names of tools wherever they stand."""

import re
from collections.abc import Iterator, Sequence

from cvseeker.core.wordlists import read_words
from cvseeker.resumes.insights.pieces import CONTACT, GAP_BEFORE, Line, Piece
from cvseeker.resumes.lexicon import NOT_IN_NAMES, NOT_IN_TITLES, TITLE_HEADS

_ITEM_SEPARATORS = re.compile(r"[\n|•·;、，；]+|,\s*(?![^()]{0,200}\))|\s{2,}| / ")
_CATEGORY = re.compile(r"^[^\W\d_][^:：,]{1,38}[:：]\s*(?!//)")
_TOOL = re.compile(
    r"(?<![\w@./-])(?=[A-Zij.])(?:[A-Z][a-z]+(?:[A-Z]+[a-z]*)+\d*|[ij][A-Z][A-Za-z]+"
    r"|C\+\+|C#|F#|\.NET|(?:Node|Vue|React|Angular|Next|D3)\.js)(?![\w@+#]|\.[a-z])"
)
_NOT_SKILLS = read_words("cvseeker.resumes", "not_skills")
_NO_ITEMS = _NOT_SKILLS | read_words("cvseeker.resumes", "document_titles")
_NOT_IN_SKILLS = NOT_IN_TITLES - {"work", "reporting"}
_NO_TOOLS = (
    frozenset({"gmbh", "mbh", "phd"}) | _NOT_SKILLS | NOT_IN_NAMES | NOT_IN_TITLES | TITLE_HEADS
)
_MIXED_CASE = re.compile(r"[a-z]{3}.*[a-z]{3}")
_NO_TOOL = re.compile(r"[IVXLM]+|Mc[A-Z].*|Mac[A-Z].*|De[A-Z].*|X+")
_NO_END = frozenset(("and", "of", "or", "in", "&"))
_YEARS_NOTE = re.compile(rf"{GAP_BEFORE}\(?\b\d+\+?\s*(?:years?|yrs?|months?)\b.*$", re.IGNORECASE)


def find_skills(text: str, lines: Sequence[Line], has_name: bool) -> Iterator[Piece]:
    """Yield the items of the skills sections, then the tools that are named elsewhere."""
    for line in lines:
        if line.kind == "skills" and not line.is_heading:
            yield from _items(text, line.start, line.end)
    for line in lines:
        if line.kind in ("education", "publications", "references", "languages"):
            continue
        # A header with a name is no prose; without one the passage starts mid-section.
        if not line.is_heading and (line.kind != "header" or not has_name):
            yield from _tools(text, line.start, line.end)


def _items(text: str, start: int, end: int) -> Iterator[Piece]:
    if label := _CATEGORY.match(text[start : min(start + 44, end)]):
        start += label.end()
    cuts = [match.span() for match in _ITEM_SEPARATORS.finditer(text, start, end)]
    for a, b in (*cuts, (end, end)):
        # "Expert: Go"
        start = max(start, text.rfind(": ", start, a) + 1)
        said = _YEARS_NOTE.sub("", text[start:a])
        skill = said.strip(" -–—.:*\"'")
        if _is_skill(skill):
            first = start + said.index(skill)
            yield Piece("skill", first, first + len(skill), 0.85)
        start = b


def _is_skill(skill: str) -> bool:
    words = skill.split()
    if not (1 < len(skill) <= 40 and 1 <= len(words) <= 4 and skill[0].isalnum()):
        return False
    lower = {word.lower() for word in words}
    if skill.lower() in _NO_ITEMS or not lower.isdisjoint(_NOT_IN_SKILLS):
        return False
    if skill.count("(") != skill.count(")") or re.search(r"(?:19|20)\d\d|[@%]", skill):
        return False
    return words[0] not in ("and", "or") and words[-1].lower() not in _NO_END


def may_be_skill(said: str) -> bool:
    """Tell whether it is more than a letter or a word that résumés are full of."""
    # A letter alone is a programming language in capitals only.
    return said.lower() not in NOT_IN_TITLES and not (len(said) == 1 and said.islower())


def _tools(text: str, start: int, end: int) -> Iterator[Piece]:
    """Yield the words that look like names of tools, by the capitals inside them."""
    if not _MIXED_CASE.search(text, start, end) or CONTACT.search(text, start, end):
        return
    for match in _TOOL.finditer(text, start, end):
        word = match[0]
        if word.lower() in _NO_TOOLS or len(word) > 14 or _NO_TOOL.fullmatch(word):
            continue
        yield Piece("skill", *match.span(), 0.85)
