"""After tuning: the codec of the kept model's token vectors, and the shares in its hybrid."""

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.dense import DenseRanker
from cvseeker.retrieval.encoder import LocalEncoder
from cvseeker.retrieval.fusion import learn_weights
from cvseeker.retrieval.late import LateInteractionRanker
from cvseeker.retrieval.queries import EncodedQueries
from cvseeker.retrieval.token_codes import encode_passages_with_codes
from cvseeker.train.merge import mean_ndcg
from cvseeker.train.validation import ranked_metrics


def fit_late_interaction(encoder: LocalEncoder, val: RetrievalDataset) -> None:
    """Set an encoder's ``codec`` and the shares of its ``hybrid``, by the validation split.

    The codec is fitted to the token vectors of the first passages: the validation corpus is encoded
    for the shares anyway, and its 64 passages or more have the ten thousand tokens that are enough.
    """
    corpus = list(val.corpus.values())
    queries = EncodedQueries.from_texts(list(val.queries.values()), encoder)
    embeddings, codes = encode_passages_with_codes(encoder, corpus)
    encoder.codec = codes.codec
    encoder.hybrid = learn_weights(
        BM25Ranker(corpus).scores(queries),
        DenseRanker(embeddings.vectors, embeddings.owners).scores(queries),
        LateInteractionRanker(codes).scores(queries),
        lambda scores: mean_ndcg(ranked_metrics(val, scores)),
    )
