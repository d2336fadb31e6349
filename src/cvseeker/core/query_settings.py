"""The settings of what makes a data set: queries, their filters and grades, and the LLM asked."""

from pathlib import Path
from typing import ClassVar, Literal, get_args

from cvseeker.core.stage_settings import DAY, LARGEST_SEED, MOST, StageSettings, setting

# What anchors of cross-section pairs are made of.
SectionAnchor = Literal[
    "summary", "skills", "title_skills", "certificate", "award", "project", "opening"
]


class FilterSettings(StageSettings):
    """Which queries from an LLM are kept. Shares were measured on 836 sound LLM questions."""

    min_words: int = setting(2, "Words of a query at least.", ge=1, le=10_000, rare=True)
    max_words: int = setting(120, "Words of a query at most.", ge=1, le=10_000, rare=True)
    # Asked for are 300 at most, and models that count are rare.
    max_description_words: int = setting(
        400, "Words of a whole job description at most.", ge=1, le=10_000, rare=True
    )
    language: str = setting("English", "Language of the queries.", flag="--language")
    # 1 % of sound questions copy more, nearly all of them lists of products.
    max_copied_words: int = setting(
        12, "Longest run of words that a query copies from its passage.", ge=1, le=10_000, rare=True
    )
    # 0.2 % of sound questions exceed it; lists of keywords and Boolean queries may.
    max_copied_share: float = setting(
        0.5, "Share of 4-word runs that a query copies.", gt=0, le=1, rare=True
    )
    # With nine of ten names found in the passage: 1.3 % of sound questions are dropped, and 84 % of
    # those put to another passage.
    min_grounded: float = setting(
        0.3, "Share of a query's words that its passage must have.", ge=0, le=1, rare=True
    )
    # Nine words of ten shared repeat a query, five of six do not.
    near_duplicate: float = setting(
        0.8, "Jaccard similarity of stems that repeats a query.", ge=0.6, le=1, rare=True
    )
    # Among 418 passages BM25 keeps 94 % of the questions that name something and 49 % of those that
    # name nothing; beyond rank 10 nearly all fit many résumés.
    top_k: int = setting(
        10,
        "Rank by which the round trip must find a query's passage; 0: any.",
        ge=0,
        le=MOST,
        flag="--top-k",
        metavar="K",
    )


class GenerateSettings(StageSettings):
    """Passages → queries and qrels."""

    llm: str = setting(
        "offline",
        "Who writes the queries: 'offline', or an LLM, whose key is taken from OPENAI_API_KEY.",
        metavar="offline|MODEL",
    )
    # Six for recruiters' queries, two for exam questions, as LlamaIndex asks for.
    per_passage: int | None = setting(
        None, "Queries a passage.", ge=1, le=50, unset="6; 2 for questions"
    )
    style: Literal["recruiter", "questions"] = setting(
        "recruiter",
        "What an LLM writes: recruiters' queries of several kinds, or exam questions.",
    )
    prompt: Path | None = setting(
        None,
        "Instructions of your own for the LLM, with {per_passage}, {kinds} and {language}.",
        unset="the bundled ones",
    )
    mask: bool = setting(True, "Mask names and contacts in what an LLM sees.")
    round_trip: Literal["bm25", "base", "off"] = setting(
        "bm25", "Ranker by which a query must find its passage."
    )
    filters: FilterSettings = setting(FilterSettings(), "Which queries from an LLM are kept.")
    sections: tuple[SectionAnchor, ...] = setting(
        get_args(SectionAnchor),
        "What a person claims and the rest of the résumé is asked for: kinds of cross-section "
        "pairs; 'opening' serves résumés without headings.",
        flag="--sections",
        metavar="KINDS",
    )
    per_person: int = setting(
        8, "Cross-section pairs a person at most.", ge=0, le=1000, flag="--per-person"
    )
    like: Path | None = setting(
        None,
        "Your own past searches, one a line: queries become as long as they are and share as many "
        "words with what answers them; an LLM sees some. No search is trained on.",
        flag="--like",
        unset="none",
    )
    seed: int = setting(13, "Seed of every random choice.", ge=0, le=LARGEST_SEED)

    @property
    def queries_per_passage(self) -> int:
        """Queries asked for per passage."""
        return self.per_passage or (6 if self.style == "recruiter" else 2)


class JudgeSettings(StageSettings):
    """Queries → graded relevance of the passages that rankers put first."""

    llm: str = setting(
        "offline",
        "Who judges: 'offline', or an LLM, whose key is taken from OPENAI_API_KEY.",
        metavar="offline|MODEL",
    )
    # Twice five, less what both found: most of what a query's other positives are.
    depth: int = setting(5, "Passages that each ranker puts in a query's pool.", ge=1, le=100)
    mask: bool = setting(True, "Mask names and contacts in what an LLM sees.")


class LlmSettings(StageSettings):
    """How an LLM is reached, and what it may cost."""

    option_prefix: ClassVar[str] = "llm-"

    url: str | None = setting(
        None,
        "OpenAI-compatible address of the LLM, as http://localhost:11434/v1 for Ollama.",
        metavar="URL",
        unset="OpenAI's",
    )
    key_env: str = setting("OPENAI_API_KEY", "Environment variable that holds the key.")
    max_concurrency: int = setting(
        32, "Requests in flight at most.", ge=1, le=512, flag="--max-concurrency"
    )
    # A laptop's server may write two tokens a second, and what it writes for nobody is lost time.
    timeout_seconds: float | None = setting(
        None,
        "Seconds after which a request is given up.",
        gt=0,
        le=DAY,
        flag="--timeout",
        metavar="SECONDS",
        unset="120; 900 at a server of your own",
    )
    max_tokens: int | None = setting(
        None, "Longest reply, in tokens.", ge=16, le=MOST, unset="by what is asked", rare=True
    )
    temperature: float | None = setting(
        None, "Sampling temperature.", ge=0, le=2, unset="the server's own", rare=True
    )
    budget: float | None = setting(
        None,
        "Stop before more than this is spent, earlier runs included.",
        gt=0,
        le=MOST,
        flag="--budget",
        metavar="USD",
        unset="no limit",
    )
    batch: bool = setting(
        False, "Use OpenAI's Batch API: half the price, within a day.", flag="--batch"
    )
    prices: Path | None = setting(
        None,
        "TOML file with prices of models of your own.",
        flag="--prices",
        unset="the bundled list",
    )
    tokenizer: Path | None = setting(
        None, "A tokenizer.json to count tokens with.", unset="by the model's name", rare=True
    )
