import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from cvseeker import Workspace
from cvseeker.core.errors import InputError
from cvseeker.serve import Tokens, create_app

HERE = "http://localhost:8000"
# Too short a text is no résumé.
OTHERWISE = "Long walks by the river, old maps, a choir on Tuesdays and the garden in summer. " * 2


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, corpus: dict[str, str]
) -> Path:
    """Six fictional people, indexed by the tiny model."""
    folder = tmp_path_factory.mktemp("serve")
    (folder / "cvs").mkdir()
    for name, text in corpus.items():
        head, _, rest = text.partition(". ")
        mail = f"{head.split()[0].lower()}@example.com"
        content = f"{head}\n{mail}\n\nExperience\n{rest}\n\nInterests\n{OTHERWISE}\n"
        (folder / "cvs" / f"{name[:-2]}.txt").write_text(content, encoding="utf-8")
    made = Workspace(folder / "w", finetune={"base": str(tiny_model)}, ingest={"workers": 1})
    made.ingest(folder / "cvs")
    made.index()
    return folder / "w"


@pytest.fixture(scope="module")
def corpus() -> dict[str, str]:
    from conftest import TINY_CORPUS

    return dict(TINY_CORPUS)


@pytest.fixture(scope="module")
def client(workspace: Path) -> Iterator[TestClient]:
    with TestClient(create_app(workspace), base_url=HERE, raise_server_exceptions=False) as client:
        yield client


def found(client: TestClient, **asked: Any) -> dict[str, Any]:
    answer = client.post("/api/search", json=asked)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def test_the_state_is_told(client: TestClient) -> None:
    assert client.get("/healthz").json()["status"] == "up"
    assert client.get("/readyz").json() == {"status": "ready"}


def test_candidates_are_found_and_shown(client: TestClient) -> None:
    hit = found(client, query="pastry chef chocolate")["hits"][0]
    assert hit["resume_id"] == "ana-prunk.txt"
    marked = [hit["excerpt"][span["start"] : span["end"]].lower() for span in hit["words"]]
    assert {"pastry", "chef", "chocolate"} <= set(marked)
    person = client.get(f"/api/candidates/{hit['number']}").json()
    assert "Laminated dough" in person["text"]
    for insight in person["insights"]:
        assert person["text"][insight["start"] : insight["end"]]


def test_filters_are_exact(client: TestClient) -> None:
    result = found(client, query="engineer AND PostgreSQL NOT Kafka")
    assert [hit["resume_id"] for hit in result["hits"]] == ["fay-okoro.txt"]
    assert (result["total"], result["next"]) == (1, None)


