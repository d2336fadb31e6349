"""A corpus, queries, and which passages answer which query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cvseeker.core.datasets.qrels import Qrels
from cvseeker.core.errors import DatasetError
from cvseeker.core.records import Passage, Query

UNKNOWN = "is named in the qrels alone"


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
    left_out
        Query id → why it was left out when the data set was read.
    has_texts
        Whether passages have texts; of TREC's qrels alone only the ids are known.
    """

    corpus: dict[str, str]
    queries: dict[str, str]
    qrels: Qrels
    kinds: Mapping[str, str] = field(default_factory=dict)
    person_groups: Mapping[str, str] = field(default_factory=dict)
    has_texts: bool = True
    left_out: Mapping[str, str] = field(default_factory=dict, compare=False)

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
        """Refuse a data set that cannot be trained on or evaluated with; ``source`` is its name.

        No passages or, unless a corpus alone will do, no queries; a text that is empty or no
        Unicode; a query without a relevant passage, or whose qrels name an unknown id.
        """
        if not self.corpus:
            raise DatasetError(f"{source}: no passages; expected at least one in 'corpus'")
        for key, text in self.corpus.items():
            if reason := _unusable(text) or _unusable(key):
                raise DatasetError(f"{source}: passage {key!r} {reason}; repair or remove it")
        if not needs_queries:
            return
        faults = {key: self._fault(key, text) for key, text in self.queries.items()} or {
            key: reason for key, reason in self.left_out.items() if reason != UNKNOWN
        }
        if not faults:
            raise DatasetError(
                f"{source}: no queries; write some with: "
                f"cvseeker generate --corpus {source} --out FILE"
            )
        faults |= {key: UNKNOWN for key in self.qrels if key not in self.queries}
        for key, reason in faults.items():
            if reason:
                raise DatasetError(f"{source}: query {key!r} {reason}")

    def _fault(self, query_id: str, text: Any) -> str:
        """Say why a query cannot be trained on or evaluated with; empty if it can."""
        if reason := _unusable(text) or _unusable(query_id):
            return f"{reason}; repair or remove it"
        grades = self.qrels.get(query_id, {})
        if not any(grade > 0 for grade in grades.values()):
            return "has no relevant passage; give it one or remove it"
        missing = next((key for key in grades if key not in self.corpus), None)
        if missing is not None:
            return (
                f"points to passage {missing!r}, which is not among the {len(self.corpus)} of the "
                "corpus"
            )
        return ""

    def usable(self) -> "RetrievalDataset":
        """Return it without the queries that cannot be answered or judged, which are named.

        A bad query costs itself and not the set: one without text or relevant passage, and one that
        points to a passage that is not there. What qrels say of unknown queries is left out too.
        """
        reasons = {key: UNKNOWN for key in self.qrels if key not in self.queries}
        for key, text in self.queries.items():
            if reason := self._fault(key, text):
                reasons[key] = reason
        if not reasons:
            return self
        kept = [key for key in self.queries if key not in reasons]
        return replace(
            self,
            queries={key: self.queries[key] for key in kept},
            qrels={key: self.qrels[key] for key in kept},
            kinds={key: kind for key, kind in self.kinds.items() if key not in reasons},
            left_out={**self.left_out, **reasons},
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


def _unusable(text: Any) -> str:
    """Say why a text cannot be used; empty if it can."""
    if not isinstance(text, str) or not text.strip():
        return "has no text"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "holds half a surrogate pair, which is no Unicode text"
    return ""
