"""The whole story: a folder of résumés becomes a search, a tuned model and an honest report."""

from collections.abc import Callable, Sequence
from pathlib import Path

from cvseeker.core.conditions import check_reachable, check_room
from cvseeker.core.datasets import read_judgements
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.progress import Progress, silent
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace, exclusive
from cvseeker.evaluate import check_evaluate, evaluate_stage
from cvseeker.queries import check_llm, generate_stage
from cvseeker.resumes import ingest_stage
from cvseeker.retrieval.models import choose_model
from cvseeker.search import index_stage
from cvseeker.train import TrainingData, check_finetune, finetune_stage

# Bytes that the stages of a few thousand résumés leave, and copies of the base at the worst moment:
# two checkpoints with what the optimiser remembers, the mixtures, the tuned model.
ROOM, COPIES = 100e6, 8

StageDone = Callable[[str, StageResult], None]


@exclusive
def run(
    sources: Sequence[Path],
    workspace: Workspace,
    settings: Settings,
    *,
    tune: bool = True,
    judgements: Path | None = None,
    progress: Progress = silent,
    stage_done: StageDone = lambda stage, result: None,
    mapper: Mapper = map_here,
) -> None:
    """Turn résumés into a search index, a tuned encoder, a better index, and a report on them.

    Every stage is skipped while its inputs and settings are unchanged, so the same call completes
    a run that was interrupted.

    Parameters
    ----------
    sources
        Files and folders of résumés.
    workspace
        Where each stage's outcome lies.
    settings
        All stages' settings.
    tune
        Whether to go on after the first index.
    judgements
        A folder of hand-written queries and qrels that name résumés, to evaluate on as well.
    progress
        Called while a stage works.
    stage_done
        Called with each stage's name and outcome; with ``index`` twice.
    mapper
        Where files are read, texts are looked at and passages are encoded.

    Raises
    ------
    CVSeekerError
        If the sources, settings or models cannot be used.
    """
    _check(workspace, settings, judgements if tune else None, tune=tune)
    stage_done("ingest", ingest_stage(workspace, sources, settings, progress, mapper=mapper))
    # Search works from here on: untuned, or by the model of an earlier run.
    stage_done("index", index_stage(workspace, settings, progress, mapper=mapper))
    if not tune:
        return
    stage_done("queries", generate_stage(workspace, settings, progress, mapper=mapper))
    training = TrainingData.from_workspace(workspace)
    stage_done("model", finetune_stage(training, settings, progress))
    # At once: an index of the model before cannot be searched any more.
    stage_done("index", index_stage(workspace, settings, progress, mapper=mapper))
    stage_done("evaluation", evaluate_stage(workspace, settings, progress, judgements=judgements))


def _check(
    workspace: Workspace, settings: Settings, judgements: Path | None, *, tune: bool
) -> None:
    """Refuse before the first stage what would stop a later one."""
    base = Path(choose_model(settings.finetune.base).location)
    weights = sum(path.stat().st_size for path in base.glob("**/*.safetensors"))
    check_room(workspace.path, ROOM + COPIES * weights if tune else ROOM)
    if judgements is not None:
        read_judgements(judgements)
    if tune:
        check_llm(settings)
        check_finetune(settings.finetune)
        check_evaluate(settings.finetune.base, settings.evaluate)
    if tune and settings.generate.llm != "offline" and workspace.manifest("queries") is None:
        check_reachable(settings.llm.url)
