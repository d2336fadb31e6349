"""Writing a data set: whole, or of any size, one passage and one query at a time."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Self

from cvseeker.core.datasets.dataset import RetrievalDataset
from cvseeker.core.datasets.qrels import HEADER, iterate_qrels, qrels_line
from cvseeker.core.files import read_jsonl, write_lines


def write_dataset(dataset: RetrievalDataset, path: Path, *, split: str = "test") -> None:
    """Write a data set: ``….json`` in LlamaIndex's form, else BEIR's folder with qrels of a split.

    LlamaIndex's form has neither grades nor kinds nor person groups.
    """
    if path.suffix == ".json":
        _write_llamaindex(
            path,
            queries=dataset.queries.items(),
            corpus=dataset.corpus.items(),
            relevant=(
                (query_id, [key for key, grade in grades.items() if grade > 0])
                for query_id, grades in dataset.qrels.items()
            ),
        )
        return
    with DatasetWriter(path, split=split) as writer:
        for passage_id, text in dataset.corpus.items():
            group = dataset.person_groups.get(passage_id, "")
            writer.add_passage(passage_id, text, person_group=group)
        for query_id, text in dataset.queries.items():
            grades, kind = dataset.qrels[query_id], dataset.kinds.get(query_id, "")
            writer.add_query(query_id, text, grades=grades, kind=kind)


class DatasetWriter:
    """Writes BEIR's ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv`` as rows come.

    Nothing is kept in memory. The files carry their names only once the ``with`` block has ended
    without an error; then ``llamaindex``, a JSON file, gets the same in LlamaIndex's form.
    """

    def __init__(self, folder: Path, *, split: str, llamaindex: Path | None = None) -> None:
        self.folder = folder
        self.passages = self.queries = 0
        self._qrels_path = folder / "qrels" / f"{split}.tsv"
        self._llamaindex = llamaindex
        self._stack = ExitStack()
        self._open: dict[Path, IO[str]] = {}

    def __enter__(self) -> Self:
        corpus, queries = self.folder / "corpus.jsonl", self.folder / "queries.jsonl"
        for path in (corpus, queries, self._qrels_path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Closed by the stack, whichever way the block ends.
            file = self._stack.enter_context(_part(path).open("w", encoding="utf-8", newline=""))
            self._open[path] = file
        self._corpus, self._queries, self._qrels = self._open.values()
        self._qrels.write(HEADER)
        return self

    def __exit__(self, sort: type[BaseException] | None, *rest: object) -> None:
        self._stack.close()
        # The passages last: as long as somebody's are there, so may be what belongs to them.
        for path in reversed(self._open):
            if sort is None:
                _part(path).replace(path)
            else:
                _part(path).unlink(missing_ok=True)
        if sort is None and self._llamaindex is not None:
            self._convert(self._llamaindex)

    def add_passage(self, passage_id: str, text: str, *, person_group: str = "") -> None:
        """Write one passage."""
        metadata = {"person_group": person_group} if person_group else {}
        self._corpus.write(_line(_id=passage_id, title="", text=text, metadata=metadata))
        self.passages += 1

    def add_query(
        self, query_id: str, text: str, *, grades: Mapping[str, int], kind: str = ""
    ) -> None:
        """Write one query and its grades."""
        metadata = {"kind": kind} if kind else {}
        self._queries.write(_line(_id=query_id, text=text, metadata=metadata))
        for passage_id, grade in grades.items():
            self._qrels.write(qrels_line(query_id, passage_id, grade))
        self.queries += 1

    def counts(self) -> dict[str, int]:
        """Return how much was written."""
        return {"queries": self.queries, "passages": self.passages}

    def _convert(self, path: Path) -> None:
        """Write LlamaIndex's form of what was written, without holding it."""
        corpus, queries = self.folder / "corpus.jsonl", self.folder / "queries.jsonl"
        _write_llamaindex(
            path,
            queries=((row["_id"], row["text"]) for row in read_jsonl(queries)),
            corpus=((row["_id"], row["text"]) for row in read_jsonl(corpus)),
            relevant=(
                (query_id, [passage_id for _, passage_id, grade in rows if grade > 0])
                for query_id, rows in groupby(iterate_qrels(self._qrels_path), key=itemgetter(0))
            ),
        )


def _write_llamaindex(
    path: Path,
    *,
    queries: Iterable[tuple[str, str]],
    corpus: Iterable[tuple[str, str]],
    relevant: Iterable[tuple[str, list[str]]],
) -> None:
    """Write LlamaIndex's JSON, an entry at a time."""

    def lines() -> Iterator[str]:
        yield "{\n"
        for name, entries in (
            ("queries", queries),
            ("corpus", corpus),
            ("relevant_docs", relevant),
        ):
            yield f'  "{name}": {{'
            end = "\n"
            for key, value in entries:
                text = json.dumps(value, ensure_ascii=False, allow_nan=False)
                yield f"{end}    {json.dumps(key, ensure_ascii=False)}: {text}"
                end = ",\n"
            yield "},\n" if end == "\n" else "\n  },\n"
        yield '  "mode": "text"\n}\n'

    write_lines(path, lines())


def _part(path: Path) -> Path:
    """Return where a file stands until it is complete."""
    return path.with_name(f".{path.name}.part")


def _line(**row: object) -> str:
    return f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n"
