"""The same stages on a data set of one's own: what is written goes where it is wanted."""

import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cvseeker.core.errors import InputError
from cvseeker.core.hashes import path_hashes
from cvseeker.core.places import make_folder
from cvseeker.core.progress import Progress
from cvseeker.core.workspace import StageResult, Workspace

LEDGER = "ledger.sqlite"
# Cross-section pairs: a folder beside the queries, and their counts.
SECTIONS = "sections"


def has_all_answers(counts: Mapping[str, Any]) -> bool:
    """Tell whether a stage is finished; what failed is asked for again."""
    return not counts.get("unanswered")


def run_on_files(
    source: Path,
    out: Path | None,
    settings: Mapping[str, Any],
    work: Callable[[Path], dict[str, Any]],
    progress: Progress,
    *,
    split: str,
) -> StageResult:
    """Run a stage and put one split's data set where it is wanted, and what it tells beside it."""
    if out is None:
        raise InputError("no place for the data set; expected out, ….json or a folder")
    place = Workspace.around(out, {"--corpus or --dataset": source})
    if out.suffix == ".json":
        with place.alone("generate", progress):
            return _write_file(out, place.scratch_folder(place.only), work, split=split)
    if out.is_file():
        raise InputError(f"{out}: a file; expected a name that ends in .json, or a folder")

    def write(folder: Path) -> dict[str, Any]:
        counts = work(folder / ".work")
        for path in (*(folder / ".work" / "beir" / split).iterdir(), *_accounts(folder / ".work")):
            path.replace(folder / path.name)
        if counts.get(SECTIONS, {}).get("queries"):
            (folder / ".work" / SECTIONS / "beir" / split).replace(folder / SECTIONS)
        return counts

    return place.run_stage(
        place.only,
        settings,
        path_hashes("dataset", source),
        write,
        kind="queries",
        keeps=LEDGER,
        finished=has_all_answers,
        progress=progress,
    )


def _write_file(
    out: Path, scratch: Path, work: Callable[[Path], dict[str, Any]], *, split: str
) -> StageResult:
    """Run a stage in a scratch folder, of which the data set becomes LlamaIndex's file."""
    if out.exists() and not _is_llamaindex(out):
        raise InputError(f"{out}: already there, and no data set; name another file")
    began = time.perf_counter()
    make_folder(scratch)
    try:
        counts = work(scratch)
        (scratch / f"{split}.json").replace(out)
        for path in _accounts(scratch):
            path.replace(beside(out, path.name))
        if counts.get(SECTIONS, {}).get("queries"):
            (scratch / SECTIONS / f"{split}.json").replace(beside(out, f"{SECTIONS}.json"))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return StageResult(counts, round(time.perf_counter() - began, 3), skipped=False)


def _is_llamaindex(path: Path) -> bool:
    """Tell by its beginning whether a file is a data set in LlamaIndex's form, or empty."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return bool(re.match(rb"\s*(\{\s*\"(queries|corpus|relevant_docs)\"|$)", file.read(200)))


def _accounts(folder: Path) -> Iterator[Path]:
    """Yield the files that tell what became of queries and passages."""
    yield from folder.glob("*.jsonl")


def beside(out: Path, name: str) -> Path:
    """Return where what tells of a data set lies."""
    return out.with_suffix(f".{name}") if out.suffix == ".json" else out / name
