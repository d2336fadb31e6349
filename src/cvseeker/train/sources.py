"""What fine-tuning reads: whose queries are trained on, and whose judge."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cvseeker.core.datasets import RetrievalDataset, read_dataset
from cvseeker.core.hashes import path_hashes
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.core.settings import IngestSettings
from cvseeker.core.training_settings import FinetuneSettings
from cvseeker.core.workspace import Workspace
from cvseeker.retrieval.holdout import balanced, hold_out, joined, with_cross_sections, with_persons
from cvseeker.retrieval.store import VectorStore

DEFAULT_SECTIONS = GenerateSettings()


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What fine-tuning reads, and which stage of which folder it becomes.

    Attributes
    ----------
    train, val
        LlamaIndex JSON or BEIR folders; without ``val``, a share of the persons is held out.
    workspace, stage
        The folder of stages, and the model's within.
    labels
        The stage of the workspace that the labels are from; ``None``: files of one's own.
    """

    train: Path
    val: Path | None
    workspace: Workspace
    stage: str = "model"
    labels: str | None = None

    @classmethod
    def from_files(cls, train: Path, val: Path | None, out: Path) -> Self:
        """Bind files of one's own; the model goes to ``out``."""
        workspace = Workspace.around(out, {"--train": train, "--val": val})
        return cls(train, val, workspace, workspace.only)

    @classmethod
    def from_workspace(cls, workspace: Workspace) -> Self:
        """Bind the newest labels of a workspace; the model goes to its stage ``model``."""
        labels = workspace.labels_stage()
        beir = workspace.require(labels) / "beir"
        return cls(beir / "train", beir / "val", workspace, labels=labels)

    @property
    def given(self) -> bool:
        """Whether the queries are somebody's own."""
        return self.labels is None

    def hashes(self) -> dict[str, str]:
        """Return name → hash of all that is read."""
        if self.labels:
            return self.workspace.output_hashes(self.labels)
        return path_hashes("train", self.train) | (path_hashes("val", self.val) if self.val else {})

    def sections(self, settings: GenerateSettings) -> Path | GenerateSettings:
        """Return where cross-section pairs were written beside the labels, or how they are made."""
        folder = self.workspace.sections_folder()
        return folder if self.labels and folder.is_dir() else settings

    def store(self) -> VectorStore | None:
        """Return where vectors are kept that other stages read, with a workspace."""
        return VectorStore(self.workspace.cache) if self.labels else None

    def read(self, *, similarity: float) -> tuple[RetrievalDataset, RetrievalDataset | None]:
        """Return the training and the validation split, the latter ``None`` if it has no queries.

        Parameters
        ----------
        similarity
            Passages that are as alike are one person's, where the data does not say whose they are.

        Raises
        ------
        DatasetError
            If a file is missing or cannot be used.
        """
        train = with_persons(read_dataset(self.train, split="train"), similarity=similarity)
        if self.val is None:
            return train, None
        split = "dev" if self.given else "val"
        val = read_dataset(self.val, split=split, needs_queries=self.given)
        return train, with_persons(val, similarity=similarity) if val.queries else None


@dataclass(frozen=True, slots=True)
class Sources:
    """What is trained on, and what models are judged by: other persons' data sets.

    ``everybody`` are the persons of both; ``None`` if those who judge have been held out before: in
    a workspace they are few, and to train on them as well has brought nothing.
    """

    train: RetrievalDataset
    judges: tuple[RetrievalDataset, ...]
    everybody: RetrievalDataset | None


def read_sources(
    train: RetrievalDataset,
    val: RetrievalDataset | None,
    settings: FinetuneSettings,
    sections: Path | GenerateSettings = DEFAULT_SECTIONS,
    *,
    given: bool = True,
) -> Sources:
    """Return what is trained on and judged by: the queries given, and cross-section pairs."""
    held_out_before = val is not None
    similarity = IngestSettings().duplicate_similarity
    train = with_persons(train, similarity=similarity)
    if val is None:
        train, val = hold_out(train, share=settings.val_share, seed=settings.seed)
    val = with_persons(val, similarity=similarity)
    training, held_out, judges = with_cross_sections(
        train, val, sections=sections, passages=settings.val_passages, given=given
    )
    own = balanced(*training, seed=settings.seed)
    others = balanced(*held_out, seed=settings.seed)
    return Sources(joined(own), judges, None if held_out_before else joined([*own, *others]))
