"""From a text to its insights: rules and tagger read, and what they agree on is told once."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from datetime import date
from typing import NamedTuple

from cvseeker.core.insights import Insight, InsightKind
from cvseeker.resumes.insights.credentials import (
    find_certificates,
    find_degrees,
    find_languages,
    find_schools,
    is_degree,
    is_language,
    is_other_short_form,
    is_school,
)
from cvseeker.resumes.insights.experience import years_insights
from cvseeker.resumes.insights.features import net_handles, token_features
from cvseeker.resumes.insights.header import find_location, find_name, is_name
from cvseeker.resumes.insights.jobs import find_jobs, names_tool
from cvseeker.resumes.insights.pieces import CONTACT, Line, Piece, strip_piece
from cvseeker.resumes.insights.skills import find_skills, may_be_skill
from cvseeker.resumes.insights.tagger import Trust, find_tagged, shipped_trust
from cvseeker.resumes.insights.tokens import Segment, Token, read_segments, read_tokens
from cvseeker.resumes.name_forms import fold
from cvseeker.resumes.names import PersonName

# Fifteen pages; what comes after them is not read.
_LONGEST = 60_000
# A text with lines of so many characters on average has lost its lines.
_LONG_LINE = 400
_UNCONFIRMED, _EVEN = 0.6, 0.5
# A name further down is somebody else's, where the tagger is not sure.
_TOP, _SURE = 600, 0.8
# Where no address is told, a line of two words names a firm as often as a person.
_ADDRESS = re.compile("@|linkedin|indeed")
_EAST = re.compile("[\u2e80-\uffdc]")
# The tagger knows better where their names begin and end.
_BETTER_TAGGED = ("institution", "employer")
_WORD = re.compile(r"[^\W_]+")
_SMALL = frozenset("of and for the in to at van von der de da del".split())
# Before a title these tell that it is others'.
_OTHERS = ("each ", "every ", "all ", "any ")
_ORDER = "name title employer place degree institution skill language certificate".split()


class Reading(NamedTuple):
    """A text, cut up as rules and tagger want it."""

    text: str
    tokens: Sequence[Token]
    segments: Sequence[Segment]


def read_insights(text: str, *, today: date | None = None) -> tuple[Insight, ...]:
    r"""Read off a résumé, or a passage of one, what it says of its person.

    Parameters
    ----------
    text
        A cleaned text: a whole résumé or one passage. Its first 60,000 characters are read.
    today
        What "present" means: the day that the file was written; today, where nothing tells.

    Returns
    -------
    tuple of Insight
        Kind by kind, each in the order of the text; a value once, where it stands first. Nothing
        of which the reading is not sure enough.

    Examples
    --------
    >>> text = "Mira Voss\nWelder | Oslo, Norway\n\nSkills\nTIG, MIG"
    >>> [(found.kind, found.value) for found in read_insights(text)][:3]
    [('name', 'Mira Voss'), ('title', 'Welder'), ('place', 'Oslo, Norway')]
    """
    reading = cut_up(text)
    if not reading.tokens:
        return ()
    tagged = find_tagged(reading.tokens, token_features(reading.tokens, reading.segments))
    insights = choose(reading, list(find_by_rules(reading)), tagged, shipped_trust())
    titles = [one.value for one in insights if one.kind == "title"]
    return (*insights, *years_insights(text, titles=titles, today=today or date.today()))


def choose(
    reading: Reading, ruled: Iterable[Piece], tagged: Iterable[Piece], trust: Trust
) -> tuple[Insight, ...]:
    """Join what rules found with what the tagger is sure enough of."""
    tagged = list(tagged)
    ruled = list(_believed(reading.text, ruled, tagged, trust.alone))
    fit = [
        piece
        for found in tagged
        if found.confidence >= trust.least[found.kind]
        and _is_fit(reading.text, piece := _trimmed(reading.text, found), ruled)
    ]
    return tuple(join_pieces(reading.text, ruled, fit))


def _believed(
    text: str, ruled: Iterable[Piece], tagged: Iterable[Piece], alone: Mapping[str, float]
) -> Iterator[Piece]:
    """Where a text has lost its lines, leave out what is mostly wrong if the tagger sees no sign.

    Rules read lines. Where there are any, what the tagger has not learnt may well be so.
    """
    has_lines = keeps_lines(text)
    is_seen = seen(text, tagged)
    other_name = any(piece.kind == "name" and piece.start < _TOP for piece in tagged)
    for piece in ruled:
        if piece.kind == "name" and other_name and not has_lines and not is_seen(piece):
            continue
        if piece.kind not in alone or is_seen(piece):
            yield piece
        elif has_lines:
            is_skill = piece.kind == "skill"
            yield piece._replace(confidence=_UNCONFIRMED) if is_skill else piece
        elif alone[piece.kind] >= _EVEN:
            yield piece._replace(confidence=alone[piece.kind])


def keeps_lines(text: str) -> bool:
    """Tell whether a text's lines are as long as lines are."""
    return len(text) <= _LONG_LINE * (1 + text.count("\n"))


