"""Uploads over HTTP: kept before they are acknowledged, found soon after, and never lost."""

import shutil
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from conftest import TINY_CORPUS
from cvseeker import Workspace
from cvseeker.core.record import Record
from cvseeker.core.workspace import Workspace as Stages
from cvseeker.serve import Tokens, create_app
from cvseeker.serve.jobs import Jobs, stored_name
from cvseeker.serve.service import Service

HERE = "http://localhost:8000"
WALKS = "Long walks by the river, old maps, a choir on Tuesdays and the garden in summer. " * 2
Sent = tuple[str, tuple[str, bytes]]


def resume(name: str, work: str) -> bytes:
    mail = f"{name.split(maxsplit=1)[0].lower()}@example.com"
    return f"{name}\n{mail}\n\nExperience\n{work}\n\nInterests\n{WALKS}\n".encode()


ZOE = resume("Zoe Lindqvist", "Glass blower at Murano Works since 2019, lamps and chandeliers.")


def sent(*files: tuple[str, bytes]) -> list[Sent]:
    return [("files", file) for file in files]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """Two fictional people, indexed by the tiny model."""
    place = tmp_path_factory.mktemp("uploads")
    (place / "cvs").mkdir()
    for name, text in list(TINY_CORPUS.items())[:2]:
        head, _, rest = text.partition(". ")
        (place / "cvs" / f"{name[:-2]}.txt").write_bytes(resume(head, rest))
    workspace = Workspace(place / "w", finetune={"base": str(tiny_model)}, ingest={"workers": 1})
    workspace.ingest(place / "cvs")
    workspace.index()
    return place


