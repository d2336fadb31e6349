"""The data set of LlamaIndex's fine-tuning, and its conversion to CVSeeker's own."""

from pathlib import Path
from typing import Protocol, Self

from pydantic import BaseModel, ValidationError

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.core.errors import DatasetError
from cvseeker.core.files import read_json, write_json


class EmbeddingQAFinetuneDataset(BaseModel):
    """Questions, passages, and which passages answer which question, as LlamaIndex keeps them.

    Has the fields, methods and JSON of LlamaIndex's class of the same name, which its newer
    versions no longer have.

    Attributes
    ----------
    queries, corpus
        Ids → texts.
    relevant_docs
        Query id → ids of the passages that answer it.
    mode
        ``text``.
    """

    queries: dict[str, str]
    corpus: dict[str, str]
    relevant_docs: dict[str, list[str]]
    mode: str = "text"

    @property
    def query_docid_pairs(self) -> list[tuple[str, list[str]]]:
        """Each query's text with the ids of its passages."""
        return [(text, self.relevant_docs[key]) for key, text in self.queries.items()]

    def save_json(self, path: str) -> None:
        """Write the data set to a JSON file."""
        write_json(Path(path), self.model_dump())

    @classmethod
    def from_json(cls, path: str) -> Self:
        """Read a data set from a JSON file.

        Raises
        ------
        DatasetError
            If the file holds none.
        """
        try:
            return cls.model_validate(read_json(Path(path)))
        except ValidationError as error:
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            raise DatasetError(
                f"{path}: {where or 'content'!r}: {error.errors()[0]['msg'].lower()}; expected "
                "LlamaIndex's JSON with 'queries', 'corpus' and 'relevant_docs'"
            ) from error


class _DatasetLike(Protocol):
    """LlamaIndex's class, of whichever package and version, or ours."""

    queries: dict[str, str]
    corpus: dict[str, str]
    relevant_docs: dict[str, list[str]]


def to_llama_index(dataset: RetrievalDataset) -> EmbeddingQAFinetuneDataset:
    """Return a data set in LlamaIndex's form; grades above 0 are relevant."""
    return EmbeddingQAFinetuneDataset(
        queries=dict(dataset.queries),
        corpus=dict(dataset.corpus),
        relevant_docs={
            query_id: [key for key, grade in grades.items() if grade > 0]
            for query_id, grades in dataset.qrels.items()
        },
    )


def from_llama_index(dataset: _DatasetLike) -> RetrievalDataset:
    """Return LlamaIndex's data set as CVSeeker's own, checked.

    Raises
    ------
    DatasetError
        If it cannot be used; see :meth:`~cvseeker.core.datasets.RetrievalDataset.check`.
    """
    converted = RetrievalDataset(
        corpus=dict(dataset.corpus),
        queries=dict(dataset.queries),
        qrels={key: dict.fromkeys(found, 1) for key, found in dataset.relevant_docs.items()},
    )
    converted.check("the LlamaIndex data set")
    return converted
