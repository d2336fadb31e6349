"""What an audit leaves: ``audit.json``, and one HTML page that needs no network and no script."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cvseeker.core import __version__
from cvseeker.core.files import write_json, write_text
from cvseeker.core.settings import AuditSettings
from cvseeker.evaluate.audit.effects import GroupEffect, Matrix, group_effects
from cvseeker.evaluate.audit.material import AuditMaterial
from cvseeker.evaluate.audit.run import Measures, ModelAudit
from cvseeker.evaluate.compare import p_in_words
from cvseeker.evaluate.report import render

MEASURES = ("score_change", "rank_gain", "selected")
LIMITS = (
    "It is a robustness test of an encoder, not a legal bias audit: it says nothing of whether a "
    "way of selecting people is lawful.",
    "No real applicants and no outcomes: who was invited, hired or rejected is not known here, and "
    "neither is who deserved it.",
    "A name is a proxy. It says how a group is perceived, not who belongs to it, and carries age, "
    "class and religion besides.",
    "The bundled lists are of the United States in the 1970s, with two groups and two sexes. Other "
    "groups need lists of their own (--names).",
    "Only the name is swapped. Schools, places, languages, societies, gaps and ways of writing "
    "tell of groups as well, and stay as they are.",
    "Only the encoder’s pooled vectors are tested: not BM25, not late interaction, not the hybrid, "
    "not the people who read the results.",
    "No evidence of a difference is no evidence that there is none: few résumés, few queries and "
    "few names show large effects only.",
)


@dataclass(frozen=True, slots=True)
class AuditedModel:
    """One model's measures, and measure → group → effect, with names in the text."""

    audit: ModelAudit
    effects: dict[str, dict[str, GroupEffect]]

    @classmethod
    def from_audit(cls, audit: ModelAudit, material: AuditMaterial) -> "AuditedModel":
        """Compare the groups on every measure."""
        names, groups = material.names.full_names, material.names.group_of_name
        return cls(
            audit,
            {name: group_effects(getattr(audit.named, name), names, groups) for name in MEASURES},
        )

    @property
    def selection_ratios(self) -> dict[str, float]:
        """Each group's selection rate by that of the highest; 1 where nobody is selected."""
        rates = {group: effect.mean for group, effect in self.effects["selected"].items()}
        highest = max(rates.values())
        return {group: rate / highest if highest else 1.0 for group, rate in rates.items()}

    @property
    def blind_change(self) -> float:
        """The largest change of any measure in blind mode; 0 where masking does its work."""
        return max(largest_change(self.audit.blind), largest_reordering(self.audit.blind))


def largest_change(measures: Measures) -> float:
    """Return the largest change of a résumé's mean score by any name."""
    return float(np.abs(measures.score_change).max())


def largest_reordering(measures: Measures) -> float:
    """Return the largest change of a résumé's mean rank by any name."""
    return float(np.abs(measures.rank_gain).max())


def write_audit(
    folder: Path,
    material: AuditMaterial,
    audits: Mapping[str, ModelAudit],
    *,
    settings: AuditSettings,
    title: str,
    command: str,
) -> dict[str, Any]:
    """Write ``audit.json`` and ``report.html``; return the content of ``audit.json``.

    ``audits`` is the name of the model → its measures, in the order of the page.
    """
    models = {name: AuditedModel.from_audit(audit, material) for name, audit in audits.items()}
    summary = {
        "title": title,
        "data": {
            "queries": len(material.queries),
            "resumes": len(material.candidates.ids),
            "resumes_given_names": len(material.subjects),
            "names_found": material.found,
            "left_out_for_mentioning_a_name": material.mentioned,
        },
        "settings": settings.model_dump(),
        "names": material.names.model_dump(mode="json"),
        "models": {name: _model_summary(model, material) for name, model in models.items()},
        "cannot_show": list(LIMITS),
    }
    write_json(folder / "audit.json", summary)
    content = {
        **summary,
        "date": datetime.now(UTC).date().isoformat(),
        "version": __version__,
        "command": command,
        "sections": [
            _section(name, model, material, widest=_widest(models))
            for name, model in models.items()
        ],
        "scale": f"{_widest(models):.5f}",
    }
    write_text(folder / "report.html", render("audit.html", content))
    return summary


def verdict(model: AuditedModel, material: AuditMaterial) -> str:
    """Say in a sentence or two whether any group of names stands out."""
    labels = {key: group.label for key, group in material.names.groups.items()}
    shown = [
        f"{labels[key]}’s names score {'higher' if effect.versus_others > 0 else 'lower'} than the "
        f"others by {abs(effect.versus_others):.5f}, "
        f"{_share(abs(effect.versus_others), model.audit.spread)} of the standard deviation "
        f"between résumés ({p_in_words(effect.p_value_names)} over names)"
        for key, effect in model.effects["score_change"].items()
        if effect.is_shown
    ]
    ratios = model.selection_ratios
    lowest = min(ratios, key=lambda key: ratios[key])
    selection = (
        f"The lowest selection rate, of {labels[lowest]}, is {ratios[lowest]:.3f} of the highest."
    )
    if not shown:
        return f"No group’s names stand out from the noise between single names. {selection}"
    return f"{'; '.join(shown)}. {selection}"


