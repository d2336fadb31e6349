"""The stages that make a data set of passages: their queries, and which passages answer them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.files import text_hash
from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import SPLITS
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace
from cvseeker.llm import ChatClient
from cvseeker.queries.asking import PassageRequests
from cvseeker.queries.prompts import query_task
from cvseeker.resumes import Ingested
from cvseeker.retrieval.models import choose_model, model_identity

if TYPE_CHECKING:
    from cvseeker.queries.judging.labels import Judging

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
        {**workspace.output_hashes("ingest"), **_read_besides(settings)},
        lambda folder: work(workspace, settings, folder, progress),
        keeps=LEDGER,
        # What failed is asked for again.
        finished=lambda counts: not counts.get("unanswered"),
    )


def check_llm(settings: Settings) -> None:
    """Refuse what would stop an LLM's run later: no key, no address, no price, no prompt file.

    Raises
    ------
    InputError
        If something is missing; nothing was read or sent.
    """
    if settings.generate.llm != "offline":
        task = query_task(settings.generate)
        ChatClient.open(settings.generate.llm, settings.llm, task).endpoint.key()


def judge_stage(
    workspace: Workspace, settings: Settings, progress: Progress = silent
) -> StageResult:
    """Judge what rankers put first for each query of a split: → graded, multi-positive qrels."""

    def work(folder: Path) -> dict[str, Any]:
        from cvseeker.queries.judging.labels import label_datasets

        judging = queries_to_judge(workspace)
        ledger = ledger_of(workspace)
        labels = label_datasets(judging, settings, ledger=ledger, progress=progress)
        labels.write_account(folder / "grades.jsonl", folder / "dropped.jsonl")
        for split, dataset in labels.datasets.items():
            _write_split(dataset, folder, split)
        return labels.counts

    judge, llm = settings.judge, settings.llm
    by_llm = judge.llm != "offline"
    asked = {"mask", "url", "temperature", "max_tokens"} if by_llm else set()
    used = {**judge.model_dump(), **llm.model_dump()}
    return workspace.run_stage(
        "judged",
        {
            **{name: used[name] for name in ("llm", "depth", *sorted(asked))},
            "windows": settings.finetune.windows.model_dump(),
        },
        {
            "base": model_identity(choose_model(settings.finetune.base)),
            **workspace.output_hashes("ingest"),
            **workspace.output_hashes("queries"),
        },
        work,
        # What got no reply is asked about again.
        finished=lambda counts: not counts.get("unanswered"),
    )


def queries_to_judge(workspace: Workspace) -> "Judging":
    """Return a workspace's queries with what is known of the candidates.

    Raises
    ------
    WorkspaceError
        If there are no queries.
    """
    from cvseeker.queries.judging.labels import Judging

    queries, ingested = workspace.require("queries"), Ingested(workspace.require("ingest"))
    resume_of = {row.passage_id: row.resume_id for row in ingested.passages()}
    names = ingested.names()
    years = {
        resume.resume_id: resume.profile.years
        for resume in ingested.resumes()
        if resume.profile.years is not None
    }
    return Judging(
        datasets={split: _read_split(queries / "beir" / split, split) for split in SPLITS},
        names={key: names[resume] for key, resume in resume_of.items() if resume in names},
        years={key: years[resume] for key, resume in resume_of.items() if resume in years},
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
    ingested = Ingested(workspace.require("ingest"))
    generate, llm = settings.generate, settings.llm
    task = query_task(generate, max_tokens=llm.max_tokens, temperature=llm.temperature)
    asking = PassageRequests(
        client=ChatClient.open(generate.llm, llm, task),
        passages=ingested.passages,
        names=ingested.names(),
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


def _read_besides(settings: Settings) -> dict[str, str]:
    """Return the hashes of what an LLM's queries depend on beside the passages."""
    generate = settings.generate
    if generate.llm == "offline":
        return {}
    read = {"instructions": text_hash(query_task(generate).system)}
    if generate.round_trip == "base":
        read["base"] = model_identity(choose_model(settings.finetune.base))
    return read


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
        base=settings.finetune.base,
        progress=progress,
    )


def _offline(
    workspace: Workspace, settings: Settings, folder: Path, progress: Progress
) -> dict[str, Any]:
    from cvseeker.queries.offline import generate_offline

    ingested = Ingested(workspace.require("ingest"))
    passages = list(ingested.passages())
    profiles = {resume.resume_id: resume.profile for resume in ingested.resumes()}
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
        dataset = RetrievalDataset.from_records(
            members, [query for query in queries if query.passage_id in member_ids]
        )
        _write_split(dataset, folder, split)
        counts[split] = {"queries": len(dataset.queries), "passages": len(members)}
    return counts


def _read_split(folder: Path, split: str) -> RetrievalDataset:
    """Read a split's data set; of few persons, none may be in a split."""
    if not (folder / "corpus.jsonl").stat().st_size:
        return RetrievalDataset({}, {}, {})
    return read_dataset(folder, split=split, needs_queries=False)


def _write_split(dataset: RetrievalDataset, folder: Path, split: str) -> None:
    write_dataset(dataset, folder / f"{split}.json")
    write_dataset(dataset, folder / "beir" / split, split=split)
