"""Data sets written a row at a time are those written whole, and are there whole or not at all."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.datasets import DatasetWriter, RetrievalDataset, read_dataset, write_dataset

# Half a surrogate pair is no text.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip)


def write(dataset: RetrievalDataset, folder: Path) -> DatasetWriter:
    with DatasetWriter(folder, split="train", llamaindex=folder / "all.json") as writer:
        for key, text in dataset.corpus.items():
            writer.add_passage(key, text, person_group=dataset.person_groups.get(key, ""))
        for key, text in dataset.queries.items():
            writer.add_query(key, text, grades=dataset.qrels[key], kind=dataset.kinds.get(key, ""))
    return writer


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_it_is_what_is_written_whole(tiny_dataset: RetrievalDataset, tmp_path: Path) -> None:
    writer = write(tiny_dataset, tmp_path / "rows")
    write_dataset(tiny_dataset, tmp_path / "whole", split="train")
    write_dataset(tiny_dataset, tmp_path / "whole" / "all.json")
    assert files(tmp_path / "rows") == files(tmp_path / "whole")
    assert writer.counts() == {"queries": 6, "passages": 6}
    assert read_dataset(tmp_path / "rows", split="train") == tiny_dataset


@given(
    corpus=st.dictionaries(TEXT, TEXT, max_size=4),
    queries=st.dictionaries(TEXT, TEXT, max_size=4),
    grade=st.integers(0, 3),
)
def test_any_text_survives(
    tmp_path_factory: pytest.TempPathFactory,
    corpus: dict[str, str],
    queries: dict[str, str],
    grade: int,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    grades = {key: dict.fromkeys(corpus, grade) for key in queries}
    with DatasetWriter(folder, split="train", llamaindex=folder / "all.json") as writer:
        for key, text in corpus.items():
            writer.add_passage(key, text)
        for key, text in queries.items():
            writer.add_query(key, text, grades=grades[key])
    content = json.loads((folder / "all.json").read_text("utf-8"))
    assert content["corpus"] == corpus
    assert content["queries"] == queries
    if corpus:
        relevant = sorted(corpus) if grade else []
        assert {
            key: sorted(found) for key, found in content["relevant_docs"].items()
        } == dict.fromkeys(queries, relevant)


def test_an_empty_one_is_valid(tmp_path: Path) -> None:
    write_dataset(RetrievalDataset({}, {}, {}), tmp_path / "empty.json")
    content = json.loads((tmp_path / "empty.json").read_text("utf-8"))
    assert content == {"queries": {}, "corpus": {}, "relevant_docs": {}, "mode": "text"}


def test_an_error_leaves_the_old_files_alone(
    tiny_dataset: RetrievalDataset, tmp_path: Path
) -> None:
    write(tiny_dataset, tmp_path)
    before = files(tmp_path)

    def fail_halfway() -> None:
        with DatasetWriter(tmp_path, split="train") as writer:
            writer.add_passage("x", "half a data set")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_halfway()
    assert files(tmp_path) == before
