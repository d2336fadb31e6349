"""The account of an ingest: what became of every input file."""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args
from urllib.parse import quote_from_bytes

from cvseeker.core.languages import read_languages
from cvseeker.core.records import SPLITS, Passage
from cvseeker.resumes.discover import display_name
from cvseeker.resumes.legibility import DOUBTFUL
from cvseeker.resumes.split import LeakageReport

_Status = Literal["ok", "duplicate", "failed"]
_STATUSES: tuple[_Status, ...] = get_args(_Status)


@dataclass(slots=True)
class Row:
    """One document of a file, and what became of it."""

    resume_id: str
    text: str
    source: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    status: _Status = "ok"
    reason: str = ""
    notes: tuple[str, ...] = ()
    legibility: float | None = None
    # Résumé ids of the same person → why they are taken for that.
    same_person: dict[str, str] = field(default_factory=dict)
    # Of the file: its SHA-256, and when it was last written, in seconds since 1970.
    sha256: str = ""
    modified: float = 0.0
    # Hashes of all that the résumé is made from, and of its words.
    made_from: str = ""
    wording: str = ""

    @property
    def doubtful(self) -> bool:
        """Whether so few of its words are known that it was probably not read right."""
        return self.legibility is not None and self.legibility < DOUBTFUL


@dataclass(slots=True)
class InputFile:
    """One input file: its documents, or why it has none."""

    name: str
    path: Path
    rows: list[Row] = field(default_factory=list)
    reason: str = ""


def file_row(file: InputFile) -> dict[str, Any]:
    """Return a file's line of ``files.jsonl``; a table's tells of its rows as well."""
    statuses = Counter(row.status for row in file.rows)
    status = next((name for name in _STATUSES if statuses[name]), "failed")
    reasons = [row.reason for row in file.rows if row.status == status]
    line: dict[str, Any] = {
        "file": file.name,
        "status": status,
        "reason": file.reason or (reasons[0] if reasons else ""),
        "resumes": statuses["ok"],
    }
    if display_name(file.path) != str(file.path):
        line["path_percent_encoded"] = quote_from_bytes(os.fsencode(file.path))
    if notes := list(dict.fromkeys(display_name(note) for row in file.rows for note in row.notes)):
        line["notes"] = notes
    read = [row for row in file.rows if row.status == "ok"]
    if known := [row.legibility for row in read if row.legibility is not None]:
        line["legibility"] = round(min(known), 3)
    if doubtful := [row.resume_id for row in read if row.doubtful]:
        line["doubtful"] = doubtful
    if same := {key: why for row in file.rows for key, why in row.same_person.items()}:
        line["same_person"] = same
    if len(file.rows) > 1 or any("#" in row.resume_id[len(file.name) :] for row in file.rows):
        line["rows"] = {name: statuses[name] for name in _STATUSES}
        line["rows_left_out"] = [
            {"row": row.resume_id, "reason": row.reason} for row in file.rows if row.reason
        ]
    return line


def ingest_counts(
    file_rows: Sequence[Mapping[str, Any]],
    languages: Sequence[str],
    passages: Sequence[Passage],
    leakage: LeakageReport,
) -> dict[str, Any]:
    """Count files by status, failures by reason, résumés and passages by split; JSON-ready.

    ``languages`` has that of each résumé.
    """
    statuses = Counter(row["status"] for row in file_rows)
    failures = Counter(_kind_of_failure(row) for row in file_rows if row["status"] == "failed")
    by_split = {name: [one for one in passages if one.split == name] for name in SPLITS}
    return {
        "files": {name: statuses[name] for name in _STATUSES},
        "failures": dict(failures.most_common()),
        "resumes": len(languages),
        "doubtful": sum(len(row.get("doubtful", ())) for row in file_rows),
        "languages": _languages(languages),
        "passages": len(passages),
        "person_groups": len({passage.person_group for passage in passages}),
        "splits": {
            name: {
                "resumes": len({passage.resume_id for passage in inside}),
                "passages": len(inside),
                "person_groups": len({passage.person_group for passage in inside}),
            }
            for name, inside in by_split.items()
        },
        "leakage": leakage.to_dict(),
    }


def _languages(codes: Sequence[str]) -> dict[str, int]:
    """Count the résumés in each language, the most first; ``unknown`` where nothing tells it."""
    known = read_languages()
    return dict(Counter(code if code in known else "unknown" for code in codes).most_common())


def _kind_of_failure(row: Mapping[str, Any]) -> str:
    """Return the reason without its numbers, so that like failures count together."""
    return re.sub(r"\d[\d.,]*", "N", row["reason"])


def nothing_read(sources: Sequence[Path], files: Sequence[InputFile]) -> str:
    """Say in one line that no résumé could be read, with the first reasons."""
    where = ", ".join(map(display_name, sources))
    if not files:
        return f"{where}: no files there; expected résumés as PDF, DOCX, HTML, RTF, text or a table"
    reasons = [
        f"{file.name}: {file.reason or file.rows[0].reason}"
        for file in files
        if file.reason or file.rows
    ]
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return (
        f"{where}: no résumé could be read from {len(files)} files "
        f"({'; '.join(reasons[:3])}{more}); "
        "give a folder of résumés as PDF, DOCX, HTML, RTF, text or a table"
    )
