"""Periods in a text: "03/2010 - present", "seit März 2014", "平成26年4月～現在", "Summer 2019".

Dates in numbers, with the month names of every language, in Japanese eras and with two-digit years;
no clock is read. A library for dates in sixty languages took 1.5 s a résumé and found dates in
"ISO 9001 et" and "8D", so that patterns find the years here and word lists do the rest.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from cvseeker.core.languages import month_numbers, read_languages, words_of

_YEAR_LONG = 12
_FIRST_YEAR, _LONGEST = 1950, _YEAR_LONG * 55


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of time that a text names.

    ``since`` and ``until`` are months counted from the year 0, the second exclusive and ``None``
    where it goes on; ``start`` and ``end`` say where it stands in the text. A period is ``rough``
    where it names no month: from the middle of a year to the middle of another.
    """

    since: int
    until: int | None
    start: int
    end: int
    rough: bool = False


@dataclass(frozen=True, slots=True)
class _Point:
    """A date: its first month, how many months it may mean, and where it stands."""

    month: int
    length: int
    start: int
    end: int


# Digits and signs of other scripts, each of one character like what it is read as.
_SPACES = "\u3000\u00a0\u2009\u202f\u200e\u200f\u202a\u202b\u202c"
_PLAIN = str.maketrans(
    f"٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹０１２３４５６７８９／．－{_SPACES}",
    f"012345678901234567890123456789/.-{' ' * len(_SPACES)}",
)
_DASH = r"[-–—−‐‑―─~～〜→ー]"
_YEAR = r"(?:19|20)\d\d"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_ERAS = {"令和": 2018, "平成": 1988, "昭和": 1925, "大正": 1911, "民國": 1911, "民国": 1911}
_ERAS |= {"R": 2018, "H": 1988, "S": 1925}
_MONTHS = {name.casefold(): number for name, number in month_numbers().items()}
_HAN_MONTHS = {name[:-1]: number for name, number in month_numbers("zh").items()}
_SEASONS = {
    name.casefold(): 3 * number
    for groups in read_languages().values()
    for number, names in enumerate(groups.get("seasons", ()), start=1)
    for name in names
}
_POINT = re.compile(
    rf"""(?=[\d'’‘QRHS令平昭大民])(?<!\d)(?<!\d[.,/])(?<![$€£¥#])(?:
    (?P<era>令和|平成|昭和|大正|民[國国]|(?<![A-Za-z])[RHS](?=\d\d?[年./]\d))\s?
        (?P<era_year>元|\d{{1,3}})\s?[年./]\s?(?:(?P<era_month>\d{{1,2}})\s?月?(?:\s?\d\d?\s?日)?)?
    |(?P<han_year>{_YEAR})\s?[年년]\s?
        (?:(?P<han_month>\d{{1,2}}|十?[一二三四五六七八九]|十)\s?[月월](?:\s?\d\d?\s?[日일])?)?
    |(?P<iso_year>{_YEAR})(?P<iso_sign>[-./])(?P<iso_month>1[0-2]|0?[1-9])
        (?:[-./][0-3]?\d(?:T[\d:.]+Z?)?)?(?!\d)
    |(?P<day>{_DAY})\s?(?P<day_sign>[-./])\s?(?P<day_month>{_DAY})\s?[-./]\s?
        (?P<day_year>{_YEAR}|\d\d)(?!\d)
    |(?P<month>1[0-2]|0?[1-9])(?:\s?[/.]\s?|-)(?P<month_year>{_YEAR})(?!\d)
    |(?:Q(?P<quarter>[1-4])|(?P<quarter_first>[1-4])\.?\s?(?:Q|Quartal))[\s/-]{{0,3}}
        (?P<quarter_year>{_YEAR})(?!\d)
    |(?P<year>{_YEAR})(?!\d|[.,]\d|%)
    |['’‘](?P<short_year>\d\d)(?!\d|\w)
    |(?P<short_month>0[1-9]|1[0-2])[/.](?P<short_month_year>\d\d)(?![\d/.%])
    |(?<=[\s,-])(?P<bare_year>\d\d)(?!\w|[.,:/]\d|,?\s{_YEAR}|\s?%)
    )""",
    re.VERBOSE,
)
_PAIRS = (
    ("han_year", "han_month"),
    ("iso_year", "iso_month"),
    ("day_year", "day_month"),
    ("month_year", "month"),
    ("short_month_year", "short_month"),
)
_DASHES = re.compile(_DASH)
_SHORT_YEARS = re.compile(r"(?:19|20)\d\d-(1[0-2])")
# Of a line that never ends, so much.
_LINE = 200
# Two digits up to this one are a year of this century.
_PIVOT = 40
_PAIR = re.compile(r"(?<![^\W_])[^\W_]+\s{1,2}[^\W_]+$")
_LAST_WORD = re.compile(r"([^\W_]+)[\s.,/'’‘`-]*$")
_DAY_BEFORE = re.compile(r"(?<!\d)\d{1,2}(?:st|nd|rd|th|er|[ºª°.])?\s{1,2}(?:de\s|of\s)?$")
_DAY_WORD = re.compile(rf"{_DAY}(?:st|nd|rd|th)?")