def test_pages_follow_one_another(client: TestClient) -> None:
    seen: list[int] = []
    cursor = None
    while True:
        page = found(client, query="engineer", top_k=2, **({"cursor": cursor} if cursor else {}))
        seen += [hit["number"] for hit in page["hits"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 6
    first = found(client, query="engineer", top_k=2)["next"]
    other = client.post("/api/search", json={"query": "nurse", "cursor": first})
    assert (other.status_code, other.headers["content-type"]) == (400, "application/problem+json")
    assert "another search's" in other.json()["detail"]
    stale = base64.urlsafe_b64encode(b'["old", "x", 2]').decode()
    assert client.post("/api/search", json={"query": "n", "cursor": stale}).status_code == 409


@pytest.mark.parametrize("cursor", ["x", "W10", "bnVsbA", "é"])
def test_cursors_of_others_are_refused(client: TestClient, cursor: str) -> None:
    answer = client.post("/api/search", json={"query": "nurse", "cursor": cursor})
    assert answer.status_code == 400


def test_blind_hides_who_they_are(client: TestClient) -> None:
    hit = found(client, query="pastry chef chocolate", blind=True)["hits"][0]
    assert hit["name"] == f"Candidate {hit['number']}"
    assert (hit["resume_id"], hit["place"]) == ("", "")
    assert "Prunk" not in hit["excerpt"]
    person = client.get(f"/api/candidates/{hit['number']}?blind=true")
    assert "Prunk" not in person.text
    assert "ana@" not in person.text


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    number = found(client, query="nurse")["hits"][0]["number"]
    tag = client.get(f"/api/candidates/{number}").headers["etag"]
    again = client.get(f"/api/candidates/{number}", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_the_like_are_found(client: TestClient) -> None:
    number = found(client, query="Kafka backend")["hits"][0]["number"]
    hits = client.get(f"/api/candidates/{number}/similar?top_k=5").json()["hits"]
    assert number not in [hit["number"] for hit in hits]
    assert len(hits) == 5


@pytest.mark.parametrize(
    ("path", "asked", "status", "detail"),
    [
        ("/api/search", {"query": ""}, 400, "has no words"),
        ("/api/search", {"query": "x", "bogus": 1}, 422, "body/bogus"),
        ("/api/search", {"query": "(a AND"}, 400, ""),
        ("/api/search", {"query": "x", "top_k": 0}, 422, "body/top_k"),
        ("/api/requirements", {"text": ""}, 422, "body/text"),
    ],
)
def test_a_mistake_is_a_problem(
    client: TestClient, path: str, asked: dict[str, Any], status: int, detail: str
) -> None:
    answer = client.post(path, json=asked)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == status
    assert detail in answer.json()["detail"]


def test_nobody_is_404(client: TestClient) -> None:
    assert client.get("/api/candidates/99").json()["detail"] == "no candidate 99"
    assert client.get("/api/candidates/99/similar").status_code == 404
    assert client.get("/nothing").headers["content-type"] == "application/problem+json"


def test_embeddings_are_the_models_own(client: TestClient, tiny_model: Path) -> None:
    from sentence_transformers import SentenceTransformer

    texts = ["backend engineer", "night shifts " * 300]
    expected = SentenceTransformer(str(tiny_model), device="cpu").encode(texts)
    asked = {"input": texts, "model": "any", "encoding_format": "base64"}
    answer = client.post("/v1/embeddings", json=asked).json()
    vectors = [np.frombuffer(base64.b64decode(one["embedding"]), "<f4") for one in answer["data"]]
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert answer["usage"]["prompt_tokens"] > 100
    short = client.post("/v1/embeddings", json={"input": texts[0], "dimensions": 8}).json()
    vector = np.array(short["data"][0]["embedding"])
    assert len(vector) == 8
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    "asked",
    [{"input": ""}, {"input": []}, {}, {"input": "x", "dimensions": 999}, {"input": [10**9]}],
)
def test_openais_clients_get_its_errors(client: TestClient, asked: dict[str, Any]) -> None:
    answer = client.post("/v1/embeddings", json=asked)
    assert answer.status_code == 400
    assert answer.json()["error"]["type"] == "invalid_request_error"


def test_shortlists_are_kept_and_exported(client: TestClient) -> None:
    number = found(client, query="pastry chef")["hits"][0]["number"]
    note = {"note": "=HYPERLINK(1)", "tags": ["sweet"]}
    assert client.put(f"/api/shortlists/bakers/{number}", json=note).status_code == 200
    assert client.get("/api/shortlists").json() == {"bakers": 1}
    table = client.get("/api/shortlists/bakers/export")
    assert "'=HYPERLINK(1)" in table.text
    assert client.get("/api/shortlists/bakers/export?form=json").json()[0]["tags"] == "sweet"
    assert client.put("/api/shortlists/bakers/99", json={}).status_code == 404
    assert client.get("/api/shortlists/cooks").status_code == 404
    taken = client.delete(f"/api/shortlists/bakers/{number}").json()
    assert taken["note"] == note["note"]
    log = client.get("/api/log").json()
    assert [one["what"] for one in log[:2]] == ["taken off a shortlist", "exported"]


def test_measures_name_no_query(client: TestClient) -> None:
    found(client, query="pastry chef Zweibrücken")
    text = client.get("/metrics").text
    assert 'route="/api/search"' in text
    assert "Zweibr" not in text


def test_the_page_shows_and_refuses(client: TestClient) -> None:
    page = client.get("/")
    assert "6 candidates" in page.text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    hits = client.post("/hits", data={"q": "pastry chef <b>"})
    assert "Ana Prunk" in hits.text
    assert "<b>&" not in hits.text
    assert 'role="alert"' in client.post("/hits", data={"q": "(a AND"}).text
    job = {"mode": "job", "job": "Pastry chef\nRequirements:\n- Chocolate tempering\n- SAP"}
    assert "Chocolate tempering" in client.post("/hits", data=job).text
    assert client.get("/people/1").status_code == 200
    assert client.get("/people/999").status_code == 404
    for path in ("/static/page.css", "/static/page.js", "/static/htmx.min.js"):
        assert client.get(path).status_code == 200


def test_an_empty_workspace_says_what_to_do(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path), base_url=HERE) as client:
        assert "cvseeker run FOLDER" in client.get("/").text
        assert client.get("/readyz").status_code == 503
        assert client.post("/api/search", json={"query": "x"}).status_code == 503


def test_others_reach_it_only_with_a_token(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no token; make one first"):
        create_app(tmp_path, host="0.0.0.0")
    Tokens(tmp_path).add("somebody", "read")
    with TestClient(create_app(tmp_path, host="0.0.0.0"), base_url=HERE) as client:
        assert client.get("/api/facets").status_code == 401
