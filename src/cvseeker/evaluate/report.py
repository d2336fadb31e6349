"""The report: one HTML file that needs no network, no other file and no script."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cvseeker import __version__
from cvseeker.errors import InputError
from cvseeker.evaluate.changes import rank_changes
from cvseeker.evaluate.charts import bar_chart
from cvseeker.evaluate.comparison import (
    BM25,
    display_name,
    models_of,
    query_groups,
    roles_of,
)
from cvseeker.evaluate.evaluation import EvaluatedSet
from cvseeker.evaluate.facts import dataset_facts
from cvseeker.evaluate.tables import (
    METRIC_TITLES,
    bars,
    difference_rows,
    kind_rows,
    shown_systems,
    system_rows,
    truncated_rows,
)
from cvseeker.evaluate.verdict import caveats, verdict_sentence
from cvseeker.files import write_text

CHARTED = ("ndcg@10", "accuracy@5")
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
    title: str = "",
    facts: Mapping[str, Any] | None = None,
    stages: Sequence[Mapping[str, Any]] = (),
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Write a self-contained page that says what every system is worth, and why.

    Parameters
    ----------
    path
        The HTML file.
    sets
        The query sets; hand-written ones come first on the page, for no generator made them.
    title
        What was evaluated, such as the workspace's name.
    facts
        The ingest stage's counts; ``None`` where there was none.
    stages
        What each finished stage took: ``stage``, ``seconds`` and ``counts``.
    settings
        Settings by stage, as :class:`~cvseeker.config.Settings` dumps them.

    Raises
    ------
    InputError
        If there is no set, or one has no queries or no systems.
    """
    if not sets:
        raise InputError("no query sets to report on; expected one at least")
    ordered = sorted(sets, key=lambda evaluated: evaluated.name != "handwritten")
    environment = Environment(
        loader=PackageLoader("cvseeker.evaluate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": _words, "duration": _duration, "unbroken": _unbroken}
    page = environment.get_template("report.html").render(
        title=title or "Evaluation",
        date=datetime.now(UTC).date().isoformat(),
        version=__version__,
        sets=[
            _set_context(evaluated, f"set-{number}", in_workspace=bool(stages))
            for number, evaluated in enumerate(ordered)
        ],
        metric_titles=list(METRIC_TITLES.values()),
        facts=facts or {},
        failures=list((facts or {}).get("failures", {}).items())[:MOST_FAILURES],
        failure_kinds=len((facts or {}).get("failures", {})),
        stages=[{**stage, "counts": _flat_counts(stage.get("counts") or {})} for stage in stages],
        settings=_toml(settings or {}),
        command=_command(ordered, title, in_workspace=bool(stages)),
    )
    # A lone surrogate, the trace of an odd file name, is no UTF-8.
    write_text(path, page.encode("utf-8", "replace").decode("utf-8"))


def _set_context(evaluated: EvaluatedSet, anchor: str, *, in_workspace: bool) -> dict[str, Any]:
    """Return what the template says about one query set."""
    roles = roles_of(evaluated)
    queries = list(evaluated.dataset.queries)
    title = _set_title(evaluated.name, in_workspace=in_workspace)
    against = roles.reference or (BM25 if BM25 in evaluated.results else None)
    return {
        "anchor": anchor,
        "title": title,
        "level": "résumés" if evaluated.level == "resume" else "passages",
        "verdict": verdict_sentence(evaluated),
        "notes": [
            *([GENERATED_NOTE] if in_workspace and evaluated.name == "test" else []),
            *caveats(evaluated),
        ],
        "queries": len(queries),
        "people": len(set(query_groups(evaluated, queries))),
        "systems": system_rows(evaluated, roles),
        "truncated": truncated_rows(evaluated),
        "charts": [
            # The drawing's own names are escaped by its maker.
            (METRIC_TITLES[metric], Markup(_chart(evaluated, metric, title)))
            for metric in CHARTED
        ],
        "differences": difference_rows(evaluated, roles),
        "kinds": kind_rows(evaluated, roles),
        "shown": [(role, display_name(name)) for role, name in shown_systems(evaluated, roles)],
        "reference": display_name(against) if against else "",
        "candidate": display_name(roles.candidate) if roles.candidate else "",
        "changes": (
            rank_changes(evaluated, against, roles.candidate)
            if against and roles.candidate
            else None
        ),
        "facts": {**dataset_facts(evaluated.dataset), **evaluated.facts},
    }


def _set_title(name: str, *, in_workspace: bool) -> str:
    """Name a query set; only a workspace's test queries are known to be generated."""
    if name == "test":
        return "Generated test queries" if in_workspace else "Test queries"
    return "Hand-written queries" if name == "handwritten" else name


def _chart(evaluated: EvaluatedSet, metric: str, where: str) -> str:
    return bar_chart(bars(evaluated, metric), title=f"{METRIC_TITLES[metric]} by system, {where}")


def _command(sets: Sequence[EvaluatedSet], title: str, *, in_workspace: bool) -> str:
    """Return the command that does it again."""
    config = "--config settings.toml"
    if in_workspace:
        judged = any(evaluated.name == "handwritten" for evaluated in sets)
        judgements = " --judgements DIR" if judged else ""
        return f"cvseeker run SOURCE... -w {shlex.quote(title or 'DIR')}{judgements} {config}"
    models = "".join(f" --model {shlex.quote(name)}" for name in models_of(sets[0]))
    dataset = shlex.quote(title or "FILE")
    return f"cvseeker evaluate --dataset {dataset}{models} --out DIR {config}"


def _toml(settings: Mapping[str, Any], name: str = "") -> str:
    """Write settings as TOML; what is ``None`` is left to its default, for TOML has no null."""
    values = [
        # JSON's strings, numbers and booleans are TOML's as well.
        f"{key} = {json.dumps(value, ensure_ascii=False)}"
        for key, value in settings.items()
        if value is not None and not isinstance(value, Mapping)
    ]
    tables = [
        _toml(value, f"{name}.{key}" if name else key)
        for key, value in settings.items()
        if isinstance(value, Mapping)
    ]
    head = [f"[{name}]"] if name and values else []
    return "\n\n".join(part for part in ["\n".join(head + values), *tables] if part)


def _flat_counts(counts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return a stage's counts that are a number or a name; the rest is in its manifest."""
    return [
        (_words(name), f"{value:,}" if isinstance(value, int) else str(value)[:80])
        for name, value in counts.items()
        if isinstance(value, int | str)
    ]


def _words(name: str) -> str:
    """Print an identifier as words."""
    return name.replace("_", " ").replace("resume", "résumé")


def _unbroken(text: str) -> str:
    """Keep a line from ending inside ``p = 0.031`` or ``95 %``."""
    return re.sub(r" (?=[=<%] ?)|(?<=[=<]) ", "\u00a0", text)


def _duration(seconds: float) -> str:
    """Print seconds as a reader would say them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"
