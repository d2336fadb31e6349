"""The model card: what the tuned model was made of and how it scored."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvseeker.core import __version__
from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.files import read_json, write_text
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.retrieval.models import choose_model

if TYPE_CHECKING:
    from cvseeker.train.stage import FinetuneResult

CARD = """\
---
{metadata}
---

# {base}, fine-tuned on résumés by CVSeeker

Maps recruiters' queries and windows of résumés to unit-length vectors of {dim} dimensions, to be
compared by cosine similarity. It was trained on windows of {window} tokens with {overlap} tokens of
overlap: a passage's score is the **maximum** over its windows.

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("PATH/TO/THIS/FOLDER")
query = model.encode_query("icu nurse, night shifts")
window = model.encode_document("Intensive care nurse since 2015, permanent nights …")
print(model.similarity(query, window))
```

## Data

{pairs} training pairs over {train_passages} passages and documents of {train_persons} person
groups: queries about passages, and what one section of a résumé claims asking for the rest of it;
{val_queries} validation queries about other people. Queries and passages stay with
whoever trained this model; none is in this folder, but a model can still give away what it was
trained on: share it as you would share the résumés.

## Scores on the validation split

Of search: keywords (BM25), the pooled vectors and late interaction of the token vectors, fused; the
best window counts. The validation split chose when to stop, so these flatter the
tuned model a little; the test split's scores are in the evaluation's report.{refit}

| | {metric_names} |
|---|{rules}|
| base | {base_scores} |
| tuned | {tuned_scores} |

## Settings

InfoNCE of pooled vectors and of late interaction, with in-batch negatives, without those of the
same person and those that the base finds about as fitting; each query's positive is the window of
its passage that fits it best. {steps} steps, the weights of step {best_step} kept.

| setting | value |
|---|---|
{settings}

Made by CVSeeker {version}.
"""

REFIT = """ They are of the model that the
split was held out from; this one was then trained as far on everybody, {pairs} pairs, the people of
the validation split among them."""

SHOWN = ("accuracy@1", "hit_rate@5", "mrr@10", "ndcg@10")


def write_model_card(
    folder: Path,
    result: "FinetuneResult",
    settings: FinetuneSettings,
    *,
    train: RetrievalDataset,
    val: Sequence[RetrievalDataset],
) -> None:
    """Write ``README.md`` into a model's folder: data, settings and validation scores."""
    flat = {**settings.model_dump(exclude={"windows"}), "base": result.base}
    text = CARD.format(
        metadata=_metadata(result, settings),
        base=result.base,
        dim=read_json(folder / "config.json").get("hidden_size", "?"),
        window=settings.windows.window_tokens,
        overlap=settings.windows.overlap_tokens,
        pairs=result.pairs,
        train_passages=len(train.corpus),
        train_persons=len(set(train.person_groups.values())) or "unnamed",
        val_queries=sum(len(dataset.queries) for dataset in val),
        metric_names=" | ".join(SHOWN),
        rules="|".join(["---:"] * len(SHOWN)),
        base_scores=" | ".join(f"{result.verdict.base_scores[name]:.3f}" for name in SHOWN),
        tuned_scores=" | ".join(f"{result.verdict.tuned_scores[name]:.3f}" for name in SHOWN),
        steps=result.steps,
        best_step=result.best_step,
        refit=REFIT.format(pairs=result.refit_pairs) if result.refit_pairs else "",
        settings="\n".join(f"| {name} | {value} |" for name, value in flat.items()),
        version=__version__,
    )
    write_text(folder / "README.md", text)


def _metadata(result: "FinetuneResult", settings: FinetuneSettings) -> str:
    """Return what the hub reads of a card: the base's licence and languages, and the scores."""
    from huggingface_hub import EvalResult, ModelCardData

    scores = result.verdict.tuned_scores if result.verdict.kept == "tuned" else None
    evaluated = [
        EvalResult(
            task_type="information-retrieval",
            dataset_type="validation",
            dataset_name="search on people held out",
            metric_type=name,
            metric_value=round(value, 4),
        )
        for name, value in (scores or result.verdict.base_scores).items()
        if name in SHOWN
    ]
    told = _base_card(settings)
    data = ModelCardData(
        base_model=result.base,
        library_name="sentence-transformers",
        license=told.get("license"),
        language=told.get("language"),
        model_name=f"{result.base}, fine-tuned on résumés",
        eval_results=evaluated,
        pipeline_tag="sentence-similarity",
        tags=["sentence-transformers", "feature-extraction", "retrieval", "cvseeker"],
    )
    yaml: str = data.to_yaml()
    return yaml


def _base_card(settings: FinetuneSettings) -> dict[str, Any]:
    """Return what the base's own card tells the hub; nothing where it has none."""
    from huggingface_hub import metadata_load
    from yaml import YAMLError

    card = Path(choose_model(settings.base).location) / "README.md"
    try:
        return metadata_load(card) or {}
    except (OSError, ValueError, YAMLError):
        return {}
