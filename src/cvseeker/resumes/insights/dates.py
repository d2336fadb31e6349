"""Working years from the dates of a résumé."""

import re
from collections.abc import Iterator

from cvseeker.resumes.lexicon import MONTH, MONTHS

_NUMBER_OF_MONTH = {month[:3]: number for number, month in enumerate(MONTHS, start=1)}
# The year that "present" means in a text with no year of its own: no clock, so that the same
# files always give the same profile.
_PRESENT_YEAR = 2026
_FIRST_YEAR = 1950
_LONGEST_LIFE = 55

_MONTH_POINT = rf"(?P<{{0}}m>(?:{MONTH})[a-z]*\.?|\d{{{{1,2}}}})"
_POINT = (
    rf"(?:{_MONTH_POINT}[\s,/.'’‘-]*(?:\d{{{{1,2}}}},?\s*)?)?"
    r"['’‘]?(?P<{0}y>(?:19|20)\d\d|(?<=['’‘])\d\d)"
)
_RANGE = re.compile(
    rf"(?<![\w/])(?=[adfjmnos\d'’‘]){_POINT.format('a')}\s*(?:to|until|till|through|[-–—])+\s*"
    rf"(?:{_POINT.format('b')}|(?P<open>present|current(?:ly)?|now|today|ongoing|(?:till\s+)?date))"
    r"(?![\d/])",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?<![\d$.,])(?:19|20)\d\d(?![\d,%])")
_CLAIM = re.compile(
    r"(\d(?<![\w.]\d)\d?)\s?\+?\s*(?:plus\s+|full\s+)?(?:years?|yrs?)['’]?\s+(?:of\s+)?"
    r"(?:[\w&/,'’-]+\s+){0,6}?(?:experience|background|career|expertise)",
    re.IGNORECASE,
)

# The stretch that the years are read from begins here.
FIRST_DATE = re.compile(f"{_CLAIM.pattern}|{_YEAR.pattern}", re.IGNORECASE)


def working_years(text: str, work: str) -> int | None:
    """Return the whole years of a working life."""
    years = [int(year) for year in _YEAR.findall(text)]
    latest = max((year for year in years if year <= _PRESENT_YEAR), default=_PRESENT_YEAR)
    spans = sorted(_spans(work, latest))
    months, covered = 0, 0
    for start, end in spans:
        months += max(0, end - max(start, covered))
        covered = max(covered, end)
    claims = [int(claim) for claim in _CLAIM.findall(text) if 0 < int(claim) <= _LONGEST_LIFE]
    if not spans and not claims:
        return None
    return min(max([months // 12, *claims]), _LONGEST_LIFE)


def _spans(work: str, latest: int) -> Iterator[tuple[int, int]]:
    """Yield each date range as months counted from the year 0, the end exclusive."""
    for match in _RANGE.finditer(work):
        start_year = _full_year(match["ay"], latest)
        start = 12 * start_year + _month(match["am"], default=1) - 1
        if match["open"]:
            end = 12 * latest + 12
        else:
            # "2016 - 2018" is two years, "06/2016 - 06/2018" a month more than that.
            month = _month(match["bm"], default=1 if not match["am"] else 12)
            end = 12 * _full_year(match["by"], latest) + month - (0 if match["bm"] else 1)
        if _FIRST_YEAR <= start_year <= latest and 0 <= end - start <= 12 * _LONGEST_LIFE:
            yield start, end


def _full_year(digits: str, latest: int) -> int:
    year = int(digits)
    if year > 99:
        return year
    return 2000 + year if 2000 + year <= latest else 1900 + year


def _month(text: str | None, *, default: int) -> int:
    if not text:
        return default
    number = int(text) if text.isdigit() else _NUMBER_OF_MONTH[text[:3].lower()]
    return number if 1 <= number <= 12 else default
