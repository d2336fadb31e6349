"""The command that swaps names: ``audit``."""

from pathlib import Path
from typing import Annotated

import typer

from cvseeker.cli.options import (
    JsonOption,
    JudgementsOption,
    OptionalWorkspace,
    require_one_way,
    takes,
)
from cvseeker.cli.streams import put, put_json
from cvseeker.core.errors import InputError
from cvseeker.core.settings import Settings


@takes(
    "audit",
    examples=("-w workspace", "--dataset test.json --out audit --model base --max-resumes 50"),
)
def audit(
    *,
    workspace: OptionalWorkspace = None,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Test data: LlamaIndex JSON or a BEIR folder."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the report goes.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME_OR_DIR",
            help="A model; 'base' is the default base model [default: the base, and the "
            "workspace's tuned model].",
        ),
    ] = None,
    names: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="TOML with names by group [default: those of Bertrand & Mullainathan 2004].",
        ),
    ] = None,
    judgements: JudgementsOption = None,
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """Swap names in résumés and see whether ranks move.

    A robustness test of scores and ranks, and no legal bias audit.
    """
    from cvseeker.cli.terminal import drawn_progress
    from cvseeker.core.workspace import Workspace
    from cvseeker.evaluate import audit_files, audit_stage

    require_one_way(workspace, {"--dataset": dataset, "--out": out}, "audit")
    models = model or []
    with drawn_progress() as progress:
        if workspace is not None:
            stages = Workspace(workspace)
            audit_stage(
                stages, models, settings.audit, progress, names=names, judgements=judgements
            )
            folder = workspace / "audit"
        elif dataset is not None and out is not None:
            _refuse_judgements(judgements)
            audit_files(dataset, models, out, settings.audit, progress, names=names)
            folder = out
    _print(folder, as_json=as_json)


def _print(folder: Path, *, as_json: bool) -> None:
    from cvseeker.cli.tables import audit_table
    from cvseeker.cli.terminal import stdout
    from cvseeker.core.files import read_json
    from cvseeker.evaluate import system_names

    summary = read_json(folder / "audit.json")
    if as_json:
        put_json(summary)
        return
    labels = {key: group["label"] for key, group in summary["names"]["groups"].items()}
    names = system_names(summary["models"])
    for name, part in summary["models"].items():
        stdout().print(audit_table(names[name], part, labels))
        put(f"{names[name]}: {part['verdict']}")
    put(folder / "report.html")


def _refuse_judgements(judgements: Path | None) -> None:
    if judgements is not None:
        raise InputError(
            f"--judgements {judgements} names résumés of a workspace; expected it with -w DIR"
        )
