"""The guard set: general queries that a tuned encoder must not have forgotten how to answer.

Sixty short passages about cooking, gardening, law, medicine, physics, software, networks, trade of
old, travel and sport, in fifteen clusters of four neighbours that are easily confused. Each has two
queries: one in the passage's own words, one that says the same in other words. All were written by
hand for CVSeeker. The packaged all-MiniLM-L6-v2 reaches nDCG@10 0.929 (0.988 on the first kind,
0.870 on the second): low enough to rise, high enough to fall.
"""

from functools import cache
from pathlib import Path

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.files import read_jsonl

GUARD_FILE = Path(__file__).with_name("guard.jsonl")
# What stands in a row beside the passage, and the kinds of the queries.
KINDS = ("close", "paraphrase")


@cache
def guard_dataset() -> RetrievalDataset:
    """Return the guard set; each query has one relevant passage, each passage its own group."""
    rows = list(read_jsonl(GUARD_FILE))
    asked = [(row, kind, f"{row['passage_id']}#{kind}") for row in rows for kind in KINDS]
    return RetrievalDataset(
        corpus={row["passage_id"]: row["text"] for row in rows},
        queries={query_id: row[kind] for row, kind, query_id in asked},
        qrels={query_id: {row["passage_id"]: 1} for row, _, query_id in asked},
        kinds={query_id: kind for _, kind, query_id in asked},
        person_groups={row["passage_id"]: row["passage_id"] for row in rows},
    )
