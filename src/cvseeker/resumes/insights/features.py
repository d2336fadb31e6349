"""What the tagger looks at: of each token itself, its neighbours, its segment and its section."""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from cvseeker.core.languages import month_numbers, words_of
from cvseeker.core.wordlists import read_pairs, read_words
from cvseeker.resumes.insights.tokens import Segment, Token
from cvseeker.resumes.lexicon import (
    LANGUAGES,
    NOT_IN_NAMES,
    NOT_IN_TITLES,
    PLACES,
    STATES,
    TITLE_HEADS,
)

_NAMED = read_pairs("cvseeker.resumes", "organizations_and_degrees")
_GAZETTEERS = {
    "T": TITLE_HEADS,
    "t": read_words("cvseeker.resumes", "title_tails"),
    "l": LANGUAGES,
    "f": read_words("cvseeker.resumes", "fields_of_study"),
    "n": NOT_IN_NAMES,
    "u": NOT_IN_TITLES,
    "k": read_words("cvseeker.resumes", "technology_names"),
    "s": STATES,
    **{
        sign: frozenset(word for word, signs in _NAMED.items() if sign in signs)
        for sign in ("I", "C", "D")
    },
}
_PLACES = PLACES | read_words("cvseeker.resumes", "cities")
_YEAR = re.compile(r"['’]?(?:(?:19|20)\d\d|\d{1,2}[/.](?:19|20)?\d\d)(?:[-–/]\d{2,4})?")
_DATE_WORDS = frozenset(month_numbers()) | words_of("present") | words_of("seasons")
_RUNS = ((re.compile(r"[^\W\d_a-z]+"), "X"), (re.compile(r"[^\W\d_A-Z]+"), "x"))
_POSITIONS = (3, 8, 20, 50, 120, 300, 700, 1500)
_NEAR = 7
# What parts the pieces of an entry: "Title, Employer | Place (dates)".
_PARTING = frozenset(",;:|•·()–—-/")


def token_features(tokens: Sequence[Token], segments: Sequence[Segment]) -> list[list[str]]:
    """Return what is seen of each token; a list of names each, in the order of the tokens."""
    lows = [_plain(token.text) for token in tokens]
    marks = _marks(tokens, lows)
    shapes = [_shape(token.text) for token in tokens]
    before, after = _distances(marks)
    handles = net_handles(tokens)
    around = _segment_features(tokens, lows, marks, segments)
    pieces = _piece_features(tokens, lows, marks, segments)
    rows: list[list[str]] = []
    padded = ["<", "<", *lows, ">", ">"]
    padded_marks = ["<", "<", *marks, ">", ">"]
    padded_shapes = ["<", *shapes, ">"]
    for segment, shared in zip(segments, around, strict=True):
        for at in range(segment.first, segment.last):
            low, mark, shape, token = lows[at], marks[at], shapes[at], tokens[at]
            nearest = f"{before[at]}|{after[at]}"
            index, left = min(at - segment.first, 3), min(segment.last - at - 1, 3)
            row = [
                f"w={low}",
                f"e={low[-3:]}",
                f"b={low[:3]}",
                f"x={shape}",
                f"g={mark}",
                f"w-1={padded[at + 1]}",
                f"w+1={padded[at + 3]}",
                f"w-2={padded[at]}",
                f"w+2={padded[at + 4]}",
                f"w-w={padded[at + 1]} {low}",
                f"w+w={low} {padded[at + 3]}",
                f"x-x={padded_shapes[at]} {shape}",
                f"x+x={shape} {padded_shapes[at + 2]}",
                f"g-1={padded_marks[at + 1]}",
                f"g+1={padded_marks[at + 3]}",
                f"g-2={padded_marks[at]}",
                f"g+2={padded_marks[at + 4]}",
                f"g3={padded_marks[at + 1]} {mark} {padded_marks[at + 3]}",
                f"gap={token.gap}{tokens[at + 1].gap if at + 1 < len(tokens) else 3}",
                f"i={index}{left}",
                f"ix={index} {shape}",
                f"kg={segment.kind} {mark}",
                f"kw={segment.kind} {low}",
                f"kx={segment.kind} {shape} {index}",
                f"d={nearest}",
                f"dx={nearest} {shape}",
                f"pos={sum(at >= edge for edge in _POSITIONS)}",
            ]
            handle = ("handle", f"handle {shape}") if low in handles else ()
            rows.append([*row, *handle, *pieces[at], *shared])
    return rows


@lru_cache(maxsize=8192)
def _plain(word: str) -> str:
    return re.sub(r"\d", "0", word.lower()).replace("’", "'")[:24]


@lru_cache(maxsize=8192)
def _shape(word: str) -> str:
    if len(word) == 1 and not word.isalnum():
        return word
    if "@" in word[1:]:
        return "@"
    if word.isupper() and len(word) > 1 and word.isalpha():
        return "XX" if len(word) > 3 else "XX" + str(len(word))
    for pattern, sign in _RUNS:
        word = pattern.sub(sign, word)
    return re.sub(r"\d+", "0", word)[:8]


def _marks(tokens: Sequence[Token], lows: Sequence[str]) -> list[str]:
    """Return of each token which lists have it, as letters; "Y" is a date's part, "P" a place's."""
    marks = [_listed(token.text, low) for token, low in zip(tokens, lows, strict=True)]
    for at, token in enumerate(tokens):
        if not token.text[:1].isupper():
            continue
        for size in (3, 2, 1):
            if " ".join(lows[at : at + size]) in _PLACES:
                for inside in range(at, min(at + size, len(marks))):
                    marks[inside] += "P"
                break
    return marks


