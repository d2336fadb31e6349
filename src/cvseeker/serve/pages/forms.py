"""The search form: what was asked, and how that is read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from starlette.datastructures import FormData, QueryParams

from cvseeker.core.training_settings import HybridWeights
from cvseeker.search import CandidateSearch

_FACET = "f."
# A hundredth of the slider is a hundredth of what keywords do not count.
WEIGHT = round(100 * (1 - HybridWeights().bm25))
CHOICES = ("must", "nice", "off")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form holds; ``choices`` are of requirements, by their place in the job."""

    mode: str = "words"
    q: str = ""
    job: str = ""
    years: str = ""
    weight: int = WEIGHT
    blind: bool = False
    fields: Mapping[str, Sequence[str]] = field(default_factory=dict)
    choices: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def from_form(cls, form: FormData | QueryParams) -> "Asked":
        """Read a form that was sent; what is nonsense counts as left out."""
        fields: dict[str, list[str]] = {}
        choices = {}
        for key, value in form.multi_items():
            if key.startswith(_FACET) and isinstance(value, str):
                fields.setdefault(key.removeprefix(_FACET), []).append(value[:200])
            elif key[:1] == "r" and key[1:].isdecimal() and value in CHOICES:
                choices[int(key[1:5])] = str(value)
        words = {name: str(form.get(name, "")) for name in ("q", "job", "years", "weight")}
        weight = int(words["weight"]) if words["weight"].isdecimal() else WEIGHT
        return cls(
            mode="job" if form.get("mode") == "job" else "words",
            q=words["q"][:5000],
            job=words["job"][:50_000],
            years=words["years"][:2] if words["years"].isdecimal() else "",
            weight=min(weight, 100),
            blind=form.get("blind") == "1",
            fields=fields,
            choices=choices,
        )

    @property
    def text(self) -> str:
        """What is searched with."""
        return self.job if self.mode == "job" else self.q

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
        reading = CandidateSearch.read(
            self.text, must=must, fields=self.fields, job=self.mode == "job"
        )
        shown, kept = [], []
        for at, one in enumerate(reading.requirements):
            choice = self.choices.get(at, "must" if one.must else "nice")
            shown.append({"at": at, "text": one.text, "choice": choice})
            if choice != "off":
                kept.append(replace(one, must=choice == "must"))
        return replace(reading, requirements=tuple(kept)), shown
