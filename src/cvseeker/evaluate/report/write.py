"""The report: which search to use, and what speaks for it, as a page, as Markdown or as JSON."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cvseeker.core import __version__
from cvseeker.core.files import write_json, write_text
from cvseeker.evaluate.analysis import Analysis
from cvseeker.evaluate.compare import (
    COMPARED,
    Pair,
    compares_tuning,
    headline_pair,
    mean_intervals,
    shown_systems,
)
from cvseeker.evaluate.report.changes import rank_changes
from cvseeker.evaluate.report.drawings import bars, training_curve
from cvseeker.evaluate.report.map import lay_out
from cvseeker.evaluate.report.page import in_words, render
from cvseeker.evaluate.report.provenance import Provenance, provenance, settings_toml
from cvseeker.evaluate.report.tables import (
    charted_systems,
    family_rows,
    listed_queries,
    system_rows,
    truncated_rows,
)
from cvseeker.evaluate.results import EvaluatedSet, plain
from cvseeker.evaluate.slices import widest_gain
from cvseeker.evaluate.verdict import count_groups, decide, find_badges, search_in_use
from cvseeker.evaluate.wording import METRIC_TITLES, made_of, spoken

GENERATED_NOTE = (
    "The generator that wrote the training queries wrote these as well, about other people’s "
    "résumés. They flatter the tuned model, which has learnt the generator’s way of asking."
)
SECTIONS_NOTE = (
    "Each is what one section of a résumé says, and looks for what another section of the same "
    "résumé says: few words are copied, as in searches by people."
)
# The folded parts of a set, by their templates, where there is something to tell.
PARTS = {
    "listed": "Every query, and what was found",
    "systems": "Every system, every metric",
    "changes": "What changed most, and the words behind it",
    "slices": "Where the difference comes from",
    "map": "A map of queries and résumés",
    "leakage": "What the queries are like",
}
# Failures of more sorts are counted in the manifest of the ingest stage.
MOST_FAILURES = 12


def write_report(
    path: Path,
    sets: Sequence[EvaluatedSet],
    *,
    analyses: Mapping[str, Analysis],
    title: str = "Evaluation",
    command: str = "",
    facts: Mapping[str, Any] | None = None,
    stages: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    formats: Sequence[str] = ("html",),
    made_with: Provenance | None = None,
) -> list[Path]:
    """Write which search to use, and why: ``path`` is the HTML file, other formats lie beside it.

    ``title`` is what was evaluated, such as the workspace's name, and ``command`` what evaluates it
    again; ``facts`` are the ingest stage's counts, ``stages`` each finished stage's ``stage``,
    ``seconds`` and ``counts``, ``settings`` by stage.
    """
    in_use = search_in_use(stages)
    deciding, verdict = decide(sets, analyses, in_use=in_use)
    model = _model_counts(stages)
    # What people wrote before what was made, as it decides before it.
    ordered = [deciding, *(one for one in reversed(sets) if one is not deciding)]
    titles = [_set_title(one.name, in_workspace=bool(stages)) for one in ordered]
    told = [
        {"title": name, **_set_content(one, analyses[one.name], in_workspace=bool(stages))}
        for name, one in zip(titles, ordered, strict=True)
    ]
    facts, shown = facts or {}, charted_systems(deciding)
    content = {
        "title": title,
        "date": datetime.now(UTC).date().isoformat(),
        "version": __version__,
        "verdict": verdict,
        "basis": _basis(deciding, titles[0]),
        "in_use": _in_use(deciding.results, in_use, verdict.use, model),
        "badges": find_badges(deciding, analyses[deciding.name], verdict),
        "bars": bars(deciding, shown, told[0]["intervals"], in_use=in_use),
        "families": family_rows(dict(zip(titles, ordered, strict=True)), analyses, deciding),
        "columns": [deciding.names[name] for name in shown_systems(deciding)],
        "curve": training_curve(model),
        "sets": told,
        "metric_titles": list(METRIC_TITLES.values()),
        "system_titles": [*METRIC_TITLES.values(), "Seconds", "Bytes", "Letters"],
        "facts": facts,
        "failures": list(facts.get("failures", {}).items()),
        "most_failures": MOST_FAILURES,
        "stages": [{**one, "counts": _flat_counts(one.get("counts") or {})} for one in stages],
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


def _model_counts(stages: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    return next((one["counts"] for one in stages if one["stage"] == "model"), {})


def _in_use(systems: Collection[str], now: str, use: str, model: Mapping[str, Any]) -> str:
    """Say which search is in use and why, in a workspace, and how to change that."""
    if not now:
        return ""
    reason = f"is in use, as fine-tuning decided: {model['verdict']['reason']}."
    if now == use:
        return f"It {reason}"
    change = " To use the tuned one: cvseeker finetune -w DIR --force." if "tuned" in use else ""
    return f"At present {spoken(now, systems)} {reason}{change}"


def _basis(evaluated: EvaluatedSet, title: str) -> str:
    """Say what was measured, and on what."""
    return (
        f"{title}: {len(evaluated.dataset.queries):,}, {count_groups(evaluated):,} of them "
        "independent. Differences are in nDCG@10, with 95 % intervals; queries about one person "
        "are resampled together."
    )


def _set_content(
    evaluated: EvaluatedSet, analysis: Analysis, *, in_workspace: bool
) -> dict[str, Any]:
    """Return what is told of one query set."""
    names, pair = evaluated.names, headline_pair(evaluated)
    notes = {"sections": [SECTIONS_NOTE], "test": [GENERATED_NOTE]} if in_workspace else {}
    intervals = {metric: mean_intervals(evaluated, metric) for metric in COMPARED}
    content = {
        "name": evaluated.name,
        "level": "résumés" if evaluated.level == "resume" else "passages",
        "notes": notes.get(evaluated.name, []),
        "queries": len(evaluated.dataset.queries),
        "groups": count_groups(evaluated),
        "tuning": compares_tuning(evaluated),
        "names": names,
        "intervals": intervals,
        "systems": system_rows(evaluated, intervals, analysis.significance),
        "truncated": truncated_rows(evaluated),
        "columns": [names[name] for name in shown_systems(evaluated)],
        "listed": listed_queries(evaluated, pair),
        "facts": evaluated.summary()["dataset"],
        "analysis": analysis,
        "leakage": analysis.leakage,
        "slices": analysis.slices,
        "reach": widest_gain(analysis.slices),
        **_pair_content(evaluated, pair),
    }
    content["parts"] = [(key, title) for key, title in PARTS.items() if content[key]]
    return content


def _pair_content(evaluated: EvaluatedSet, pair: Pair | None) -> dict[str, Any]:
    """Return what is told of the two systems that the report is about."""
    if pair is None:
        return dict.fromkeys(("candidate", "reference", "changes", "map"))
    first, second = pair
    model = made_of(first, evaluated.results)[0] or first
    encoded = evaluated.results[model].encoded
    return {
        "candidate": f"“{evaluated.names[first]}”",
        "reference": f"“{evaluated.names[second]}”",
        "changes": rank_changes(evaluated, second, first),
        "map": lay_out(evaluated, encoded) if encoded else None,
        "mapped": f"“{evaluated.names[model]}”",
    }


def _set_title(name: str, *, in_workspace: bool) -> str:
    """Name a query set; only a workspace's test queries are known to be generated."""
    known = {"handwritten": "Hand-written queries", "sections": "Cross-section queries"}
    known["test"] = "Generated test queries" if in_workspace else "Test queries"
    return known.get(name, name)


def _flat_counts(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a stage's counts that are a number or a name; the rest is in its manifest."""
    return [
        (in_words(name), f"{value:,}" if isinstance(value, int) else str(value)[:80])
        for name, value in counts.items()
        if isinstance(value, int | str)
    ]


def _plain_report(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the report says as numbers and words; ``metrics.json`` has every metric."""
    kept = ("title", "date", "version", "verdict", "basis", "in_use", "badges")
    after = ("facts", "command", "settings", "made_with")
    told = {name: plain(content[name]) for name in (*kept, *after)}
    head = {name: told.pop(name) for name in kept}
    return {**head, "sets": [_plain_set(one) for one in content["sets"]], **told}


def _plain_set(told: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "title", "level", "notes", "queries", "groups", "changes", "facts")
    return {
        **{name: plain(told[name]) for name in kept},
        "systems": {
            name: {metric: plain(rows[name]) for metric, rows in told["intervals"].items()}
            for name in told["names"]
        },
        **plain(told["analysis"]),
    }
