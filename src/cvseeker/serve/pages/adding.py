"""Résumés added on the page."""

from typing import Annotated

from fastapi import File, Request, UploadFile
from fastapi.responses import Response

from cvseeker.serve.candidates import Served
from cvseeker.serve.pages.html import is_blind, page_router, render
from cvseeker.serve.uploads import LARGEST_UPLOAD, MOST_FILES, Found, upload

router = page_router()


@router.get("/upload")
def upload_page() -> Response:
    """Show where files are dropped."""
    return render("upload.html", "upload", most=MOST_FILES)


@router.post("/upload", max_body_size=LARGEST_UPLOAD)
def upload_files(
    files: Annotated[list[UploadFile], File(min_length=1, max_length=MOST_FILES)],
    request: Request,
    service: Served,
) -> Response:
    """Keep files, and show what becomes of them."""
    job = upload(files, request, Response(), service)
    return render("_job_state.html", job=job, blind=is_blind(request))


@router.get("/upload/jobs/{job}")
def job_state(found: Found, request: Request) -> Response:
    """Return what has become of an upload."""
    return render("_job_state.html", job=found, blind=is_blind(request))
