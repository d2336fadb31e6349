"""How long somebody has worked, in all and under each title."""

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import islice

from cvseeker.core.insights import Insight, InsightKind
from cvseeker.core.languages import words_of
from cvseeker.core.records import SectionKind
from cvseeker.resumes.insights.dates import Period, find_periods
from cvseeker.resumes.sections import section_starts

# Dates in these are of no work, whatever they say.
_NO_WORK: frozenset[SectionKind] = frozenset(
    (
        "education",
        "certificates",
        "languages",
        "publications",
        "awards",
        "volunteering",
        "interests",
        "references",
    )
)
_CLAIMING: frozenset[SectionKind] = frozenset(("header", "summary", "skills", "other"))
_LIST_SIGNS = "•*·▪●○■►・-–"
_MOST_YEARS, _YEAR = 55, 12
# A text with more dates than this is no résumé.
_MOST_PERIODS = 200
# A working life rarely began longer before studies than this.
_YEARS_BEFORE_STUDIES = 3
# Where a job's title and employer stand, in lines from its dates.
_NEAR = (0, -1, 1, -2, 2)


def _any_of(group: str) -> str:
    """Return a pattern for the words of a group, whole ones where a script parts words."""
    entries = sorted(words_of(group), key=len, reverse=True)
    spaced, unspaced = (
        "|".join(re.escape(entry) for entry in entries if (ord(entry[0]) > 0x2E80) == cjk)
        for cjk in (False, True)
    )
    return rf"(?<!\w)(?:{spaced})(?!\w)|{unspaced}"


_VALIDITY = re.compile(_any_of("validity"), re.IGNORECASE)
_STUDIES = re.compile(_any_of("studies"), re.IGNORECASE)
_FIRMS = re.compile(_any_of("firms"), re.IGNORECASE)
_EXPERIENCE = re.compile(_any_of("experience"), re.IGNORECASE)
_NUMBER = r"\d(?<![\d.,$€£/-]\d)\d?"
_YEARS_LONG, _MONTHS_LONG = (
    "|".join(
        re.escape(unit) if ord(unit[-1]) > 0x2E80 else rf"{re.escape(unit)}(?!\w)"
        for unit in sorted(words_of(group), key=len, reverse=True)
    )
    for group in ("years long", "months long")
)
_DURATION = re.compile(
    rf"(?P<years>{_NUMBER})\s?\+?\s?(?:plus\s|full\s)?(?:{_YEARS_LONG})"
    rf"(?:[\s,&]{{0,3}}(?:and\s)?(?P<rest>\d\d?)\s?(?:{_MONTHS_LONG}))?"
    rf"|(?P<months>{_NUMBER})\s?(?:{_MONTHS_LONG})",
    re.IGNORECASE,
)
# How far from a number of years "experience" may stand, behind and before it.
_BEHIND, _BEFORE = 70, 40
# How far from dates it may stand that they are of studies or say how long a paper is valid.
_NEAR_BEFORE, _NEAR_BEHIND = 60, 80
# Of a line that never ends, so much.
_LINE = 200
_SENTENCE_END = re.compile(r"[.!?。\n]")


@dataclass(frozen=True, slots=True)
class Employment:
    """A job: when it was, and the stretches that say as what and for whom, where they are known."""

    period: Period
    title: Insight | None = None
    employer: Insight | None = None


def years_insights(text: str, *, titles: Collection[str] = (), today: date) -> tuple[Insight, ...]:
    """Return the years of work in all, and those under each title, with the dates that say so."""
    jobs = employments(text, titles=titles)
    periods = [job.period for job in jobs]
    if any(period.since > 12 * today.year + today.month for period in periods):
        # A file that was dated before it was written.
        today = date.today()
    years = years_of_experience(periods, today=today) if periods else -1
    insights = [_insight(text, "years", str(years), period, 0.9) for period in periods]
    said = _claimed(text, today) or (None if periods else _stated(text))
    if said and said[0] > years:
        insights = [Insight("years", str(said[0]), said[1][0], *said[1].span(), 0.6)]
    return (*insights, *_years_by_title(text, jobs, today))


def _years_by_title(text: str, jobs: Iterable[Employment], today: date) -> Iterator[Insight]:
    by_title: dict[str, list[Period]] = {}
    for job in jobs:
        if job.title:
            by_title.setdefault(job.title.value, []).append(job.period)
    for title, periods in by_title.items():
        years = years_of_experience(periods, today=today)
        for period in periods:
            yield _insight(text, "title_years", f"{years} {title}", period, 0.8)


def _insight(
    text: str, kind: InsightKind, value: str, period: Period, confidence: float
) -> Insight:
    span = text[period.start : period.end]
    return Insight(kind, value, span, period.start, period.end, confidence)


