"""The records that flow through CVSeeker: résumés, their sections and passages, and queries."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

from cvseeker.core.insights import Insight, Profile

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")

SectionKind = Literal[
    "header",
    "summary",
    "experience",
    "education",
    "skills",
    "projects",
    "certificates",
    "languages",
    "publications",
    "awards",
    "volunteering",
    "interests",
    "references",
    "other",
]


@dataclass(frozen=True, slots=True)
class Section:
    """A titled stretch of a résumé.

    ``title`` is the heading as it stands in the résumé, empty for the text before the first
    heading; ``text`` leaves the heading out.
    """

    kind: SectionKind
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Resume:
    """One candidate's document.

    Attributes
    ----------
    resume_id
        Path of the file relative to the source folder (``sales/jane-doe.pdf``), or
        ``file.csv#<id>`` for a row of a table.
    text
        The whole cleaned text.
    sections
        Its sections in reading order.
    source
        The input file, as given.
    insights
        What was read off the text, each with the stretch that says so.
    metadata
        Other columns of a table (category, …) and the like. ``flags`` are what a recruiter should
        know, a line each: words that were hidden in the file and so left out, and words that give
        orders to a ranker or a language model.
    """

    resume_id: str
    text: str
    sections: tuple[Section, ...] = ()
    source: str = ""
    insights: tuple[Insight, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return {**asdict(self), "metadata": dict(self.metadata)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Build a résumé from what :meth:`to_dict` returned."""
        return cls(
            **{
                **row,
                "sections": tuple(Section(**section) for section in row["sections"]),
                "insights": tuple(Insight(**insight) for insight in row["insights"]),
            }
        )

    @property
    def profile(self) -> Profile:
        """The insights as a recruiter sees them."""
        return Profile.of(self.insights)


@dataclass(frozen=True, slots=True)
class Passage:
    """A section-aware piece of a résumé: what queries are written about and what is retrieved.

    ``person_group`` is shared by near-duplicate or same-person résumés; all of a group's passages
    are in one split, and none is ever another's negative. ``sections`` lists the kinds inside.
    """

    passage_id: str
    resume_id: str
    text: str
    sections: tuple[SectionKind, ...] = ()
    person_group: str = ""
    split: Split = "train"

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Build a passage from what :meth:`to_dict` returned."""
        return cls(**{**row, "sections": tuple(row["sections"])})


@dataclass(frozen=True, slots=True)
class Query:
    """A query written about one passage; ``kind`` says what sort of query it is."""

    query_id: str
    text: str
    kind: str
    passage_id: str
