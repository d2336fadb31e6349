"""Shortlists, searches to keep, and the log."""

import csv
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from cvseeker.core.errors import InputError
from cvseeker.core.record import Journal, Record, Shortlists
from cvseeker.core.screen import as_cell, printable
from cvseeker.serve.candidates import Number, Served
from cvseeker.serve.log import log
from cvseeker.serve.problems import Problem
from cvseeker.serve.service import Service

Name = Annotated[str, Path(min_length=1, max_length=100)]
COLUMNS = ("number", "name", "title", "employer", "place", "years", "tags", "note", "resume_id")
_UNSEEN = {"name": "", "place": "", "resume_id": ""}

router = APIRouter(prefix="/api", tags=["shortlists"])


class EntryRequest(BaseModel):
    """What is written beside a candidate; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(max_length=10_000)] | None = None
    tags: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)] | None = None


class EntryModel(BaseModel):
    """A candidate on a list; ``added`` is in seconds since 1970."""

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
def shortlists(service: Served) -> dict[str, int]:
    """Name the shortlists, and how many are on each."""
    with recorded(service) as record:
        return Shortlists(record).names()


@router.get("/shortlists/{name}", operation_id="shortlist")
def shortlist(name: Name, service: Served) -> list[EntryModel]:
    """Return who is on a list."""
    with recorded(service) as record:
        return [_entry(one) for one in Shortlists(record).entries(name)]


@router.put("/shortlists/{name}/{number}", operation_id="shortlist_candidate")
def put(
    name: Name, number: Number, asked: EntryRequest, request: Request, service: Served
) -> dict[str, str]:
    """Put a candidate on a list, or change what is written there."""
    tags = None if asked.tags is None else tuple(asked.tags)
    with recorded(service) as record:
        Shortlists(record).put(name, number, note=asked.note, tags=tags)
    log(request, service, "shortlisted", number=number, shortlist=name)
    return {"shortlist": name}


@router.delete("/shortlists/{name}/{number}", operation_id="take_off_shortlist")
def take_off(name: Name, number: Number, request: Request, service: Served) -> EntryModel:
    """Take a candidate off a list; what stood there is returned."""
    with recorded(service) as record:
        entry = Shortlists(record).take_off(name, number)
    if entry is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"candidate {number} is not on {name!r}")
    log(request, service, "taken off a shortlist", number=number, shortlist=name)
    return _entry(entry)


@router.delete("/shortlists/{name}", operation_id="delete_shortlist")
def delete(name: Name, request: Request, service: Served) -> dict[str, str]:
    """Delete a list; its candidates stay."""
    with recorded(service) as record:
        Shortlists(record).delete(name)
    log(request, service, "deleted a shortlist", shortlist=name)
    return {"deleted": name}


@router.get(
    "/shortlists/{name}/export",
    operation_id="export_shortlist",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}, "application/json": {}}}},
)
def export(
    name: Name,
    request: Request,
    service: Served,
    form: Literal["csv", "json"] = "csv",
    *,
    blind: bool = False,
) -> Response:
    """Export a list; cells that a spreadsheet would run are text."""
    rows = shortlist_rows(service, name, blind=blind)
    log(request, service, "exported", shortlist=name, candidates=len(rows))
    safe = "".join(letter if letter.isalnum() else "-" for letter in name)[:50]
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{_quoted(safe)}.{form}"}
    if form == "json":
        import json

        content = json.dumps(rows, ensure_ascii=False, indent=1)
        return Response(content, media_type="application/json", headers=headers)
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS)
    writer.writeheader()
    writer.writerows({key: safe_cell(value) for key, value in row.items()} for row in rows)
    return Response(table.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/log", operation_id="log")
def entries(
    service: Served,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> list[LogEntryModel]:
    """Return who searched, viewed, exported and changed what, the newest first."""
    service.log.flush()
    with recorded(service) as record:
        return [
            LogEntryModel(**asdict(one))
            for one in Journal(record).entries(limit=limit, before=before)
        ]


def _entry(entry: Any) -> EntryModel:
    return EntryModel(**{**asdict(entry), "tags": list(entry.tags)})


def shortlist_rows(service: Service, name: str, *, blind: bool = False) -> list[dict[str, Any]]:
    """Return who is on a list, with what is known of them; blind, without who they are."""
    with recorded(service) as record:
        found = Shortlists(record).entries(name)
        people = {
            one.number: one.resume for one in record.candidates([entry.number for entry in found])
        }
    rows = []
    for entry in found:
        profile = people[entry.number].profile
        employers = [one.value for one in people[entry.number].insights if one.kind == "employer"]
        rows.append(
            {
                "number": entry.number,
                "name": profile.name,
                "title": next(iter(profile.titles), ""),
                "employer": next(iter(employers), ""),
                "place": profile.location,
                "years": profile.years,
                "tags": ", ".join(entry.tags),
                "note": entry.note,
                "resume_id": entry.resume_id,
                **(_UNSEEN if blind else {}),
            }
        )
    return rows


def safe_cell(value: Any) -> Any:
    """Return a cell that no spreadsheet takes for a formula, nor a terminal for a command."""
    if not isinstance(value, str):
        return value
    return as_cell(printable(value))


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text)