def years_of_experience(periods: Iterable[Period], *, today: date) -> int:
    """Return the whole years that periods cover; what overlaps counts once.

    Somebody begins and ends within a month: where nothing follows, the last one is not counted.
    """
    now = 12 * today.year + today.month
    months, begun, covered, was_rough = 0, 0, 0, True
    for period in sorted(periods, key=lambda period: period.since):
        until = now if period.until is None else min(period.until, now)
        since = max(period.since, covered)
        # Of "2016 - 2018" and "2019 - 2021" the turn of the year parts nothing.
        if since - covered == _YEAR and period.rough and was_rough:
            since = covered
        if since > covered:
            months -= _within(begun, covered, was_rough)
            begun = since
        months += max(0, until - since)
        if until > covered:
            covered, was_rough = until, period.rough or period.until is None
    return min((months - _within(begun, covered, was_rough)) // _YEAR, _MOST_YEARS)


def _within(since: int, until: int, is_rough: bool) -> int:
    """Return 1 where somebody may have begun and ended within a month; whole years are whole."""
    return int(not is_rough and not since % _YEAR == until % _YEAR == 0)


def employments(
    text: str, *, titles: Collection[str] = (), employers: Collection[str] = ()
) -> tuple[Employment, ...]:
    """Return the jobs of a résumé; known titles and employers are looked for beside the dates."""
    lines = _Lines(text)
    free = set(range(len(lines.starts)))
    everywhere = frozenset(free)
    jobs = []
    for period in working_periods(text):
        title = lines.mention("title", titles, period, free)
        if title:
            free.discard(lines.number(title.start))
        employer = lines.mention("employer", employers, period, everywhere)
        jobs.append(Employment(period, title, employer))
    return tuple(jobs)


class _Sections:
    """Which section a place in a text is in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds, self.starts = zip(*section_starts(text), strict=True)

    def kind(self, position: int) -> SectionKind:
        kind: SectionKind = self.kinds[bisect_right(self.starts, position) - 1]
        return kind

    def heading(self, position: int) -> str:
        start = self.starts[bisect_right(self.starts, position) - 1]
        return self.text[start : start + _LINE].split("\n", 1)[0] if start else ""


class _Lines:
    """The lines of a text that are not blank."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [match.start() for match in re.finditer(r"^[^\S\n]*\S", text, re.MULTILINE)]

    def number(self, position: int) -> int:
        return bisect_right(self.starts, position) - 1

    def mention(
        self, kind: InsightKind, values: Collection[str], period: Period, free: Collection[int]
    ) -> Insight | None:
        """Return the longest value on the nearest line to a period that has one."""
        here = self.number(period.start)
        for distance in _NEAR:
            number = here + distance
            if number not in free:
                continue
            start = self.starts[number]
            end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
            # Of a line that never ends, what is near.
            start = max(start, min(period.start - _LINE, end))
            line = self.text[start : min(end, start + 3 * _LINE)].lower()
            found = max((one for one in values if one.lower() in line), key=len, default="")
            if found:
                at = start + line.index(found.lower())
                until = at + len(found)
                return Insight(kind, found, self.text[at:until], at, until)
        return None


def working_periods(text: str) -> list[Period]:
    """Return the periods of work: under the headings of jobs, or where there are none of those."""
    sections = _Sections(text)
    jobs: list[Period] = []
    mentioned: list[Period] = []
    elsewhere: list[Period] = []
    for period in find_periods(text)[:_MOST_PERIODS]:
        kind = sections.kind(period.start)
        before, behind = _line_around(text, period.start, period.end)
        near = f"{before[-_NEAR_BEFORE:]} {behind[:_NEAR_BEHIND]}"
        mixed = kind != "experience" or _STUDIES.search(sections.heading(period.start))
        if kind in _NO_WORK or _VALIDITY.search(before[-_NEAR_BEFORE:]):
            continue
        if mixed and _STUDIES.search(near):
            continue
        if kind == "experience":
            (mentioned if _in_a_sentence(before, behind) else jobs).append(period)
        # Of skills, versions are dated as well.
        elif kind != "skills" or "experience" not in sections.kinds:
            elsewhere.append(period)
    return jobs or mentioned or elsewhere


def _line_around(text: str, start: int, end: int) -> tuple[str, str]:
    """Return what stands before and behind a stretch on its line, as far as it matters."""
    before, behind = text[max(0, start - _LINE) : start], text[end : end + _LINE]
    return before.rsplit("\n", 1)[-1], behind.split("\n", 1)[0]


def _in_a_sentence(before: str, behind: str) -> bool:
    """Whether dates stand within an item of a list, rather than head or end it."""
    stripped = before.strip()
    return stripped[:1] in tuple(_LIST_SIGNS) and bool(
        stripped.strip(_LIST_SIGNS + " \t") and behind.strip(" .)]|")
    )


def _claimed(text: str, today: date) -> tuple[int, re.Match[str]] | None:
    """Return the most years that somebody says to have worked, and where."""
    sections = _Sections(text)
    most = min(_MOST_YEARS, _possible_years(text, sections, today))
    claims = []
    for match in islice(_DURATION.finditer(text), _MOST_PERIODS):
        years = int(match["years"] or 0)
        before = _SENTENCE_END.split(text[max(0, match.start() - 120) : match.start()])[-1]
        behind = _SENTENCE_END.split(text[match.end() : match.end() + _BEHIND].replace("\n", " "))[
            0
        ]
        if (
            0 < years <= most
            and sections.kind(match.start()) in _CLAIMING
            and (
                _EXPERIENCE.search(_SENTENCE_END.split(behind)[0])
                or _EXPERIENCE.search(before[-_BEFORE:])
            )
            and not _FIRMS.search(before)
        ):
            claims.append((years, match))
    return max(claims, key=lambda claim: claim[0], default=None)


def _possible_years(text: str, sections: "_Sections", today: date) -> int:
    """Return how many years somebody may have worked who studied when this text says."""
    studies = [
        period.since for period in find_periods(text) if sections.kind(period.start) == "education"
    ]
    first = min(studies, default=0) // 12
    return today.year - first + _YEARS_BEFORE_STUDIES


def _stated(text: str) -> tuple[int, re.Match[str]] | None:
    """Return the sum of "3 years" and "8 months" beside jobs that have no dates, and the first."""
    sections = _Sections(text)
    months, first = 0, None
    for match in islice(_DURATION.finditer(text), _MOST_PERIODS):
        line, _ = _line_around(text, *match.span())
        if sections.kind(match.start()) != "experience" or line.lstrip()[:1] in tuple(_LIST_SIGNS):
            continue
        months += 12 * int(match["years"] or 0) + int(match["rest"] or match["months"] or 0)
        first = first or match
    return (months // 12, first) if first else None
