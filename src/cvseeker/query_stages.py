"""The stages that make a data set of passages: their queries, and which passages answer them."""

from pathlib import Path
from typing import Any

from cvseeker.config import Settings
from cvseeker.dataset import dataset_from_records, write_beir, write_llamaindex
from cvseeker.files import file_hash
from cvseeker.llm.door import open_door
from cvseeker.progress import Progress, silent
from cvseeker.queries.asking import PassageRequests
from cvseeker.queries.prompts import query_task
from cvseeker.records import SPLITS
from cvseeker.resumes.ingest import iterate_passages, load_names, load_passages, load_resumes
from cvseeker.workspace import StageResult, Workspace

LEDGER = "ledger.sqlite"


def generate_stage(
    workspace: Workspace, settings: Settings, progress: Progress = silent
) -> StageResult:
    """Passages → queries and qrels for each split."""
    by_llm = settings.generate.llm != "offline"
    work = _by_llm if by_llm else _offline
    return workspace.run_stage(
        "queries",
        _used(settings),
        {**workspace.output_hashes("ingest"), **_prompt_hash(settings)},
        lambda folder: work(workspace, settings, folder, progress),
        keeps=LEDGER,
        # What failed is asked for again.
        finished=lambda counts: not counts.get("unanswered"),
    )


def ledger_of(workspace: Workspace) -> Path:
    """Return where a workspace's ledger lies, whether or not there is one."""
    return workspace.stage_folder("queries") / LEDGER


def passage_requests(workspace: Workspace, settings: Settings) -> tuple[PassageRequests, int]:
    """Return what would be asked about a workspace's passages, and their number.

    Raises
    ------
    WorkspaceError
        If the résumés are not ingested.
    SettingsError
        If the prompt file or the prices cannot be used.
    """
    ingested = workspace.require("ingest")
    generate, llm = settings.generate, settings.llm
    task = query_task(generate, max_tokens=llm.max_tokens, temperature=llm.temperature)
    asking = PassageRequests(
        door=open_door(generate.llm, llm, task),
        passages=lambda: iterate_passages(ingested),
        names=load_names(ingested),
        mask=generate.mask,
    )
    return asking, sum(1 for _ in asking.passages())


def _used(settings: Settings) -> dict[str, Any]:
    """Return the settings that the queries depend on."""
    generate = settings.generate
    if generate.llm == "offline":
        chosen = {"llm", "seed"}
        return {**generate.model_dump(include=chosen), "per_passage": generate.queries_per_passage}
    used = generate.model_dump(mode="json", exclude={"seed", "prompt"})
    return {**used, **settings.llm.model_dump(include={"url", "temperature", "max_tokens"})}


def _prompt_hash(settings: Settings) -> dict[str, str]:
    prompt = settings.generate.prompt
    return {"prompt": file_hash(prompt)} if prompt is not None and prompt.is_file() else {}


def _by_llm(
    workspace: Workspace, settings: Settings, folder: Path, progress: Progress
) -> dict[str, Any]:
    from cvseeker.queries.llm import generate_with_llm

    asking, total = passage_requests(workspace, settings)
    return generate_with_llm(
        asking,
        folder,
        ledger=ledger_of(workspace),
        total=total,
        settings=settings.generate,
        progress=progress,
    )


def _offline(
    workspace: Workspace, settings: Settings, folder: Path, progress: Progress
) -> dict[str, Any]:
    from cvseeker.queries.offline.generate import generate_offline

    ingested = workspace.require("ingest")
    passages = load_passages(ingested)
    profiles = {resume.resume_id: resume.profile for resume in load_resumes(ingested)}
    queries = generate_offline(
        {passage.passage_id: passage.text for passage in passages},
        profiles={passage.passage_id: profiles[passage.resume_id] for passage in passages},
        settings=settings.generate,
        progress=progress,
    )
    counts: dict[str, Any] = {"queries": len(queries)}
    for split in SPLITS:
        members = [passage for passage in passages if passage.split == split]
        member_ids = {passage.passage_id for passage in members}
        dataset = dataset_from_records(
            members, [query for query in queries if query.passage_id in member_ids]
        )
        write_llamaindex(dataset, folder / f"{split}.json")
        write_beir(dataset, folder / "beir" / split, split=split)
        counts[split] = {"queries": len(dataset.queries), "passages": len(members)}
    return counts