def seen(text: str, tagged: Iterable[Piece]) -> Callable[[Piece], bool]:
    """Return what tells whether the tagger sees a sign of what a piece says."""
    signs: dict[str, bytearray] = {}
    for piece in tagged:
        places = signs.setdefault(piece.kind, bytearray(len(text)))
        places[piece.start : piece.end] = b"\1" * (piece.end - piece.start)
    return lambda piece: any(signs.get(piece.kind, b"")[piece.start : piece.end])


def cut_up(text: str) -> Reading:
    """Cut a text into tokens and segments."""
    text = text[:_LONGEST]
    tokens = read_tokens(text)
    return Reading(text, tokens, read_segments(text, tokens))


def find_by_rules(reading: Reading) -> Iterator[Piece]:
    """Yield what the rules find, each kind in the order of the text."""
    text, tokens = reading.text, reading.tokens
    lines = [
        Line(tokens[part.first].start, tokens[part.last - 1].end, part.kind, part.is_heading)
        for part in reading.segments
    ]
    header = text[: next((line.start for line in lines if line.kind != "header"), len(text))]
    name = find_name(header, text) or PersonName.from_text(text).full.partition(' "')[0]
    person = list(_locate(text, "name", name))
    if person and person[0].start >= len(header):
        lines, header = _below_sidebar(text, lines, person[0].start)
    # A place without a person beside it is an employer's.
    place = find_location(header) if name or CONTACT.search(header[:400]) else ""
    yield from person
    yield from _locate(text, "place", place)
    yield from find_jobs(text, lines, net_handles(tokens))
    yield from find_degrees(text)
    yield from find_schools(text, lines)
    yield from find_skills(text, lines, bool(name))
    yield from find_languages(text, lines)
    yield from find_certificates(text, lines)


def _below_sidebar(text: str, lines: Sequence[Line], start: int) -> tuple[list[Line], str]:
    """Take what stands between a name further down and the next heading for the header."""
    end = next((line.start for line in lines if line.start > start and line.is_heading), len(text))
    moved = [line._replace(kind="header") if start <= line.start < end else line for line in lines]
    return moved, text[start:end]


def _locate(text: str, kind: str, value: str) -> Iterator[Piece]:
    """Find the stretch that says a value, whose words may be parted by other white space."""
    words = [re.escape(word) for word in value.split()]
    match = re.search(r"\s+".join(words), text) if words else None
    # "DOE, Jane"
    spans = [match.span()] if match else PersonName(value).find(text) if kind == "name" else []
    for start, end in spans[:1]:
        yield Piece(kind, start, end, 0.95, value)  # type: ignore[arg-type]