_FILLERS = {word for entry in words_of("fillers") for word in entry.split()}
_TO = {word for entry in words_of("to") for word in re.findall(r"[^\W_]+['’]?", entry)}
_TO_AFTER = words_of("to after")
_AND = {word for entry in words_of("and") for word in entry.split()}
_GAP_WORD = re.compile(r"[^\W\d_]+['’]?")
_GAP_SIGNS = re.compile(rf"(?:[\s.,:()（）|*_r]|{_DASH}|[^\W\d_]|['’/])*")


def _alternatives(entries: frozenset[str]) -> str:
    """Return a pattern for the longest entry that stands here as a whole word."""
    parts = []
    for entry in sorted(entries, key=len, reverse=True):
        pattern = r"\s{1,2}".join(map(re.escape, entry.split()))
        # Chinese, Japanese and Korean part no words.
        parts.append(pattern if ord(entry[-1]) > 0x2E80 else rf"{pattern}(?!\w)")
    return "|".join(parts)


_JOINT = rf"(?:{_DASH}|,|\||[ \t]{{2}}|{_alternatives(words_of('to'))})[\s>]{{0,3}}"
_OPEN = re.compile(
    rf"(?:[.年г]|\s(?=\S))*(?:{_JOINT}){{1,4}}\(?\s?"
    rf"(?:(?:the|la|le|el|il|o|ce|l['’]|den|в)\s*)?(?:{_alternatives(words_of('present'))})"
    rf"|\s*(?:至今|迄今|부터\s*현재)",
    re.IGNORECASE,
)
_OPEN_END = re.compile(rf"\s*{_DASH}+\s*(?=\n|$|[|)）])")
_SHORT_END = re.compile(r"\s?[-–—/]\s?(\d\d)(?![\d\w/.-])")
_SAME_YEAR_END = re.compile(rf"\s*(?:{_DASH}|至|から|到)\s*(\d{{1,2}})\s*[月월]")
_SINCE = re.compile(
    rf"(?<!\w)(?:{_alternatives(words_of('since'))})[\s:]*(?:[^\W\d_]{{1,9}}\s+)?$", re.IGNORECASE
)
_SINCE_AFTER = re.compile(rf"\s*(?:{_alternatives(words_of('since after'))})", re.IGNORECASE)
_BETWEEN = re.compile(rf"(?<!\w)(?:{_alternatives(words_of('between'))})\s+$", re.IGNORECASE)
_JOINED = re.compile("|".join(words_of("joined")))
_LEFT = re.compile("|".join(words_of("left")))
_BEFORE_DASH = re.compile(rf"(?<![^\W_])([^\W_]+)\.?\s*(?:{_DASH}|\s(?:to|bis|à|a|do)\s)\s*$")


