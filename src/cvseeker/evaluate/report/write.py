"""The report: what every system is worth and why, as a page, as Markdown or as JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cvseeker.core import __version__
from cvseeker.core.files import write_json, write_text
from cvseeker.evaluate.analysis import Analysis
from cvseeker.evaluate.compare import COMPARED, mean_intervals, query_groups, roles_of
from cvseeker.evaluate.report.changes import rank_changes
from cvseeker.evaluate.report.drawings import cost_plots, delta_plot, families, query_deltas
from cvseeker.evaluate.report.map import lay_out
from cvseeker.evaluate.report.page import in_words, render
from cvseeker.evaluate.report.provenance import Provenance, provenance, settings_toml
from cvseeker.evaluate.report.tables import difference_rows, system_rows, truncated_rows
from cvseeker.evaluate.results import EvaluatedSet, plain
from cvseeker.evaluate.slices import widest_gain
from cvseeker.evaluate.verdict import caveats, verdict_sentence
from cvseeker.evaluate.wording import BM25, METRIC_TITLES

GENERATED_NOTE = (
    "The generator that wrote the training queries wrote these as well, about other people’s "
    "résumés. They flatter the tuned model, which has learnt the generator’s way of asking. "
    "Hand-written queries tell more."
)
# Failures of more sorts are counted in the manifest of the ingest stage.
MOST_FAILURES = 12


def write_report(
    path: Path,
    sets: Sequence[EvaluatedSet],
    *,
    title: str = "Evaluation",
    command: str = "",
    facts: Mapping[str, Any] | None = None,
    stages: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    formats: Sequence[str] = ("html",),
    made_with: Provenance | None = None,
    analyses: Mapping[str, Analysis] | None = None,
) -> list[Path]:
    """Write what every system is worth, and why, in formats among html, md and json.

    Parameters
    ----------
    path
        The HTML file; other formats stand beside it with their own suffix.
    sets
        The query sets; hand-written ones come first, for no generator made them.
    title, command
        What was evaluated, such as the workspace's name, and what evaluates it again.
    facts, stages
        The ingest stage's counts, and each finished stage's ``stage``, ``seconds`` and ``counts``.
    settings
        Settings by stage, as :class:`~cvseeker.core.settings.Settings` dumps them.
    analyses
        By the set's name, where there is one.
    """
    ordered = sorted(sets, key=lambda evaluated: evaluated.name != "handwritten")
    facts, analyses = facts or {}, analyses or {}
    content = {
        "title": title,
        "date": datetime.now(UTC).date().isoformat(),
        "version": __version__,
        "sets": [
            _set_content(one, analyses.get(one.name), in_workspace=bool(stages)) for one in ordered
        ],
        "metric_titles": list(METRIC_TITLES.values()),
        "facts": facts,
        "failures": list(facts.get("failures", {}).items()),
        "most_failures": MOST_FAILURES,
        "stages": [
            {**stage, "counts": _flat_counts(stage.get("counts") or {})} for stage in stages
        ],
        "settings": settings_toml(settings or {}),
        "command": f"{command} --config settings.toml" if command else "",
        "made_with": made_with or provenance(),
    }
    return [_write(path.with_suffix(f".{name}"), name, content) for name in dict.fromkeys(formats)]


def _write(path: Path, name: str, content: dict[str, Any]) -> Path:
    if name == "json":
        write_json(path, _plain_report(content))
    else:
        write_text(path, render(f"report.{name}", content))
    return path


def _set_content(
    evaluated: EvaluatedSet, analysis: Analysis | None, *, in_workspace: bool
) -> dict[str, Any]:
    """Return what is told of one query set."""
    roles, names = roles_of(evaluated), evaluated.names
    queries = list(evaluated.dataset.queries)
    against = roles.reference or (BM25 if BM25 in evaluated.results else None)
    pair = (against, roles.candidate) if against and roles.candidate else None
    encoded = evaluated.results[roles.candidate].encoded if roles.candidate else None
    intervals = {metric: mean_intervals(evaluated, metric) for metric in COMPARED}
    generated = in_workspace and evaluated.name == "test"
    return {
        "name": evaluated.name,
        "title": _set_title(evaluated.name, in_workspace=in_workspace),
        "level": "résumés" if evaluated.level == "resume" else "passages",
        "verdict": verdict_sentence(evaluated),
        "notes": [*([GENERATED_NOTE] if generated else []), *caveats(evaluated)],
        "queries": len(queries),
        "people": len(set(query_groups(evaluated, queries))),
        "names": names,
        "families": families(evaluated),
        "intervals": intervals,
        "systems": system_rows(evaluated, intervals),
        "truncated": truncated_rows(evaluated),
        "differences": difference_rows(evaluated),
        "reference": f"“{names[against]}”" if against else "",
        "candidate": f"“{names[roles.candidate]}”" if roles.candidate else "",
        "changes": rank_changes(evaluated, *pair) if pair else None,
        "facts": evaluated.summary()["dataset"],
        "analysis": analysis,
        "reach": widest_gain(analysis.slices) if analysis else 0.0,
        "deltas": delta_plot(query_deltas(evaluated, *pair)) if pair else None,
        "cost": cost_plots(evaluated),
        "map": lay_out(evaluated, encoded) if encoded else None,
    }


def _set_title(name: str, *, in_workspace: bool) -> str:
    """Name a query set; only a workspace's test queries are known to be generated."""
    if name == "test":
        return "Generated test queries" if in_workspace else "Test queries"
    return "Hand-written queries" if name == "handwritten" else name


def _flat_counts(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a stage's counts that are a number or a name; the rest is in its manifest."""
    return [
        (in_words(name), f"{value:,}" if isinstance(value, int) else str(value)[:80])
        for name, value in counts.items()
        if isinstance(value, int | str)
    ]


def _plain_report(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says as numbers and words; ``metrics.json`` has every metric."""
    kept = ("title", "date", "version", "facts", "command", "settings", "made_with")
    sets = [_plain_set(told) for told in content["sets"]]
    told = {name: plain(content[name]) for name in kept}
    return {name: told.pop(name) for name in kept[:3]} | {"sets": sets} | told


def _plain_set(told: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "title", "level", "verdict", "notes", "queries")
    return {
        **{name: told[name] for name in kept},
        "groups": told["people"],
        "systems": {
            name: {metric: plain(rows[name]) for metric, rows in told["intervals"].items()}
            for name in told["names"]
        },
        "comparisons": [
            {"question": question, "metric": METRIC_TITLES[metric], **plain(one)}
            for question, metric, one in told["differences"]
        ],
        "changes": plain(told["changes"]),
        "facts": plain(told["facts"]),
        **(plain(told["analysis"]) or {}),
    }
