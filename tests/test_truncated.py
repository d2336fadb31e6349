import random
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.truncated import truncated_metrics
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.metrics import EVALUATOR_METRICS
from cvseeker.retrieval.store import VectorStore


@pytest.fixture
def hard_dataset(tiny_dataset: RetrievalDataset) -> RetrievalDataset:
    """120 passages of shuffled words, some alike, and graded qrels of many positives."""
    rng = random.Random(5)
    words = " ".join(tiny_dataset.corpus.values()).split()
    corpus = {f"p{at}": " ".join(rng.sample(words, rng.randint(3, 60))) for at in range(120)}
    corpus["twin"] = corpus["p3"]
    queries = {f"q{at}": " ".join(rng.sample(words, 5)) for at in range(20)}
    qrels = {
        query_id: {key: rng.randint(0, 3) for key in rng.sample(sorted(corpus), 9)} | {"p3": 1}
        for query_id in queries
    }
    qrels["q0"] = dict.fromkeys(corpus, 1)  # more than the deepest cut-off
    return RetrievalDataset(corpus, queries, qrels)


def evaluator_metrics(encoder: LocalEncoder, dataset: RetrievalDataset) -> dict[str, float]:
    """Ask the real class."""
    evaluator = InformationRetrievalEvaluator(
        queries=dict(dataset.queries),
        corpus=dict(dataset.corpus),
        relevant_docs={
            query_id: {key for key, grade in grades.items() if grade > 0}
            for query_id, grades in dataset.qrels.items()
        },
        query_prompt=encoder.query_prompt or None,
        write_csv=False,
        show_progress_bar=False,
    )
    prefix = f"{encoder.model.similarity_fn_name}_"
    return {name.removeprefix(prefix): value for name, value in evaluator(encoder.model).items()}


@pytest.mark.parametrize("prompt", ["", "query: "])
@pytest.mark.parametrize("similarity", ["cosine", "dot", "euclidean"])
def test_it_is_the_information_retrieval_evaluator(
    hard_dataset: RetrievalDataset, tiny_model: Path, similarity: str, prompt: str
) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    encoder.model.max_seq_length = 12
    encoder.model.similarity_fn_name = similarity
    if prompt:
        encoder.model.prompts |= {"query": prompt, "document": "passage: "}
    theirs = evaluator_metrics(encoder, hard_dataset)
    ours = truncated_metrics(encoder, hard_dataset)
    assert set(theirs) == set(EVALUATOR_METRICS) - {"hit_rate@5"}
    assert 0 < ours["ndcg@10"] < 1
    for name, value in theirs.items():
        assert ours[name] == pytest.approx(value, abs=1e-5), name
    assert ours["hit_rate@5"] == ours["accuracy@5"]


def test_it_is_the_hit_rate_of_llama_index(
    hard_dataset: RetrievalDataset, tiny_model: Path
) -> None:
    """For each query five nodes are retrieved, and it is a hit if the expected id is among them."""
    if find_spec("llama_index") is None:
        pytest.skip("llama-index-core is not installed")
    from llama_index.core import VectorStoreIndex
    from llama_index.core.base.embeddings.base import BaseEmbedding
    from llama_index.core.schema import TextNode

    encoder = LocalEncoder.from_name(str(tiny_model))
    encoder.model.max_seq_length = 12

    class Truncated(BaseEmbedding):  # type: ignore[misc]
        def _get_text_embedding(self, text: str) -> list[float]:
            return encoder.model.encode(text).tolist()  # type: ignore[no-any-return]

        def _get_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_text_embedding(query)

    corpus = {key: text for key, text in hard_dataset.corpus.items() if key != "twin"}
    qrels = {key: {f"p{at}": 1} for at, key in enumerate(hard_dataset.queries)}
    # A query of a passage's own words, as LLMs write them: some are found.
    queries = {key: " ".join(corpus[f"p{at}"].split()[:4]) for at, key in enumerate(qrels)}
    nodes = [TextNode(id_=key, text=text) for key, text in corpus.items()]
    index: Any = VectorStoreIndex(nodes, embed_model=Truncated(), show_progress=False)
    retriever = index.as_retriever(similarity_top_k=5)
    hits = [
        next(iter(qrels[key])) in [found.node.node_id for found in retriever.retrieve(text)]
        for key, text in queries.items()
    ]
    ours = truncated_metrics(encoder, RetrievalDataset(corpus, queries, qrels))["hit_rate@5"]
    assert 0 < ours < 1
    assert ours == pytest.approx(sum(hits) / len(hits), abs=1e-4)


def test_grades_of_0_are_not_relevant(tiny_dataset: RetrievalDataset, tiny_model: Path) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    graded = {
        query_id: {**grades, **dict.fromkeys(set(tiny_dataset.corpus) - set(grades), 0)}
        for query_id, grades in tiny_dataset.qrels.items()
    }
    judged = RetrievalDataset(tiny_dataset.corpus, tiny_dataset.queries, graded)
    assert truncated_metrics(encoder, judged) == truncated_metrics(encoder, tiny_dataset)


def test_another_length_is_another_entry(
    tiny_dataset: RetrievalDataset, tiny_model: Path, tmp_path: Path
) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    for length in (64, 8, 8):
        encoder.model.max_seq_length = length
        kept = truncated_metrics(encoder, tiny_dataset, VectorStore(tmp_path))
        assert kept == truncated_metrics(encoder, tiny_dataset)
    assert len(list(tmp_path.rglob("*.npz"))) == 4  # passages and queries, at two lengths
