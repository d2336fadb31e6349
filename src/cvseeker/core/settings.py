"""One frozen settings model per stage; each default stands here with its reason, and nowhere else.

Settings come from a TOML file (one table a stage) and then from the command line's options.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from cvseeker.core.errors import InputError, SettingsError
from cvseeker.core.named_files import read_toml
from cvseeker.core.query_settings import (
    GenerateSettings,
    JudgeSettings,
    LlmSettings,
)
from cvseeker.core.stage_settings import (
    DAY,
    LARGEST_SEED,
    MOST,
    StageSettings,
    merged,
    setting,
)
from cvseeker.core.training_settings import (
    Dimension,
    FinetuneSettings,
    HybridWeights,
    WindowSettings,
)

# Where the demonstration goes.
DEMO_WORKSPACE = Path("cvseeker-demo")


class IngestSettings(StageSettings):
    """Files → résumés → passages → person groups and split."""

    # A sound résumé takes 10 ms; what takes a minute is malformed or no résumé.
    timeout_seconds: float = setting(60.0, "Seconds after which a file is given up.", gt=0, le=DAY)
    # A 50-page PDF needs under 300 MB.
    memory_mb: int = setting(1024, "Memory for one file, in MB.", ge=256, le=1_000_000)
    max_file_mb: float = setting(50.0, "Largest file that is opened, in MB.", gt=0, le=100_000)
    workers: int = setting(0, "Processes that read files; 0: one a processor.", ge=0, le=1024)
    # The size of the published passages; a whole page of most résumés.
    passage_tokens: int = setting(750, "Longest passage, in tokens.", ge=64, le=100_000)
    # Versions of one person's résumé lie above, rivals below.
    duplicate_similarity: float = setting(
        0.5, "Jaccard similarity of word 5-grams that makes two résumés one person's.", gt=0, le=1
    )
    val_share: float = setting(0.1, "Share of the persons for validation.", ge=0, lt=1)
    test_share: float = setting(0.2, "Share of the persons for testing.", ge=0, lt=1)
    max_overlap: float = setting(
        0.5, "Share of a passage's 8-grams in another split that stops the run.", gt=0, le=1
    )
    seed: int = setting(13, "Seed of the split.", ge=0, le=LARGEST_SEED)


class EmbeddingSettings(StageSettings):
    """How an embedding endpoint is reached, what it charges, and what it is sent."""

    option_prefix: ClassVar[str] = "embedding-"

    url: str | None = setting(
        None, "Address of the embedding endpoint.", metavar="URL", unset="OpenAI's"
    )
    key_env: str = setting(
        "OPENAI_API_KEY", "Environment variable that holds the endpoint's key.", rare=True
    )
    dimensions: int | None = setting(
        None,
        "Length of the vectors asked for.",
        ge=1,
        le=65_536,
        unset="the model's own",
        rare=True,
    )
    price: float | None = setting(
        None,
        "Price of the endpoint per million tokens.",
        ge=0,
        le=1_000_000,
        metavar="USD",
        unset="OpenAI's",
    )
    # What OpenAI's embedding models see (https://platform.openai.com/docs/guides/embeddings).
    max_tokens: int = setting(
        8191, "Tokens of a text that are sent.", ge=16, le=1_000_000, rare=True
    )
    window_words: int | None = setting(
        None, "Words in a window of a passage.", ge=8, le=1_000_000, unset="all in one", rare=True
    )
    query_prompt: str = setting("", "What is put before a query.", metavar="TEXT", rare=True)
    passage_prompt: str = setting("", "What is put before a passage.", metavar="TEXT", rare=True)
    # OpenAI takes 2,048 texts and 300,000 tokens; smaller batches lose less when one fails.
    batch_texts: int = setting(128, "Texts in a request at most.", ge=1, le=2048, rare=True)
    batch_tokens: int = setting(
        100_000, "Tokens in a request at most, about.", ge=1, le=300_000, rare=True
    )
    max_concurrency: int = setting(8, "Requests in flight at most.", ge=1, le=512, rare=True)
    timeout_seconds: float = setting(
        120.0, "Seconds after which a request is given up.", gt=0, le=DAY, rare=True
    )


class EvaluateSettings(StageSettings):
    """Rankers × a data set → metrics and a report."""

    windows: WindowSettings | None = setting(
        None, "How models see passages.", unset="as each model was saved"
    )
    top_k: int = setting(100, "Depth of the runs written.", ge=10, le=100_000, metavar="K")
    hybrid: HybridWeights | None = setting(
        None, "Shares of the rankers in the hybrids.", unset="as each model was saved"
    )
    dimensions: tuple[Dimension, ...] = setting(
        (), "Evaluate vectors cut to these dimensions too, as 256,128.", metavar="N,N,..."
    )
    quantise: tuple[Literal["int8", "binary"], ...] = setting(
        (), "Evaluate vectors of fewer bits a number too.", metavar="int8,binary"
    )
    # What trec_eval does; of LLM-made qrels, of which one passage a query is judged, nothing else
    # would be left to rank.
    unjudged: Literal["as-irrelevant", "ignore"] = setting(
        "as-irrelevant",
        "What passages without a grade count as; 'ignore' takes them out of the rankings.",
    )
    formats: tuple[Literal["html", "md", "json"], ...] = setting(
        ("html",), "What the report is written as.", flag="--format", metavar="html,md,json"
    )


class CompareSettings(StageSettings):
    """Two evaluations → what got better, what worse."""

    format: Literal["md", "json", "html"] = setting("md", "What is printed.")


class AuditSettings(StageSettings):
    """Names × résumés × queries → changes of scores and ranks."""

    top_k: int | None = setting(
        None,
        "Résumés of a query that count as selected.",
        ge=1,
        le=100_000,
        metavar="K",
        unset="a tenth of them, at most 10",
    )
    # All of the bundled lists: how far a group can be told from its names hangs on their number.
    names_per_group: int = setting(9, "Names of each group at most.", ge=2, le=10_000)
    # With 36 names about 7,000 windows, two minutes for a small model on a slow processor.
    max_resumes: int = setting(200, "Résumés given names at most, by random.", ge=2, le=MOST)
    seed: int = setting(13, "Seed of every random choice.", ge=0, le=LARGEST_SEED)


class SearchSettings(StageSettings):
    """A query → résumés."""

    top_k: int = setting(10, "Résumés shown.", ge=1, le=100_000, metavar="K")
    # The signs of vectors are there in any index and need nothing that is not; Qdrant Edge takes
    # three times as long for the same, and a server is for what one machine cannot hold.
    engine: str = setting(
        "auto",
        "What finds the nearest candidates: auto, exact, signs, edge, or a Qdrant server's URL.",
        pattern=r"^(auto|exact|signs|edge|https?://\S+)$",
        metavar="ENGINE",
    )


class Settings(StageSettings):
    """All stages' settings, as they stand in a TOML file."""

    ingest: IngestSettings = IngestSettings()
    generate: GenerateSettings = GenerateSettings()
    judge: JudgeSettings = JudgeSettings()
    llm: LlmSettings = LlmSettings()
    finetune: FinetuneSettings = FinetuneSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    embedding: EmbeddingSettings = EmbeddingSettings()
    compare: CompareSettings = CompareSettings()
    audit: AuditSettings = AuditSettings()
    search: SearchSettings = SearchSettings()

    @classmethod
    def from_toml(cls, path: Path, start: Self | None = None) -> Self:
        """Read a TOML file, one table a stage; ``start`` holds where it says nothing."""
        try:
            values = read_toml(path, "a TOML file of settings")
        except InputError as error:
            raise SettingsError(str(error)) from error
        try:
            return cls.validated(merged(start.model_dump(), values) if start else values)
        except SettingsError as error:
            raise SettingsError(f"{path}: {error}") from error

    def override(
        self,
        stage: str,
        changes: Mapping[str, Any],
        *,
        name_of: Callable[[Sequence[str]], str] = ".".join,
    ) -> Self:
        """Return a copy in which changes that are not ``None`` replace a stage's settings.

        A dictionary changes the table in the table that it names; ``name_of`` gives the name by
        which the user knows a setting, from its path.
        """
        return self.validated(merged(self.model_dump(), {stage: changes}), name_of=name_of)


# Four queries a passage, not six: the demonstration is to take minutes on a laptop.
DEMO_SETTINGS = Settings(generate=GenerateSettings(per_passage=4), search=SearchSettings(top_k=3))
