"""How LLMs and embedding endpoints are reached, and what all settings share."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class StageSettings(BaseModel):
    """What all stages' settings share: frozen, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class LlmSettings(StageSettings):
    """How an LLM is reached, and what it may cost."""

    url: str | None = Field(default=None, description="address of the endpoint; none: OpenAI's")
    key_env: str = Field(default="OPENAI_API_KEY", description="variable that holds the key")
    max_concurrency: int = Field(default=32, ge=1, le=512, description="requests in flight at most")
    # A reply of a thousand tokens takes a minute on a laptop's server.
    timeout_seconds: float = Field(default=120.0, gt=0, description="time-out of one request")
    max_tokens: int | None = Field(default=None, ge=16, description="longest reply, in tokens")
    temperature: float | None = Field(
        default=None, ge=0, le=2, description="sampling temperature; none: the server's own"
    )
    budget: float | None = Field(default=None, gt=0, description="most that may be spent, in USD")
    batch: bool = Field(default=False, description="use OpenAI's Batch API, at half the price")
    prices: Path | None = Field(default=None, description="TOML table of prices of one's own")
    tokenizer: Path | None = Field(default=None, description="tokenizer.json to count tokens with")


class EmbeddingSettings(StageSettings):
    """How an embedding endpoint is reached, what it charges, and what it is sent."""

    url: str | None = Field(default=None, description="address of the endpoint; none: OpenAI's")
    key_env: str = Field(default="OPENAI_API_KEY", description="variable that holds the key")
    dimensions: int | None = Field(
        default=None, ge=1, description="length of the vectors asked for; none: the model's own"
    )
    price: float | None = Field(
        default=None, ge=0, description="USD per million tokens; none: OpenAI's where it is known"
    )
    # What OpenAI's embedding models see (https://platform.openai.com/docs/guides/embeddings).
    max_tokens: int = Field(default=8191, ge=16, description="tokens of a text that are sent")
    window_words: int | None = Field(
        default=None, ge=8, description="words in a window of a passage; none: all in one"
    )
    query_prompt: str = Field(default="", description="what is put before a query")
    passage_prompt: str = Field(default="", description="what is put before a passage")
    # OpenAI takes 2,048 texts and 300,000 tokens; smaller batches lose less when one fails.
    batch_texts: int = Field(default=128, ge=1, le=2048, description="texts in a request at most")
    batch_tokens: int = Field(
        default=100_000, ge=1, le=300_000, description="tokens in a request, about, at most"
    )
    max_concurrency: int = Field(default=8, ge=1, le=512, description="requests in flight at most")
    timeout_seconds: float = Field(default=120.0, gt=0, description="time-out of one request")
