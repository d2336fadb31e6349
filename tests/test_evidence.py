from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.evidence import dataset_facts


def test_facts_are_counted() -> None:
    dataset = RetrievalDataset(
        corpus={"a": "night nurse in triage", "b": "tax lawyer"},
        queries={"q1": "the nurses of the night", "q2": "tax adviser", "q3": "the"},
        qrels={"q1": {"a": 1}, "q2": {"a": 1, "b": 2}, "q3": {"b": 1, "a": 0}},
        kinds={"q1": "question", "q2": "title", "q3": "title"},
    )
    assert dataset_facts(dataset) == {
        "passages": 2,
        "queries": 3,
        "relevant_per_query": 1.3333,
        "words_per_passage": 3.0,
        "words_per_query": 2.6667,
        "queries_by_kind": {"question": 1, "title": 2},
        "lexical_overlap": 0.75,  # (2/2 + 1/2) / 2; "the" has no stem
    }


def test_overlap_is_not_known_where_resumes_are_judged() -> None:
    dataset = RetrievalDataset({"a#1": "nurse"}, {"q": "nurse"}, {"q": {"a": 1}})
    assert dataset_facts(dataset)["lexical_overlap"] is None


def test_overlap_is_that_of_the_relevant_passages_only() -> None:
    dataset = RetrievalDataset({"a": "nurse", "b": "chef"}, {"q": "nurse"}, {"q": {"b": 1, "a": 0}})
    assert dataset_facts(dataset)["lexical_overlap"] == 0.0