def join_pieces(text: str, ruled: Sequence[Piece], tagged: Sequence[Piece]) -> Iterator[Insight]:
    """Yield what rules and tagger found; where both did, what is better at the kind."""
    better = [piece for piece in tagged if piece.kind in _BETTER_TAGGED]
    taken = {kind: bytearray(len(text)) for kind in _ORDER}
    kept: list[Piece] = []
    names = [piece for piece in ruled if piece.kind == "name"]
    for piece in (*better, *ruled, *tagged):
        # Characters that say one thing of a kind say no other.
        said = taken[piece.kind][piece.start : piece.end]
        if any(said) or (piece not in names and _overlaps(piece, names)):
            continue
        kept.append(piece)
        taken[piece.kind][piece.start : piece.end] = b"\1" * (piece.end - piece.start)
    people = [_words(text, piece) for piece in kept if piece.kind == "name"]
    yield from _told_once(
        text, (one for one in kept if one.kind == "name" or not _is_person(text, one, people))
    )


def _is_person(text: str, piece: Piece, people: Iterable[Set[str]]) -> bool:
    """Tell whether a piece is nothing but the candidate's name, as it heads each page."""
    said = _words(text, piece)
    return len(said) > 1 and any(said <= name for name in people)


def _words(text: str, piece: Piece) -> frozenset[str]:
    return frozenset(_WORD.findall(fold(text[piece.start : piece.end]).lower()))


def _trimmed(text: str, piece: Piece) -> Piece:
    start, end = strip_piece(text, piece.start, piece.end)
    return piece._replace(start=start, end=end)


def _is_fit(text: str, piece: Piece, ruled: Sequence[Piece]) -> bool:
    """Tell whether what the tagger found may be so: it knows words, and not what they are for."""
    said = text[piece.start : piece.end]
    if piece.kind == "name":
        known = any(other.kind == "name" for other in ruled)
        near = piece.start < _TOP and bool(_ADDRESS.search(text))
        return not known and is_name(said) and (near or piece.confidence >= _SURE)
    if piece.kind == "title" and text[: piece.start].endswith(_OTHERS):
        return False
    if piece.kind == "employer":
        titles = [other for other in ruled if other.kind == "title"]
        return any(map(str.isalpha, said)) and not _overlaps(piece, titles)
    unfit = _UNFIT.get(piece.kind)
    # It has learnt no script but Latin.
    return any(map(str.isalpha, said)) and not _EAST.search(said) and not (unfit and unfit(said))


def _overlaps(piece: Piece, others: Iterable[Piece]) -> bool:
    return any(piece.start < other.end and other.start < piece.end for other in others)


_UNFIT: dict[InsightKind, Callable[[str], bool]] = {
    "title": lambda said: names_tool(said) or is_degree(said) or said.startswith(_OTHERS),
    "place": lambda said: is_school(said) or any(map(str.isdigit, said)),
    "degree": lambda said: is_other_short_form(said) or (is_school(said) and not is_degree(said)),
    "skill": lambda said: is_language(said) or not may_be_skill(said),
}


def _told_once(text: str, pieces: Iterable[Piece]) -> Iterator[Insight]:
    """Yield each value where it stands first, kind by kind."""
    told: set[tuple[str, str]] = set()
    for piece in sorted(pieces, key=lambda piece: (_ORDER.index(piece.kind), piece.start)):
        said = text[piece.start : piece.end]
        value = piece.value or " ".join(said.split())
        if piece.kind in ("name", "title") and value.isupper():
            value = _without_shouting(value, shortest=4 if piece.kind == "title" else 2)
        key = (piece.kind, value.casefold())
        if key not in told:
            told.add(key)
            yield Insight(
                piece.kind, value, said, piece.start, piece.end, round(piece.confidence, 3)
            )


def _without_shouting(value: str, *, shortest: int) -> str:
    """Write "NURSE OF THE YEAR" as names and titles are written; short forms stay."""
    words = value.split()
    return " ".join(
        word.lower() if word.lower() in _SMALL else word if len(word) < shortest else word.title()
        for word in words
    )