def _model_summary(model: AuditedModel, material: AuditMaterial) -> dict[str, Any]:
    """Return one model's part of ``audit.json``."""
    ratios = model.selection_ratios
    groups: dict[str, Any] = {}
    for key in material.names.groups:
        effects = {name: _effect(model.effects[name][key]) for name in MEASURES}
        groups[key] = {**effects, "selection_ratio": round(ratios[key], 6)}
    return {
        "verdict": verdict(model, material),
        "score_spread": round(model.audit.spread, 6),
        "groups": groups,
        "names": _name_means(model.audit.named, material),
        "blind": {
            "largest_score_change": largest_change(model.audit.blind),
            "largest_rank_change": largest_reordering(model.audit.blind),
            "texts_not_masked_as_they_were": model.audit.unmasked,
        },
    }


def _effect(effect: GroupEffect) -> dict[str, Any]:
    return {
        "mean": round(effect.mean, 8),
        "versus_others": round(effect.versus_others, 8),
        "between_names": round(effect.between_names, 8),
        "lowest_name": [effect.lowest[0], round(effect.lowest[1], 8)],
        "highest_name": [effect.highest[0], round(effect.highest[1], 8)],
        "p_value": round(effect.p_value, 6),
        "p_value_names": round(effect.p_value_names, 6),
    }


def _name_means(measures: Measures, material: AuditMaterial) -> dict[str, dict[str, float]]:
    return {
        name: {
            measure: round(float(getattr(measures, measure)[:, at].mean()), 8)
            for measure in MEASURES
        }
        for at, name in enumerate(material.names.full_names)
    }


def _section(
    name: str, model: AuditedModel, material: AuditMaterial, *, widest: float
) -> dict[str, Any]:
    """Return what the template says about one model; ``widest`` is the drawing's edge."""
    rows = []
    dots = _dots(model, material, widest)
    for key, group in material.names.groups.items():
        score, rank, selected = (model.effects[measure][key] for measure in MEASURES)
        rows.append(
            {
                "label": group.label,
                "dots": dots[key],
                "middle": round(sum(dot["x"] for dot in dots[key]) / len(dots[key]), 2),
                "shown": score.is_shown,
                "change": _signed(score.versus_others, 5),
                "noise": f"{score.between_names:.5f}",
                "p": _p(score.p_value),
                "p_names": _p(score.p_value_names),
                "ranks": _signed(rank.versus_others, 2),
                "rank_noise": f"{rank.between_names:.2f}",
                "rate": f"{100 * selected.mean:.2f} %",
                "ratio": f"{model.selection_ratios[key]:.3f}",
                "range": f"{100 * selected.lowest[1]:.2f}–{100 * selected.highest[1]:.2f} %",
                "p_selected": _p(selected.p_value_names),
            }
        )
    effects = model.effects["score_change"].values()
    means = [effect.mean for effect in effects]
    gap = max(means) - min(means)
    return {
        "name": name,
        "verdict": verdict(model, material),
        "gap": f"{gap:.5f}",
        "gap_share": _share(gap, model.audit.spread),
        "noise": f"{np.mean([effect.between_names for effect in effects]):.5f}",
        "lowest_ratio": f"{min(model.selection_ratios.values()):.3f}",
        "spread": f"{model.audit.spread:.3f}",
        "rows": rows,
        "blind": model.blind_change,
        "unmasked": model.audit.unmasked,
    }


def _widest(models: Mapping[str, AuditedModel]) -> float:
    """Return the largest distance of a name's mean from the mean of all, over all models."""
    means = [_centred(model.audit.named.score_change) for model in models.values()]
    return max(float(np.abs(np.concatenate(means)).max()), 1e-9)


def _centred(values: Matrix) -> Matrix:
    centred: Matrix = values.mean(axis=0) - values.mean()
    return centred


def _dots(
    model: AuditedModel, material: AuditMaterial, widest: float
) -> dict[str, list[dict[str, Any]]]:
    """Return each group's names with their places from -100 to 100, and their values."""
    means = _centred(model.audit.named.score_change).tolist()
    dots: dict[str, list[dict[str, Any]]] = {key: [] for key in material.names.groups}
    names = zip(material.names.full_names, material.names.group_of_name, means, strict=True)
    for name, key, mean in names:
        place = round(100 * mean / widest, 2)
        dots[key].append({"name": name, "x": place, "value": _signed(mean, 5)})
    return dots


def _share(change: float, spread: float) -> str:
    """Print a change as a share of the spread; a corpus of one text repeated has none."""
    return f"{100 * change / spread:.2f} %" if spread else "–"


def _signed(value: float, places: int) -> str:
    return f"{round(value, places) + 0.0:+.{places}f}".replace("-", "−")


def _p(value: float) -> str:
    return p_in_words(value).removeprefix("p").removeprefix(" =").strip()
