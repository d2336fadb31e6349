"""What a stage decided, in sentences, from the counts in its manifest and the files beside it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cvseeker.core.files import read_jsonl

# Failed files that are named; a hundred names are read by nobody.
NAMED = 5


def decisions(counts: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Yield what the stage in a folder decided: which files, which model, which verdict."""
    verdict = counts.get("verdict")
    if "failures" in counts:
        yield from _files(counts, folder)
    if left_out := counts.get("left_out"):
        yield left_out_line(left_out)
    if counts.get("labels") == "judged":
        yield "labels: judged, corpus-wide"
    if isinstance(verdict, Mapping):
        yield _kept(counts, verdict, folder)
    elif verdict is not None:
        yield str(verdict)
    if "windows" in counts:
        kept = f"the model in {folder.parent / 'model'}"
        yield f"search uses {kept if counts['model'] == 'tuned' else counts['model']}"
    if counts.get("recall@10") is not None:
        found = f"recall@10 {counts['recall@10']:.3f} of what every window gives"
        yield f"the nearest candidates are found by {counts['engine']}: {found}"


def left_out_line(reasons: Mapping[str, str]) -> str:
    """Say which queries of a data set were left out, and why."""
    noun = "query" if len(reasons) == 1 else "queries"
    shown = "; ".join(f"{key[:60]!r}: {reason}" for key, reason in list(reasons.items())[:NAMED])
    more = f"; and {len(reasons) - NAMED:,} more" if len(reasons) > NAMED else ""
    return f"{len(reasons):,} {noun} left out ({shown}{more})"


def _files(counts: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """Say what became of the input files, and name those that failed."""
    files = counts["files"]
    yield (
        f"{files['ok']:,} files read, {files['duplicate']:,} left out as duplicates, "
        f"{files['failed']:,} failed"
    )
    changes = {kind: count for kind, count in counts.get("changes", {}).items() if count}
    if changes and changes != {"added": counts["resumes"]}:
        said = ", ".join(f"{count:,} {kind}" for kind, count in changes.items())
        yield f"{said}; the others are as they were"
    languages = counts.get("languages", {})
    if len(languages) > 1:
        told = ", ".join(f"{code} {count:,}" for code, count in languages.items())
        yield f"languages of the résumés: {told}"
    path = folder / "files.jsonl"
    if counts.get("doubtful") and path.is_file():
        doubtful = [row["file"] for row in read_jsonl(path) if row.get("doubtful")]
        more = f" and {len(doubtful) - NAMED:,} more" if len(doubtful) > NAMED else ""
        yield (
            f"doubtful, searched but not learnt from, as few of their words are known in any "
            f"language: {', '.join(doubtful[:NAMED])}{more}"
        )
    if not files["failed"] or not path.is_file():
        return
    failed = [row for row in read_jsonl(path) if row["status"] == "failed"]
    yield from (f"failed: {row['file']}: {row['reason']}" for row in failed[:NAMED])
    if len(failed) > NAMED:
        reasons = ", ".join(f"{reason} ({count})" for reason, count in counts["failures"].items())
        yield f"and {len(failed) - NAMED:,} more: see {path}; of all that failed: {reasons}"
    else:
        yield f"what became of each file: {path}"


def _kept(counts: Mapping[str, Any], verdict: Mapping[str, Any], folder: Path) -> str:
    """Say which model was kept, and why."""
    if verdict["kept"] == "tuned":
        return f"kept the tuned model: {verdict['reason']}"
    refused = folder / "refused"
    beside = f"; the tuned one is in {refused}" if refused.is_dir() else ""
    return f"kept the base, {counts['base']}: {verdict['reason']}{beside}"
