"""Job titles, and employers beside them, in lines whose shape and words agree."""

import re
from collections.abc import Iterator, Sequence

from cvseeker.core.records import SectionKind
from cvseeker.core.wordlists import read_lines, read_pairs, read_words
from cvseeker.resumes.insights.pieces import DATE, SEPARATORS, Line, Piece, cut_pieces, strip_piece
from cvseeker.resumes.lexicon import NOT_IN_NAMES, NOT_IN_TITLES, PLACES, STATES, TITLE_HEADS

_YEAR = re.compile(r"(?:19|20)\d\d")
_LABELLED_TITLE = re.compile(
    r"(?:designation|role|position|job title|title|post|position held|post held)\s*:[\s-]*(?=\S)",
    re.IGNORECASE,
)
_WORKED_AS = re.compile(r"\b[Ww]ork(?:ed|ing|s)? as (?:an? |the )?(?=\S)")
_AFTER_TITLE = re.compile(r"\s(?:at|in|for|with|from|and|to|on|since|by)\s|[,.;:|(]")
_TITLE_WORD = re.compile(r"[^\W\d_][\w.'’&+#/-]*|[&/-]|\d")
_SMALL = frozenset("of and for in the de da do del della des du la le en für im und e et y".split())
_SERVING = frozenset(
    "server banquet bar catering cocktail dining event food head lead room".split()
)
_LEVELS = read_words("cvseeker.resumes", "title_tails")
_TAIL_HEADS = frozenset({"assistant", "intern", "lead", "trainee"})
_SURNAMES = read_words("cvseeker.resumes", "surnames")
_ABROAD = read_lines("cvseeker.resumes", "titles_abroad")
_HEADS_ABROAD = frozenset(word.removeprefix("-") for word in _ABROAD)
_ENDINGS_ABROAD = tuple(word[1:] for word in _ABROAD if word.startswith("-"))
_WITH_TITLES: frozenset[SectionKind] = frozenset(
    {"header", "experience", "summary", "projects", "volunteering", "other"}
)
_NOT_IN_TITLES = NOT_IN_TITLES - {"for"}
_MANAGING = frozenset({"director", "partner", "editor", "consultant", "principal", "broker"})
_BULLETS = "•-*–➢"
# What ends the names of firms and schools, as a title does not.
_NO_TITLE = NOT_IN_TITLES | frozenset(read_pairs("cvseeker.resumes", "organizations_and_degrees"))
_HEADER_LINES, _MOST_PIECES, _LONGEST_LINE = 60, 4, 110
_DATES_BEFORE = 40


def find_jobs(text: str, lines: Sequence[Line], handles: frozenset[str]) -> Iterator[Piece]:
    """Yield job titles, and the employers that stand beside them in the same line."""
    for number, line in enumerate(lines):
        if line.kind not in _WITH_TITLES or line.is_heading:
            continue
        if line.kind == "header" and number >= _HEADER_LINES:
            continue
        yield from _jobs_in(text, lines, number, handles)
    yield from _like_others(text, lines)


def _like_others(text: str, lines: Sequence[Line]) -> Iterator[Piece]:
    """Yield what stands where the titles of other entries do, in entries that have no known one."""
    entries = [
        list(cut_pieces(text, line.start, line.end))
        for line in lines
        if line.kind == "experience" and not line.is_heading and _is_entry(text, line)
    ]
    known = [_titles_among(text, pieces) for pieces in entries]
    places = {found[0] for found in known if found}
    if len(places) != 1:
        return
    (place,) = places
    for pieces, found in zip(entries, known, strict=True):
        if not found and place < len(pieces) == 2:
            words = text[slice(*pieces[place])].split()
            lower = [word.lower() for word in words]
            shaped = 2 <= len(words) <= 4 and _is_proper(words) and words[0][0].isupper()
            if shaped and _NO_TITLE.isdisjoint(lower):
                yield Piece("title", *pieces[place], 0.7)


def _is_entry(text: str, line: Line) -> bool:
    said = text[line.start : line.end]
    return not (said[0] in _BULLETS or len(said) > _LONGEST_LINE) and bool(_YEAR.search(said))


def _titles_among(text: str, pieces: Sequence[tuple[int, int]]) -> list[int]:
    return [at for at, (a, b) in enumerate(pieces[:_MOST_PIECES]) if is_title(text[a:b])]


def _jobs_in(
    text: str, lines: Sequence[Line], number: int, handles: frozenset[str]
) -> Iterator[Piece]:
    start, end = lines[number].start, lines[number].end
    said = text[start:end]
    if ":" in said and (match := _LABELLED_TITLE.match(said.lstrip("• "))):
        first = end - len(said.lstrip("• ")) + match.end()
        yield from _title_until(text, first, end, SEPARATORS)
    elif "ork" in said and (match := _WORKED_AS.search(said)):
        yield from _title_until(text, start + match.end(), end, _AFTER_TITLE)
    elif not (said[0] in _BULLETS or len(said) > _LONGEST_LINE or said[-1] in ".,"):
        yield from _entry(text, lines, number, handles)


def _title_until(text: str, start: int, end: int, stop: re.Pattern[str]) -> Iterator[Piece]:
    match = stop.search(text, start, end)
    found = strip_piece(text, start, match.start() if match else end)
    if is_title(text[found[0] : found[1]]):
        yield Piece("title", *found, 0.9)


