"""The search index: passages and their windows' vectors. Exact; rebuildable from the workspace."""

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np

from cvseeker.core.errors import WorkspaceError
from cvseeker.core.files import read_json, read_jsonl, write_json, write_jsonl
from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import Passage
from cvseeker.retrieval.codec import TokenCodes
from cvseeker.retrieval.encoder import Encoder, WindowEmbeddings
from cvseeker.retrieval.store import VectorStore
from cvseeker.retrieval.windows import Window

# float32 of unit length is off by 1e-6, bfloat16 by 4e-3; squared, by twice as much.
_LENGTH_TOLERANCE = 0.02
# What reading a damaged file raises; CVSeeker's own errors are ValueErrors.
UNREADABLE = (OSError, ValueError, EOFError, LookupError, TypeError, AttributeError, BadZipFile)


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
        """Read what :meth:`save` wrote.

        Raises
        ------
        WorkspaceError
            If a file is missing or damaged, or one does not fit another.
        """
        try:
            index = cls._load(folder)
            index._check()
        except UNREADABLE as error:
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise WorkspaceError(
                f"{folder}: damaged ({reason}); make it again with: "
                f"cvseeker index -w {shlex.quote(str(folder.parent))}"
            ) from error
        return index

    @classmethod
    def _load(cls, folder: Path) -> Self:
        facts: dict[str, Any] = read_json(folder / "index.json")
        windows = [Window(**row) for row in read_jsonl(folder / "windows.jsonl")]
        owners = np.array([window.passage for window in windows], dtype=np.int64)
        vectors = np.load(folder / "vectors.npy", mmap_mode="r", allow_pickle=False)
        if vectors.dtype != np.float32 or vectors.ndim != 2:
            raise ValueError(f"{vectors.dtype} vectors of shape {vectors.shape}")
        passages = [Passage.from_dict(row) for row in read_jsonl(folder / "passages.jsonl")]
        codes = TokenCodes.load(folder) if facts["codes"] else None
        if not isinstance(facts["model"], str):
            raise TypeError(f"the model is {facts['model']!r}")
        return cls(passages, WindowEmbeddings(windows, vectors, owners), facts["model"], codes)

    def _check(self) -> None:
        """Refuse what would show somebody with another's text, or rank by what is no vector."""
        windows, vectors = self.embeddings.windows, self.embeddings.vectors
        owners, count = self.embeddings.owners, len(self.passages)
        steps = np.diff(owners, prepend=-1, append=count)
        if ((steps != 0) & (steps != 1)).any() or (owners < 0).any():
            raise ValueError(f"windows that are not those of {count} passages")
        for window in windows:
            if not self.passages[window.passage].text.startswith(window.text, window.start):
                raise ValueError(f"window {window.text[:20]!r} is not in its passage")
        if len(vectors) != len(windows):
            raise ValueError(f"{len(vectors)} vectors of {len(windows)} windows")
        lengths = np.einsum("ij,ij->i", vectors, vectors)
        # A text without words may have no direction; not all of them have none.
        fits = (np.abs(lengths - 1) < _LENGTH_TOLERANCE) | (lengths == 0)
        if len(lengths) and not (bool(fits.all()) and bool(lengths.any())):
            raise ValueError("vectors that are not of unit length")
        if self.codes is not None and len(self.codes.bounds) != count + 1:
            raise ValueError(f"token codes of {len(self.codes.bounds) - 1} passages for {count}")
