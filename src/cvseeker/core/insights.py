"""What is read off a résumé: values with the stretches of text that say so, and a view of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, Self

InsightKind = Literal[
    "name",
    "title",
    "employer",
    "degree",
    "institution",
    "skill",
    "language",
    "certificate",
    "place",
    "years",
    "title_years",
]


@dataclass(frozen=True, slots=True)
class Insight:
    """A value read from a résumé, with the stretch of text that says so.

    Attributes
    ----------
    kind
        What it is.
    value
        The normal form, in which two résumés that mean the same agree ("Tacoma, WA", "German"; of
        ``years`` whole years as digits; of ``title_years`` these and the title: "7 Welder").
    text
        The stretch as it stands: ``resume.text[start:end]``.
    start, end
        Where it stands in the résumé's text, in characters.
    confidence
        How sure the reading is, from 0 to 1.
    """

    kind: InsightKind
    value: str
    text: str
    start: int
    end: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Profile:
    """What a recruiter reads off a résumé in ten seconds: a view of its insights.

    Every field may be empty. ``name`` serves to keep the candidate's name out of queries; it is
    never ranked on. ``years`` is the length of the working life in whole years, ``None`` where
    the text does not say.
    """

    name: str = ""
    titles: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    education: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    location: str = ""
    years: int | None = None

    @classmethod
    def of(cls, insights: Iterable[Insight]) -> Self:
        """View insights as a profile: of each kind the values in order, told once each."""
        values: dict[str, dict[str, str]] = {}
        for insight in insights:
            values.setdefault(insight.kind, {}).setdefault(insight.value.casefold(), insight.value)

        def told(kind: InsightKind) -> tuple[str, ...]:
            return tuple(values.get(kind, {}).values())

        return cls(
            name=next(iter(told("name")), ""),
            titles=told("title"),
            skills=told("skill"),
            education=told("degree"),
            languages=told("language"),
            location=next(iter(told("place")), ""),
            years=next(map(int, told("years")), None),
        )