@lru_cache(maxsize=8192)
def _listed(word: str, low: str) -> str:
    if _YEAR.fullmatch(word):
        return "Y"
    if low.rstrip(".") in _DATE_WORDS and len(low) > 2:
        return "Y"
    stem = low.removesuffix("s") if len(low) > 4 else low
    return "".join(
        sign
        for sign, words in _GAZETTEERS.items()
        if (low in words or (sign == "T" and stem in words))
        and (sign != "s" or (word.isupper() and len(word) == 2))
    )


def _distances(marks: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return how far the nearest date stands before and after each token, up to a limit."""

    def one_way(order: Sequence[int]) -> list[int]:
        far, found = _NEAR, [_NEAR] * len(marks)
        for at in order:
            far = 0 if "Y" in marks[at] else min(far + 1, _NEAR)
            found[at] = far
        return found

    return one_way(range(len(marks))), one_way(range(len(marks) - 1, -1, -1))


def net_handles(tokens: Sequence[Token]) -> frozenset[str]:
    """Return the words that addresses on the net are made of."""
    runs: set[str] = set()
    for token in tokens:
        if "@" in token.text[1:]:
            runs.update(re.findall(r"[^\W\d_]{3,}", token.text.partition("@")[0].lower()))
        elif "/" in token.text[5:]:
            runs.update(re.findall(r"[^\W\d_]{3,}", token.text[8:].lower()))
    return frozenset(runs)


def _piece_features(
    tokens: Sequence[Token], lows: Sequence[str], marks: Sequence[str], segments: Sequence[Segment]
) -> list[list[str]]:
    """Return for each token what is seen of the piece of an entry that it is in, and of those near.

    Of a firm little but its place among titles, dates and places tells that it is one.
    """
    pieces = [
        (first, last, number, segment)
        for segment in segments
        for number, (first, last) in enumerate(_pieces(lows, segment))
    ]
    said = [_summary(tokens[a:b], marks[a:b]) for a, b, _, _ in pieces]
    short = ["".join(sign for sign in "TICDYP" if sign in one) or one[:2] for one in said]
    rows: list[list[str]] = [[] for _ in tokens]
    for at, (first, last, number, segment) in enumerate(pieces):
        opens = "/" if first == segment.first else lows[first - 1]
        closes = "/" if last == segment.last else lows[last]
        before = [*["<"] * max(0, 3 - at), *short[max(0, at - 3) : at]]
        behind = [*short[at + 1 : at + 4], *[">"] * 3][:3]
        shared = [
            f"c={said[at]}",
            f"c-1={opens}{said[at - 1] if at else '<'}",
            f"c+1={closes}{said[at + 1] if at + 1 < len(said) else '>'}",
            f"c3={before[2]} {opens} {short[at]} {closes} {behind[0]}",
            f"c5={before[1]} {before[2]} {short[at]} {behind[0]} {behind[1]}",
            f"cT={_nearest('T', before[::-1])}{_nearest('Y', before[::-1])}"
            f"{_nearest('T', behind)}{_nearest('Y', behind)} {short[at]}",
            f"cn={min(number, 3)} {opens}{closes}",
            f"ce={lows[last - 1]}",
            f"cf={lows[first]}",
        ]
        for token in range(first, last):
            place = f"{min(token - first, 2)}{min(last - token - 1, 2)}"
            rows[token] = [*shared, f"ci={place} {said[at]}"]
    return rows


def _nearest(sign: str, pieces: Sequence[str]) -> int:
    """Return how many pieces away the nearest of a kind is, up to a limit."""
    return next((far for far, piece in enumerate(pieces) if sign in piece), len(pieces))


def _pieces(lows: Sequence[str], segment: Segment) -> Iterator[tuple[int, int]]:
    """Yield the stretches of a segment between separators."""
    first = segment.first
    for at in range(segment.first, segment.last + 1):
        if at == segment.last or lows[at] in _PARTING:
            if first < at:
                yield first, at
            first = at + 1


def _segment_features(
    tokens: Sequence[Token], lows: Sequence[str], marks: Sequence[str], segments: Sequence[Segment]
) -> list[list[str]]:
    """Return what the tokens of each segment have in common."""
    said = [_summary(tokens[s.first : s.last], marks[s.first : s.last]) for s in segments]
    rows, since = [], 0
    for number, segment in enumerate(segments):
        since = 0 if segment.is_heading else min(since + 1, 4)
        previous = said[number - 1] if number else "<"
        following = said[number + 1] if number + 1 < len(said) else ">"
        label = next(
            (
                at
                for at in range(segment.first, min(segment.first + 4, segment.last))
                if lows[at] == ":"
            ),
            None,
        )
        rows.append(
            [
                f"k={segment.kind}",
                f"since={since}",
                f"s={said[number]}",
                f"s-1={previous}",
                f"s+1={following}",
                f"ks={segment.kind} {said[number]}",
                f"first={lows[segment.first]}",
                f"label={' '.join(lows[segment.first : label]) if label else ''}",
            ]
        )
    return rows


def _summary(tokens: Sequence[Token], marks: Sequence[str]) -> str:
    """Tell of a segment its length, its case, and what it holds, in a few letters."""
    size = len(tokens)
    letters = "".join(sign for sign in "TICDYP" if any(sign in mark for mark in marks))
    words = [token.text for token in tokens if token.text[0].isalpha()]
    capitals = sum(word[0].isupper() for word in words)
    case = (
        "A" if words and all(map(str.isupper, words)) else "C" if 2 * capitals > len(words) else "c"
    )
    length = "1" if size < 3 else "2" if size < 8 else "3" if size < 15 else "4"
    bullet = "•" if tokens[0].text in "•-–*➢▪●" else ""
    end = "." if tokens[-1].text == "." else ""
    return f"{bullet}{length}{case}{letters}{end}"
