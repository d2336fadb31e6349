"""A corpus, queries, and which passages answer which query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cvseeker.core.datasets.qrels import Qrels
from cvseeker.core.errors import DatasetError
from cvseeker.core.records import Passage, Query


@dataclass(frozen=True, slots=True)
class RetrievalDataset:
    """Passages, queries, and which passages answer which query.

    Attributes
    ----------
    corpus
        Passage id → text.
    queries
        Query id → text.
    qrels
        Query id → passage id → grade; a grade above 0 is relevant.
    kinds
        Query id → kind of query, where known.
    person_groups
        Passage id → person group, where known.
    has_texts
        Whether passages have texts; of TREC's qrels alone only the ids are known.
    """

    corpus: dict[str, str]
    queries: dict[str, str]
    qrels: Qrels
    kinds: Mapping[str, str] = field(default_factory=dict)
    person_groups: Mapping[str, str] = field(default_factory=dict)
    has_texts: bool = True

    @classmethod
    def from_records(
        cls, passages: Sequence[Passage], queries: Sequence[Query]
    ) -> "RetrievalDataset":
        """Build a data set in which each query is answered by the passage it was written about."""
        return cls(
            corpus={passage.passage_id: passage.text for passage in passages},
            queries={query.query_id: query.text for query in queries},
            qrels={query.query_id: {query.passage_id: 1} for query in queries},
            kinds={query.query_id: query.kind for query in queries},
            person_groups={
                passage.passage_id: passage.person_group
                for passage in passages
                if passage.person_group
            },
        )

    def check(self, source: object = "the data set", *, needs_queries: bool = True) -> None:
        """Refuse a data set that cannot be trained on or evaluated with.

        Parameters
        ----------
        source
            Where the data set came from, for the message.
        needs_queries
            Whether a corpus alone is too little.

        Raises
        ------
        DatasetError
            If there are no passages or queries, a text is empty or no Unicode, a query has no
            relevant passage, or the qrels name an unknown id.
        """
        if not self.corpus:
            raise DatasetError(f"{source}: no passages; expected at least one in 'corpus'")
        _refuse_unusable(source, "passage", self.corpus)
        if not needs_queries:
            return
        if not self.queries:
            raise DatasetError(
                f"{source}: no queries; write some with: "
                f"cvseeker generate --corpus {source} --out FILE"
            )
        _refuse_unusable(source, "query", self.queries)
        for query_id in self.queries:
            grades = self.qrels.get(query_id, {})
            if not any(grade > 0 for grade in grades.values()):
                raise DatasetError(
                    f"{source}: query {query_id!r} has no relevant passage; "
                    "give it one or remove it"
                )
        for query_id, grades in self.qrels.items():
            if query_id not in self.queries:
                raise DatasetError(f"{source}: the qrels name an unknown query {query_id!r}")
            for passage_id in grades:
                if passage_id not in self.corpus:
                    raise DatasetError(
                        f"{source}: query {query_id!r} points to passage {passage_id!r}, "
                        f"which is not among the {len(self.corpus)} of the corpus"
                    )

    def subset(self, passage_ids: set[str]) -> "RetrievalDataset":
        """Return the passages named, with the queries that are answered among them alone."""
        kept = {
            query_id: {key: grade for key, grade in grades.items() if key in passage_ids}
            for query_id, grades in self.qrels.items()
            if all(key in passage_ids for key, grade in grades.items() if grade > 0)
        }
        return RetrievalDataset(
            corpus={key: text for key, text in self.corpus.items() if key in passage_ids},
            queries={key: text for key, text in self.queries.items() if key in kept},
            qrels=kept,
            kinds={key: kind for key, kind in self.kinds.items() if key in kept},
            person_groups={
                key: group for key, group in self.person_groups.items() if key in passage_ids
            },
        )


def _refuse_unusable(source: object, what: str, texts: Mapping[str, Any]) -> None:
    for key, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise DatasetError(f"{source}: {what} {key!r} has no text; remove it or fill it in")
        if not _is_unicode(key) or not _is_unicode(text):
            raise DatasetError(
                f"{source}: {what} {key!r} holds half a surrogate pair, which is no Unicode text; "
                "repair or remove it"
            )


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