def _entry(
    text: str, lines: Sequence[Line], number: int, handles: frozenset[str]
) -> Iterator[Piece]:
    """Read "Title, Employer (dates)" in whatever order and with whatever signs between."""
    line = lines[number]
    pieces = list(cut_pieces(text, line.start, line.end))
    titles = _titles_among(text, pieces)
    if not titles or (len(pieces) == 1 and _is_person(text, lines, number, handles)):
        return
    yield Piece("title", *pieces[titles[0]], 0.9)
    # The dates may stand a wide gap before what they are of.
    begin = text.rfind("\n", max(0, line.start - _DATES_BEFORE), line.start) + 1 or line.start
    if line.kind == "experience" and _YEAR.search(text, begin, line.end):
        for at in (titles[0] + 1, titles[0] - 1):
            if 0 <= at < len(pieces) and _is_employer(text[slice(*pieces[at])]):
                yield Piece("employer", *pieces[at], 0.8)
                break


def is_title(piece: str) -> bool:
    """Tell whether a piece of a line is a job title."""
    words = piece.split()
    if not 1 <= len(words) <= 7 or not all(map(_TITLE_WORD.fullmatch, words)):
        return False
    lower = [word.lower().rstrip(".") for word in words]
    verbs = lower[1:] if lower[0] == "managing" and _MANAGING.issuperset(lower[1:2]) else lower
    if not _NOT_IN_TITLES.isdisjoint(verbs) or lower[0] in _SMALL or lower[-1] in _SMALL:
        return False
    if any(word.endswith(_CJK) for word in words):
        return len(piece) <= 16
    if not words[0][0].isupper() or (len(words) > 4 and not _is_proper(words)):
        return False
    return _has_english_head(lower, words) or _has_head_abroad(lower)


_CJK = tuple(ending for ending in _ENDINGS_ABROAD if ending[0] > "\u2e80")


def _is_proper(words: Sequence[str]) -> bool:
    return all(not word[0].isalpha() or word[0].isupper() or word in _SMALL for word in words)


def _has_english_head(lower: Sequence[str], words: Sequence[str]) -> bool:
    # "Director of Nursing": the head stands before "of".
    cut = next((at for at, word in enumerate(lower) if word in ("of", "for") and at), len(lower))
    head = list(lower[:cut])
    if head == ["master"]:
        return False
    while len(head) > 1 and head[-1] in _LEVELS and not _is_head(head[-1]):
        head.pop()
    # "Project manager": what follows the first word may be written small, a sentence's end not.
    if not _is_proper(words) and (len(words) > 3 or lower[0] in ("a", "an", "our")):
        return False
    if len(head) == 1 and head[0] in _TAIL_HEADS - {"intern", "trainee"} and cut == len(lower):
        return False
    return _is_head(head[-1]) and not names_tool(" ".join(head))


def names_tool(title: str) -> bool:
    """Tell whether a title names a tool: "SQL Server" serves no food."""
    words = title.lower().split()
    return words[-1:] == ["server"] and words[0] not in _SERVING


def _is_head(word: str) -> bool:
    last = re.split(r"[/-]", word)[-1] or word
    return word in TITLE_HEADS or last in TITLE_HEADS or last in _TAIL_HEADS


def _has_head_abroad(lower: Sequence[str]) -> bool:
    plain = [re.sub(r"(?:[/*:_(]-?in\b.*|\(.*)$", "", word) for word in lower]
    first = plain[0]
    if first in _HEADS_ABROAD and len(first) > 3:
        return True
    # German and its kin build words, and the head ends them: "Krankenschwester", "Teamleiter".
    return any(len(word) > 4 and word.endswith(_ENDINGS_ABROAD) for word in plain[:3]) or (
        len(plain) < 4 and plain[-1] in _HEADS_ABROAD and len(plain[-1]) > 3
    )


def _is_person(text: str, lines: Sequence[Line], number: int, handles: frozenset[str]) -> bool:
    """Tell whether a line that ends in a trade that is a surname too ("Smith") is a name."""
    words = text[lines[number].start : lines[number].end].lower().split()
    if not 2 <= len(words) <= 3 or words[-1] not in _SURNAMES:
        return False
    if all(word in handles for word in (words[0], words[-1])):
        return True
    if words[0] in NOT_IN_NAMES | TITLE_HEADS | _LEVELS | _BEFORE_TRADES:
        return False
    around = lines[max(0, number - 1) : number + 2]
    return number < 3 or not any(_YEAR.search(text, line.start, line.end) for line in around)


_BEFORE_TRADES = frozenset(
    "chief line sous commis prep kitchen breakfast grill banquet pizza chartered certified master "
    "journeyman apprentice coded pipe sheet flower hotel night day dairy crop pig flight cabin bar "
    "landscape plant livestock organic steel stone brick craft home assistant".split()
)
_NOT_EMPLOYERS = frozenset("remote full-time part-time full time part freelance contract".split())


def _is_employer(piece: str) -> bool:
    words = piece.split()
    if not 1 <= len(words) <= 7 or not (words[0][0].isupper() or words[0][0].isdigit()):
        return False
    lower = piece.lower()
    if lower in PLACES or (len(words) == 1 and lower in STATES) or is_title(piece):
        return False
    return (
        lower not in _NOT_EMPLOYERS and not DATE.fullmatch(piece) and any(map(str.isalpha, piece))
    )
