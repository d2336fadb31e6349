"""The stages that make a data set of passages: their queries, and which passages answer them.

Both read a workspace or a file of one's own, and write a stage's folder or another file.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from cvseeker.core.datasets import RetrievalDataset, read_dataset, read_split, write_dataset
from cvseeker.core.errors import InputError
from cvseeker.core.hashes import text_hash
from cvseeker.core.mapping import Mapper, map_here
from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import SPLITS, Passage
from cvseeker.core.settings import Settings
from cvseeker.core.workspace import StageResult, Workspace, exclusive
from cvseeker.llm import ChatClient
from cvseeker.queries.asking import PassageRequests, PassageSource
from cvseeker.queries.files import LEDGER, SECTIONS, beside, has_all_answers, run_on_files
from cvseeker.queries.judging import Judging, label_datasets, plan_labels
from cvseeker.queries.likeness import in_their_language, keep_alike, read_searches
from cvseeker.queries.plan import Plan, plan_requests
from cvseeker.queries.prompts import query_task
from cvseeker.resumes import Ingested
from cvseeker.retrieval.cross_sections import cross_section_dataset
from cvseeker.retrieval.holdout import with_persons
from cvseeker.retrieval.models import choose_model, model_identity


@exclusive
def generate_stage(
    source: Workspace | Path,
    settings: Settings,
    progress: Progress = silent,
    *,
    out: Path | None = None,
    mapper: Mapper = map_here,
) -> StageResult:
    """Write queries about passages: → queries and qrels.

    Parameters
    ----------
    source
        An ingested workspace; or LlamaIndex JSON or a BEIR folder, queries in which are not read.
    settings
        All stages' settings.
    progress
        Called while queries are written.
    out
        Where a file's data set goes: ``….json`` for LlamaIndex's form, else a folder in BEIR's.
        Beside it lie the cross-section pairs and, with an LLM, the ledger and what became of
        passages and queries.
    mapper
        Where texts are looked at, one by one. Only this machine asks the LLM: it holds the ledger
        and keeps to the budget.

    Raises
    ------
    CVSeekerError
        If the passages cannot be used or say nothing to ask for, or the LLM cannot be used; what
        that answered is kept.
    """
    settings = in_their_language(settings)

    def work(folder: Path) -> dict[str, Any]:
        by_llm = settings.generate.llm != "offline"
        # First what may be refused.
        if by_llm:
            ledger = ledger_of(out or source)
            counts = _write_by_llm(source, settings, folder, ledger, progress, mapper)
        sections, dropped = _cross_sections(source, settings, progress, mapper)
        if not by_llm:
            counts, sections = _write_offline(source, sections, settings, folder, progress, mapper)
        return {**counts, SECTIONS: _write_sections(source, sections, dropped, folder)}

    if isinstance(source, Path):
        how = {**_generate_settings(settings), **_readbesides(settings)}
        return run_on_files(source, out, how, work, progress, split="train")
    return source.run_stage(
        "queries",
        _generate_settings(settings),
        {**source.output_hashes("ingest"), **_readbesides(settings)},
        work,
        keeps=LEDGER,
        finished=has_all_answers,
    )


@exclusive
def judge_stage(
    source: Workspace | Path,
    settings: Settings,
    progress: Progress = silent,
    *,
    out: Path | None = None,
) -> StageResult:
    """Judge what rankers put first for each query: → graded, multi-positive qrels.

    ``source`` is a workspace with queries; or LlamaIndex JSON, or a BEIR folder, of which
    ``qrels/test.tsv`` is judged, else the first. ``out`` is as for :func:`generate_stage`; the
    grades and the queries dropped lie beside it.
    """

    def work(folder: Path) -> dict[str, Any]:
        judging = _queries_to_judge(source)
        ledger = ledger_of(out or source)
        labels = label_datasets(judging, settings, ledger=ledger, progress=progress)
        labels.write_account(folder / "grades.jsonl", folder / "dropped.jsonl")
        for split, dataset in labels.datasets.items():
            _write_split(dataset, folder, split)
        return labels.counts

    if isinstance(source, Path):
        base, split = model_identity(choose_model(settings.finetune.base)), _judged_split(source)
        how = {**_judge_settings(settings), "base": base}
        return run_on_files(source, out, how, work, progress, split=split)
    return source.run_stage(
        "judged",
        _judge_settings(settings),
        {
            "base": model_identity(choose_model(settings.finetune.base)),
            **source.output_hashes("ingest"),
            **source.output_hashes("queries"),
        },
        work,
        finished=has_all_answers,
    )


def plan_stage(
    stage: Literal["generate", "judge"],
    source: Workspace | Path,
    settings: Settings,
    progress: Progress = silent,
    *,
    out: Path | None = None,
) -> Plan:
    """Count what a stage would send to an LLM, given what the stage is given; no file is made."""
    work, llm = {
        "generate": ("generation", settings.generate.llm),
        "judge": ("judging", settings.judge.llm),
    }[stage]
    if llm == "offline":
        raise InputError(f"--dry-run: offline {work} sends nothing; name an LLM: --llm MODEL")
    ledger = ledger_of(out or source)
    if stage == "generate":
        asking = _passage_requests(source, in_their_language(settings))
        return plan_requests(asking, ledger, progress)
    return plan_labels(_queries_to_judge(source), settings, ledger=ledger, progress=progress)


def ledger_of(written: Workspace | Path) -> Path:
    """Return where the ledger of a workspace or of a data set lies, whether or not it is there."""
    if isinstance(written, Workspace):
        return written.stage_folder("queries") / LEDGER
    return beside(written, LEDGER)


def check_llm(settings: Settings) -> None:
    """Refuse what would stop a run later: no key, no address, no price, no file that is named."""
    read_searches(settings.generate.like)
    if settings.generate.llm != "offline":
        task = query_task(settings.generate)
        ChatClient.open(settings.generate.llm, settings.llm, task).endpoint.key()


def _write_by_llm(
    source: Workspace | Path,
    settings: Settings,
    folder: Path,
    ledger: Path,
    progress: Progress,
    mapper: Mapper,
) -> dict[str, Any]:
    from cvseeker.queries.collect import collect

    asking = _passage_requests(source, settings)
    requests = asking.send(ledger, progress, mapper)
    generate, base = settings.generate, settings.finetune.base
    counts = collect(
        asking,
        folder,
        ledger=ledger,
        settings=generate,
        base=base,
        examples=read_searches(generate.like),
        progress=progress,
    )
    return {**counts, "requests": requests}


def _write_offline(
    source: Workspace | Path,
    sections: RetrievalDataset,
    settings: Settings,
    folder: Path,
    progress: Progress,
    mapper: Mapper,
) -> tuple[dict[str, Any], RetrievalDataset]:
    """Write queries without an LLM, and return what of the cross-section pairs is kept beside."""
    from cvseeker.queries.offline import generate_offline

    passages = list(_passages(source)())
    profiles = {}
    if isinstance(source, Workspace):
        ingested = Ingested(source.require("ingest"))
        profiles = {resume.resume_id: resume.profile for resume in ingested.resumes()}
    texts = {passage.passage_id: passage.text for passage in passages}
    queries = generate_offline(
        texts,
        profiles={
            passage.passage_id: profiles[passage.resume_id]
            for passage in passages
            if passage.resume_id in profiles
        },
        settings=settings.generate,
        progress=progress,
        mapper=mapper,
    )
    if not queries and not sections.queries:
        raise InputError(
            f"no queries about {len(passages):,} passages: none says anything that few others do; "
            "expected more résumés, or longer ones, or an LLM: --llm MODEL"
        )
    made = {"templates": RetrievalDataset.from_records(passages, queries), "sections": sections}
    counts: dict[str, Any] = {"queries": len(queries)}
    if searches := read_searches(settings.generate.like):
        made, like = keep_alike(made, searches, [*texts.values()], seed=settings.generate.seed)
        counts = {"queries": len(made["templates"].queries), "like": like}
    splits = _write_splits(made["templates"], passages, folder)
    # A file is one split.
    splits = splits if isinstance(source, Workspace) else {"passages": len(passages)}
    return counts | splits, made["sections"]


def _cross_sections(
    source: Workspace | Path, settings: Settings, progress: Progress, mapper: Mapper
) -> tuple[RetrievalDataset, Counter[str]]:
    """Return the cross-section pairs of all splits, and what was dropped of them by reason."""
    passages = RetrievalDataset.from_records(list(_passages(source)()), [])
    known = with_persons(passages, similarity=settings.ingest.duplicate_similarity)
    dropped: Counter[str] = Counter()
    sections = cross_section_dataset(
        known.corpus,
        known.person_groups,
        settings=settings.generate,
        dropped=dropped,
        progress=progress,
        mapper=mapper,
    )
    return sections, dropped


def _write_sections(
    source: Workspace | Path, sections: RetrievalDataset, dropped: Mapping[str, int], folder: Path
) -> dict[str, Any]:
    """Write the cross-section pairs of each split, and count them."""
    splits = _write_splits(sections, _passages(source)(), folder / SECTIONS)
    return {
        "queries": len(sections.queries),
        "kinds": dict(sorted(Counter(sections.kinds.values()).items())),
        "dropped": dict(sorted(dropped.items())),
        **(splits if isinstance(source, Workspace) else {"passages": len(sections.corpus)}),
    }


def _write_splits(
    dataset: RetrievalDataset, passages: Iterable[Passage], folder: Path
) -> dict[str, Any]:
    """Write each split's part of a data set, and count its queries and passages."""
    members: dict[str, set[str]] = {split: set() for split in SPLITS}
    for passage in passages:
        members[passage.split].add(passage.passage_id)
    counts = {}
    for split, ids in members.items():
        own = dataset.subset(ids)
        _write_split(own, folder, split)
        counts[split] = {"queries": len(own.queries), "passages": len(own.corpus)}
    return counts


