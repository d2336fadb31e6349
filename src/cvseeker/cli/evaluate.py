"""The commands that compare: ``evaluate`` systems, ``compare`` two evaluations."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from cvseeker.cli.options import (
    ConfigOption,
    JsonOption,
    JudgementsOption,
    OptionalWorkspace,
    read_settings,
    require_one_way,
)
from cvseeker.core.errors import InputError

TestDataOption = Annotated[
    Path | None,
    typer.Option(
        "--dataset", metavar="FILE", help="Test data: LlamaIndex JSON, BEIR, MTEB or TREC."
    ),
]
ReportOption = Annotated[
    Path | None, typer.Option("--out", metavar="DIR", help="Where the report goes.")
]
OpenaiOption = Annotated[
    list[str] | None,
    typer.Option(
        "--openai",
        metavar="MODEL",
        help="An embedding model behind an OpenAI-compatible address, such as "
        "text-embedding-3-large; it is sent all passages and queries.",
    ),
]
EmbeddingUrlOption = Annotated[
    str | None,
    typer.Option("--embedding-url", metavar="URL", help="Its address [default: OpenAI's]."),
]
EmbeddingPriceOption = Annotated[
    float | None,
    typer.Option(
        "--embedding-price",
        metavar="USD",
        help="Its price per million tokens [default: OpenAI's].",
    ),
]
DimensionsOption = Annotated[
    str | None,
    typer.Option(
        "--dimensions",
        metavar="N,N,...",
        help="Evaluate vectors cut to these dimensions too, as 256,128 [default: none].",
    ),
]
QuantiseOption = Annotated[
    str | None,
    typer.Option(
        "--quantise",
        metavar="int8,binary",
        help="Evaluate vectors of fewer bits a number too [default: none].",
    ),
]
UnjudgedOption = Annotated[
    str | None,
    typer.Option(
        "--unjudged",
        metavar="as-irrelevant|ignore",
        help="What passages without a grade count as; 'ignore' takes them out of the rankings "
        "[default: as-irrelevant].",
    ),
]
RunOption = Annotated[
    list[str] | None,
    typer.Option("--run", metavar="NAME=FILE", help="A run made elsewhere: a TREC run file."),
]
VectorsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--vectors",
        metavar="NAME=DIR",
        help="Vectors made elsewhere: corpus.npy and queries.npy, in the data set's order.",
    ),
]

ModelOption = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        metavar="[NAME=]MODEL",
        help="A model's folder or name, and what to call it; 'base' is the default base model. "
        "With -w, besides the base and the workspace's own.",
    ),
]
ValidationOption = Annotated[
    Path | None,
    typer.Option(
        "--val",
        metavar="FILE",
        help="Other queries, to weigh the hybrid of a model that was not saved with weights.",
    ),
]
TrainingOption = Annotated[
    Path | None,
    typer.Option("--train", metavar="FILE", help="What a model was trained on, to look for leaks."),
]
FormatOption = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="html|md|json",
        help="What the report is written as; several with commas [default: html].",
    ),
]


def evaluate(
    workspace: OptionalWorkspace = None,
    dataset: TestDataOption = None,
    out: ReportOption = None,
    model: ModelOption = None,
    judgements: JudgementsOption = None,
    openai: OpenaiOption = None,
    embedding_url: EmbeddingUrlOption = None,
    embedding_price: EmbeddingPriceOption = None,
    run: RunOption = None,
    vectors: VectorsOption = None,
    dimensions: DimensionsOption = None,
    quantise: QuantiseOption = None,
    unjudged: UnjudgedOption = None,
    val: ValidationOption = None,
    train: TrainingOption = None,
    formats: FormatOption = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Compare BM25, models and their hybrids: metrics, run files and a report."""
    from cvseeker.cli.terminal import drawn_progress, say
    from cvseeker.core.workspace import Workspace
    from cvseeker.evaluate import Contenders, evaluate_files, evaluate_stage, report_formats

    settings = read_settings(
        config,
        evaluate=variant_flags(dimensions, quantise, unjudged),
        embedding={"url": embedding_url, "price": embedding_price},
    )
    require_one_way(workspace, {"--dataset": dataset, "--out": out}, "evaluate")
    chosen = report_formats(formats or ["html"])
    contenders = Contenders(
        models=named_models(model),
        remote=openai or (),
        runs=named_paths(run, "--run"),
        vectors=named_paths(vectors, "--vectors"),
    )
    how: dict[str, Any] = {"contenders": contenders, "formats": chosen, "announce": say}
    with drawn_progress() as progress:
        if workspace is not None:
            folder = workspace / "evaluation"
            _refuse_with_workspace({"--val": val, "--train": train})
            evaluate_stage(Workspace(workspace), settings, progress, judgements=judgements, **how)
        elif dataset is not None and out is not None:
            folder = out
            evaluate_files(dataset, out, settings, progress, validation=val, training=train, **how)
    _tell(folder, chosen, as_json=as_json)


def _tell(folder: Path, formats: list[str], *, as_json: bool) -> None:
    """Print what an evaluation found, and where its report is."""
    from cvseeker.cli.terminal import print_metrics
    from cvseeker.core.files import read_json

    metrics = read_json(folder / "metrics.json")
    if as_json:
        typer.echo(json.dumps(metrics, ensure_ascii=False, indent=2))
        return
    print_metrics(metrics)
    for name in formats:
        typer.echo(folder / f"report.{name}")


def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="An evaluation's folder: before.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another's: after.")],
    output: Annotated[
        str, typer.Option("--format", metavar="md|json|html", help="What is printed.")
    ] = "md",
) -> None:
    """Compare two evaluations of the same queries: what got better, what worse, and is it real."""
    from cvseeker.evaluate import compare_evaluations, versus_markdown, versus_page

    if output not in {"md", "json", "html"}:
        raise InputError(f"format {output!r}; expected md, json or html: --format md")
    versus = compare_evaluations(first, second)
    if output == "json":
        typer.echo(json.dumps(versus.to_dict(), ensure_ascii=False, indent=2))
        return
    typer.echo((versus_markdown if output == "md" else versus_page)(versus), nl=False)


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


def variant_flags(
    dimensions: str | None, quantise: str | None, unjudged: str | None
) -> dict[str, Any]:
    """Return the settings that these options stand for."""
    flags = {"dimensions": _listed(dimensions), "quantise": _listed(quantise)}
    return {**flags, "unjudged": unjudged}


def _listed(value: str | None) -> list[str] | None:
    """Cut an option's value at its commas."""
    return None if value is None else [part.strip() for part in value.split(",") if part.strip()]
