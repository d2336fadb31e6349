"""The command that swaps names: ``audit``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvseeker.cli.options import JsonOption, JudgementsOption, OptionalWorkspace, require_one_way
from cvseeker.core.errors import InputError

if TYPE_CHECKING:
    from rich.table import Table


DatasetOption = Annotated[
    Path | None,
    typer.Option("--dataset", metavar="FILE", help="Test data: LlamaIndex JSON or a BEIR folder."),
]
OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Where the report goes.")
]
ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="NAME_OR_DIR",
        help="A model; 'base' is the default base model [default: the base, and the workspace's "
        "tuned model].",
    ),
]
NamesOption = Annotated[
    Path | None,
    typer.Option(
        "--names",
        metavar="FILE",
        help="TOML with names by group [default: those of Bertrand & Mullainathan 2004].",
    ),
]
TopKOption = Annotated[
    int, typer.Option("--top-k", min=1, help="Résumés of a query that count as selected.")
]
NamesPerGroupOption = Annotated[
    int, typer.Option("--names-per-group", min=2, help="Names of each group at most.")
]
MaxResumesOption = Annotated[
    int, typer.Option("--max-resumes", min=2, help="Résumés given names at most, by random.")
]


def audit(
    workspace: OptionalWorkspace = None,
    dataset: DatasetOption = None,
    out: OutOption = None,
    model: ModelOption = None,
    names: NamesOption = None,
    judgements: JudgementsOption = None,
    top_k: TopKOption = 10,
    names_per_group: NamesPerGroupOption = 9,
    max_resumes: MaxResumesOption = 200,
    as_json: JsonOption = False,
) -> None:
    """Swap names in résumés and see whether scores and ranks move: a robustness test."""
    from cvseeker.cli.terminal import drawn_progress
    from cvseeker.core.settings import AuditSettings
    from cvseeker.core.workspace import Workspace
    from cvseeker.evaluate import audit_files, audit_stage

    require_one_way(workspace, {"--dataset": dataset, "--out": out}, "audit")
    settings = AuditSettings(top_k=top_k, names_per_group=names_per_group, max_resumes=max_resumes)
    models = model or []
    with drawn_progress() as progress:
        if workspace is not None:
            stages = Workspace(workspace)
            audit_stage(stages, models, settings, progress, names=names, judgements=judgements)
            folder = workspace / "audit"
        elif dataset is not None and out is not None:
            _refuse_judgements(judgements)
            audit_files(dataset, models, out, settings, progress, names=names)
            folder = out
    _print(folder, as_json=as_json)


def _print(folder: Path, *, as_json: bool) -> None:
    from cvseeker.cli.terminal import stdout
    from cvseeker.core.files import read_json

    summary = read_json(folder / "audit.json")
    if as_json:
        typer.echo(json.dumps(summary, ensure_ascii=False, indent=2))
        return
    labels = {key: group["label"] for key, group in summary["names"]["groups"].items()}
    for name, part in summary["models"].items():
        stdout().print(_table(name, part, labels))
        typer.echo(f"{name}: {part['verdict']}")
    typer.echo(folder / "report.html")


def _refuse_judgements(judgements: Path | None) -> None:
    if judgements is not None:
        raise InputError(
            f"--judgements {judgements} names résumés of a workspace; expected it with -w DIR"
        )


def _table(name: str, part: Mapping[str, Any], labels: Mapping[str, str]) -> "Table":
    """Draw what each group's names did to scores, ranks and selections."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(name), title_justify="left", title_style="bold")
    table.add_column("names of")
    for heading in ("score", "± names", "p labels", "p names", "ranks won", "selected", "ratio"):
        table.add_column(heading, justify="right")
    for key, group in part["groups"].items():
        score, rank = group["score_change"], group["rank_gain"]
        table.add_row(
            escape(labels[key]),
            f"{score['versus_others']:+.5f}",
            f"{score['between_names']:.5f}",
            f"{score['p_value']:.3f}",
            f"{score['p_value_names']:.3f}",
            f"{rank['versus_others']:+.2f}",
            f"{group['selected']['mean']:.2%}",
            f"{group['selection_ratio']:.3f}",
        )
    return table