def _passages(source: Workspace | Path) -> PassageSource:
    """Return what reads the passages, each time anew where they lie in a workspace."""
    if isinstance(source, Workspace):
        return Ingested(source.require("ingest")).sound_passages
    dataset = read_dataset(source, needs_queries=False)
    passages = [
        Passage(key, key, text, person_group=dataset.person_groups.get(key, ""))
        for key, text in dataset.corpus.items()
    ]
    return lambda: passages


def _passage_requests(source: Workspace | Path, settings: Settings) -> PassageRequests:
    """Return what would be asked about the passages; of a file, no candidate's name is known."""
    generate, llm = settings.generate, settings.llm
    task = query_task(
        generate,
        max_tokens=llm.max_tokens,
        temperature=llm.temperature,
        examples=read_searches(generate.like),
    )
    return PassageRequests(
        client=ChatClient.open(generate.llm, llm, task),
        items=_passages(source),
        mask=generate.mask,
        names=Ingested(source.require("ingest")).names() if isinstance(source, Workspace) else {},
        settings=generate,
    )


def _queries_to_judge(source: Workspace | Path) -> Judging:
    """Return the queries, of a workspace with what is known of the candidates."""
    if isinstance(source, Path):
        return Judging({_judged_split(source): read_dataset(source)})
    queries, ingested = source.require("queries"), Ingested(source.require("ingest"))
    resume_of = {row.passage_id: row.resume_id for row in ingested.passages()}
    names = ingested.names()
    years = {
        resume.resume_id: resume.profile.years
        for resume in ingested.resumes()
        if resume.profile.years is not None
    }
    return Judging(
        datasets={split: read_split(queries / "beir" / split, split) for split in SPLITS},
        names={key: names[resume] for key, resume in resume_of.items() if resume in names},
        years={key: years[resume] for key, resume in resume_of.items() if resume in years},
    )


