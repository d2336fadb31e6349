"""One frozen settings model per stage; each default carries its reason.

Settings come from a TOML file (one table a stage) and then from the command line's flags.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError

from cvseeker.core.errors import SettingsError
from cvseeker.core.server_settings import EmbeddingSettings, LlmSettings, StageSettings


class IngestSettings(StageSettings):
    """Files → résumés → passages → person groups and split."""

    # A sound résumé takes 10 ms; what takes a minute is malformed or no résumé.
    timeout_seconds: float = Field(default=60.0, gt=0, description="time-out for one file")
    # A 50-page PDF needs under 300 MB.
    memory_mb: int = Field(default=1024, ge=256, description="memory limit for one file, in MB")
    max_file_mb: float = Field(default=50.0, gt=0, description="largest file that is opened, in MB")
    # 0: one worker a processor.
    workers: int = Field(default=0, ge=0, description="worker processes; 0: one a processor")
    # The size of the published passages; a whole page of most résumés.
    passage_tokens: int = Field(default=750, ge=64, description="longest passage, in tokens")
    # Jaccard similarity of word 5-grams; same-person versions of a résumé lie above, rivals below.
    duplicate_similarity: float = Field(
        default=0.5, gt=0, le=1, description="Jaccard similarity that makes one person group"
    )
    val_share: float = Field(default=0.1, ge=0, lt=1, description="share of groups for validation")
    test_share: float = Field(default=0.2, ge=0, lt=1, description="share of groups for testing")
    max_overlap: float = Field(
        default=0.5, gt=0, le=1, description="8-gram overlap with another split that fails the run"
    )
    seed: int = Field(default=13, description="seed of the split")


class FilterSettings(StageSettings):
    """Which queries from an LLM are kept. Shares were measured on 836 sound LLM questions."""

    min_words: int = Field(default=2, ge=1, description="words of a query at least")
    # A paragraph of a job description has about 90.
    max_words: int = Field(default=120, ge=1, description="words of a query at most")
    language: str = Field(default="English", description="language that queries must be in")
    # 1 % of sound questions copy more, nearly all of them lists of products.
    max_copied_words: int = Field(
        default=12, ge=1, description="longest run of words copied from the passage"
    )
    # 0.2 % of sound questions exceed it; lists of keywords and Boolean queries may.
    max_copied_share: float = Field(
        default=0.5, gt=0, le=1, description="share of 4-word runs copied from the passage"
    )
    # With nine of ten names found in the passage: 1.3 % of sound questions are dropped, and 84 % of
    # those put to another passage.
    min_grounded: float = Field(
        default=0.3, ge=0, le=1, description="share of a query's words that the passage has"
    )
    # Nine words of ten shared repeat a query, five of six do not.
    near_duplicate: float = Field(
        default=0.8, ge=0.6, le=1, description="Jaccard similarity of stems that repeats a query"
    )
    # Among 418 passages BM25 keeps 94 % of the questions that name something and 49 % of those that
    # name nothing; beyond rank 10 nearly all fit many résumés.
    top_k: int = Field(
        default=10, ge=0, description="rank that a query must find its passage at; 0: any"
    )


class GenerateSettings(StageSettings):
    """Passages → queries and qrels."""

    llm: str = Field(default="offline", description="'offline', or the name of an LLM")
    # Six for recruiter's queries, two for exam questions, as LlamaIndex asks for.
    per_passage: int | None = Field(
        default=None, ge=1, le=50, description="queries per passage; none: by the style"
    )
    style: Literal["recruiter", "questions"] = Field(
        default="recruiter", description="what an LLM writes: recruiters' queries, exam questions"
    )
    prompt: Path | None = Field(default=None, description="instructions of one's own for the LLM")
    mask: bool = Field(default=True, description="mask names and contacts in what an LLM sees")
    round_trip: Literal["bm25", "base", "off"] = Field(
        default="bm25", description="ranker by which a query must find its passage"
    )
    filters: FilterSettings = Field(
        default=FilterSettings(), description="which queries from an LLM are kept"
    )
    seed: int = Field(default=13, description="seed of every random choice")

    @property
    def queries_per_passage(self) -> int:
        """Queries asked for per passage."""
        return self.per_passage or (6 if self.style == "recruiter" else 2)


class JudgeSettings(StageSettings):
    """Queries → graded relevance of the passages that rankers put first."""

    llm: str = Field(default="offline", description="'offline', or the name of an LLM")
    # Twice five, less what both found: most of what a query's other positives are.
    depth: int = Field(default=5, ge=1, le=100, description="passages a ranker puts in the pool")
    mask: bool = Field(default=True, description="mask names and contacts in what an LLM sees")


class WindowSettings(StageSettings):
    """How an encoder sees a passage: overlapping windows of tokens, the best of which counts."""

    # 64 with a quarter of overlap ranks as well as 128 or better, and trains in half the time.
    window_tokens: int = Field(default=64, ge=16, description="tokens in a window")
    overlap_tokens: int = Field(default=16, ge=0, description="tokens shared by neighbours")


class HybridWeights(StageSettings):
    """Shares of the three rankers in the hybrid score; fine-tuning learns them on validation."""

    # Untrained, BM25 with late interaction ranks best, and pooled vectors add little.
    bm25: float = Field(default=0.4, ge=0, description="share of BM25")
    dense: float = Field(default=0.2, ge=0, description="share of the pooled vectors")
    late: float = Field(default=0.4, ge=0, description="share of late interaction")

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares, in the fields' order."""
        return self.bm25, self.dense, self.late


