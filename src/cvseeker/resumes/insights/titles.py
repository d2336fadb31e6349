"""Job titles in the lines of a résumé."""

import re
from collections.abc import Iterable, Iterator, Sequence

from cvseeker.core.records import Section
from cvseeker.core.wordlists import read_words
from cvseeker.resumes.lexicon import MONTH, NOT_IN_TITLES, TITLE_HEADS

# White space before a separator, from its first character on: no run of it is searched twice.
GAP_BEFORE = r"(?:(?<!\s)\s+)?"
SEPARATORS = re.compile(
    rf"{GAP_BEFORE}(?:\||•|\t| {{2,}}|[–—]|\s-\s|\bat\b|@|;|/(?=\s)|\(|\))\s*|,\s+|:\s+"
)
DATE = re.compile(
    rf"\b(?:(?:{MONTH})[a-z]*\.?[ ,'’]*)?"
    r"(?:\d{1,2}/)*(?:19|20)?\d\d\b|\b(?:present|current|now|to date|till date)\b",
    re.IGNORECASE,
)
_LABELLED_TITLE = re.compile(
    r"^(?:•\s*)?(?:designation|role|position|job title|title|post|position held|post held)\s*:"
    r"[\s-]*(.{3,60})$",
    re.IGNORECASE,
)
_WORKED_AS = re.compile(r"\b[Ww]ork(?:ed|ing|s)? as (?:an? |the )?([^,.;:|(\n]{4,60})")
_TITLE_WORD = re.compile(r"[A-Z][\w.'’&+#/-]*|of|and|for|in|the|de|&|/|-|[IV]+|\d")
_SERVING = frozenset(
    "server banquet bar catering cocktail dining event food head lead room".split()
)
_TAILS = read_words("cvseeker.resumes", "title_tails")


def find_titles(parts: Sequence[Section]) -> Iterator[str]:
    """Yield the job titles of a résumé in reading order, repeated ones too."""
    for part in parts:
        if part.kind in ("header", "experience", "summary", "projects", "volunteering", "other"):
            # A title heads its entry: in the header and in a summary it comes first or not at all.
            lines = part.text.split("\n")
            yield from _titles_in(lines if part.kind != "header" else lines[:60])


def _titles_in(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if ":" in line and (match := _LABELLED_TITLE.match(line)):
            if title := title_in(SEPARATORS.split(match[1])[0]):
                yield title
            continue
        if "ork" in line and (match := _WORKED_AS.search(line)):
            tokens = re.split(r"\s(?:at|in|for|with|from|and|to|on|since|by)\s", match[1])[0]
            if title := title_in(tokens):
                yield title
            continue
        if line.startswith(("•", "-", "*", "–")) or len(line) > 110 or line.endswith((".", ",")):
            continue
        for piece in SEPARATORS.split(DATE.sub(" | ", line))[:4]:
            if title := title_in(piece):
                yield title
                break


def title_in(piece: str) -> str:
    """Return a piece of a line as a job title, empty if it is none."""
    tokens = piece.strip(" -–—,.|:#*\"'").split()
    if not 1 <= len(tokens) <= 6 or not all(_TITLE_WORD.fullmatch(word) for word in tokens):
        return ""
    lower = [word.lower().rstrip(".") for word in tokens]
    if NOT_IN_TITLES & set(lower) - {"for"} or lower[0] in ("of", "and", "for", "in", "&", "the"):
        return ""
    head = [word for word in lower if word not in _TAILS] or lower
    # "Director of Nursing": the head stands before "of".
    if "of" in head:
        head = head[: head.index("of")]
        if head == ["master"]:
            return ""
    if not head or not _is_title_head(head[-1]):
        return ""
    # "SQL Server" serves no food.
    if head[-1] == "server" and head[0] not in _SERVING:
        return ""
    return " ".join(tokens) if lower[-1] not in ("of", "and", "for", "in", "&", "the") else ""


def _is_title_head(word: str) -> bool:
    last = re.split(r"[/-]", word)[-1] or word
    return word in TITLE_HEADS or last in TITLE_HEADS
