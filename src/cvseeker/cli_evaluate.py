"""The options of ``cvseeker evaluate`` that no other command has."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cvseeker.errors import InputError

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
