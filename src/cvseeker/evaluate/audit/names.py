"""Whose names are given to résumés in an audit, and how a résumé is stripped of its own."""

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cvseeker.core.errors import InputError
from cvseeker.core.named_files import read_toml
from cvseeker.resumes import PersonName, redact

# What the redaction puts in a name's place.
PLACEHOLDER = "[NAME]"

# A name beside itself, or with a nickname in brackets, is found again as one.
_REPEATED = re.compile(r"\[NAME\](?:[\s,.'’-]{0,3}\[NAME\]|\s?[(\"“]\s?\[NAME\]\s?[)\"”])+")
_HONORIFIC = re.compile(r"(?<!\w)(?:Mr|Mrs|Ms|Miss|Mx|Sir|Herr|Frau|Mme)\.?\s{1,3}(?=\[NAME\])")
_NEUTRAL = {
    "he": "they",
    "she": "they",
    "him": "them",
    "his": "their",
    "her": "their",
    "hers": "theirs",
    "himself": "themself",
    "herself": "themself",
}
# "HER" in capitals is more often an acronym.
_PRONOUN = re.compile(rf"\b(?:{'|'.join([*_NEUTRAL, *map(str.capitalize, _NEUTRAL)])})\b")


class NameGroup(BaseModel):
    """A group of people and names that are read as theirs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    label: str = Field(min_length=1, description="what the group is called in the report")
    # One name has no noise between names to be compared with.
    names: tuple[Annotated[str, Field(min_length=2)], ...] = Field(min_length=2)


class NameLists(BaseModel):
    """Names by group, and where they are from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1, description="publication that the lists are from")
    surname: str = Field(default="", description="put behind every name of every group")
    groups: dict[str, NameGroup] = Field(min_length=2)

    @model_validator(mode="after")
    def _refuse_unusable_names(self) -> Self:
        names = self.full_names
        for name in names:
            # A name that cannot be found again could not be masked in blind mode either.
            if PersonName(name).find(f"{name}\nCook") != [(0, len(name))]:
                raise ValueError(f"{name!r} is not read as a person's name")
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise ValueError(f"{repeated[0]!r} stands there twice")
        return self

    @property
    def full_names(self) -> list[str]:
        """Every name with the surname, group by group."""
        return [
            f"{name} {self.surname}".strip()
            for group in self.groups.values()
            for name in group.names
        ]

    @property
    def group_of_name(self) -> list[str]:
        """The group of each of :attr:`full_names`."""
        return [key for key, group in self.groups.items() for _ in group.names]


def read_names(path: Path | None = None, *, names_per_group: int = 9) -> NameLists:
    """Read a TOML file of names; ``None``: the lists of Bertrand & Mullainathan (2004)."""
    where = path or Path(__file__).with_name("names.toml")
    try:
        lists = NameLists.model_validate(read_toml(where, "a TOML file of names"))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "the names"
        raise InputError(
            f"{where}: {place}: {problem['msg']}; expected a source, and at least two tables "
            "[groups.KEY], each with a label and two names or more"
        ) from error
    groups = {
        key: group.model_copy(update={"names": group.names[:names_per_group]})
        for key, group in lists.groups.items()
    }
    return lists.model_copy(update={"groups": groups})


def strip_identity(text: str, *, name: str = "") -> str:
    """Mask what says who wrote a text, and make its pronouns neutral.

    Names side by side are one placeholder, an honorific before it is left out, and "he", "she" and
    their forms become "they" and its forms.

    Examples
    --------
    >>> strip_identity("Mr. Jan Vos, jan@vos.example: he led his team", name="Jan Vos")
    '[NAME], [EMAIL]: they led their team'
    """
    masked = _REPEATED.sub(PLACEHOLDER, redact(text, name=name).text)
    return _PRONOUN.sub(_neutral, _HONORIFIC.sub("", masked))


def give_name(stripped: str, name: str) -> str:
    """Put a name into every placeholder of a stripped text."""
    return stripped.replace(PLACEHOLDER, name)


def mask_name(text: str, name: str) -> str:
    """Mask a name that was given, as blind mode does before anything is encoded."""
    return redact(text, name=name).text


def _neutral(match: re.Match[str]) -> str:
    word = match[0]
    neutral = _NEUTRAL[word.lower()]
    return neutral.capitalize() if word[0].isupper() else neutral
