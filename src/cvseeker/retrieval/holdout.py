"""What models are trained on and judged by: queries, and persons held out."""

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from cvseeker.core.datasets import RetrievalDataset, read_split
from cvseeker.core.errors import DatasetError
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.resumes import assign_splits, person_groups
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.cross_sections import cross_section_dataset, overlaps
from cvseeker.retrieval.ranker import EncodedQueries, top_k

# Share of a query's words that what answers it may have, where rankers are compared by it: people
# seldom search in a résumé's words, and queries that copy them flatter BM25.
LOW_OVERLAP = 0.5
# Queries that bring nearly all that more of their source bring.
FEWEST_OF_A_SOURCE = 480
# Fewer queries of low overlap than this tell less than all queries do.
FEWEST_QUERIES = 30

# Queries about passages, and cross-section pairs of the same persons.
Sources = tuple[RetrievalDataset, RetrievalDataset]


def with_persons(dataset: RetrievalDataset, *, similarity: float) -> RetrievalDataset:
    """Return a data set with the person group of every passage, found by overlap if any lacks."""
    if all(passage_id in dataset.person_groups for passage_id in dataset.corpus):
        return dataset
    groups = person_groups(dataset.corpus, similarity=similarity)
    return replace(dataset, person_groups=groups)


def hold_out(
    dataset: RetrievalDataset, *, share: float, seed: int
) -> tuple[RetrievalDataset, RetrievalDataset]:
    """Split a data set whose persons are known into training and validation, by person."""
    groups = dataset.person_groups
    splits = assign_splits(groups, val_share=share, test_share=0.0, seed=seed)
    train = dataset.subset({key for key, split in splits.items() if split == "train"})
    val = dataset.subset({key for key, split in splits.items() if split == "val"})
    if not train.queries or not val.queries:
        raise DatasetError(
            f"{len(dataset.queries)} queries about {len(set(groups.values()))} persons are too few "
            "to hold any out for validation; add data or name a validation set with --val FILE"
        )
    return train, val


def with_distractors(
    val: RetrievalDataset, train: RetrievalDataset, *, passages: int
) -> RetrievalDataset:
    """Fill a small validation corpus up with the training passages that are most like answers.

    Among a dozen passages, or many that have nothing in common with the queries, any encoder finds
    the right one, and nothing tells when to stop. Each query in turn adds the passage that BM25
    puts next, until there are ``passages`` in all.
    """
    others = [key for key in train.corpus if key not in val.corpus]
    wanted = min(max(passages - len(val.corpus), 0), len(others))
    if not wanted:
        return val
    ranker = BM25Ranker([train.corpus[key] for key in others])
    asked = EncodedQueries.from_texts(list(val.queries.values()))
    best = top_k(ranker.scores(asked), len(others))
    # Column by column: every query's first passage, then every query's second one.
    chosen = list(dict.fromkeys(best.T.ravel().tolist()))[:wanted]
    added = {others[at]: train.corpus[others[at]] for at in sorted(chosen)}
    return replace(val, corpus=val.corpus | added)


def with_cross_sections(
    train: RetrievalDataset,
    val: RetrievalDataset,
    *,
    sections: Path | GenerateSettings,
    passages: int,
    given: bool = False,
) -> tuple[Sources, Sources, tuple[RetrievalDataset, ...]]:
    """Return what is trained on, what is held out, and what models are judged by of that.

    Parameters
    ----------
    train, val
        Queries about different persons; the person group of every passage is known.
    sections
        A folder in which cross-section pairs were written for both, in BEIR's form; or how they are
        made.
    passages
        How many passages there are at least in what models are judged by.
    given
        Whether the queries are somebody's own: what is to be found better, whatever words they
        share. Those that were written here only stand for people's searches.

    Returns
    -------
    training, held_out, judges
        Training's queries and its cross-section pairs; validation's; and those of the latter that
        share few words with what answers them, as :func:`validation_sets` chooses them, and all
        that were ``given``.
    """
    if isinstance(sections, Path):
        crossed, crossed_val = (read_split(sections / split, split) for split in ("train", "val"))
    else:
        crossed, crossed_val = (
            cross_section_dataset(one.corpus, one.person_groups, settings=sections)
            for one in (train, val)
        )
    own, other = (val, train), (crossed_val, crossed)
    if given:
        few = validation_sets([other], passages=passages)
        judges = (with_distractors(*own, passages=passages), *few)
    else:
        judges = validation_sets([own, other], passages=passages)
    return (train, crossed), (val, crossed_val), judges


