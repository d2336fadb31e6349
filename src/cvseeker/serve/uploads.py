"""Uploading résumés, and being told when they can be found."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Header, Path, Response, UploadFile
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from cvseeker.pipeline import Receipt, remove_people
from cvseeker.serve.candidates import Number
from cvseeker.serve.jobs import Job
from cvseeker.serve.lists import recorded
from cvseeker.serve.problems import Problem
from cvseeker.serve.visit import Visited

# Of one request; a file has the limit of the settings, too.
LARGEST_UPLOAD = 100_000_000
MOST_FILES = 100
_POLL_SECONDS = 0.1

Files = Annotated[list[UploadFile], File(min_length=1, max_length=MOST_FILES)]
JobId = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
router = APIRouter(prefix="/api", tags=["uploads"])


@router.post(
    "/candidates",
    operation_id="upload",
    status_code=HTTPStatus.ACCEPTED,
    max_body_size=LARGEST_UPLOAD,
)
def upload(
    files: Files,
    response: Response,
    visit: Visited,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Job:
    """Keep résumés, and have them read; once the job is done, they are found."""
    job = visit.service.jobs.accept(
        [(one.filename or "", one.file) for one in files],
        key=f"{visit.who}\n{idempotency_key}" if idempotency_key else "",
    )
    visit.service.worker.wake()
    visit.log("uploaded", job=job.id, files=len(job.files))
    response.headers["Location"] = f"/api/jobs/{job.id}"
    return job


@router.delete("/candidates/{number}", operation_id="remove_candidate")
def remove(number: Number, visit: Visited) -> list[Receipt]:
    """Remove a candidate, with all versions of the résumé, from everything; nobody finds them.

    A removal that was interrupted is completed first, and has a receipt of its own.
    """
    with recorded(visit.service) as record:
        if number not in record.numbers().values():
            raise Problem(HTTPStatus.NOT_FOUND, f"no candidate {number}")
    receipts = remove_people(visit.service.workspace, [str(number)], who=visit.who)
    visit.service.refresh()
    return receipts


def _job(id_: Annotated[JobId, Path(alias="job")], visit: Visited) -> Job:
    found = visit.service.jobs.find(id_)
    if found is None:
        raise Problem(HTTPStatus.NOT_FOUND, "no such job, or it was over long ago")
    return found


Upload = Annotated[Job, Depends(_job)]


@router.get("/jobs/{job}", operation_id="job")
def job(found: Upload) -> Job:
    """Tell what has become of an upload."""
    return found


@router.get("/jobs/{job}/events", operation_id="job_events", response_class=EventSourceResponse)
async def job_events(found: Upload, visit: Visited) -> AsyncIterator[ServerSentEvent]:
    """Tell what becomes of an upload, each change as an event, until it is over."""
    told: Any = None
    job: Job | None = found
    while job is not None:
        if job != told:
            yield ServerSentEvent(event=job.state, data=job)
            told = job
        if job.is_over or visit.service.worker.ending.is_set():
            return
        await asyncio.sleep(_POLL_SECONDS)
        job = await run_in_threadpool(visit.service.jobs.find, found.id)