def find_periods(text: str) -> list[Period]:
    """Return the periods of a text in their order."""
    text = text.translate(_PLAIN)
    points = list(_points(text))
    periods: list[Period] = []
    number = 0
    while number < len(points):
        point = points[number]
        following = points[number + 1] if number + 1 < len(points) else None
        if following and _joined(text, point, following):
            periods.append(_between(point, following))
            number += 2
            continue
        if period := _alone(text, point):
            periods.append(period)
        elif periods and periods[-1].until is None and _LEFT.search(_rest_of_line(text, point)):
            last = periods[-1]
            periods[-1] = replace(last, until=point.month + 1, end=point.end)
        number += 1
    return [period for period in periods if _possible(period)]


def _possible(period: Period) -> bool:
    length = 0 if period.until is None else period.until - period.since
    return period.since >= 12 * _FIRST_YEAR and 0 <= length <= _LONGEST


def _points(text: str) -> Iterator[_Point]:
    """Yield the dates of a text."""
    matches = list(_POINT.finditer(text))
    american = any(int(match["day_month"] or 0) > _YEAR_LONG for match in matches)
    for match in matches:
        if point := _read_point(text, match, american=american):
            yield point


def _read_point(text: str, match: re.Match[str], *, american: bool) -> _Point | None:
    """Return the date that a match is, ``None`` where its word is no month."""
    found = match.groupdict()
    start, end = match.span()
    if quarter := found["quarter"] or found["quarter_first"]:
        return _Point(12 * int(found["quarter_year"]) + 3 * int(quarter) - 3, 3, start, end)
    if year := found["year"] or found["short_year"] or found["bare_year"]:
        point = _named(text, _full_year(year), start, end)
        # Two digits are a year behind a month alone.
        return None if found["bare_year"] and point.length == _YEAR_LONG else point
    if found["era"]:
        year_of_era = 1 if found["era_year"] == "元" else int(found["era_year"])
        return _dated(_ERAS[found["era"]] + year_of_era, int(found["era_month"] or 0), start, end)
    years, months = next(pair for pair in _PAIRS if found[pair[0]])
    if years == "day_year" and american and found["day_sign"] != ".":
        months = "day"
    month = found[months] or "0"
    number = int(month) if month.isdigit() else _HAN_MONTHS[month]
    return _dated(_full_year(found[years]), number, start, end)


def _named(text: str, year: int, start: int, end: int) -> _Point:
    """Return a year with the month or the season that stands before it."""
    base = max(0, start - 40)
    left = text[base:start]
    for _ in range(3):
        match = _LAST_WORD.search(left)
        if not match or "\n" in left[match.end(1) :]:
            break
        word, begin = match[1].casefold(), match.start(1)
        if pair := _PAIR.search(left[: match.end(1)]):
            joint = " ".join(pair[0].casefold().split())
            if joint in _MONTHS or joint in _SEASONS:
                word, begin = joint, pair.start()
        if word in _MONTHS:
            day = _DAY_BEFORE.search(left[:begin])
            return _dated(year, _MONTHS[word], base + (day.start() if day else begin), end)
        if word in _SEASONS:
            return _Point(12 * year + _SEASONS[word] - 1, 3, base + begin, end)
        if word not in _FILLERS and not _DAY_WORD.fullmatch(word):
            break
        left = left[:begin]
    return _dated(year, 0, start, end)


def _dated(year: int, month: int, start: int, end: int) -> _Point:
    """Return a date that is a month, or a year where no such month is."""
    known = 1 <= month <= 12
    return _Point(12 * year + (month - 1 if known else 0), 1 if known else 12, start, end)


def _full_year(digits: str) -> int:
    year = int(digits)
    return year if year > 99 else year + (2000 if year <= _PIVOT else 1900)


