"""The options that commands share, and how they become settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cvseeker.core.errors import InputError

if TYPE_CHECKING:
    from cvseeker.core.settings import Settings

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
    str | None,
    typer.Option(
        "--llm",
        metavar="offline|MODEL",
        help="Who does it: 'offline', or an LLM, whose key is taken from OPENAI_API_KEY "
        "[default: offline].",
    ),
]
LlmUrlOption = Annotated[
    str | None,
    typer.Option(
        "--llm-url",
        metavar="URL",
        help="OpenAI-compatible address of the LLM, as http://localhost:11434/v1 for Ollama "
        "[default: OpenAI's].",
    ),
]
LlmKeyOption = Annotated[
    str | None,
    typer.Option(
        "--llm-key-env", metavar="NAME", help="Variable with the key [default: OPENAI_API_KEY]."
    ),
]
ConcurrencyOption = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency", metavar="N", help="Requests in flight at most, to 512 [default: 32]."
    ),
]
BudgetOption = Annotated[
    float | None,
    typer.Option(
        "--budget",
        metavar="USD",
        help="Stop before more than this is spent, earlier runs included.",
    ),
]
PricesOption = Annotated[
    Path | None, typer.Option("--prices", metavar="TOML", help="Prices of models of your own.")
]
BatchOption = Annotated[
    bool, typer.Option("--batch", help="Use OpenAI's Batch API: half the price, within a day.")
]
DryRunOption = Annotated[
    bool,
    typer.Option("--dry-run", help="Send nothing: say what would be sent, and what it would cost."),
]
StatusOption = Annotated[
    bool, typer.Option("--status", help="Send nothing: say what the ledger holds.")
]
NoMaskOption = Annotated[
    bool, typer.Option("--no-mask", help="Do not mask names and contacts in what an LLM sees.")
]
CorpusOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Passages: LlamaIndex JSON or a BEIR folder."),
]
DatasetOutOption = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Where the data set goes: ….json, or a BEIR folder."),
]
StyleOption = Annotated[
    str | None,
    typer.Option(
        metavar="recruiter|questions",
        help="What an LLM writes: recruiters' queries of several kinds, or exam questions "
        "[default: recruiter].",
    ),
]
LanguageOption = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Language of the queries [default: English]."),
]
PromptOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Instructions of your own, with {per_passage}, {kinds} and {language}.",
    ),
]
RoundTripOption = Annotated[
    str | None,
    typer.Option(
        metavar="bm25|base|off",
        help="Ranker by which a query must find its passage [default: bm25].",
    ),
]
RoundTripTopKOption = Annotated[
    int | None,
    typer.Option(metavar="K", help="… among how many first [default: 10; 0: any rank]."),
]
PerPassageOption = Annotated[
    int | None,
    typer.Option(
        "--per-passage", metavar="N", help="Queries a passage [default: 6; 2 for questions]."
    ),
]
DepthOption = Annotated[
    int | None,
    typer.Option(
        "--depth",
        metavar="N",
        help="Passages that each ranker puts in a query's pool [default: 5].",
    ),
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
NoTuneOption = Annotated[
    bool,
    typer.Option("--no-tune", help="Stop once search works, with the model as it is."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
LearningRateOption = Annotated[
    float | None,
    typer.Option("--learning-rate", metavar="X", help="Peak learning rate [default: by size]."),
]
BatchSizeOption = Annotated[
    int | None, typer.Option("--batch-size", metavar="N", help="Pairs in a batch [default: 32].")
]
MaxPairsOption = Annotated[
    int | None, typer.Option("--max-pairs", metavar="N", help="Pairs used at most [default: 6000].")
]
SeedOption = Annotated[int | None, typer.Option("--seed", metavar="N", help="Seed [default: 13].")]
MaxStepsOption = Annotated[
    int | None,
    typer.Option("--max-steps", metavar="N", help="Steps, whatever the epochs [default: none]."),
]
LoraRankOption = Annotated[
    int | None,
    typer.Option(
        "--lora-rank",
        metavar="N",
        help="Train adapters of this rank, merged into the model in the end, where memory is too "
        "small for all weights [default: all weights].",
    ),
]
FrozenLayersOption = Annotated[
    int | None,
    typer.Option(
        "--frozen-layers",
        metavar="N",
        help="Leave the embeddings and the first N layers as they are, to save memory [default: "
        "0, as what is frozen learns nothing].",
    ),
]
PrecisionOption = Annotated[
    str | None,
    typer.Option(
        "--precision",
        metavar="auto|fp32|bf16|fp16",
        help="Arithmetic [default: auto, bf16 on a GPU that has it, else fp32].",
    ),
]
GradientCheckpointingOption = Annotated[
    bool,
    typer.Option(
        "--gradient-checkpointing",
        help="Recompute activations: a third slower, for a fraction of the memory.",
    ),
]
MiniBatchSizeOption = Annotated[
    int | None,
    typer.Option(
        "--mini-batch-size",
        metavar="N",
        help="Pairs in memory at once: the same loss, a third slower [default: the whole batch, "
        "halved by itself when memory runs out].",
    ),
]
MatryoshkaOption = Annotated[
    str | None,
    typer.Option(
        "--matryoshka",
        metavar="N,N,...",
        help="Dimensions that vectors may be cut to, as 256,128,64 [default: none, as full length "
        "ranks best].",
    ),
]
TrackOption = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="NAME",
        help="Send losses and settings to wandb, tensorboard, mlflow or another tracker of the "
        "trainer's [default: none, nothing leaves the machine].",
    ),
]
PushToHubOption = Annotated[
    str | None,
    typer.Option(
        "--push-to-hub",
        metavar="NAME/MODEL",
        help="Upload the tuned model to a private repository, with the token in HF_TOKEN "
        "[default: it stays here].",
    ),
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force", help="Keep the tuned model even if nothing shows that it is better than base."
    ),
]
TrainingDryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Write nothing: say how many steps, how much time and memory it takes."
    ),
]


def read_settings(config: Path | None, **flags: dict[str, Any]) -> "Settings":
    """Read the settings file, then let the flags override it."""
    from cvseeker.core.settings import Settings

    settings = Settings.from_toml(config) if config else Settings()
    for stage, values in flags.items():
        settings = settings.override(stage, values)
    return settings


def require_one_way(workspace: Path | None, files: dict[str, Path | None], command: str) -> None:
    """Refuse a command that names neither a workspace nor all its files, or both."""
    named = [name for name, value in files.items() if value is not None]
    if (workspace is None) == (len(named) < len(files)) or (workspace is not None and named):
        wanted = " and ".join(files)
        given = ", ".join(["-w"] * (workspace is not None) + named) or "neither"
        raise InputError(
            f"{command} takes either -w DIR or {wanted}; got {given}. "
            f"See: cvseeker {command} --help"
        )
