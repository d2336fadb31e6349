"""The stage ``ingest``: files → résumés, passages, person groups and splits."""

from collections.abc import Sequence
from pathlib import Path

from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.resumes.ingest import ingest, input_hashes


def ingest_stage(
    workspace: Workspace, sources: Sequence[Path], settings: Settings, progress: Progress = silent
) -> StageResult:
    """Files → résumés, passages, person groups and splits."""
    return workspace.run_stage(
        "ingest",
        settings.ingest.model_dump(exclude={"workers"}),
        input_hashes(sources),
        lambda folder: ingest(sources, folder, settings=settings.ingest, progress=progress),
    )
