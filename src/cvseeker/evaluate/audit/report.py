"""What an audit leaves: ``audit.json``, and one HTML page that needs no network and no script."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from cvseeker.core import __version__
from cvseeker.core.files import write_json, write_text
from cvseeker.core.settings import AuditSettings
from cvseeker.evaluate.audit.effects import GroupEffect, group_effects
from cvseeker.evaluate.audit.material import AuditMaterial
from cvseeker.evaluate.audit.run import Measures, ModelAudit
from cvseeker.evaluate.report import render
from cvseeker.evaluate.results import plain
from cvseeker.evaluate.wording import p_in_words, share_of, system_names

MEASURES = ("score_change", "rank_gain", "selected")
LIMITS = (
    "It is a robustness test of search, not a legal bias audit: it says nothing of whether a "
    "way of selecting people is lawful.",
    "No real applicants and no outcomes: who was invited, hired or rejected is not known here, and "
    "neither is who deserved it.",
    "A name is a proxy. It says how a group is perceived, not who belongs to it, and carries age, "
    "class and religion besides.",
    "The bundled lists are of the United States in the 1970s, with two groups and two sexes. Other "
    "groups need lists of their own (--names).",
    "Only the name is swapped. Schools, places, languages, societies, gaps and ways of writing "
    "tell of groups as well, and stay as they are.",
    "Search is tested, and not the people who read its results.",
    "No evidence of a difference is no evidence that there is none: few résumés, few queries and "
    "few names show large effects only.",
)


def write_audit(
    folder: Path,
    material: AuditMaterial,
    audits: Mapping[str, ModelAudit],
    *,
    settings: AuditSettings,
    title: str,
    command: str,
) -> dict[str, Any]:
    """Write ``audit.json`` and ``report.html``; return the content of ``audit.json``."""
    models = plain({name: _model_summary(audit, material) for name, audit in audits.items()}, 8)
    summary = {
        "title": title,
        "data": {
            "queries": len(material.queries),
            "resumes": len(material.candidates.ids),
            "resumes_given_names": len(material.subjects),
            "names_found": material.found,
            "left_out_for_mentioning_a_name": material.mentioned,
        },
        "settings": settings.model_dump() | {"top_k": material.top_k},
        "names": material.names.model_dump(mode="json"),
        "models": models,
        "cannot_show": list(LIMITS),
    }
    write_json(folder / "audit.json", summary)
    content = {
        **summary,
        "date": datetime.now(UTC).date().isoformat(),
        "version": __version__,
        "command": command,
        "titles": system_names(models),
        "scale": max(1e-9, *(_widest(part["names"]) for part in models.values())),
    }
    write_text(folder / "report.html", render("audit.html", content))
    return summary


def _model_summary(audit: ModelAudit, material: AuditMaterial) -> dict[str, Any]:
    """Compare the groups on every measure and return one model's part of ``audit.json``."""
    names, members = material.names.full_names, material.names.group_of_name
    effects = {
        measure: group_effects(getattr(audit.named, measure), names, members)
        for measure in MEASURES
    }
    rates = {key: effect.mean for key, effect in effects["selected"].items()}
    highest = max(rates.values())
    # 1 where nobody is selected.
    ratios = {key: rate / highest if highest else 1.0 for key, rate in rates.items()}
    return {
        "verdict": _verdict(effects, ratios, audit.spread, material),
        "score_spread": audit.spread,
        "groups": {
            key: {
                **{measure: effects[measure][key] for measure in MEASURES},
                "selection_ratio": ratios[key],
            }
            for key in material.names.groups
        },
        "names": _name_means(audit.named, material),
        "blind": {
            "largest_score_change": float(np.abs(audit.blind.score_change).max()),
            "largest_rank_change": float(np.abs(audit.blind.rank_gain).max()),
            "texts_not_masked_as_they_were": audit.unmasked,
        },
    }


def _verdict(
    effects: Mapping[str, Mapping[str, GroupEffect]],
    ratios: Mapping[str, float],
    spread: float,
    material: AuditMaterial,
) -> str:
    """Say how far names move ranks, and whether any group of them stands out."""
    moved = max(abs(effect.versus_others) for effect in effects["rank_gain"].values())
    size = (
        f"No group’s names move a résumé by more than {moved:.2f} ranks of "
        f"{len(material.candidates.ids):,} in the mean."
    )
    labels = {key: group.label for key, group in material.names.groups.items()}
    shown = [
        f"{labels[key]}’s names score {'higher' if effect.versus_others > 0 else 'lower'} than the "
        f"others by {abs(effect.versus_others):.5f}, "
        f"{share_of(abs(effect.versus_others), spread)} of the standard deviation "
        f"between résumés ({p_in_words(effect.p_value_names)} over names)"
        for key, effect in effects["score_change"].items()
        if effect.is_shown
    ]
    lowest = min(ratios, key=lambda key: ratios[key])
    selection = (
        f"The lowest selection rate, of {labels[lowest]}, is {ratios[lowest]:.3f} of the highest."
    )
    if not shown:
        return f"{size} None stands out from the noise between single names. {selection}"
    return f"{size} {'; '.join(shown)}. {selection}"


def _name_means(measures: Measures, material: AuditMaterial) -> dict[str, dict[str, float]]:
    return {
        name: {measure: float(getattr(measures, measure)[:, at].mean()) for measure in MEASURES}
        for at, name in enumerate(material.names.full_names)
    }


def _widest(names: Mapping[str, Mapping[str, float]]) -> float:
    """Return the largest distance of a name's mean score from the mean of all names."""
    means = [measures["score_change"] for measures in names.values()]
    return max(abs(mean - fmean(means)) for mean in means)
