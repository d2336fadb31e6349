"""Searching a workspace: its index and the encoder that belongs to it."""

from pathlib import Path

from cvseeker.config import HybridWeights
from cvseeker.encoder.local import LocalEncoder
from cvseeker.progress import Progress, silent
from cvseeker.search.index import Index
from cvseeker.search.searcher import Searcher
from cvseeker.workspace import Workspace


def open_searcher(path: Path, *, weights: HybridWeights | None = None) -> Searcher:
    """Open the search of a workspace.

    Parameters
    ----------
    path
        The workspace.
    weights
        What counts how much; ``None``: as the model has learnt it.

    Raises
    ------
    WorkspaceError
        If the workspace has no index; the message names the command that builds it.
    """
    workspace = Workspace(path)
    index = Index.load(workspace.require("index"))
    encoder = LocalEncoder.from_name(index.model or str(workspace.require("model")))
    return Searcher(index, encoder, weights=weights)


def open_base_searcher(
    path: Path, *, weights: HybridWeights | None = None, progress: Progress = silent
) -> Searcher:
    """Open the same search with the base model in the tuned one's place, to see what changed.

    Parameters
    ----------
    path
        A workspace with an index and a tuned model.
    weights
        What counts how much; ``None``: as the model has learnt it.
    progress
        Called while the passages are encoded by the base model.

    Raises
    ------
    WorkspaceError
        If the workspace has no index or no tuned model.
    """
    workspace = Workspace(path)
    passages = Index.load(workspace.require("index")).passages
    workspace.require("model")
    encoder = LocalEncoder.from_name((workspace.manifest("model") or {})["counts"]["base"])
    index = Index.build(passages, encoder, model=encoder.name, progress=progress)
    return Searcher(index, encoder, weights=weights)