def _judged_split(source: Path) -> str:
    """Return the name of the qrels that are read of a file or folder."""
    stems = sorted(file.stem for file in (source / "qrels").glob("*.tsv"))
    return "test" if "test" in stems or not stems else stems[0]


def _generate_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that the queries depend on."""
    generate = settings.generate
    if generate.llm == "offline":
        chosen = {"llm", "seed", "sections", "per_person"}
        return {**generate.model_dump(include=chosen), "per_passage": generate.queries_per_passage}
    used = generate.model_dump(mode="json", exclude={"prompt", "like"})
    return {**used, **settings.llm.model_dump(include={"url", "temperature", "max_tokens"})}


def _readbesides(settings: Settings) -> dict[str, str]:
    """Return the hashes of what an LLM's queries depend on beside the passages."""
    generate = settings.generate
    searches = read_searches(generate.like)
    like = {"like": text_hash(*searches)} if searches else {}
    if generate.llm == "offline":
        return like
    task = query_task(generate, examples=searches)
    read = {**like, "instructions": text_hash(task.system, *(task.example or ()))}
    if generate.round_trip == "base":
        read["base"] = model_identity(choose_model(settings.finetune.base))
    return read


def _judge_settings(settings: Settings) -> dict[str, Any]:
    """Return the settings that the labels depend on."""
    used = {**settings.judge.model_dump(), **settings.llm.model_dump()}
    by_llm = settings.judge.llm != "offline"
    asked = ("mask", "max_tokens", "temperature", "url") if by_llm else ()
    return {
        **{name: used[name] for name in ("llm", "depth", *asked)},
        "windows": settings.finetune.windows.model_dump(),
    }


def _write_split(dataset: RetrievalDataset, folder: Path, split: str) -> None:
    write_dataset(dataset, folder / f"{split}.json")
    write_dataset(dataset, folder / "beir" / split, split=split)
