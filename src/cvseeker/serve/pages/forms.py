"""The search form: what was asked, and how that is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import FormData, QueryParams

from cvseeker.core.hashes import text_hash
from cvseeker.core.training_settings import HybridWeights
from cvseeker.search import CandidateSearch

_FACET, _CHOICE = "f.", "r."
# A hundredth of the slider is a hundredth of what keywords do not count.
WEIGHT = round(100 * (1 - HybridWeights().bm25))
CHOICES = ("must", "nice", "off")
MODELS = ("tuned", "untuned")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form holds; ``choices`` are of requirements, by the hash of what they say."""

    mode: str = "words"
    q: str = ""
    job: str = ""
    years: str = ""
    weight: int = WEIGHT
    # Empty: whichever was chosen.
    model: str = ""
    blind: bool = False
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_form(cls, form: FormData | QueryParams) -> "Asked":
        """Read a form that was sent; what is nonsense counts as left out."""
        fields: dict[str, list[str]] = {}
        choices = {}
        for key, value in form.multi_items():
            if key.startswith(_FACET) and isinstance(value, str) and value:
                fields.setdefault(key.removeprefix(_FACET), []).append(value[:200])
            elif key.startswith(_CHOICE) and value in CHOICES:
                choices[key.removeprefix(_CHOICE)] = str(value)
        names = ("q", "job", "years", "weight", "model")
        words = {name: str(form.get(name, "")) for name in names}
        weight = _number(words["weight"])
        return cls(
            mode="job" if form.get("mode") == "job" else "words",
            q=words["q"][:5000],
            job=words["job"][:50_000],
            years="" if (years := _number(words["years"])) is None else str(min(years, 60)),
            weight=WEIGHT if weight is None else min(weight, 100),
            model=words["model"] if words["model"] in MODELS else "",
            blind=form.get("blind") == "1",
            fields=fields,
            choices=choices,
        )

    @classmethod
    def from_kept(cls, form: str) -> "Asked":
        """Read a form that was kept."""
        return cls.from_form(QueryParams(parse_qsl(form)))

    def to_kept(self) -> str:
        """Write the form, to be kept; who is blind is a matter of whoever opens it."""
        rows = [("mode", self.mode), ("q", self.q), ("job", self.job), ("years", self.years)]
        rows += [("weight", str(self.weight)), ("model", self.model)]
        rows += [(_FACET + name, value) for name, values in self.fields.items() for value in values]
        rows += [(_CHOICE + key, choice) for key, choice in self.choices.items()]
        return urlencode([(name, value) for name, value in rows if value])

    @property
    def text(self) -> str:
        """What is searched with."""
        return self.job if self.mode == "job" else self.q

    @property
    def called(self) -> str:
        """What it may be called when it is kept."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        values = [value for values in self.fields.values() for value in values]
        return " ".join([*lines[:1], *values])[:80]

    @property
    def weights(self) -> HybridWeights | None:
        """What counts how much; ``None``: as the model has learnt it."""
        if self.weight == WEIGHT:
            return None
        default = HybridWeights()
        rest = self.weight / 100 / (default.dense + default.late)
        return HybridWeights(
            bm25=1 - self.weight / 100, dense=rest * default.dense, late=rest * default.late
        )

    @property
    def is_empty(self) -> bool:
        """Whether nothing is searched for."""
        return not (self.text.strip() or self.years or any(self.fields.values()))

    def read(self) -> tuple[Any, list[dict[str, Any]]]:
        """Return the reading, and each of a job's requirements with what was chosen of it."""
        must = [f"years>={self.years}"] if self.years else []
        is_job = self.mode == "job" and bool(self.text.strip())
        reading = CandidateSearch.read(self.text, must=must, fields=self.fields, job=is_job)
        shown, kept = [], []
        for one in reading.requirements:
            key = text_hash(one.text)
            choice = self.choices.get(key, "must" if one.must else "nice")
            shown.append({"key": key, "text": one.text, "choice": choice})
            if choice != "off":
                kept.append(replace(one, must=choice == "must"))
        return replace(reading, requirements=tuple(kept)), shown


def _number(text: str) -> int | None:
    """Return the number that a field holds."""
    return int(text[:4]) if text.isascii() and text.isdecimal() else None
