"""The data set of LlamaIndex's fine-tuning, and how any of its forms is read."""

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from cvseeker.core.datasets import RetrievalDataset, read_dataset
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
        """Read a data set from a JSON file; a `DatasetError` says that the file holds none."""
        return cls._validate(read_json(Path(path)), path, "LlamaIndex's JSON file of one")

    @classmethod
    def _validate(cls, value: Any, source: str, expected: str) -> Self:
        try:
            return cls.model_validate(value, from_attributes=True)
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"])) or "value"
            raise DatasetError(
                f"{source}: {where!r}: {problem['msg'].lower()}; expected an "
                f"EmbeddingQAFinetuneDataset, or {expected}"
            ) from error


def read_any(dataset: Any, name: str, *, split: str) -> RetrievalDataset:
    """Return a data set of whichever form as CVSeeker's own, checked."""
    if isinstance(dataset, str | Path):
        return read_dataset(Path(dataset).expanduser(), split=split)
    source = f"{name} {type(dataset).__name__}"
    expected = "the path of a LlamaIndex JSON file or a BEIR folder"
    theirs = EmbeddingQAFinetuneDataset._validate(dataset, source, expected)
    qrels = {key: dict.fromkeys(found, 1) for key, found in theirs.relevant_docs.items()}
    converted = RetrievalDataset(theirs.corpus, theirs.queries, qrels)
    converted.check("the LlamaIndex data set")
    return converted
