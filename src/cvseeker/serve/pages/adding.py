"""Résumés added on the page."""

from typing import Annotated

from fastapi import File, UploadFile
from fastapi.responses import Response

from cvseeker.serve.pages.html import page_router, render
from cvseeker.serve.uploads import LARGEST_UPLOAD, MOST_FILES, Found, upload
from cvseeker.serve.visit import Visited

router = page_router()


@router.get("/upload")
def upload_page(visit: Visited) -> Response:
    """Show where files are dropped."""
    return render("upload.html", visit, most=MOST_FILES)


@router.post("/upload", max_body_size=LARGEST_UPLOAD)
def upload_files(
    files: Annotated[list[UploadFile], File(min_length=1, max_length=MOST_FILES)], visit: Visited
) -> Response:
    """Keep files, and show what becomes of them."""
    return render("_job_state.html", visit, job=upload(files, Response(), visit))


@router.get("/upload/jobs/{job}")
def job_state(found: Found, visit: Visited) -> Response:
    """Return what has become of an upload."""
    return render("_job_state.html", visit, job=found)
