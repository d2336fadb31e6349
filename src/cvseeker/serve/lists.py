"""Shortlists, and the log."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from cvseeker.core.errors import InputError
from cvseeker.core.record import NAME, Journal, Record, Shortlists
from cvseeker.core.screen import as_cell, printable
from cvseeker.serve.blind import Mask, nameless
from cvseeker.serve.candidates import Number
from cvseeker.serve.problems import Problem
from cvseeker.serve.service import Service
from cvseeker.serve.visit import Visit, Visited

Name = Annotated[str, Path(min_length=1, max_length=100)]
COLUMNS = ("number", "name", "title", "employer", "place", "years", "tags", "note", "resume_id")

router = APIRouter(prefix="/api", tags=["shortlists"])


class EntryRequest(BaseModel):
    """What is written beside a candidate; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=10_000)] | None = None
    tags: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)] | None = None


class EntryModel(BaseModel):
    """A candidate on a list; ``added`` is in seconds since 1970."""

    model_config = ConfigDict(from_attributes=True)

    number: int
    resume_id: str
    note: str
    tags: list[str]
    added: float


class LogEntryModel(BaseModel):
    """What somebody did; ``at`` is in seconds since 1970, ``about`` empty where it was erased."""

    entry: int
    at: float
    who: str
    what: str
    about: dict[str, Any]


@contextmanager
def recorded(service: Service) -> Iterator[Record]:
    """Open the record; what is asked for and is not there is a 404."""
    try:
        with Record.open(service.workspace.path) as record:
            yield record
    except InputError as error:
        if str(error).startswith("no "):
            raise Problem(HTTPStatus.NOT_FOUND, str(error)) from error
        raise


@router.get("/shortlists", operation_id="shortlists")
def shortlists(visit: Visited) -> dict[str, int]:
    """Name the shortlists, and how many are on each."""
    if not (visit.service.workspace.path / NAME).is_file():
        return {}
    with recorded(visit.service) as record:
        return Shortlists(record).names()


@router.get("/shortlists/{name}", operation_id="shortlist")
def shortlist(name: Name, visit: Visited) -> list[EntryModel]:
    """Return who is on a list."""
    with recorded(visit.service) as record:
        return [EntryModel.model_validate(one) for one in Shortlists(record).entries(name)]


@router.put("/shortlists/{name}/{number}", operation_id="shortlist_candidate")
def put(name: Name, number: Number, asked: EntryRequest, visit: Visited) -> dict[str, str]:
    """Put a candidate on a list, or change what is written there."""
    tags = None if asked.tags is None else tuple(asked.tags)
    keep(visit, name, number, note=asked.note, tags=tags)
    return {"shortlist": name}


@router.delete("/shortlists/{name}/{number}", operation_id="take_off_shortlist")
def take_off(name: Name, number: Number, visit: Visited) -> EntryModel:
    """Take a candidate off a list; what stood there is returned."""
    return EntryModel.model_validate(taken_off(visit, name, number))


@router.delete("/shortlists/{name}", operation_id="delete_shortlist")
def delete(name: Name, visit: Visited) -> dict[str, str]:
    """Delete a list; its candidates stay."""
    with recorded(visit.service) as record:
        Shortlists(record).delete(name)
    visit.log("deleted a shortlist", shortlist=name)
    return {"deleted": name}


@router.get(
    "/shortlists/{name}/export",
    operation_id="export_shortlist",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, "application/json": {}}}},
)
def export(
    name: Name, visit: Visited, form: Literal["csv", "json"] = "csv", *, blind: bool = False
) -> Response:
    """Export a list; cells that a spreadsheet would run are text."""
    rows = shortlist_rows(visit.service, name, blind=blind)
    visit.log("exported", shortlist=name, candidates=len(rows))
    safe = quote("".join(letter if letter.isalnum() else "-" for letter in name)[:50])
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{safe}.{form}"}
    if form == "json":
        content = json.dumps(rows, ensure_ascii=False, indent=1)
        return Response(content, media_type="application/json", headers=headers)
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return Response(table.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/log", operation_id="log")
def entries(
    visit: Visited,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> list[LogEntryModel]:
    """Return who searched, viewed, exported and changed what, the newest first."""
    visit.service.log.flush()
    with recorded(visit.service) as record:
        found = Journal(record).entries(limit=limit, before=before)
        return [LogEntryModel(**asdict(one)) for one in found]


def keep(visit: Visit, name: str, number: int, **written: Any) -> None:
    """Put a candidate on a list with ``note`` and ``tags``, or change these."""
    with recorded(visit.service) as record:
        Shortlists(record).put(name, number, **written)
    visit.log("shortlisted", number=number, shortlist=name)


def taken_off(visit: Visit, name: str, number: int) -> Any:
    """Take a candidate off a list; return what stood there."""
    with recorded(visit.service) as record:
        entry = Shortlists(record).take_off(name, number)
    if entry is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"candidate {number} is not on {name!r}")
    visit.log("taken off a shortlist", number=number, shortlist=name)
    return entry


def shortlist_rows(service: Service, name: str, *, blind: bool = False) -> list[dict[str, Any]]:
    """Return who is on a list, with what is known of them; blind, without who they are."""
    with recorded(service) as record:
        found = Shortlists(record).entries(name)
        people = {
            one.number: one.resume for one in record.candidates([one.number for one in found])
        }
    rows = []
    for entry in found:
        resume = people[entry.number]
        employers = (one.value for one in resume.insights if one.kind == "employer")
        row: dict[str, Any] = {
            "number": entry.number,
            "name": resume.profile.name,
            "title": next(iter(resume.profile.titles), ""),
            "employer": next(employers, ""),
            "place": resume.profile.location,
            "years": resume.profile.years,
            "tags": ", ".join(entry.tags),
            "note": entry.note,
            "resume_id": entry.resume_id,
        }
        if blind:
            mask = Mask(resume)
            row |= {key: mask(row[key]) for key in ("title", "employer")}
            row |= {key: mask.about(row[key]) for key in ("tags", "note")}
            row |= {"name": nameless(entry.number), "place": "", "resume_id": ""}
        rows.append(row)
    return rows


def _cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula, nor a terminal for a command."""
    return as_cell(printable(value)) if isinstance(value, str) else value
