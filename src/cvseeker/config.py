"""One frozen settings model per stage; each default carries its reason.

Settings come from a TOML file (one table a stage) and then from the command line's flags.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cvseeker.errors import SettingsError


class StageSettings(BaseModel):
    """What all stages' settings share: frozen, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


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


class GenerateSettings(StageSettings):
    """Passages → queries and qrels."""

    llm: str = Field(default="offline", description="'offline', or the name of an LLM")
    per_passage: int = Field(default=6, ge=1, le=50, description="queries per passage")
    seed: int = Field(default=13, description="seed of every random choice")


class WindowSettings(StageSettings):
    """How an encoder sees a passage: overlapping windows of tokens, the best of which counts."""

    # 128 with a quarter of overlap gained most for an untrained MiniLM, and trains fastest.
    window_tokens: int = Field(default=128, ge=16, description="tokens in a window")
    overlap_tokens: int = Field(default=32, ge=0, description="tokens shared by neighbours")


class FinetuneSettings(StageSettings):
    """Queries and qrels → a tuned encoder."""

    base: str | None = Field(default=None, description="base model; none: chosen by the device")
    windows: WindowSettings = WindowSettings()
    epochs: float = Field(default=2.0, gt=0, description="passes over the pairs at most")
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        description="peak learning rate; none: by the model's size",
    )
    batch_size: int = Field(default=64, ge=2, description="pairs in a batch")
    temperature: float = Field(default=0.05, gt=0, description="InfoNCE temperature")
    # Two epochs hardly overfit; without it a step takes less time and 40 % less memory.
    dropout: float = Field(default=0.0, ge=0, lt=1, description="dropout while training")
    warmup_share: float = Field(default=0.1, ge=0, lt=1, description="warm-up, share of the steps")
    # Keeps a laptop's run under three quarters of an hour; queries beyond it add little.
    max_pairs: int = Field(default=6000, ge=2, description="pairs used at most, sampled by seed")
    evaluations_per_epoch: int = Field(default=2, ge=1, description="validations in an epoch")
    patience: int = Field(default=2, ge=1, description="validations without gain before stopping")
    val_share: float = Field(
        default=0.1, gt=0, lt=1, description="share of persons held out where there is no --val"
    )
    # Among fewer passages every encoder is right, and validation says nothing.
    val_passages: int = Field(
        default=64, ge=1, description="validation passages at least, filled up from training"
    )
    seed: int = Field(default=13, description="seed of weights, sampling and order")


class EvaluateSettings(StageSettings):
    """Rankers × a data set → metrics and a report."""

    windows: WindowSettings | None = Field(
        default=None, description="how models see passages; none: as each was saved"
    )
    top_k: int = Field(default=100, ge=10, description="depth of the runs written")
    # The share of BM25 in the fused score; equal shares need no tuning and lose little.
    bm25_weight: float = Field(default=0.5, ge=0, le=1, description="share of BM25 in the hybrids")


class Settings(StageSettings):
    """All stages' settings, as they stand in a TOML file."""

    ingest: IngestSettings = IngestSettings()
    generate: GenerateSettings = GenerateSettings()
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

        Raises
        ------
        SettingsError
            If a flag's value is out of range.
        """
        given = {name: value for name, value in flags.items() if value is not None}
        current = getattr(self, stage)
        try:
            replaced = type(current).model_validate({**current.model_dump(), **given})
        except ValidationError as error:
            raise SettingsError(_first_problem(error)) from error
        return self.model_copy(update={stage: replaced})


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    return f"setting {name!r} is {problem['input']!r}: {problem['msg'].lower()}"
