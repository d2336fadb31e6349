"""Queries and labels for files of one's own, without a workspace."""

import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cvseeker.core.datasets import RetrievalDataset, read_dataset, write_dataset
from cvseeker.core.errors import InputError
from cvseeker.core.progress import Progress, silent
from cvseeker.core.records import Passage
from cvseeker.core.settings import Settings
from cvseeker.llm import ChatClient
from cvseeker.queries.asking import PassageRequests
from cvseeker.queries.prompts import query_task

if TYPE_CHECKING:
    from cvseeker.queries.judging.labels import Judging


def generate_file(
    corpus: Path, out: Path, settings: Settings, progress: Progress = silent
) -> dict[str, Any]:
    """Write queries for the passages of a file or folder.

    Parameters
    ----------
    corpus
        LlamaIndex JSON or a BEIR folder; queries in it are not read.
    out
        ``….json`` for LlamaIndex's form, else a folder in BEIR's. With an LLM, the ledger lies
        beside it.
    settings
        All stages' settings.
    progress
        Called while queries are written.

    Returns
    -------
    dict
        Counts, and the seconds that it took.
    """
    _refuse_file(out)
    began = time.perf_counter()
    if settings.generate.llm == "offline":
        counts = _generate_offline(corpus, out, settings, progress)
    else:
        counts = _generate_with_llm(corpus, out, settings, progress)
    return {**counts, "seconds": round(time.perf_counter() - began, 3)}


def judge_file(
    dataset: Path, out: Path, settings: Settings, progress: Progress = silent
) -> dict[str, Any]:
    """Judge which passages of a file or folder answer its queries.

    Parameters
    ----------
    dataset
        LlamaIndex JSON, or a BEIR folder, of which ``qrels/test.tsv`` is judged, else the first.
    out
        ``….json`` for LlamaIndex's form, else a folder in BEIR's. The grades, the queries dropped
        and, with an LLM, the ledger lie beside it.
    settings
        All stages' settings.
    progress
        Called all along.

    Returns
    -------
    dict
        Counts, and the seconds that it took.
    """
    from cvseeker.queries.judging.labels import label_datasets

    _refuse_file(out)
    began = time.perf_counter()
    judging = file_to_judge(dataset)
    labels = label_datasets(judging, settings, ledger=ledger_beside(out), progress=progress)
    ((split, labelled),) = labels.datasets.items()
    if out.suffix == ".json":
        write_dataset(labelled, out)
    else:
        write_dataset(labelled, out, split=split)
    labels.write_account(_beside(out, "grades.jsonl"), _beside(out, "dropped.jsonl"))
    return {**labels.counts, "seconds": round(time.perf_counter() - began, 3)}


def file_to_judge(dataset: Path) -> "Judging":
    """Return a file's queries; nothing is known of the candidates.

    Raises
    ------
    DatasetError
        If the data set cannot be used.
    """
    from cvseeker.queries.judging.labels import Judging

    qrels = sorted((dataset / "qrels").glob("*.tsv"), key=lambda file: (file.stem != "test", file))
    return Judging({qrels[0].stem if qrels else "test": read_dataset(dataset)})


def ledger_beside(out: Path) -> Path:
    """Return where the ledger of a data set lies, whether or not there is one."""
    return _beside(out, "ledger.sqlite")


def corpus_requests(corpus: Path, settings: Settings) -> tuple[PassageRequests, int]:
    """Return what would be asked about a file's passages, and their number.

    Raises
    ------
    DatasetError
        If the corpus cannot be used.
    SettingsError
        If the prompt file or the prices cannot be used.
    """
    dataset = read_dataset(corpus, needs_queries=False)
    task = query_task(
        settings.generate,
        max_tokens=settings.llm.max_tokens,
        temperature=settings.llm.temperature,
    )
    passages = [
        Passage(key, key, text, person_group=dataset.person_groups.get(key, ""))
        for key, text in dataset.corpus.items()
    ]
    asking = PassageRequests(
        client=ChatClient.open(settings.generate.llm, settings.llm, task),
        passages=lambda: passages,
        mask=settings.generate.mask,
    )
    return asking, len(passages)


def _generate_offline(
    corpus: Path, out: Path, settings: Settings, progress: Progress
) -> dict[str, Any]:
    from cvseeker.queries.offline import generate_offline

    passages = read_dataset(corpus, needs_queries=False)
    queries = generate_offline(passages.corpus, settings=settings.generate, progress=progress)
    dataset = RetrievalDataset(
        corpus=passages.corpus,
        queries={query.query_id: query.text for query in queries},
        qrels={query.query_id: {query.passage_id: 1} for query in queries},
        kinds={query.query_id: query.kind for query in queries},
        person_groups=passages.person_groups,
    )
    if out.suffix == ".json":
        write_dataset(dataset, out)
    else:
        write_dataset(dataset, out, split="train")
    return {"queries": len(queries), "passages": len(passages.corpus)}


def _generate_with_llm(
    corpus: Path, out: Path, settings: Settings, progress: Progress
) -> dict[str, Any]:
    from cvseeker.queries.llm import generate_with_llm

    asking, total = corpus_requests(corpus, settings)
    with TemporaryDirectory(dir=out.resolve().parent, prefix=f".{out.name}.") as scratch:
        counts = generate_with_llm(
            asking,
            Path(scratch),
            ledger=ledger_beside(out),
            total=total,
            settings=settings.generate,
            base=settings.finetune.base,
            progress=progress,
        )
        if out.suffix == ".json":
            (Path(scratch) / "train.json").replace(out)
        else:
            shutil.copytree(Path(scratch) / "beir" / "train", out, dirs_exist_ok=True)
        for name in ("dropped", "passages"):
            (Path(scratch) / f"{name}.jsonl").replace(_beside(out, f"{name}.jsonl"))
    return counts


def _refuse_file(out: Path) -> None:
    if out.suffix != ".json" and out.is_file():
        raise InputError(f"{out}: a file; expected a name that ends in .json, or a folder")


def _beside(out: Path, name: str) -> Path:
    return out.with_suffix(f".{name}") if out.suffix == ".json" else out / name
