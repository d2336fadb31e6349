"""Persons held out for validation, and a corpus large enough to say something."""

from dataclasses import replace

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import DatasetError
from cvseeker.resumes import assign_splits, person_groups
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.ranker import EncodedQueries, top_k


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
