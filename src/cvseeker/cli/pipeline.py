"""The commands that run the pipeline: ``demo``, ``run``, and its first stage, ``ingest``."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from cvseeker.cli.finetune import publish
from cvseeker.cli.options import JudgementsOption, SourcesArgument, WorkspaceOption, takes
from cvseeker.cli.streams import put, say
from cvseeker.core.settings import DEMO_SETTINGS, DEMO_WORKSPACE, Settings
from cvseeker.core.training_settings import HybridWeights


@takes(
    "finetune.base",
    start=DEMO_SETTINGS,
    examples=("", "-w /tmp/demo --base sentence-transformers/all-MiniLM-L6-v2"),
)
def demo(*, workspace: WorkspaceOption = DEMO_WORKSPACE, settings: Settings) -> None:
    """Run the whole pipeline on the bundled résumés.

    They are fictional. What the training changed is shown by four searches.
    """
    from cvseeker.cli.candidates import cards
    from cvseeker.cli.terminal import drawn_progress, print_ready, stdout
    from cvseeker.examples import DEMO_QUERIES, demo_judgements, demo_resumes
    from cvseeker.search import CandidateSearch

    _run([demo_resumes()], workspace, settings, judgements=demo_judgements())
    # Dense scores only: this shows what the training changed, without BM25's help.
    dense_only = HybridWeights(bm25=0, dense=1, late=0)
    with drawn_progress() as progress:
        before = CandidateSearch.open(
            workspace, weights=dense_only, untuned=True, progress=progress
        )
    after = CandidateSearch.open(workspace, weights=dense_only)
    for query in DEMO_QUERIES:
        for model, search in (("base", before), ("tuned", after)):
            found = search.search(search.read(query), top_k=settings.search.top_k)
            put(f'"{query}", {model} model')
            for card in cards(found, first=1):
                stdout().print(card)
    print_ready(workspace)


@takes(
    "finetune.base",
    "generate.llm",
    "llm.url",
    "llm.timeout_seconds",
    "finetune.epochs",
    examples=("resumes -w workspace --no-tune", "resumes more.csv -w workspace --llm gpt-4o-mini"),
)
def run(
    *,
    sources: SourcesArgument,
    workspace: WorkspaceOption,
    settings: Settings,
    judgements: JudgementsOption = None,
    no_tune: Annotated[
        bool, typer.Option("--no-tune", help="Stop once search works, with the model as it is.")
    ] = False,
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray",
            metavar="ADDRESS",
            help="Read, look at and encode résumés on a Ray cluster: host:port, auto, or local for "
            "one of this machine's processors.",
        ),
    ] = None,
) -> None:
    """Make your résumés searchable, then fine-tune on them.

    The same command completes an interrupted run.
    """
    from cvseeker.cli.terminal import print_ready
    from cvseeker.core.workspace import Workspace

    _run(sources, workspace, settings, judgements=judgements, tune=not no_tune, ray=ray)
    if settings.finetune.push_to_hub is not None and not no_tune:
        counts = (Workspace(workspace).manifest("model") or {})["counts"]
        publish(workspace / "model", counts, settings)
    print_ready(workspace, tuned=not no_tune)


@takes(
    "ingest",
    examples=("resumes -w workspace", "resumes more.csv -w workspace --test-share 0.3"),
)
def ingest(*, sources: SourcesArgument, workspace: WorkspaceOption, settings: Settings) -> None:
    """Read résumés and cut them into passages.

    Versions of one person's résumé are found and never split between training and testing.
    """
    from cvseeker.cli.terminal import drawn_progress, print_stage
    from cvseeker.core.workspace import Workspace
    from cvseeker.resumes import ingest_stage

    with drawn_progress() as progress:
        result = ingest_stage(Workspace(workspace), sources, settings, progress)
    print_stage("ingest", result)


def _run(
    sources: list[Path],
    workspace: Path,
    settings: Settings,
    *,
    judgements: Path | None,
    tune: bool = True,
    ray: str | None = None,
) -> None:
    from cvseeker import pipeline
    from cvseeker.cli.terminal import drawn_progress, print_stage, search_command
    from cvseeker.core.workspace import StageResult, Workspace

    run_all = pipeline.run
    if ray is not None:
        from cvseeker.scale import run_on_ray

        run_all = partial(run_on_ray, ray)
    done: list[str] = []

    def stage_done(stage: str, result: StageResult) -> None:
        print_stage(stage, result)
        done.append(stage)
        if tune and done == ["ingest", "index"]:
            say(f"  search works now, in another terminal: {search_command(workspace)}")

    with drawn_progress() as progress:
        run_all(
            sources,
            Workspace(workspace),
            settings,
            tune=tune,
            judgements=judgements,
            progress=progress,
            stage_done=stage_done,
        )
