"""Segments: files of some thousand candidates each, which never change once they are written.

A change writes the segments anew that it touches, beside the old ones, and then ``index.json``,
which names those that count. So whoever reads goes on with what it has opened, a kill leaves the
index as it was, and nothing of a candidate who is gone stays in a file that counts.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from cvseeker.core.files import replacing
from cvseeker.core.hashes import text_hash
from cvseeker.core.records import Passage
from cvseeker.retrieval.bm25 import stems
from cvseeker.retrieval.codec import sign_words
from cvseeker.retrieval.corpus import ROWS as ENCODED
from cvseeker.retrieval.corpus import Arrays, EncodedCorpus
from cvseeker.retrieval.ragged import bounds_of, rows_of, take_rows
from cvseeker.retrieval.windows import FloatArray, IntArray
from cvseeker.search.index.base import Candidate

# Candidates of a segment: 75 MB of vectors and as much of token codes.
SIZE = 4096
# Arrays with a row a candidate, and those with some rows a passage, by the array of how many.
PER_CANDIDATE = ("numbers", "digests", "passages")
PER_PASSAGE = {**ENCODED, "words": (), "stems": ("stem_keys", "stem_counts"), "bytes": ("text",)}
# By word: its passages, and how often it stands in each. Made of the arrays above.
POSTINGS = ("terms", "term_bounds", "term_passages", "term_counts")
DTYPES = {
    "F64": "f8",
    "F32": "f4",
    "I64": "i8",
    "I32": "i4",
    "U64": "u8",
    "U32": "u4",
    "U16": "u2",
    "U8": "u1",
}


@dataclass(frozen=True)
class Segment:
    """Some candidates, one after the other, and all that a search needs of their passages.

    ``arrays`` are those that ``PER_CANDIDATE``, ``PER_PASSAGE`` and ``POSTINGS`` name, in memory or
    on the disk.
    """

    arrays: Arrays

    @classmethod
    def from_corpus(cls, candidates: Sequence[Candidate], corpus: EncodedCorpus) -> Self:
        """Take candidates whose passages, in this order, are the corpus."""
        passages = [passage for candidate in candidates for passage in candidate.passages]
        words = [Counter(stems(passage.text)) for passage in passages]
        lines = [json.dumps(_shown(one), ensure_ascii=False).encode() for one in passages]
        keys = [term_key(stem) for counts in words for stem in counts]
        counts = [min(count, 65_535) for one in words for count in one.values()]
        encoded = {
            name: corpus.arrays[name] for size, names in ENCODED.items() for name in (size, *names)
        }
        arrays: dict[str, NDArray[Any]] = {
            "numbers": np.array([one.number for one in candidates], np.int64),
            "digests": np.array([one.digest for one in candidates], np.int64),
            "passages": np.array([len(one.passages) for one in candidates], np.int64),
            "words": np.array([counts.total() for counts in words], np.int64),
            "stems": np.array([len(counts) for counts in words], np.int64),
            "stem_keys": np.array(keys, np.uint64),
            "stem_counts": np.array(counts, np.uint16),
            "bytes": np.array([len(line) for line in lines], np.int64),
            "text": np.frombuffer(b"".join(lines), np.uint8),
        }
        return cls({**encoded, **arrays})

    @classmethod
    def joined(cls, segments: Sequence[Self]) -> Self:
        """Return one segment of all their candidates."""
        names = [*PER_CANDIDATE, *PER_PASSAGE, *(n for row in PER_PASSAGE.values() for n in row)]
        return cls({name: np.concatenate([s.arrays[name] for s in segments]) for name in names})

    def take(self, chosen: IntArray) -> Self:
        """Return a segment of some of the candidates, by their rows."""
        arrays = {name: self.arrays[name][chosen] for name in PER_CANDIDATE}
        passages = rows_of(self.bounds["passages"], chosen)
        return type(self)({**arrays, **take_rows(self.arrays, passages, PER_PASSAGE)})

    def derived(self) -> Self:
        """Add which passages have which word, and the signs of the windows' vectors."""
        keys = self.arrays["stem_keys"]
        order = np.argsort(keys, kind="stable")
        terms, first = np.unique(keys[order], return_index=True)
        owners = np.repeat(np.arange(len(self), dtype=np.int32), self.arrays["stems"])
        postings = (
            terms,
            np.append(first, len(keys)).astype(np.int64),
            owners[order],
            self.arrays["stem_counts"][order],
        )
        signs = {"signs": packed_signs(self.vectors)}
        return type(self)({**self.arrays, **dict(zip(POSTINGS, postings, strict=True)), **signs})

    def __len__(self) -> int:
        """Return the number of passages."""
        return len(self.arrays["windows"])

    @property
    def numbers(self) -> IntArray:
        """The candidates', in the order of their rows."""
        numbers: IntArray = self.arrays["numbers"]
        return numbers

    @property
    def vectors(self) -> FloatArray:
        """The windows', shape (n_windows, dim), float32, unit length."""
        vectors: FloatArray = self.arrays["vectors"]
        return vectors

    @cached_property
    def bounds(self) -> Mapping[str, IntArray]:
        """Owner i has the rows from ``[i]`` to ``[i + 1]`` in the arrays that are so ragged."""
        return {name: bounds_of(self.arrays[name]) for name in ("passages", *PER_PASSAGE)}

    @cached_property
    def window_bounds(self) -> IntArray:
        """Candidate i has the windows from ``[i]`` to ``[i + 1]``."""
        return self.bounds["windows"][self.bounds["passages"]]

    def passage(self, position: int) -> Passage:
        """Return one of the passages."""
        begin, end = self.bounds["bytes"][position : position + 2]
        return Passage.from_dict(json.loads(self.arrays["text"][begin:end].tobytes()))

    def postings(self, key: np.uint64) -> tuple[NDArray[np.int32], NDArray[np.uint16]]:
        """Return the passages that have a word, and how often it stands in each."""
        terms, bounds, passages, counts = (self.arrays[name] for name in POSTINGS)
        at = int(np.searchsorted(terms, key))
        if at == len(terms) or terms[at] != key:
            return passages[:0], counts[:0]
        return passages[bounds[at] : bounds[at + 1]], counts[bounds[at] : bounds[at + 1]]

    def check(self, code_bytes: int) -> None:
        """Refuse arrays that do not fit one another, or whose codes are of another width."""
        sizes = {"passages": PER_CANDIDATE[:2], **PER_PASSAGE}
        arrays = self.arrays
        for size, names in sizes.items():
            rows = len(arrays[size]) if size == "passages" else int(arrays[size].sum())
            if (arrays[size] < 0).any() or any(len(arrays[name]) != rows for name in names):
                raise ValueError(f"{names} do not fit the numbers of their {size}")
        if any(len(arrays[size]) != arrays["passages"].sum() for size in PER_PASSAGE):
            raise ValueError("candidates and passages do not fit one another")
        if (arrays["passages"] < 1).any() or (arrays["windows"] < 1).any():
            raise ValueError("a candidate without passages, or one without windows")
        bounds, passages = arrays["term_bounds"], arrays["term_passages"]
        if len(bounds) != len(arrays["terms"]) + 1 or bounds[-1] != len(passages):
            raise ValueError("words and their passages do not fit one another")
        if len(passages) != len(arrays["term_counts"]) or (passages >= len(self)).any():
            raise ValueError("words of other passages")
        if arrays["vectors"].ndim != 2 or arrays["vectors"].dtype != np.float32:
            raise ValueError(f"{arrays['vectors'].dtype} vectors of {arrays['vectors'].ndim} axes")
        windows, dim = arrays["vectors"].shape
        if arrays["signs"].shape != (-(-dim // 64), windows):
            raise ValueError(f"signs of shape {arrays['signs'].shape}")
        if arrays["codes"].ndim != 2 or arrays["codes"].shape[1] != code_bytes:
            raise ValueError(f"token codes of shape {arrays['codes'].shape}")

    def save(self, path: Path) -> None:
        """Write one file, whole or not at all."""
        from safetensors.numpy import save_file

        arrays = {name: np.ascontiguousarray(array) for name, array in self.arrays.items()}
        with replacing(path) as scratch:
            save_file(arrays, scratch)

    @classmethod
    def load(cls, path: Path, code_bytes: int) -> Self:
        """Open what :meth:`save` wrote, which stays on the disk until it is used.

        Raises
        ------
        ValueError
            If it is damaged, or its token codes are not of so many bytes.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "numpy"):  # which also looks whether its arrays fill the file
                pass
        except SafetensorError as error:
            raise ValueError(f"{path.name}: {error}") from error
        with path.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        data = np.memmap(path, np.uint8, "r", offset=8 + size)
        segment = cls(dict(_views(data, header)))
        segment.check(code_bytes)
        return segment


def packed_signs(vectors: FloatArray) -> NDArray[np.uint64]:
    """Return the signs of vectors, (n, dim): 64 of every vector in a row, (dim / 64, n)."""
    return sign_words(np.packbits(vectors > 0, axis=1))


def _shown(passage: Passage) -> dict[str, Any]:
    """Return of a passage what a hit shows."""
    shown = {"passage_id": passage.passage_id, "resume_id": passage.resume_id}
    return {**shown, "text": passage.text, "sections": passage.sections}


def _views(
    data: NDArray[np.uint8], header: Mapping[str, Any]
) -> Iterable[tuple[str, NDArray[Any]]]:
    for name, facts in header.items():
        if name != "__metadata__":
            begin, end = facts["data_offsets"]
            array = data[begin:end].view(f"<{DTYPES[facts['dtype']]}")
            yield name, np.asarray(array).reshape(facts["shape"])


@lru_cache(maxsize=50_000)
def term_key(stem: str) -> np.uint64:
    """Return a word's number, the same in every index."""
    return np.uint64(int.from_bytes(blake2b(stem.encode(), digest_size=8).digest(), "little"))


def name_of(segment: Segment, identity: str) -> str:
    """Return what changes with a segment's candidates or their encoder, as a file's name."""
    lists = (segment.arrays[name].tolist() for name in ("numbers", "digests"))
    return text_hash(identity, *map(str, lists))