def _joined(text: str, first: _Point, second: _Point) -> bool:
    """Whether what stands between two dates makes them a period."""
    gap = text[first.end : second.start]
    if len(gap) > 40 or gap.count("\n") > 1 or not _GAP_SIGNS.fullmatch(gap):
        return False
    words = {word.casefold() for word in _GAP_WORD.findall(gap)}
    if not words <= _TO | _FILLERS | _AND:
        return False
    if _DASHES.search(gap) or words & _TO:
        return True
    # "10/2013, 07/2014"; two columns, or a dash that was lost.
    if gap.strip() in (",", "|", "") and "\n" not in gap and first.month < second.month:
        return first.length == second.length and (gap.strip() != "," or first.length == 1)
    left = text[max(0, first.start - 20) : first.start]
    return bool(words & _AND) and bool(_BETWEEN.search(left))


def _between(first: _Point, second: _Point) -> Period:
    """Return the period from one date to another."""
    rough = first.length == second.length == _YEAR_LONG
    # A year alone is its middle, so that "2010 - 2014" is four years.
    since = first.month + (6 if first.length == _YEAR_LONG else 0)
    until = second.month + (6 if second.length == _YEAR_LONG else second.length)
    if rough and since == until:
        since, until = since - 3, until + 3
    return Period(since, until, first.start, second.end, rough)


def _alone(text: str, point: _Point) -> Period | None:
    """Return the period that one date tells: open, shortened, or a season."""
    rough = point.length == _YEAR_LONG
    since = point.month + (6 if rough else 0)
    if match := _OPEN.match(text, point.end):
        return Period(since, None, point.start, match.end(), rough)
    if period := _shortened(text, point):
        return period
    begins = _since_before(text, point)
    after = _SINCE_AFTER.match(text, point.end) or _OPEN_END.match(text, point.end)
    if begins is not None or after or _JOINED.search(_rest_of_line(text, point)):
        start = point.start if begins is None else begins
        return Period(since, None, start, after.end() if after else point.end, rough)
    if point.length == 3:
        return Period(point.month, point.month + 3, point.start, point.end)
    return None


def _shortened(text: str, point: _Point) -> Period | None:
    """Return "2016-18", "2010-12", "Jan - Mar 2014", "03 - 06/2014" or "2014年3月～6月"."""
    year = point.month // 12
    if point.length == _YEAR_LONG and (match := _SHORT_END.match(text, point.end)):
        length = (int(match[1]) - year) % 100
        return Period(12 * year + 6, 12 * (year + length) + 6, point.start, match.end(), rough=True)
    if match := _SHORT_YEARS.fullmatch(text, point.start, point.end):
        length = (int(match[1]) - year) % 100
        if length < _PIVOT:
            return Period(12 * year + 6, 12 * (year + length) + 6, *match.span(), rough=True)
    if match := _SAME_YEAR_END.match(text, point.end):
        return Period(point.month, 12 * year + int(match[1]), point.start, match.end())
    base = max(0, point.start - 25)
    match = _BEFORE_DASH.search(text[base : point.start])
    if match and point.length == 1:
        word = match[1].casefold()
        month = int(word) if word.isdigit() else _MONTHS.get(word, 0)
        if 1 <= month <= 12:
            since = 12 * year + month - 1
            return Period(
                since - (12 if since > point.month else 0),
                point.month + 1,
                base + match.start(),
                point.end,
            )
    return None


def _since_before(text: str, point: _Point) -> int | None:
    """Return where "since" stands before a date that heads or ends its line."""
    base = max(0, point.start - _LINE)
    line = text[base : point.start].rsplit("\n", 1)[-1]
    match = _SINCE.search(line[-30:])
    if not match:
        return None
    begins = point.start - len(line[-30:]) + match.start()
    before = line[: len(line) - (point.start - begins)].strip()
    after = _rest_of_line(text, point).strip(" .)")
    heads = not before or before[-1] in "|,;:(–-•·—"
    ends = not after and not before.startswith(("•", "-", "*", "–", "·", "▪"))
    return begins if heads or ends else None


def _rest_of_line(text: str, point: _Point) -> str:
    return text[point.end : point.end + _LINE].split("\n", 1)[0]