@pytest.fixture
def workspace(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "w"


@pytest.fixture
def client(workspace: Path) -> Iterator[TestClient]:
    with TestClient(create_app(workspace), base_url=HERE) as client:
        yield client


def ended(client: TestClient, answer: Any) -> dict[str, Any]:
    """Wait until a job is over."""
    assert answer.status_code == 202, answer.text
    limit = time.monotonic() + 120
    while time.monotonic() < limit:
        job: dict[str, Any] = client.get(answer.headers["location"]).json()
        if job["state"] in {"done", "failed"}:
            return job
        time.sleep(0.05)
    raise AssertionError(f"the job is not over: {job}")


def names(client: TestClient, query: str) -> list[str]:
    return [hit["name"] for hit in client.get("/api/search", params={"q": query}).json()["hits"]]


def test_an_upload_is_kept_read_and_found(client: TestClient, workspace: Path) -> None:
    assert names(client, "glass AND Murano") == []
    files = sent(("../../Zoë's CV (1).txt", ZOE), ("note.txt", b"no resume"))
    answer = client.post("/api/candidates", files=files)
    assert answer.json()["state"] in {"waiting", "reading"}
    kept = sorted((workspace / "uploads").iterdir())
    assert [path.name[:9] for path in kept] == ["Zoë-s-CV-", "note-" + kept[1].name[5:9]]
    assert kept[0].read_bytes() == ZOE
    assert kept[0].stat().st_mode & 0o077 == 0
    job = ended(client, answer)
    assert (job["state"], job["reason"]) == ("done", "")
    read, other = job["files"]
    assert (read["state"], other["state"]) == ("ok", "failed")
    assert "words of text" in other["reason"]
    assert names(client, "glass AND Murano") == ["Zoe Lindqvist"]
    person = client.get(f"/api/candidates/{read['candidates'][0]}").json()
    assert "Murano" in person["text"]


def test_what_cannot_be_read_says_why(client: TestClient) -> None:
    job = ended(client, client.post("/api/candidates", files=sent(("cv.pdf", b"%PDF-nonsense"))))
    assert job["state"] == "failed"
    assert job["files"][0]["reason"]
    assert job["files"][0]["reason"] in job["reason"]


def test_a_later_ingest_keeps_uploads(client: TestClient, workspace: Path) -> None:
    ended(client, client.post("/api/candidates", files=sent(("zoe.txt", ZOE))))
    again = Workspace(workspace, ingest={"workers": 1}).ingest(workspace.parent / "cvs")
    assert again.counts["resumes"] == 3


def test_sources_that_are_gone_take_nobody_with_them(client: TestClient, workspace: Path) -> None:
    (workspace.parent / "cvs").rename(workspace.parent / "unplugged")
    assert ended(client, client.post("/api/candidates", files=sent(("zoe.txt", ZOE))))["state"] == (
        "done"
    )
    with Record.open(workspace) as record:
        assert record.count == 3


def test_the_first_upload_begins_a_workspace(tmp_path: Path, tiny_model: Path) -> None:
    from cvseeker.core.settings import Settings

    app = create_app(tmp_path / "new")
    app.state.service.worker._settings = lambda: Settings().override(
        "finetune", {"base": str(tiny_model)}
    )
    with TestClient(app, base_url=HERE) as client:
        assert client.get("/readyz").status_code == 503
        job = ended(client, client.post("/api/candidates", files=sent(("zoe.txt", ZOE))))
        assert job["state"] == "done"
        assert names(client, "glass blower") == ["Zoe Lindqvist"]


def test_who_is_removed_is_found_no_more(client: TestClient, workspace: Path) -> None:
    job = ended(client, client.post("/api/candidates", files=sent(("zoe.txt", ZOE))))
    number = job["files"][0]["candidates"][0]
    assert names(client, "glass AND Murano") == ["Zoe Lindqvist"]
    removed = client.delete(f"/api/candidates/{number}")
    assert removed.status_code == 200, removed.text
    [receipt] = removed.json()
    assert number in receipt["numbers"]
    assert receipt["removed"]["uploads"] == 1
    [entry] = [one for one in client.get("/api/log").json() if one["what"] == "removed"]
    assert entry["about"]["receipt"] == receipt["digest"]
    assert not list((workspace / "jobs").rglob("*.json")), "they have her file's name"
    assert names(client, "glass AND Murano") == []
    assert client.get(f"/api/candidates/{number}").status_code == 404
    assert client.delete(f"/api/candidates/{number}").status_code == 404
    assert not list((workspace / "uploads").iterdir())


def test_a_removal_leaves_the_other_files_of_an_upload(client: TestClient, workspace: Path) -> None:
    jobs = workspace / "jobs" / "done"
    files = sent(("zoe.txt", ZOE), ("twice.txt", ZOE + b"\n"), ("note.txt", b"no resume"))
    answer = client.post("/api/candidates", files=files)
    job = ended(client, answer)
    numbers = [number for file in job["files"] for number in file["candidates"]]
    (jobs / f"{'0' * 32}.json").write_text('{"id": "')
    assert client.delete(f"/api/candidates/{numbers[0]}").status_code == 200
    left = client.get(answer.headers["location"]).json()
    assert [file["name"][:5] for file in left["files"]] == ["note-"]
    assert [path.stem for path in jobs.iterdir()] == [job["id"]]


def test_a_key_sends_once(client: TestClient, workspace: Path) -> None:
    def post(content: bytes, key: str) -> Any:
        headers = {"Idempotency-Key": key}
        return client.post("/api/candidates", files=sent(("zoe.txt", content)), headers=headers)

    first = post(ZOE, "a")
    assert post(ZOE, "a").headers["location"] == first.headers["location"]
    refused = post(ZOE + b"!", "a")
    assert (refused.status_code, refused.json()["status"]) == (422, 422)
    assert post(ZOE, "b").headers["location"] != first.headers["location"]
    ended(client, first)
    assert post(ZOE, "a").json()["state"] == "done"
    assert len(list((workspace / "uploads").iterdir())) == 1


def test_events_tell_until_it_is_over(client: TestClient) -> None:
    answer = client.post("/api/candidates", files=sent(("zoe.txt", ZOE)))
    events = client.get(f"{answer.headers['location']}/events")
    assert events.headers["content-type"].startswith("text/event-stream")
    told = [line[7:] for line in events.text.splitlines() if line.startswith("event: ")]
    assert told[-1] == "done"
    assert set(told) <= {"waiting", "reading", "done"}


def test_what_was_acknowledged_is_taken_up_by_the_next_server(workspace: Path) -> None:
    jobs = Jobs(Stages(workspace))
    job = jobs.accept([("zoe.txt", BytesIO(ZOE))])
    # What a power cut leaves of a job that was not acknowledged.
    (workspace / "jobs" / f"{'0' * 32}.json").write_text('{"id": "')
    assert [one.id for one in Jobs(Stages(workspace)).pending()] == [job.id]
    service = Service(workspace)
    service.start()
    try:
        limit = time.monotonic() + 120
        while not (found := service.jobs.find(job.id)) or not found.is_over:
            assert time.monotonic() < limit
            time.sleep(0.05)
    finally:
        service.stop()
    assert found.state == "done"
    assert found.files[0].candidates
    assert not service.jobs.pending()


@pytest.mark.parametrize("path", ["0" * 32, "0" * 32 + "/events"])
def test_nobody_knows_another_job(client: TestClient, path: str) -> None:
    assert client.get(f"/api/jobs/{path}").status_code == 404
    assert client.get("/api/jobs/..%2F..%2Frecord").status_code in {404, 422}


@pytest.mark.parametrize("files", [[], sent(("empty.txt", b""))])
def test_uploads_without_content_are_refused(client: TestClient, files: list[Sent]) -> None:
    answer = client.post("/api/candidates", files=files)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_too_large_an_upload_is_refused(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cvseeker.serve.jobs

    monkeypatch.setattr(cvseeker.serve.jobs, "LARGEST_FILE", 1000)
    answer = client.post("/api/candidates", files=sent(("big.txt", b"x" * 1001)))
    assert answer.status_code == 413
    assert "big.txt" in answer.json()["detail"]


def test_whoever_may_only_read_uploads_nothing(workspace: Path) -> None:
    token = Tokens(workspace).add("reader", "read")
    with TestClient(create_app(workspace), base_url=HERE) as client:
        headers = {"Authorization": f"Bearer {token}"}
        answer = client.post("/api/candidates", files=sent(("z.txt", ZOE)), headers=headers)
        assert answer.status_code == 403
    assert not (workspace / "uploads").exists()


def test_searches_and_views_are_written_down(client: TestClient, workspace: Path) -> None:
    hit = client.get("/api/search", params={"q": "pastry chef"}).json()["hits"][0]
    client.get(f"/api/candidates/{hit['number']}")
    client.get(f"/api/candidates/{hit['number']}/similar")
    log = client.get("/api/log").json()
    assert [one["what"] for one in log] == ["searched", "viewed", "searched"]
    assert log[2]["about"] == {"query": "pastry chef", "candidates": 2}
    assert log[0]["about"]["like"] == hit["number"]


@given(st.text(max_size=80))
def test_stored_names_are_fit_for_any_file_system(name: str) -> None:
    stored = stored_name(name, "ab" * 32)
    assert "ab" * 8 in stored
    assert len(stored.encode()) <= 255
    assert not set(stored) & set('/\\\0:*?"<>|\n ')
    assert not stored.startswith((".", "-", "~"))
