"""The options that several commands of the command line share."""

from pathlib import Path
from typing import Annotated

import typer

WorkspaceOption = Annotated[
    Path, typer.Option("-w", "--workspace", metavar="DIR", help="Folder of the project's stages.")
]
OptionalWorkspace = Annotated[
    Path | None,
    typer.Option("-w", "--workspace", metavar="DIR", help="Folder of the project's stages."),
]
SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE...",
        help="Files and folders of résumés: PDF, DOCX, HTML, RTF, text, CSV, TSV, Parquet, JSONL, "
        "JSON Resume.",
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="TOML", help="Settings, one table a stage.")
]
BaseOption = Annotated[
    str | None,
    typer.Option(
        "--base",
        metavar="MODEL",
        help="Base model: a folder or a hub's name, downloaded if it is not here. Default: "
        "mixedbread-ai/mxbai-embed-large-v1 on a GPU where it is on this machine, else the "
        "packaged all-MiniLM-L6-v2.",
    ),
]
LlmOption = Annotated[
    str | None, typer.Option("--llm", metavar="offline", help="Who writes the queries: offline.")
]
PerPassageOption = Annotated[
    int | None, typer.Option("--per-passage", metavar="N", help="Queries a passage [default: 6].")
]
EpochsOption = Annotated[
    float | None, typer.Option("--epochs", metavar="N", help="Passes over the pairs [default: 2].")
]
JudgementsOption = Annotated[
    Path | None,
    typer.Option(
        "--judgements",
        metavar="DIR",
        help="Queries of your own with graded qrels that name résumés (queries.jsonl and "
        "qrels/test.tsv), evaluated as well.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
