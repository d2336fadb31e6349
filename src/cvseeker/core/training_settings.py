"""The settings of fine-tuning, and of how the encoder sees passages and is weighed in search."""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from cvseeker.core.stage_settings import LARGEST_SEED, MOST, StageSettings, setting

# What vectors may be cut to.
Dimension = Annotated[int, Field(ge=1, le=65_536)]


class WindowSettings(StageSettings):
    """How an encoder sees a passage: overlapping windows of tokens, the best of which counts."""

    # 64 with a quarter of overlap ranks as well as 128 or better, and trains in half the time.
    window_tokens: int = setting(
        64, "Tokens in a window of a passage.", ge=16, le=100_000, rare=True
    )
    overlap_tokens: int = setting(
        16, "Tokens that a window shares with its neighbour.", ge=0, le=100_000, rare=True
    )


class HybridWeights(StageSettings):
    """Shares of the three rankers in the hybrid score; fine-tuning learns them on validation."""

    # What suits the untrained model on queries of its users' words: BM25 counts more only where
    # queries copy their passages. Over 60 recruiters' queries .01 better than .4, .2 and .4.
    bm25: float = setting(0.15, "Share of BM25 in the hybrid.", ge=0, le=1000, rare=True)
    dense: float = setting(
        0.3, "Share of the pooled vectors in the hybrid.", ge=0, le=1000, rare=True
    )
    late: float = setting(
        0.55, "Share of late interaction in the hybrid.", ge=0, le=1000, rare=True
    )

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if not any(self.shares):
            raise ValueError("all shares are 0; expected one above it")
        return self

    @property
    def shares(self) -> tuple[float, float, float]:
        """Shares, in the fields' order."""
        return self.bm25, self.dense, self.late


class FinetuneSettings(StageSettings):
    """Queries and qrels → a tuned encoder."""

    base: str | None = setting(
        None,
        "Base model: a folder or a hub's name, downloaded if it is not here.",
        metavar="MODEL",
        unset="mixedbread-ai/mxbai-embed-large-v1 on a GPU where it is on this machine, else the "
        "packaged all-MiniLM-L6-v2",
    )
    windows: WindowSettings = setting(WindowSettings(), "How the model sees passages.")
    epochs: float = setting(2.0, "Passes over the pairs at most.", gt=0, le=1000)
    # For trials; the epochs say the same of any amount of data.
    max_steps: int | None = setting(
        None, "Steps at most.", ge=1, le=100_000_000, unset="by the epochs"
    )
    learning_rate: float | None = setting(
        None, "Peak learning rate.", gt=0, le=1, unset="by the model's size"
    )
    batch_size: int = setting(32, "Pairs in a batch.", ge=2, le=MOST)
    # A third more time; halved by itself when memory runs out.
    mini_batch_size: int | None = setting(
        None,
        "Pairs in memory at once: the same loss, a third slower.",
        ge=1,
        le=MOST,
        unset="the whole batch, halved by itself when memory runs out",
    )
    # Keeps a laptop's run under three quarters of an hour; queries beyond it add little.
    max_pairs: int = setting(6000, "Pairs used at most, drawn by the seed.", ge=2, le=100_000_000)
    temperature: float = setting(
        0.05, "Temperature of the InfoNCE loss.", ge=0.001, le=100, rare=True
    )
    # Late interaction is compared more sharply: its scores are means of maxima, and lie closer.
    late_temperature: float = setting(
        0.02, "Temperature of late interaction's loss.", ge=0.001, le=100, rare=True
    )
    late_weight: float = setting(
        1.0,
        "Weight of late interaction's loss beside that of the pooled vectors; 0: without.",
        ge=0,
        le=1000,
        rare=True,
    )
    # Two epochs hardly overfit; without it a step takes less time and 40 % less memory.
    dropout: float = setting(0.0, "Dropout while training.", ge=0, lt=1, rare=True)
    warmup_share: float = setting(0.1, "Share of the steps to warm up.", ge=0, lt=1, rare=True)
    # Each encodes the validation corpus, which takes as long as a hundred pairs or more.
    evaluations_per_epoch: int = setting(1, "Validations in an epoch.", ge=1, le=10_000, rare=True)
    patience: int = setting(
        2, "Validations without gain before stopping.", ge=1, le=10_000, rare=True
    )
    # Fifty queries cannot show a gain of .1, a hundred can: with a tenth of 280 persons the gate
    # refused a model that was better on others.
    val_share: float = setting(
        0.2, "Share of the persons held out where there is no --val.", gt=0, lt=1, rare=True
    )
    # Among fewer passages every encoder is right, and validation says nothing.
    val_passages: int = setting(
        64, "Validation passages at least, filled up from training.", ge=1, le=MOST, rare=True
    )
    # A small model gains from every weight; adapters are for a large one in little memory.
    lora_rank: int | None = setting(
        None,
        "Train adapters of this rank, merged into the model in the end, to save memory.",
        ge=1,
        le=4096,
        unset="all weights are trained",
    )
    # What is frozen learns nothing.
    frozen_layers: int = setting(
        0, "Leave the embeddings and the first N layers as they are, to save memory.", ge=0, le=1000
    )
    # Half the time on a GPU at no loss; a processor without matrix instructions gets slower.
    precision: Literal["auto", "fp32", "bf16", "fp16"] = setting(
        "auto", "Arithmetic; auto: bf16 where the device is fast in it, else fp32."
    )
    gradient_checkpointing: bool = setting(
        False, "Recompute activations: a third slower, for a fraction of the memory."
    )
    # Full length ranks best.
    matryoshka: tuple[Dimension, ...] = setting(
        (), "Dimensions that vectors may be cut to, as 256,128,64.", metavar="N,N,..."
    )
    seed: int = setting(13, "Seed of weights, sampling and order.", ge=0, le=LARGEST_SEED)
    force: bool = setting(False, "Keep the tuned model even if nothing shows that it is better.")
    # Nothing leaves the machine unless it is asked for.
    track: tuple[str, ...] = setting(
        (),
        "Send losses and settings to wandb, tensorboard, mlflow or another tracker of the "
        "trainer's.",
        unset="none, nothing leaves the machine",
    )
    push_to_hub: str | None = setting(
        None,
        "Upload the tuned model to a private repository, with the token in HF_TOKEN.",
        metavar="NAME/MODEL",
        unset="it stays here",
    )

    @property
    def recipe(self) -> dict[str, Any]:
        """What the tuned model depends on, JSON-ready: the stage's fingerprint.

        Left out is where the model and its figures go, and what only trades time for memory with
        the same loss: with other values of these an interrupted run continues.
        """
        elsewhere = {"track", "push_to_hub", "gradient_checkpointing", "mini_batch_size"}
        return self.model_dump(mode="json", exclude=elsewhere)