class FinetuneSettings(StageSettings):
    """Queries and qrels → a tuned encoder."""

    base: str | None = Field(default=None, description="base model; none: chosen by the device")
    windows: WindowSettings = WindowSettings()
    epochs: float = Field(default=2.0, gt=0, description="passes over the pairs at most")
    learning_rate: float | None = Field(
        default=None, gt=0, description="peak learning rate; none: by the model's size"
    )
    batch_size: int = Field(default=32, ge=2, description="pairs in a batch")
    temperature: float = Field(default=0.05, gt=0, description="InfoNCE temperature")
    # Two epochs hardly overfit; without it a step takes less time and 40 % less memory.
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout while training")
    warmup_share: float = Field(default=0.1, ge=0, lt=1, description="warm-up, share of the steps")
    # Keeps a laptop's run under three quarters of an hour; queries beyond it add little.
    max_pairs: int = Field(default=6000, ge=2, description="pairs used at most, sampled by seed")
    # Each encodes the validation corpus, which takes as long as a hundred pairs or more.
    evaluations_per_epoch: int = Field(default=1, ge=1, description="validations in an epoch")
    patience: int = Field(default=2, ge=1, description="validations without gain before stopping")
    # Fifty queries cannot show a gain of .1, a hundred can.
    val_share: float = Field(
        default=0.2, gt=0, lt=1, description="persons held out where there is no --val"
    )
    # Among fewer passages every encoder is right, and validation says nothing.
    val_passages: int = Field(
        default=64, ge=1, description="validation passages at least, filled up from training"
    )
    seed: int = Field(default=13, description="seed of weights, sampling and order")
    # For trials; the epochs say the same of any amount of data.
    max_steps: int | None = Field(default=None, ge=1, description="steps; none: by the epochs")
    # A small model gains from every weight. Adapters save memory where a large one has no room.
    lora_rank: int | None = Field(
        default=None, ge=1, description="rank of LoRA adapters; none: all weights are trained"
    )
    frozen_layers: int = Field(
        default=0, ge=0, description="first layers left as they are, the embeddings with them"
    )
    # Half the time on a GPU at no loss; a processor without matrix instructions gets slower.
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        default="auto", description="arithmetic; auto: bf16 on a GPU that has it, else fp32"
    )
    # A third more time for a fraction of the memory.
    gradient_checkpointing: bool = Field(
        default=False, description="recompute activations, to save memory"
    )
    # A third more time; halved by itself when memory runs out.
    mini_batch_size: int | None = Field(
        default=None, ge=1, description="pairs in memory at once; none: the whole batch"
    )
    matryoshka: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), description="dimensions that vectors may be cut to; none: full length only"
    )
    # Nothing leaves the machine unless it is asked for.
    track: tuple[str, ...] = Field(
        default=(), description="experiment trackers: wandb, tensorboard, mlflow and so on"
    )
    push_to_hub: str | None = Field(
        default=None, description="repository on the hub for the tuned model, made private"
    )
    force: bool = Field(default=False, description="keep the tuned model whatever the gate says")

    @property
    def recipe(self) -> dict[str, Any]:
        """What the tuned model depends on, JSON-ready: the stage's fingerprint.

        Left out is where the model and its figures go, and what only trades time for memory with
        the same loss: with other values of these an interrupted run continues.
        """
        elsewhere = {"track", "push_to_hub", "gradient_checkpointing", "mini_batch_size"}
        return self.model_dump(mode="json", exclude=elsewhere)


