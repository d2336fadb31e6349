"""Whether people get what was evaluated: `python benchmarks/search_quality.py WORKSPACE`.

The workspace is that of `cvseeker demo`. The 160 hand-written queries are asked of its index and of
the server's API; the nDCG@10 of both stands beside the evaluation's for the model that is in use.
"""

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from fastapi.testclient import TestClient

from cvseeker.core.datasets import read_judgements
from cvseeker.examples import demo_judgements
from cvseeker.retrieval.metrics import query_metrics
from cvseeker.search import CandidateSearch
from cvseeker.serve import create_app


def main() -> None:
    """Print the three figures."""
    workspace = Path(sys.argv[1])
    judged = read_judgements(demo_judgements())
    search = CandidateSearch.open(workspace)

    def by_index(query: str) -> list[str]:
        found = search.search(CandidateSearch.read(query), top_k=100)
        return [hit.resume_id for hit in found.hits]

    def mean(rank: Callable[[str], list[str]]) -> float:
        return statistics.fmean(
            query_metrics(rank(text), judged.qrels[query_id])["ndcg@10"]
            for query_id, text in judged.queries.items()
        )

    kept = json.loads((workspace / "model" / "manifest.json").read_text(encoding="utf-8"))
    in_use = kept["counts"]["verdict"]["kept"]
    metrics = json.loads((workspace / "evaluation" / "metrics.json").read_text(encoding="utf-8"))
    told = metrics["handwritten"]["systems"][f"hybrid({in_use})"]["ndcg@10"]
    print(f"evaluation, Search, {in_use}: {told:.4f}")
    print(f"index: {mean(by_index):.4f}")
    with TestClient(create_app(workspace), base_url="http://localhost") as client:

        def by_api(query: str) -> list[str]:
            answer = client.post("/api/search", json={"query": query, "top_k": 100})
            answer.raise_for_status()
            return [hit["resume_id"] for hit in answer.json()["hits"]]

        print(f"API: {mean(by_api):.4f}")


if __name__ == "__main__":
    main()
