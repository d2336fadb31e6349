"""The commands that compare: ``evaluate`` systems, ``compare`` two evaluations."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cvseeker.cli.options import (
    JsonOption,
    JudgementsOption,
    OptionalWorkspace,
    require_one_way,
    takes,
)
from cvseeker.cli.streams import put, put_json, say
from cvseeker.core.errors import InputError
from cvseeker.core.settings import Settings

# What is printed → where it stands in ``metrics.json``; ``None``: at its top.
QUERY_SETS = {
    "test queries": None,
    "cross-section queries": "sections",
    "hand-written queries": "handwritten",
}

DatasetOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Test data: LlamaIndex JSON, BEIR, MTEB or TREC."),
]
OutOption = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the report goes.")]
ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="[NAME=]MODEL",
        help="A model's folder or name, and what to call it; 'base' is the default base model. "
        "With -w, besides the base and the workspace's own.",
    ),
]
OpenaiOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODEL",
        help="An embedding model behind an OpenAI-compatible address, such as "
        "text-embedding-3-large; it is sent all passages and queries.",
    ),
]
RunsOption = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=FILE", help="A run made elsewhere: a TREC run file."),
]
VectorsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=DIR",
        help="Vectors made elsewhere: corpus.npy and queries.npy, in the data set's order.",
    ),
]
ValOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Other queries, to weigh the hybrid of a model that was not saved with weights.",
    ),
]
TrainOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="What a model was trained on, to look for leaks."),
]


@takes(
    "evaluate",
    "embedding",
    examples=(
        "-w workspace --judgements judged",
        "--dataset test.json --out report --model base --model tuned=model",
    ),
)
def evaluate(
    *,
    workspace: OptionalWorkspace = None,
    dataset: DatasetOption = None,
    out: OutOption = None,
    model: ModelsOption = None,
    judgements: JudgementsOption = None,
    openai: OpenaiOption = None,
    run: RunsOption = None,
    vectors: VectorsOption = None,
    val: ValOption = None,
    train: TrainOption = None,
    settings: Settings,
    as_json: JsonOption = False,
) -> None:
    """Compare keyword search, models, and search with them.

    Metrics, run files and a report are written, on a workspace's test queries or on a data set.
    """
    from cvseeker.cli.terminal import drawn_progress
    from cvseeker.core.workspace import Workspace
    from cvseeker.evaluate import Systems, evaluate_files, evaluate_stage

    require_one_way(workspace, {"--dataset": dataset, "--out": out}, "evaluate")
    systems = Systems(
        models=named_models(model),
        remote=openai or (),
        runs=named_paths(run, "--run"),
        vectors=named_paths(vectors, "--vectors"),
    )
    how: dict[str, Any] = {"systems": systems, "announce": say}
    with drawn_progress() as progress:
        if workspace is not None:
            folder = workspace / "evaluation"
            _refuse_with_workspace({"--val": val, "--train": train})
            evaluate_stage(Workspace(workspace), settings, progress, judgements=judgements, **how)
        elif dataset is not None and out is not None:
            folder = out
            evaluate_files(dataset, out, settings, progress, validation=val, training=train, **how)
    _print(folder, settings, as_json=as_json)


@takes(
    "compare",
    examples=("evaluation-before evaluation-after", "before after --format html > versus.html"),
)
def compare(
    *,
    first: Annotated[Path, typer.Argument(metavar="A", help="An evaluation's folder: before.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another's: after.")],
    settings: Settings,
) -> None:
    """Say what two evaluations of the same queries differ in.

    What got better, what worse, and whether it is more than chance.
    """
    from cvseeker.evaluate import compare_evaluations

    versus = compare_evaluations(first, second)
    if settings.compare.format == "json":
        put_json(versus.to_dict())
        return
    put(versus.markdown() if settings.compare.format == "md" else versus.page())


def _print(folder: Path, settings: Settings, *, as_json: bool) -> None:
    """Print what an evaluation found, and where its report is."""
    from cvseeker.cli.tables import metrics_table
    from cvseeker.cli.terminal import stdout
    from cvseeker.core.files import read_json

    metrics = read_json(folder / "metrics.json")
    if as_json:
        put_json(metrics)
        return
    for title, key in QUERY_SETS.items():
        if part := metrics if key is None else metrics.get(key):
            stdout().print(metrics_table(part["systems"], title))
    put(read_json(folder / "manifest.json")["counts"]["verdict"])
    for name in settings.evaluate.formats:
        put(folder / f"report.{name}")


def _refuse_with_workspace(given: dict[str, Path | None]) -> None:
    for option, path in given.items():
        if path is not None:
            raise InputError(f"{option} {path}: a workspace has its own; leave {option} out")


def named_models(values: list[str] | None) -> dict[str, str]:
    """Read ``MODEL`` and ``NAME=MODEL`` options; a folder may have ``=`` in its name."""
    models: dict[str, str] = {}
    for value in values or []:
        name, equals, model = value.partition("=")
        if Path(value).exists() or not equals or not name or not model:
            name = model = value
        if name in models:
            raise InputError(
                f"--model {value!r}: {name!r} is named twice; expected a name of its own for each"
            )
        models[name] = model
    return models


def named_paths(values: list[str] | None, option: str) -> dict[str, Path]:
    """Read ``NAME=PATH`` options."""
    paths: dict[str, Path] = {}
    for value in values or []:
        name, equals, path = value.partition("=")
        if not name or not equals or not path or name in paths:
            raise InputError(
                f"{option} {value!r}: expected NAME=PATH, and a name of its own for each"
            )
        paths[name] = Path(path)
    return paths