class EvaluateSettings(StageSettings):
    """Rankers × a data set → metrics and a report."""

    windows: WindowSettings | None = Field(
        default=None, description="how models see passages; none: as each was saved"
    )
    top_k: int = Field(default=100, ge=10, description="depth of the runs written")
    hybrid: HybridWeights | None = Field(
        default=None, description="shares in the hybrids; none: as each model was saved"
    )
    dimensions: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(), description="dimensions that vectors are cut to, each a system more"
    )
    quantise: tuple[Literal["int8", "binary"], ...] = Field(
        default=(), description="how vectors are quantised, each a system more"
    )
    # What trec_eval does; of LLM-made qrels, of which one passage a query is judged, nothing else
    # would be left to rank.
    unjudged: Literal["as-irrelevant", "ignore"] = Field(
        default="as-irrelevant", description="what unjudged passages in a ranking count as"
    )


class Settings(StageSettings):
    """All stages' settings, as they stand in a TOML file."""

    ingest: IngestSettings = IngestSettings()
    generate: GenerateSettings = GenerateSettings()
    judge: JudgeSettings = JudgeSettings()
    llm: LlmSettings = LlmSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    finetune: FinetuneSettings = FinetuneSettings()
    evaluate: EvaluateSettings = EvaluateSettings()

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Read settings from a TOML file with one table a stage.

        Raises
        ------
        SettingsError
            If the file is missing, is not TOML, or names a setting or value that does not exist.
        """
        try:
            return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        except OSError as error:
            raise SettingsError(
                f"{path}: cannot read the settings file ({error.strerror})"
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise SettingsError(f"{path}: not TOML ({error})") from error
        except ValidationError as error:
            raise SettingsError(f"{path}: {_first_problem(error)}") from error

    def override(self, stage: str, flags: Mapping[str, Any]) -> Self:
        """Return a copy in which the flags that are not ``None`` replace a stage's settings.

        A flag that is a dictionary replaces those of a group of settings that it names.

        Raises
        ------
        SettingsError
            If a flag's value is out of range.
        """
        current = getattr(self, stage)
        try:
            replaced = type(current).model_validate(_merge(current.model_dump(), flags))
        except ValidationError as error:
            raise SettingsError(_first_problem(error)) from error
        return self.model_copy(update={stage: replaced})


def _merge(values: Mapping[str, Any], flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the flags that are not ``None`` in their places."""
    merged = dict(values)
    for name, flag in flags.items():
        if isinstance(flag, Mapping):
            merged[name] = _merge(values[name], flag)
        elif flag is not None:
            merged[name] = flag
    return merged


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    return f"setting {name!r} is {problem['input']!r}: {problem['msg'].lower()}"
