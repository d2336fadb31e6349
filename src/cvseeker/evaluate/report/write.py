"""The report: what every system is worth and why, as a page, as Markdown or as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cvseeker.core import __version__
from cvseeker.core.errors import InputError
from cvseeker.core.files import write_json, write_text
from cvseeker.evaluate.compare import (
    BM25,
    COMPARED,
    display_name,
    mean_intervals,
    query_groups,
    roles_of,
)
from cvseeker.evaluate.evidence import dataset_facts
from cvseeker.evaluate.report.changes import rank_changes
from cvseeker.evaluate.report.drawings import bars, cost_plots, delta_plot, query_deltas
from cvseeker.evaluate.report.map import lay_out, map_vectors
from cvseeker.evaluate.report.page import in_words, render
from cvseeker.evaluate.report.provenance import Provenance, provenance, settings_toml
from cvseeker.evaluate.report.tables import (
    METRIC_TITLES,
    difference_rows,
    system_rows,
    truncated_rows,
)
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.evaluate.verdict import caveats, verdict_sentence

GENERATED_NOTE = (
    "The generator that wrote the training queries wrote these as well, about other people’s "
    "résumés. They flatter the tuned model, which has learnt the generator’s way of asking. "
    "Hand-written queries tell more."
)
# Failures of more sorts are counted in the manifest of the ingest stage.
MOST_FAILURES = 12
# A set's story in its order. What stands in `further` is told under its own name.
STORY = (
    "systems",
    "differences",
    "significance",
    "deltas",
    "slices",
    "cut",
    "cost",
    "changes",
    "map",
    "queries",
    "leakage",
)
FURTHER = frozenset({"significance", "slices", "leakage"})


def write_report(
    path: Path,
    sets: Sequence[EvaluatedSet],
    *,
    title: str = "",
    command: str = "",
    facts: Mapping[str, Any] | None = None,
    stages: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
    formats: Sequence[str] = ("html",),
    made_with: Provenance | None = None,
    further: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Path]:
    """Write what every system is worth, and why, in one or several formats.

    Parameters
    ----------
    path
        The HTML file; other formats stand beside it with their own suffix.
    sets
        The query sets; hand-written ones come first, for no generator made them.
    title
        What was evaluated, such as the workspace's name.
    command
        What makes the evaluation again, with these settings.
    facts
        The ingest stage's counts; ``None`` where there was none.
    stages
        What each finished stage took: ``stage``, ``seconds`` and ``counts``.
    settings
        Settings by stage, as :class:`~cvseeker.core.settings.Settings` dumps them.
    formats
        Some of html, md and json.
    made_with
        Versions and hashes; ``None``: versions only.
    further
        Name of the set → name of a section among :data:`FURTHER` → what its template is given.

    Returns
    -------
    list of Path
        The files written, in the order of the formats.

    Raises
    ------
    InputError
        If there is no set, or one has no queries or no systems.
    """
    if not sets:
        raise InputError("no query sets to report on; expected one at least")
    ordered = sorted(sets, key=lambda evaluated: evaluated.name != "handwritten")
    made_with = made_with or provenance()
    facts = facts or {}
    content = {
        "title": title or "Evaluation",
        "date": datetime.now(UTC).date().isoformat(),
        "version": __version__,
        "sets": [
            _set_content(
                evaluated,
                f"set-{number}",
                in_workspace=bool(stages),
                further=(further or {}).get(evaluated.name, {}),
            )
            for number, evaluated in enumerate(ordered)
        ],
        "metric_titles": list(METRIC_TITLES.values()),
        "facts": facts,
        "failures": list(facts.get("failures", {}).items())[:MOST_FAILURES],
        "failure_kinds": len(facts.get("failures", {})),
        "stages": [
            {**stage, "counts": _flat_counts(stage.get("counts") or {})} for stage in stages
        ],
        "settings": settings_toml(settings or {}),
        "command": f"{command} --config settings.toml" if command else "",
        "made_with": made_with,
        "hashes": [("data set, SHA-256", made_with.dataset)]
        + [(f"{name}, SHA-256", value) for name, value in made_with.models.items()],
    }
    return [_write(path.with_suffix(f".{name}"), name, content) for name in dict.fromkeys(formats)]


def _write(path: Path, name: str, content: dict[str, Any]) -> Path:
    if name == "json":
        write_json(path, _plain_report(content))
    else:
        write_text(path, render(f"report.{name}", content))
    return path


def _set_content(
    evaluated: EvaluatedSet, anchor: str, *, in_workspace: bool, further: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is told of one query set."""
    roles = roles_of(evaluated)
    queries = list(evaluated.dataset.queries)
    against = roles.reference or (BM25 if BM25 in evaluated.results else None)
    pair = (against, roles.candidate) if against and roles.candidate else None
    intervals = {metric: mean_intervals(evaluated, metric) for metric in COMPARED}
    vectors = map_vectors(evaluated, roles.candidate)
    told = [name for name in STORY if name not in FURTHER or name in further]
    return {
        "anchor": anchor,
        "name": evaluated.name,
        "title": _set_title(evaluated.name, in_workspace=in_workspace),
        "level": "résumés" if evaluated.level == "resume" else "passages",
        "verdict": verdict_sentence(evaluated),
        "notes": [
            *([GENERATED_NOTE] if in_workspace and evaluated.name == "test" else []),
            *caveats(evaluated),
        ],
        "queries": len(queries),
        "people": len(set(query_groups(evaluated, queries))),
        "intervals": intervals,
        "systems": system_rows(evaluated, roles, intervals),
        "truncated": truncated_rows(evaluated),
        "differences": difference_rows(evaluated),
        "reference": display_name(against) if against else "",
        "candidate": display_name(roles.candidate) if roles.candidate else "",
        "changes": rank_changes(evaluated, *pair) if pair else None,
        "facts": {**dataset_facts(evaluated.dataset), **evaluated.facts},
        "further": further,
        "drawings": {
            "charts": {
                METRIC_TITLES[metric]: bars(evaluated, intervals[metric]) for metric in COMPARED
            },
            "deltas": delta_plot(query_deltas(evaluated, *pair)) if pair else None,
            "cost": cost_plots(evaluated),
            "map": lay_out(evaluated, vectors) if vectors else None,
        },
        # A template writes nothing where it has nothing to tell.
        "sections": [f"_{name}.html" for name in told],
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
    """Return what the report says, JSON-ready: numbers and words, no drawings.

    Every metric of every system stands in ``metrics.json``.
    """
    kept = ("title", "date", "version", "facts", "command", "settings", "made_with")
    return {
        **{name: _plain(content[name]) for name in kept[:3]},
        "sets": [_plain_set(told) for told in content["sets"]],
        **{name: _plain(content[name]) for name in kept[3:]},
    }


def _plain_set(told: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "title", "level", "verdict", "notes", "queries")
    names = list(next(iter(told["intervals"].values())))
    return {
        **{name: told[name] for name in kept},
        "groups": told["people"],
        "systems": {
            name: {metric: asdict(rows[name]) for metric, rows in told["intervals"].items()}
            for name in names
        },
        "comparisons": [
            {
                "question": row.question,
                "metric": row.metric,
                **row.comparison.to_dict(),
            }
            for row in told["differences"]
        ],
        "changes": _plain(told["changes"]),
        "facts": _plain(told["facts"]),
        **_plain(told["further"]),
    }


def _plain(value: Any) -> Any:
    """Turn what a section's template is given into lists, dictionaries, numbers and words."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
