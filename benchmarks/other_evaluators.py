"""Compare truncated metrics with sentence-transformers' evaluator and LlamaIndex's hit rate.

    python benchmarks/other_evaluators.py --data FILE [--model NAME_OR_DIR]

FILE is a LlamaIndex JSON file or a BEIR folder. The same model is evaluated three times: by
``InformationRetrievalEvaluator``, by retrieving five nodes from LlamaIndex's vector index for each
query, as its notebook does, and by ``cvseeker evaluate``. Printed are all figures side by side.
"""

import argparse
from pathlib import Path
from typing import Any

from llama_index.core import VectorStoreIndex
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.schema import TextNode
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.evaluation import InformationRetrievalEvaluator

from cvseeker.core.datasets import RetrievalDataset, read_dataset
from cvseeker.evaluate.truncated import truncated_metrics
from cvseeker.retrieval.encoder import LocalEncoder

BATCH = 32


def sentence_transformers_metrics(
    model: SentenceTransformer, dataset: RetrievalDataset
) -> dict[str, float]:
    """Return what the evaluator says, under its names less the similarity's."""
    relevant = {
        query_id: {key for key, grade in grades.items() if grade > 0}
        for query_id, grades in dataset.qrels.items()
    }
    evaluator = InformationRetrievalEvaluator(
        dataset.queries, dataset.corpus, relevant, batch_size=BATCH, write_csv=False
    )
    found: dict[str, float] = evaluator(model)
    return {name.removeprefix("cosine_"): float(value) for name, value in found.items()}


def llama_index_hit_rate(model: SentenceTransformer, dataset: RetrievalDataset) -> float:
    """Return the share of queries whose expected passage is among five retrieved nodes."""

    class Embedding(BaseEmbedding):  # type: ignore[misc]
        def _get_query_embedding(self, query: str) -> list[float]:
            return model.encode_query(query).tolist()  # type: ignore[no-any-return]

        async def _aget_query_embedding(self, query: str) -> list[float]:
            return self._get_query_embedding(query)

        def _get_text_embedding(self, text: str) -> list[float]:
            return self._get_text_embeddings([text])[0]

        def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
            return model.encode_document(texts, batch_size=BATCH).tolist()  # type: ignore[no-any-return]

    nodes = [TextNode(id_=key, text=text) for key, text in dataset.corpus.items()]
    index: Any = VectorStoreIndex(nodes, embed_model=Embedding())
    retriever = index.as_retriever(similarity_top_k=5)
    hits = 0
    for query_id, text in dataset.queries.items():
        found = {hit.node.node_id for hit in retriever.retrieve(text)}
        hits += next(iter(dataset.qrels[query_id])) in found
    return hits / len(dataset.queries)


def main() -> None:
    """Print a Markdown table and the largest difference."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", help="folder or name; none: the default base model")
    options = parser.parse_args()
    dataset = read_dataset(options.data)
    encoder = LocalEncoder.from_name(options.model)
    ours = truncated_metrics(encoder, dataset)
    theirs = sentence_transformers_metrics(encoder.model, dataset)
    theirs["hit_rate@5"] = llama_index_hit_rate(encoder.model, dataset)
    shared = [name for name in ours if name in theirs]
    print("| metric | theirs | ours |\n|---|---:|---:|")
    for name in shared:
        print(f"| {name} | {theirs[name]:.6f} | {ours[name]:.6f} |")
    print(f"\nlargest difference: {max(abs(theirs[name] - ours[name]) for name in shared):.1e}")


if __name__ == "__main__":
    main()
