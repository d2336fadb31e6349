"""The report: what every system is worth and why, as a page, as Markdown or as JSON."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from cvseeker.core import __version__
from cvseeker.core.errors import InputError
from cvseeker.core.files import write_json, write_text
from cvseeker.evaluate.comparison import BM25, display_name, query_groups, roles_of
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.evaluate.facts import dataset_facts
from cvseeker.evaluate.report.changes import rank_changes
from cvseeker.evaluate.report.charts import bar_chart
from cvseeker.evaluate.report.cost import cost_drawings
from cvseeker.evaluate.report.deltas import delta_plot, query_deltas
from cvseeker.evaluate.report.intervals import COMPARED, bars, families, mean_intervals
from cvseeker.evaluate.report.map import draw_map, map_vectors
from cvseeker.evaluate.report.markdown import report_markdown
from cvseeker.evaluate.report.page import in_words, page_of
from cvseeker.evaluate.report.plain import plain_report
from cvseeker.evaluate.report.provenance import Provenance, provenance
from cvseeker.evaluate.report.reproduce import settings_toml
from cvseeker.evaluate.report.tables import (
    METRIC_TITLES,
    difference_rows,
    system_rows,
    truncated_rows,
)
from cvseeker.evaluate.verdict import caveats, verdict_sentence

FORMATS = ("html", "md", "json")
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
        Some of :data:`FORMATS`.
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
        If there is no set, one has no queries or no systems, or a format is not known.
    """
    if not sets:
        raise InputError("no query sets to report on; expected one at least")
    chosen = report_formats(formats)
    ordered = sorted(sets, key=lambda evaluated: evaluated.name != "handwritten")
    made_with = made_with or provenance()
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
        "facts": facts or {},
        "failures": list((facts or {}).get("failures", {}).items())[:MOST_FAILURES],
        "failure_kinds": len((facts or {}).get("failures", {})),
        "stages": [
            {**stage, "counts": _flat_counts(stage.get("counts") or {})} for stage in stages
        ],
        "settings": settings_toml(settings or {}),
        "command": f"{command} --config settings.toml" if command else "",
        "made_with": made_with,
        "hashes": [("data set, SHA-256", made_with.dataset)]
        + [(f"{name}, SHA-256", value) for name, value in made_with.models.items()],
    }
    return [_write(path.with_suffix(f".{name}"), name, content) for name in chosen]


def report_formats(names: Sequence[str]) -> list[str]:
    """Read the formats asked for, each a name or several with commas between them.

    Parameters
    ----------
    names
        Such as ``["html", "md,json"]``.

    Returns
    -------
    list of str
        Some of :data:`FORMATS`, each once, in the order asked for.

    Raises
    ------
    InputError
        If one is not known, or none is given.

    Examples
    --------
    >>> report_formats(["md,json", "md"])
    ['md', 'json']
    """
    chosen = [part.strip().lower() for name in names for part in name.split(",")]
    for name in chosen or [""]:
        if name not in FORMATS:
            raise InputError(
                f"report format {name!r}; expected {', '.join(FORMATS)}, or some of them with "
                "commas: --format html,md"
            )
    return list(dict.fromkeys(chosen))


def sections(content: Mapping[str, Any]) -> list[str]:
    """Return the templates that tell of one query set, in the order of :data:`STORY`.

    Parameters
    ----------
    content
        What is known of the set; a section of :data:`FURTHER` is told where ``further`` has it.

    Returns
    -------
    list of str
        Names of templates. A template writes nothing where it has nothing to tell.
    """
    told = [name for name in STORY if name not in FURTHER or name in content["further"]]
    return [f"_{name}.html" for name in told]


def _write(path: Path, name: str, content: dict[str, Any]) -> Path:
    if name == "html":
        write_text(path, page_of("report.html", content))
    elif name == "md":
        text = report_markdown(content)
        write_text(path, text.encode("utf-8", "replace").decode("utf-8"))
    else:
        write_json(path, plain_report(content))
    return path


def _set_content(
    evaluated: EvaluatedSet, anchor: str, *, in_workspace: bool, further: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is told of one query set."""
    roles = roles_of(evaluated)
    queries = list(evaluated.dataset.queries)
    against = roles.reference or (BM25 if BM25 in evaluated.results else None)
    pair = (against, roles.candidate) if against and roles.candidate else None
    intervals = mean_intervals(evaluated)
    content = {
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
    }
    content["drawings"] = _drawings(evaluated, pair, content)
    content["sections"] = sections(content)
    return content


def _drawings(
    evaluated: EvaluatedSet, pair: tuple[str, str] | None, content: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what only a page can show; drawings escape the names in them themselves."""
    where = content["title"]
    names = f"{content['candidate']} less {content['reference']}, {where}"
    vectors = map_vectors(evaluated, roles_of(evaluated).candidate)
    return {
        "charts": [
            (
                METRIC_TITLES[metric],
                Markup(
                    bar_chart(
                        bars(evaluated, content["intervals"][metric]),
                        title=f"{METRIC_TITLES[metric]} by system, {where}",
                    )
                ),
            )
            for metric in COMPARED
        ],
        "deltas": (
            delta_plot(query_deltas(evaluated, *pair), title=f"nDCG@10 of every query, {names}")
            if pair
            else None
        ),
        "cost": [
            (caption, Markup(svg)) for caption, svg in cost_drawings(evaluated, families(evaluated))
        ],
        "map": (
            draw_map(evaluated, vectors, title=f"Map of queries and résumés, {where}")
            if vectors
            else None
        ),
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
