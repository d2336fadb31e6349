"""A codec of token vectors, learnt so that late interaction scores as it does in full."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import kl_div, log_softmax, normalize, softmax

from cvseeker.core.errors import DatasetError
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.codec import TokenCodec
from cvseeker.retrieval.tokens import TokenVectors
from cvseeker.retrieval.windows import FloatArray, IntArray

# Scores are means of cosines and lie close together: of the passages of a batch, the best and the
# tenth best are some .05 apart.
TEMPERATURE = 0.02

# Two thirds of the signs that a codec needs without learning, at no loss with MiniLM.
DIMS = 192

# Tokens by which the signs' levels are placed anew at each step.
SAMPLE = 3000


def fit_projection(
    queries: TokenVectors,
    passages: TokenVectors,
    positives: Sequence[int],
    *,
    weights: FloatArray,
    dims: int = DIMS,
    epochs: int = 8,
    batch_size: int = 16,
    learning_rate: float = 1e-3,
    seed: int = 13,
    progress: Progress = silent,
) -> TokenCodec:
    """Learn a codec under which the passages of a batch score as they do in full.

    It begins as ``TokenCodec.fit`` makes it. In each batch every query is compared with the
    positives of all; what is minimised is the Kullback-Leibler divergence of the codes' scores
    from the full ones. No passage has to be irrelevant to a query for that: the full scores are the
    teacher.

    Parameters
    ----------
    queries
        Training queries' token vectors.
    passages
        Token vectors of their passages.
    positives
        Shape (n_queries,): the position of each query's passage.
    weights
        Shape (n_query_tokens,), float32: the tokens' shares in their query's score.
    dims
        Signs of a token, at most; see ``TokenCodec.fit``.
    epochs, batch_size, learning_rate, seed
        Of the training; a query without words is left out.
    progress
        Called at each step with the loss.

    Returns
    -------
    TokenCodec

    Raises
    ------
    DatasetError
        If there are fewer than two queries with words.
    InputError
        If the passages have no words.

    References
    ----------
    Bengio, Léonard & Courville 2013, https://arxiv.org/abs/1308.3432: the gradient passes the signs
    as if they were not there.
    """
    asked = np.flatnonzero(np.diff(queries.bounds))
    if len(asked) < 2:
        raise DatasetError(
            f"{len(asked)} queries with words to learn a projection from; expected two at least"
        )
    start = TokenCodec.fit(passages.vectors, dims=dims, seed=seed)
    projection = torch.from_numpy(start.projection.copy()).requires_grad_()
    optimizer = torch.optim.Adam([projection], lr=learning_rate)
    generator = np.random.default_rng(seed)
    sample = generator.choice(passages.vectors, min(SAMPLE, len(passages.vectors)), replace=False)
    batches = [
        chosen
        for _ in range(epochs)
        for chosen in _batches(generator.permutation(asked), batch_size)
    ]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
    for step, chosen in enumerate(batches, start=1):
        codec = TokenCodec.from_projection(projection.detach().numpy(), sample)
        targets = np.unique(np.asarray(positives)[chosen])
        teacher, student = _scores(projection, codec, queries, passages, weights, chosen, targets)
        loss = kl_div(
            log_softmax(student / TEMPERATURE, dim=-1),
            softmax(teacher / TEMPERATURE, dim=-1),
            reduction="batchmean",
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        progress("learn the token codes", step, len(batches), f"loss {loss.item():.4f}")
    return TokenCodec.from_projection(projection.detach().numpy(), passages.vectors)


def _batches(order: IntArray, size: int) -> list[IntArray]:
    """Cut the queries into batches of one size, or one more."""
    return np.array_split(order, max(len(order) // size, 1))


def _scores(
    projection: Tensor,
    codec: TokenCodec,
    queries: TokenVectors,
    passages: TokenVectors,
    weights: FloatArray,
    chosen: IntArray,
    targets: IntArray,
) -> tuple[Tensor, Tensor]:
    """Return the full scores of a batch and the codes', each of shape (n_queries, n_passages)."""
    sizes = np.diff(queries.bounds)[chosen]
    rows = np.concatenate([np.arange(*queries.bounds[query : query + 2]) for query in chosen])
    owners = torch.from_numpy(np.repeat(np.arange(len(chosen)), sizes))
    asked = torch.from_numpy(queries.vectors[rows])  # (n_query_tokens, dim)
    shares = torch.from_numpy(weights[rows])[:, None]

    short = normalize(asked @ projection, dim=-1)  # (n_query_tokens, k)
    full, best = _best_tokens(asked, short.detach(), codec, passages, targets)
    answers = normalize(best @ projection, dim=-1)  # (n_query_tokens, n_passages, k)
    cosines = torch.einsum("qd,qpd->qp", short, _signed(answers, codec))
    empty = torch.zeros(len(chosen), len(targets))
    return empty.index_add(0, owners, full * shares), empty.index_add(0, owners, cosines * shares)


def _signed(vectors: Tensor, codec: TokenCodec) -> Tensor:
    """Return what the codes of projected vectors stand for; the gradient passes the signs by."""
    center, spread = torch.from_numpy(codec.center), torch.from_numpy(codec.spread)
    decoded = torch.where(vectors > center, center + spread, center - spread)
    return decoded.detach() + (vectors - vectors.detach())


@torch.no_grad()
def _best_tokens(
    asked: Tensor, short: Tensor, codec: TokenCodec, passages: TokenVectors, targets: IntArray
) -> tuple[Tensor, Tensor]:
    """Find each query token's best cosine in every passage, and the token that is best by codes.

    Only that token's vector feels the loss, so the passages' others need no gradient.
    """
    full, best = [], []
    for target in targets:
        vectors = passages.vectors[slice(*passages.bounds[target : target + 2])]
        if not len(vectors):  # a passage without words answers nothing
            vectors = np.zeros((1, asked.shape[1]), dtype=np.float32)
        tokens = torch.from_numpy(vectors)  # (n_tokens, dim)
        full.append((asked @ tokens.T).amax(dim=1))
        decoded = torch.from_numpy(codec.decode(codec.encode(vectors)))  # (n_tokens, k)
        best.append(tokens[(short @ decoded.T).argmax(dim=1)])
    return torch.stack(full, dim=1), torch.stack(best, dim=1)
