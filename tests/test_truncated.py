from pathlib import Path

import numpy as np
import pytest

from cvseeker.dataset import RetrievalDataset
from cvseeker.encoder.local import LocalEncoder
from cvseeker.evaluate.truncated import truncated_metrics
from cvseeker.rank.base import top_k
from cvseeker.rank.metrics import mean_metrics, query_metrics


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
def test_it_is_one_vector_a_passage(
    tiny_dataset: RetrievalDataset, tiny_model: Path, similarity: str
) -> None:
    """Vectors are of unit length, so that a dot product comes to the same."""
    encoder = LocalEncoder.from_name(str(tiny_model))
    encoder.model.max_seq_length = 12
    encoder.model.similarity_fn_name = similarity
    theirs = truncated_metrics(encoder, tiny_dataset)
    corpus = encoder.model.encode(list(tiny_dataset.corpus.values()))
    queries = encoder.model.encode(list(tiny_dataset.queries.values()))
    ids = np.array(list(tiny_dataset.corpus))
    ours = mean_metrics(
        {
            query_id: query_metrics(ids[row].tolist(), tiny_dataset.qrels[query_id])
            for query_id, row in zip(
                tiny_dataset.queries, top_k(queries @ corpus.T, 100), strict=True
            )
        }
    )
    for name in ("accuracy@1", "accuracy@5", "recall@10", "mrr@10", "ndcg@10", "map@100"):
        assert theirs[name] == pytest.approx(ours[name], abs=1e-5)


def test_grades_of_0_are_not_relevant(tiny_dataset: RetrievalDataset, tiny_model: Path) -> None:
    encoder = LocalEncoder.from_name(str(tiny_model))
    graded = {
        query_id: {**grades, **dict.fromkeys(set(tiny_dataset.corpus) - set(grades), 0)}
        for query_id, grades in tiny_dataset.qrels.items()
    }
    judged = RetrievalDataset(tiny_dataset.corpus, tiny_dataset.queries, graded)
    assert truncated_metrics(encoder, judged) == truncated_metrics(encoder, tiny_dataset)
