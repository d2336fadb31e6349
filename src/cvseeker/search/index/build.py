"""An index brought up to date: what is new or changed is encoded, and who has gone, goes."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from cvseeker.core.errors import WorkspaceError
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.progress import Progress, silent
from cvseeker.retrieval.encoder import Encoder
from cvseeker.retrieval.store import VectorStore
from cvseeker.search.index.base import Candidate
from cvseeker.search.index.candidates import CandidateIndex
from cvseeker.search.index.files import HEADER

# Candidates that are encoded before they are flushed: what a kill costs, and what memory holds.
CHUNK = 1024


def resume_index(folder: Path, previous: Path | None, model: str, identity: str) -> CandidateIndex:
    """Open what an interrupted run left in a folder, or start there with what another holds.

    Parameters
    ----------
    folder
        Where the index is to be.
    previous
        A whole index; its files are linked, not copied, as they never change.
    model, identity
        The encoder's. An index by any other is as good as none.
    """
    for place in (folder, previous):
        if place is None or not (place / HEADER).is_file():
            continue
        try:
            found = CandidateIndex.open(place)
        except WorkspaceError:
            continue
        if (found.model, found.identity) == (model, identity):
            if place != folder:
                _link(place, folder)
            return CandidateIndex.open(folder)
    return CandidateIndex(model=model, identity=identity, folder=folder)


def index_candidates(
    index: CandidateIndex,
    candidates: Iterable[Candidate],
    encoder: Encoder,
    store: VectorStore,
    progress: Progress = silent,
    *,
    sequence: int = 0,
    mapper: Mapper = map_here,
) -> dict[str, int]:
    """Let an index hold these candidates and no others.

    Parameters
    ----------
    index
        Written chunk by chunk: after a kill the next call goes on.
    candidates
        Everybody; those whose passages are as the index has them cost nothing.
    encoder, store
        What encodes the others, and where vectors are kept.
    progress
        Called with the passages, then with the candidates done.
    sequence
        The last change that the candidates have seen, remembered once all of them are there.
    mapper
        Where passages are encoded: here as they are indexed, elsewhere all of them before.

    Returns
    -------
    dict
        How many were ``encoded``, as they are new or changed, and ``removed``.
    """
    known, gone, wanted = index.digests(), set(index.digests()), []
    for candidate in candidates:
        gone.discard(candidate.number)
        if known.get(candidate.number) != candidate.digest:
            wanted.append(candidate)
    index.delete(gone)
    chunks = [wanted[begin : begin + CHUNK] for begin in range(0, len(wanted), CHUNK)]
    corpora = [[one.text for candidate in chunk for one in candidate.passages] for chunk in chunks]
    if mapper is not map_here:
        store.encode_ahead(encoder, corpora, mapper, progress, codec=index.codec)
    done = 0
    for chunk, texts in zip(chunks, corpora, strict=True):
        index.upsert(chunk, store.encode_corpus(encoder, texts, progress, codec=index.codec))
        index.flush(index.sequence)
        done += len(chunk)
        progress("index", done, len(wanted), "candidates")
    if gone:
        index.flush(index.sequence)
    if gone or wanted:
        index.choose_engine()
    index.flush(sequence)
    return {"encoded": len(wanted), "removed": len(gone)}


def _link(source: Path, folder: Path) -> None:
    for path in source.iterdir():
        if path.suffix in {".segment", ".json", ".safetensors"} and path.name != "manifest.json":
            try:
                os.link(path, folder / path.name)
            except OSError:  # of a file system without links
                shutil.copy2(path, folder / path.name)
