import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvseeker.core.datasets import RetrievalDataset, read_dataset, read_judgements, write_dataset
from cvseeker.core.errors import DatasetError
from cvseeker.core.records import Passage, Query

AWKWARD = "first\u2028second\u2029third\x85fourth\rfifth\tsixth"

ids = st.text(min_size=1, max_size=8)
texts = st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()))


@st.composite
def datasets(draw: st.DrawFn, *, max_grade: int = 1) -> RetrievalDataset:
    corpus = draw(st.dictionaries(ids, texts, min_size=1, max_size=5))
    queries = draw(st.dictionaries(ids, texts, min_size=1, max_size=5))
    grades = st.dictionaries(
        st.sampled_from(sorted(corpus)), st.integers(1, max_grade), min_size=1, max_size=3
    )
    return RetrievalDataset(
        corpus=corpus,
        queries=queries,
        qrels={query_id: draw(grades) for query_id in queries},
        kinds={query_id: draw(texts) for query_id in sorted(queries)[:2]},
        person_groups={key: draw(texts) for key in sorted(corpus)[:2]},
    )


@settings(max_examples=50)
@given(datasets())
def test_llamaindex_round_trip(
    tmp_path_factory: pytest.TempPathFactory, dataset: RetrievalDataset
) -> None:
    path = tmp_path_factory.mktemp("dataset") / "train.json"
    write_dataset(dataset, path)
    again = read_dataset(path)
    assert (again.corpus, again.queries) == (dataset.corpus, dataset.queries)
    assert again.qrels == dataset.qrels


@settings(max_examples=50)
@given(datasets(max_grade=3))
def test_beir_round_trip(
    tmp_path_factory: pytest.TempPathFactory, dataset: RetrievalDataset
) -> None:
    folder = tmp_path_factory.mktemp("dataset")
    write_dataset(dataset, folder, split="test")
    assert read_dataset(folder) == dataset


def test_llamaindex_form_is_llamaindexs(tmp_path: Path, tiny_dataset: RetrievalDataset) -> None:
    path = tmp_path / "a.json"
    write_dataset(tiny_dataset, path)
    content = json.loads(path.read_text(encoding="utf-8"))
    assert list(content) == ["queries", "corpus", "relevant_docs", "mode"]
    assert content["mode"] == "text"
    assert content["relevant_docs"]["q1"] == ["ana-prunk#1"]


def test_a_grade_of_zero_is_not_relevant_in_llamaindex_form(tmp_path: Path) -> None:
    dataset = RetrievalDataset({"p": "a", "n": "b"}, {"q": "c"}, {"q": {"p": 2, "n": 0}})
    write_dataset(dataset, tmp_path / "a.json")
    assert read_dataset(tmp_path / "a.json").qrels == {"q": {"p": 1}}


def test_line_separators_inside_texts_survive(tmp_path: Path) -> None:
    dataset = RetrievalDataset({"p": AWKWARD}, {"q": AWKWARD}, {"q": {"p": 1}})
    write_dataset(dataset, tmp_path / "beir", split="test")
    write_dataset(dataset, tmp_path / "a.json")
    assert read_dataset(tmp_path / "beir").corpus["p"] == AWKWARD
    assert read_dataset(tmp_path / "a.json").queries["q"] == AWKWARD


def beir(folder: Path, **files: str) -> Path:
    """Write a sound BEIR folder, but for the files given."""
    content = {
        "corpus": '{"_id": "p1", "title": "", "text": "A pastry chef."}\n',
        "queries": '{"_id": "q1", "text": "chef"}\n{"_id": "q2", "text": "of another split"}\n',
        "test": "query-id\tcorpus-id\tscore\nq1\tp1\t1\n",
        **files,
    }
    (folder / "qrels").mkdir(parents=True)
    for name in ("corpus", "queries"):
        (folder / f"{name}.jsonl").write_text(content.pop(name), encoding="utf-8")
    for name, text in content.items():
        (folder / "qrels" / f"{name}.tsv").write_text(text, encoding="utf-8", newline="")
    return folder


def test_titles_stand_before_texts(tmp_path: Path) -> None:
    corpus = (
        '{"_id": "p1", "title": "Ana Prunk", "text": "A chef."}\n'
        '{"_id": "p2", "text": "No title."}\n{"_id": 3, "title": null, "text": "A number."}\n'
    )
    dataset = read_dataset(beir(tmp_path / "d", corpus=corpus))
    assert dataset.corpus == {"p1": "Ana Prunk\nA chef.", "p2": "No title.", "3": "A number."}


def test_the_test_split_is_read_of_several(tmp_path: Path) -> None:
    folder = beir(tmp_path / "d", dev="q2\tp1\t1\n")
    assert list(read_dataset(folder).queries) == ["q1"]
    (folder / "qrels" / "test.tsv").unlink()
    assert list(read_dataset(folder).queries) == ["q2"]


def test_judgements_may_name_what_is_in_no_corpus(tmp_path: Path) -> None:
    folder = beir(
        tmp_path / "d",
        queries='{"_id": "q1", "text": "chef", "metadata": {"kind": "title"}}\n'
        '{"_id": "q2", "text": "none"}\n',
        test="q1\tsales/ana.pdf\t2\nq2\tsales/ana.pdf\t0\n",
    )
    assert read_judgements(folder) == RetrievalDataset(
        {}, {"q1": "chef"}, {"q1": {"sales/ana.pdf": 2}}, {"q1": "title"}
    )


