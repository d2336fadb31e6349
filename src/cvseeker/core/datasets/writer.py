"""Writing a data set of any size, one passage and one query at a time."""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import IO, Self

from cvseeker.core.datasets.qrels import HEADER, iterate_qrels, qrels_line
from cvseeker.core.files import read_jsonl, write_lines

_QRELS = "qrels/{split}.tsv"


class DatasetWriter:
    """Writes ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv`` as rows come.

    Nothing is kept in memory. The files carry their names only once the ``with`` block has ended
    without an error.

    Parameters
    ----------
    folder
        BEIR's folder; created where it is missing.
    split
        The qrels' name.
    """

    def __init__(self, folder: Path, *, split: str) -> None:
        self.folder = folder
        self.split = split
        self.passages = self.queries = 0
        self._stack = ExitStack()
        self._open: dict[Path, IO[str]] = {}

    def __enter__(self) -> Self:
        for name in ("corpus.jsonl", "queries.jsonl", _QRELS.format(split=self.split)):
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f".{path.name}.part")
            # Closed by the stack, whichever way the block ends.
            file = self._stack.enter_context(part.open("w", encoding="utf-8", newline=""))
            self._open[path] = file
        self._corpus, self._queries, self._qrels = self._open.values()
        self._qrels.write(HEADER)
        return self

    def __exit__(self, sort: type[BaseException] | None, *rest: object) -> None:
        self._stack.close()
        for path in self._open:
            part = path.with_name(f".{path.name}.part")
            if sort is None:
                part.replace(path)
            else:
                part.unlink(missing_ok=True)

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


def write_llamaindex_json(
    path: Path,
    *,
    queries: Iterable[tuple[str, str]],
    corpus: Iterable[tuple[str, str]],
    relevant: Iterable[tuple[str, list[str]]],
) -> None:
    """Write the JSON form of LlamaIndex's ``EmbeddingQAFinetuneDataset``, an entry at a time.

    Parameters
    ----------
    path
        The JSON file.
    queries, corpus
        Ids and texts.
    relevant
        Query ids and the ids of the passages that answer them.
    """

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


def convert_to_llamaindex(folder: Path, path: Path, *, split: str) -> None:
    """Write what a :class:`DatasetWriter` wrote in LlamaIndex's form as well.

    Parameters
    ----------
    folder, split
        As given to the writer.
    path
        The JSON file.
    """
    judged = groupby(iterate_qrels(folder / _QRELS.format(split=split)), key=itemgetter(0))
    write_llamaindex_json(
        path,
        queries=((row["_id"], row["text"]) for row in read_jsonl(folder / "queries.jsonl")),
        corpus=((row["_id"], row["text"]) for row in read_jsonl(folder / "corpus.jsonl")),
        relevant=(
            (query_id, [passage_id for _, passage_id, grade in rows if grade > 0])
            for query_id, rows in judged
        ),
    )


def _line(**row: object) -> str:
    return f"{json.dumps(row, ensure_ascii=False, allow_nan=False)}\n"