def validation_sets(
    pairs: Sequence[tuple[RetrievalDataset, RetrievalDataset]], *, passages: int
) -> tuple[RetrievalDataset, ...]:
    """Return what models are judged by: queries that share few words with what answers them.

    Parameters
    ----------
    pairs
        The validation and the training part of each source of queries.
    passages
        How many passages a corpus has at least; training's fill it up.

    Returns
    -------
    tuple of RetrievalDataset
        One for each source whose queries share few words; if these are few, for each that has any
        such queries, and with all queries if these are few, too.
    """
    seldom = [(low_overlap(val), train) for val, train in pairs]
    apart = [one for one, (val, _) in zip(seldom, pairs, strict=True) if _shares_few_words(val)]
    enough = (one for one in (apart, seldom) if _queries(one) >= FEWEST_QUERIES)
    few = next(enough, list(pairs))
    return tuple(
        with_distractors(val, train, passages=passages) for val, train in few if val.queries
    )


def _queries(pairs: Sequence[tuple[RetrievalDataset, RetrievalDataset]]) -> int:
    return sum(len(val.queries) for val, _ in pairs)


def _shares_few_words(dataset: RetrievalDataset) -> bool:
    """Tell whether a source's queries are of low overlap on average."""
    shares = overlaps(dataset).values()
    return bool(shares) and sum(shares) <= LOW_OVERLAP * len(shares)


def low_overlap(dataset: RetrievalDataset) -> RetrievalDataset:
    """Return a data set with those queries alone that share few words with what answers them."""
    shares = overlaps(dataset)
    return keep_queries(dataset, [key for key, share in shares.items() if share <= LOW_OVERLAP])


def balanced(
    own: RetrievalDataset, crossed: RetrievalDataset, *, seed: int
) -> tuple[RetrievalDataset, RetrievalDataset]:
    """Leave out, by the seed, queries of a source of which there are more than of the other.

    Queries that were written share many words with what answers them, cross-section pairs few, and
    people's searches lie between.
    """
    sizes = len(own.queries), len(crossed.queries)
    if not all(sizes):
        return own, crossed
    most = max(FEWEST_OF_A_SOURCE, min(sizes))
    return _sample(own, most, seed), _sample(crossed, most, seed)


def _sample(dataset: RetrievalDataset, count: int, seed: int) -> RetrievalDataset:
    """Draw queries, and leave all passages."""
    if count >= len(dataset.queries):
        return dataset
    return keep_queries(dataset, sorted(random.Random(seed).sample(sorted(dataset.queries), count)))


def keep_queries(dataset: RetrievalDataset, query_ids: Collection[str]) -> RetrievalDataset:
    """Return a data set with some of its queries, in its own order."""
    chosen = set(query_ids)
    queries = {key: text for key, text in dataset.queries.items() if key in chosen}
    qrels = {key: dataset.qrels[key] for key in queries}
    kinds = {key: kind for key, kind in dataset.kinds.items() if key in chosen}
    return replace(dataset, queries=queries, qrels=qrels, kinds=kinds)


def joined(datasets: Sequence[RetrievalDataset]) -> RetrievalDataset:
    """Join data sets into one; ids get their data set's number before them, persons do not."""
    joint = RetrievalDataset({}, {}, {})
    groups: dict[str, str] = {}
    for number, one in enumerate(datasets):
        names = {key: f"{number}/{key}" for key in (*one.corpus, *one.queries)}
        joint.corpus.update({names[key]: text for key, text in one.corpus.items()})
        joint.queries.update({names[key]: text for key, text in one.queries.items()})
        for query_id, grades in one.qrels.items():
            joint.qrels[names[query_id]] = {names[key]: grade for key, grade in grades.items()}
        groups |= {names[key]: one.person_groups.get(key, key) for key in one.corpus}
    return replace(joint, person_groups=groups)