GOOD_AND_BAD = {
    "corpus": {"p1": "A pastry chef."},
    "queries": {"q1": "chef", "q2": "", "q3": "half \ud800", "q4": "x", "q5": "y"},
    "relevant_docs": {"q1": ["p1"], "q2": ["p1"], "q3": ["p1"], "q4": ["p9"], "q9": ["p1"]},
}


def test_a_bad_query_costs_itself_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    path.write_text(json.dumps(GOOD_AND_BAD), encoding="utf-8")
    dataset = read_dataset(path)
    assert dataset.queries == {"q1": "chef"}
    assert dataset.qrels == {"q1": {"p1": 1}}
    assert {key: reason.split(";")[0] for key, reason in dataset.left_out.items()} == {
        "q2": "has no text",
        "q3": "holds half a surrogate pair, which is no Unicode text",
        "q4": "points to passage 'p9', which is not among the 1 of the corpus",
        "q5": "has no relevant passage",
        "q9": "is named in the qrels alone",
    }


def test_a_bad_query_of_beir_costs_itself(tmp_path: Path) -> None:
    folder = beir(tmp_path / "d", test="q1\tp1\t1.0\nq2\tp7\t1\nq8\tp1\t1\n")
    dataset = read_dataset(folder)
    assert dataset.qrels == {"q1": {"p1": 1}}
    assert set(dataset.left_out) == {"q2", "q8"}


def test_byte_order_marks_are_passed_over(tmp_path: Path) -> None:
    folder = beir(tmp_path / "d")
    for path in (folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels" / "test.tsv"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_dataset(folder).qrels == {"q1": {"p1": 1}}
    path = tmp_path / "train.json"
    path.write_text(json.dumps(SOUND), encoding="utf-8-sig")
    assert read_dataset(path).queries == SOUND["queries"]


def test_ids_that_stand_twice_are_told(tmp_path: Path) -> None:
    row = '{"_id": "p1", "text": "A pastry chef."}\n'
    assert len(read_dataset(beir(tmp_path / "same", corpus=2 * row)).corpus) == 1
    other = row + row.replace("pastry", "night")
    refused(beir(tmp_path / "other", corpus=other), "'p1' stands twice, with different texts")


def test_odd_metadata_is_passed_over(tmp_path: Path) -> None:
    corpus = '{"_id": "p1", "text": "a", "metadata": "none"}\n'
    assert read_dataset(beir(tmp_path / "d", corpus=corpus)).person_groups == {}


def refused(path: Path, told: str) -> None:
    with pytest.raises(DatasetError) as caught:
        read_dataset(path)
    assert told in str(caught.value)
    assert path.name in str(caught.value)
    assert "\n" not in str(caught.value)


SOUND: dict[str, Any] = {
    "queries": {"q1": "chef"},
    "corpus": {"p1": "A pastry chef."},
    "relevant_docs": {"q1": ["p1"]},
    "mode": "text",
}


def test_a_corpus_alone_will_do_to_generate_for(tmp_path: Path) -> None:
    path = tmp_path / "corpus.json"
    path.write_text(json.dumps({"corpus": SOUND["corpus"]}), encoding="utf-8")
    assert read_dataset(path, needs_queries=False).corpus == SOUND["corpus"]
    refused(path, "no queries; write some with: cvseeker generate --corpus")
    folder = beir(tmp_path / "d", test="query-id\tcorpus-id\tscore\n")
    assert read_dataset(folder, needs_queries=False).queries == {}
    refused(folder, "no grade above 0 in test.tsv")


def test_subset_keeps_the_queries_that_it_can_answer() -> None:
    dataset = RetrievalDataset(
        corpus={"a": "1", "b": "2", "c": "3"},
        queries={"q1": "x", "q2": "y", "q3": "z"},
        qrels={"q1": {"a": 2, "c": 0}, "q2": {"a": 1, "c": 1}, "q3": {"c": 1}},
        kinds={"q1": "title", "q3": "skill"},
        person_groups={"a": "g", "c": "h"},
    )
    part = dataset.subset({"a", "b"})
    assert part == RetrievalDataset(
        {"a": "1", "b": "2"}, {"q1": "x"}, {"q1": {"a": 2}}, {"q1": "title"}, {"a": "g"}
    )
    part.check()


def test_records_become_a_data_set() -> None:
    passages = [Passage("p1", "r1", "text", person_group="g1"), Passage("p2", "r1", "more")]
    dataset = RetrievalDataset.from_records(passages, [Query("q1", "words", "title", "p2")])
    assert dataset.qrels == {"q1": {"p2": 1}}
    assert dataset.kinds == {"q1": "title"}
    assert dataset.person_groups["p1"] == "g1"
    dataset.check()


def test_a_beir_folder_of_several_splits_trains_on_its_training_split(tmp_path: Path) -> None:
    corpus = {"p1": "one", "p2": "two"}
    for split, target in (("train", "p1"), ("test", "p2")):
        dataset = RetrievalDataset(corpus, {"q1": "which"}, {"q1": {target: 1}})
        write_dataset(dataset, tmp_path, split=split)
    assert read_dataset(tmp_path, split="train").qrels == {"q1": {"p1": 1}}
    assert read_dataset(tmp_path).qrels == {"q1": {"p2": 1}}
