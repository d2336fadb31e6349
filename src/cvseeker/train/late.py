"""After tuning: what late interaction and the hybrid need, learnt and kept with the model."""

from collections.abc import Sequence

from cvseeker.core.datasets.dataset import RetrievalDataset
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.codec import TokenCodec
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.fusion import learn_weights
from cvseeker.retrieval.late import LateInteractionRanker, inverse_frequencies, token_shares
from cvseeker.retrieval.token_codes import encode_passages_with_codes
from cvseeker.retrieval.tokens import encode_passages_with_tokens, encode_queries_with_tokens
from cvseeker.train.merge import mean_ndcg
from cvseeker.train.projection import fit_projection
from cvseeker.train.validation import ranked_metrics

# Passages, and a query each, that the projection is learnt on: 160 MB of MiniLM's token vectors.
PASSAGES = 200


def learn_late_interaction(
    encoder: LocalEncoder,
    train: RetrievalDataset,
    val: RetrievalDataset,
    progress: Progress = silent,
) -> None:
    """Give an encoder its token codec and its hybrid weights.

    Parameters
    ----------
    encoder
        The model that is kept; its ``codec`` and ``hybrid`` are set.
    train
        Queries and passages that the codec is learnt on.
    val
        The validation split, on which the weights are chosen.
    progress
        Called all along.
    """
    encoder.codec = _codec(encoder, train, progress)
    corpus, queries = list(val.corpus.values()), list(val.queries.values())
    embeddings, codes = encode_passages_with_codes(encoder, corpus, encoder.codec)
    encoder.hybrid = learn_weights(
        BM25Ranker(corpus).scores(queries),
        DenseRanker(encoder, embeddings).scores(queries),
        LateInteractionRanker(encoder, codes).scores(queries),
        lambda scores: mean_ndcg(ranked_metrics(val, scores)),
    )


def _codec(encoder: LocalEncoder, train: RetrievalDataset, progress: Progress) -> TokenCodec:
    """Learn the codec on a query for each of the first passages that have one."""
    query_of: dict[str, str] = {}
    for query_id, grades in train.qrels.items():
        best = max(grades, key=lambda passage_id: grades[passage_id])
        query_of.setdefault(best, train.queries[query_id])
    chosen = list(query_of)[:PASSAGES]
    _, passages = encode_passages_with_tokens(
        encoder, [train.corpus[passage_id] for passage_id in chosen], progress
    )
    _, queries = encode_queries_with_tokens(encoder, [query_of[key] for key in chosen])
    idf = inverse_frequencies(passages.frequencies, len(chosen))
    positives: Sequence[int] = range(len(chosen))
    return fit_projection(
        queries,
        passages,
        positives,
        weights=token_shares(idf, queries.ids, queries.bounds),
        progress=progress,
    )
