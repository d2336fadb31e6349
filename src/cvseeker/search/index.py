"""The search index: passages and their windows' vectors. Exact; rebuildable from the workspace."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from cvseeker.core.files import read_json, read_jsonl, write_json, write_jsonl
from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import Passage
from cvseeker.retrieval.codec import TokenCodes
from cvseeker.retrieval.encoder import Encoder, WindowEmbeddings
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.windows import Window


@dataclass(frozen=True, slots=True)
class Index:
    """Everything that a search needs but the encoder.

    Attributes
    ----------
    passages
        In the order of the embeddings; a résumé's passages follow one another.
    embeddings
        Their windows, encoded.
    model
        Folder or name of the encoder that made the embeddings and must encode the queries.
    codes
        The passages' token vectors, for late interaction; ``None`` where the encoder gives none.
    """

    passages: list[Passage]
    embeddings: WindowEmbeddings
    model: str
    codes: TokenCodes | None = None

    @classmethod
    def build(
        cls,
        passages: Sequence[Passage],
        encoder: Encoder,
        *,
        model: str,
        store: VectorStore | None = None,
        progress: Progress = silent,
    ) -> Self:
        """Encode the passages.

        Parameters
        ----------
        passages
            What is to be found.
        encoder
            Encodes them.
        model
            How the encoder is loaded again for queries.
        store
            Where vectors are kept; ``None``: nowhere.
        progress
            Called with the passages done.
        """
        texts = [passage.text for passage in passages]
        corpus = (store or VectorStore()).encode_corpus(encoder, texts, progress)
        return cls(list(passages), corpus.embeddings, model, corpus.codes)

    def save(self, folder: Path) -> None:
        """Write passages, windows and vectors, the token codes, and ``index.json`` last."""
        write_jsonl(folder / "passages.jsonl", (passage.to_dict() for passage in self.passages))
        write_jsonl(
            folder / "windows.jsonl",
            (asdict(window) for window in self.embeddings.windows),
        )
        np.save(folder / "vectors.npy", self.embeddings.vectors)
        if self.codes is not None:
            self.codes.save(folder)
        write_json(folder / "index.json", {"model": self.model, "codes": self.codes is not None})

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote."""
        facts: dict[str, Any] = read_json(folder / "index.json")
        windows = [Window(**row) for row in read_jsonl(folder / "windows.jsonl")]
        owners = np.array([window.passage for window in windows], dtype=np.int64)
        vectors = np.load(folder / "vectors.npy", mmap_mode="r")
        passages = [Passage.from_dict(row) for row in read_jsonl(folder / "passages.jsonl")]
        codes = TokenCodes.load(folder) if facts.get("codes") else None
        return cls(passages, WindowEmbeddings(windows, vectors, owners), facts["model"], codes)
