"""A server as it is started, from outside: OpenAI's client, whatever a schema allows, and kills."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import httpx
import numpy as np
import pytest

from conftest import TINY_CORPUS
from cvseeker import Workspace
from cvseeker.core.record import Record

pytestmark = pytest.mark.slow
WALKS = "Long walks by the river, old maps, a choir on Tuesdays and the garden in summer. " * 2
# Each costs two starts of a server.
KILLS = int(os.environ.get("CVSEEKER_KILLS", "20"))
EXAMPLES = int(os.environ.get("CVSEEKER_API_EXAMPLES", "200"))


def resume(name: str, work: str) -> bytes:
    mail = f"{name.split(maxsplit=1)[0].lower()}@example.com"
    return f"{name}\n{mail}\n\nExperience\n{work}\n\nInterests\n{WALKS}\n".encode()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    place = tmp_path_factory.mktemp("live")
    (place / "cvs").mkdir()
    for name, text in TINY_CORPUS.items():
        head, _, rest = text.partition(". ")
        (place / "cvs" / f"{name[:-2]}.txt").write_bytes(resume(head, rest))
    made = Workspace(place / "w", finetune={"base": str(tiny_model)}, ingest={"workers": 1})
    made.ingest(place / "cvs")
    made.index()
    return place / "w"


@contextmanager
def serving(workspace: Path) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Start a server of its own, and wait until it is up."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "cvseeker", "serve", "-w", str(workspace)]
    server = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        limit = time.monotonic() + 120
        while time.monotonic() < limit:
            with suppress(httpx.TransportError):
                if httpx.get(f"{address}/healthz", timeout=10).status_code == 200:
                    break
            assert server.poll() is None
            time.sleep(0.1)
        yield server, address
    finally:
        server.kill()
        server.wait()


def test_openais_client_gets_the_models_vectors(workspace: Path, tiny_model: Path) -> None:
    from openai import BadRequestError, OpenAI
    from sentence_transformers import SentenceTransformer

    texts = ["backend engineer", "pastry chef", "night shifts " * 300]
    expected = SentenceTransformer(str(tiny_model), device="cpu").encode(texts)
    with (
        serving(workspace) as (_, address),
        OpenAI(base_url=f"{address}/v1", api_key="none", timeout=300) as client,
    ):
        default = client.embeddings.create(model="cvseeker", input=texts)
        floats = client.embeddings.create(model="cvseeker", input=texts, encoding_format="float")
        for answer in (default, floats):
            vectors = np.array([one.embedding for one in answer.data], np.float32)
            np.testing.assert_allclose(vectors, expected, atol=1e-6)
            assert answer.usage.total_tokens > 100
        assert [one.id for one in client.models.list().data] == ["cvseeker"]
        with pytest.raises(BadRequestError, match="dimensions is 9999"):
            client.embeddings.create(model="cvseeker", input="x", dimensions=9999)


def test_whatever_the_schema_allows_is_answered(workspace: Path) -> None:
    """Schemathesis: no 500, nothing that the schema does not tell of, and no hang."""
    with serving(workspace) as (_, address):
        command = [sys.executable, "-m", "schemathesis.cli", "run", f"{address}/openapi.json"]
        checks = "not_a_server_error,status_code_conformance,content_type_conformance,"
        checks += "response_schema_conformance"
        options = ["--checks", checks, "--max-examples", str(EXAMPLES), "--phases", "fuzzing"]
        options += ["--request-timeout", "120", "--generation-database", "none", "--no-color"]
        done = subprocess.run(
            [*command, *options],
            cwd=workspace.parent,  # it leaves a folder there
            capture_output=True,
            text=True,
            timeout=3000,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
        assert httpx.get(f"{address}/healthz", timeout=60).status_code == 200


def test_nothing_acknowledged_is_lost_by_kills(workspace: Path) -> None:
    acknowledged: dict[str, str] = {}
    for kill in range(KILLS):
        with serving(workspace) as (server, address):
            work = f"Founder{kill} of workshop{kill}, glass number{kill}."
            content = resume(f"Person{kill} Name{kill}", work)
            answer = httpx.post(
                f"{address}/api/candidates", files={"files": (f"{kill}.txt", content)}, timeout=120
            )
            assert answer.status_code == 202
            acknowledged[answer.headers["location"]] = f"workshop{kill}"
            # At another moment each time: before it is read, meanwhile, after.
            time.sleep((kill % 7) * 0.5)
            server.send_signal(signal.SIGKILL)
            server.wait()
    with serving(workspace) as (_, address), httpx.Client(base_url=address, timeout=300) as client:
        limit = time.monotonic() + 600
        for location, word in acknowledged.items():
            while (job := client.get(location).json())["state"] not in {"done", "failed"}:
                assert time.monotonic() < limit, job
                time.sleep(0.2)
            assert job["state"] == "done", job
            found = client.get("/api/search", params={"q": f"{word} AND glass"}).json()
            assert [hit["number"] for hit in found["hits"]] == job["files"][0]["candidates"]
        with Record.open(workspace) as record:
            assert record.count == len(TINY_CORPUS) + KILLS
            assert client.get("/readyz").status_code == 200
