"""The contract of the index, whatever engine finds the nearest candidates."""

import json
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from corpora import WORDS, candidate, encoded
from cvseeker.core.errors import InputError, ModelError
from cvseeker.core.training_settings import HybridWeights
from cvseeker.retrieval.bm25 import BM25Ranker
from cvseeker.retrieval.fusion import fuse
from cvseeker.retrieval.ranker import EncodedQueries
from cvseeker.search.index import Candidate, CandidateIndex, Engine, open_engine, segments
from cvseeker.search.index.engines import ENOUGH, measured_recall
from cvseeker.search.index.exact import ExactEngine
from cvseeker.search.index.qdrant import KEY, SHARDS, QdrantEngine, _settings

# Of qdrant-client's own stand-in for a server.
pytestmark = pytest.mark.filterwarnings("ignore:Local mode performs exact")

# The same contract on a server: CVSEEKER_TEST_QDRANT=http://localhost:6333 pytest …
QDRANT = os.environ.get("CVSEEKER_TEST_QDRANT", ":memory:")

WEIGHTS = HybridWeights(bm25=0.3, dense=0.3, late=0.4)

Opened = Callable[[], Engine]


@pytest.fixture(params=["exact", "signs", "edge", "qdrant"])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opened]:
    """Return what opens an engine, again and again, whose copy of the vectors stays."""
    engines: list[Engine] = []
    server = None
    if request.param == "qdrant":
        server = QdrantEngine(QDRANT, f"cvseeker-test-{tmp_path.parent.name}-{tmp_path.name}")
        server.sync({})

    def again() -> Engine:
        if server is not None:
            return server
        if engines:
            engines[-1].close()
        engine = open_engine(
            request.param, cache=tmp_path / "cache", workspace=tmp_path, identity=""
        )
        assert engine is not None
        engines.append(engine)
        return engine

    yield again
    for engine in engines:
        engine.close()


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cvseeker.search.index.files.SIZE", 16)


def filled(folder: Path | None, numbers: range, engine: Engine | None = None) -> CandidateIndex:
    index = CandidateIndex(folder=folder, engine=engine)
    write(index, [candidate(number) for number in numbers])
    return index


def write(index: CandidateIndex, candidates: list[Candidate], sequence: int = 1) -> None:
    index.upsert(candidates, encoded(candidates))
    index.flush(sequence)


def query(seed: int, words: int = 3) -> EncodedQueries:
    rng = random.Random(seed)
    return encoded([candidate(1000 + seed)]).queries(" ".join(rng.sample(WORDS, words)))


def found(index: CandidateIndex, asked: EncodedQueries, **options: Any) -> list[tuple[int, float]]:
    scored = index.search(asked, weights=WEIGHTS, **options)
    return [(one.number, round(one.score, 5)) for one in scored]


def test_every_engine_finds_what_the_exact_one_does(opened: Opened, tmp_path: Path) -> None:
    index = filled(tmp_path / "index", range(40), opened())
    oracle = filled(None, range(40))
    for seed in range(5):
        assert found(index, query(seed)) == found(oracle, query(seed))
        allowed = random.Random(seed).sample(range(60), 12)
        among = found(index, query(seed), allowed=allowed)
        assert among == found(oracle, query(seed), allowed=allowed)
        assert {number for number, _ in among} <= set(allowed)
        assert len(among) == min(10, sum(number < 40 for number in allowed))
    assert found(index, query(1), allowed=[]) == found(index, query(1), limit=0) == []
    assert len(found(index, query(1), limit=99)) == 40


def test_what_is_changed_or_deleted_is_found_so_and_only_once_flushed(
    opened: Opened, tmp_path: Path
) -> None:
    index = filled(tmp_path / "index", range(40), opened())
    before = found(index, query(2))
    changed = [candidate(7, version=1), candidate(50)]
    index.upsert(changed, encoded(changed))
    index.delete([3, 4, 999])
    assert found(index, query(2)) == before
    index.flush(9)
    oracle = CandidateIndex()
    there = [number for number in range(40) if number not in {3, 4, 7}]
    write(oracle, [*map(candidate, there), *changed])
    for seed in range(5):
        assert found(index, query(seed), limit=99) == found(oracle, query(seed), limit=99)
    after = found(index, query(2))
    again = CandidateIndex.open(tmp_path / "index", engine=opened())
    assert found(again, query(2)) == after
    assert (again.sequence, len(again)) == (9, 39)
    for path in (tmp_path / "index").iterdir():
        assert candidate(3).passages[0].text.encode() not in path.read_bytes(), "it is erased"


def test_an_engines_copy_follows_another_index(opened: Opened, tmp_path: Path) -> None:
    filled(tmp_path / "one", range(20), opened())
    other = filled(tmp_path / "other", range(10, 30), opened())
    assert {number for number, _ in found(other, query(3), limit=99)} == set(range(10, 30))


def test_an_empty_index_finds_nobody(opened: Opened, tmp_path: Path) -> None:
    index = CandidateIndex(folder=tmp_path / "index", engine=opened())
    index.flush(0)
    assert found(index, query(1)) == []
    write(index, [candidate(1)])
    index.delete([1])
    index.flush(2)
    assert found(index, query(1)) == []
    assert len(CandidateIndex.open(tmp_path / "index")) == 0


def test_recall_is_measured_and_an_engine_that_misses_is_not_used() -> None:
    class Forgetful(ExactEngine):
        def nearest(self, vector: Any, allowed: Any, limit: int) -> Any:
            return super().nearest(vector, allowed, limit)[1:]

    index = filled(None, range(40))
    assert index.use(ExactEngine()) == 1
    best = found(index, query(1))
    assert index.use(Forgetful()) == pytest.approx(0.9)
    assert found(index, query(1)) == best
    assert measured_recall(index._engine, index._segments) >= ENOUGH


def test_bm25_is_the_evaluations(tmp_path: Path) -> None:
    index = filled(tmp_path, range(40))
    index.delete([5])
    index.flush(2)
    passages = [index.passage(at).text for at in range(index.counts["passages"])]
    ranker = BM25Ranker(passages)
    for seed in range(10):
        asked = query(seed, words=8)
        assert np.allclose(
            index._postings.scores(asked.words[0]), ranker.scores(asked)[0], atol=1e-5
        )
    assert not index._postings.scores(["nowhere"]).any()


def test_the_fused_scores_are_the_evaluations() -> None:
    """Of résumés, by their best passage, as an evaluation by hand-written queries ranks them."""
    candidates = [candidate(number) for number in range(40)]
    index, corpus = CandidateIndex(), encoded(candidates)
    index.upsert(candidates, corpus)
    index.flush(1)
    texts = [passage.text for one in candidates for passage in one.passages]
    owners = np.repeat(np.arange(40), [len(one.passages) for one in candidates])
    for seed in range(5):
        asked = query(seed)
        scores = [r.scores(asked) for r in (BM25Ranker(texts), corpus.dense(), corpus.late())]
        fused = fuse(scores, WEIGHTS.shares)[0]
        best = np.maximum.reduceat(fused, np.flatnonzero(np.diff(owners, prepend=-1)))
        scored = index.search(asked, weights=WEIGHTS, limit=40)
        got = {one.number: one.score for one in scored}
        assert np.allclose([got[number] for number in range(40)], best, atol=1e-5)
        assert all(sum(one.shares) == pytest.approx(one.score, abs=1e-5) for one in scored)


def test_a_query_of_other_dimensions_is_refused() -> None:
    asked = EncodedQueries(["x"], [["x"]], np.ones((1, 3), np.float32))
    with pytest.raises(ModelError, match="3 dimensions for an index of 64"):
        filled(None, range(3)).search(asked, weights=WEIGHTS)


def test_a_change_writes_only_the_segments_that_it_touches(tmp_path: Path) -> None:
    index = filled(tmp_path, range(64))
    before = {path.name for path in tmp_path.glob("*.segment")}
    write(index, [candidate(20, version=1)])
    after = {path.name for path in tmp_path.glob("*.segment")}
    assert len(before) == 4
    assert len(before & after) == 3
    assert len(after) == 4


def test_a_torn_copy_of_edge_is_made_again(tmp_path: Path) -> None:
    index = filled(tmp_path / "index", range(20))
    place = tmp_path / "cache" / "edge"
    options: Any = {"cache": tmp_path / "cache", "workspace": tmp_path, "identity": ""}

    def searched() -> list[tuple[int, float]]:
        engine = open_engine("edge", **options)
        opened = CandidateIndex.open(tmp_path / "index", engine=engine)
        try:
            return found(opened, query(1))
        finally:
            opened.close()

    best = found(index, query(1))
    assert searched() == best
    damages = [
        lambda: shutil.rmtree(place / "shard"),
        (place / "held.json").unlink,
        lambda: (place / "held.json").write_text("{"),
        lambda: (place / "held.json").write_text(json.dumps({"other": [1, 2]})),
        lambda: (place / "shard" / "edge_config.json").write_text("{"),
        lambda: shutil.rmtree(next((place / "shard" / "segments").iterdir())),
    ]
    for damage in damages:
        damage()
        assert searched() == best


def test_edge_serves_one_process(tmp_path: Path) -> None:
    options: Any = {"cache": tmp_path, "workspace": tmp_path, "identity": ""}
    engine = open_engine("edge", **options)
    with pytest.raises(InputError, match="open in another process"):
        open_engine("edge", **options)
    assert engine is not None
    engine.close()


def test_a_server_that_is_not_there_is_one_line() -> None:
    engine = QdrantEngine("http://127.0.0.1:9", "x")
    with pytest.raises(InputError, match=r"http://127.0.0.1:9: no Qdrant server") as caught:
        filled(None, range(2)).use(engine)
    assert "\n" not in str(caught.value)


def test_the_servers_that_are_shipped_listen_to_this_machine_and_ask_for_a_key() -> None:
    compose = yaml.safe_load((Path(__file__).parents[1] / "compose.yaml").read_text("utf-8"))
    services = compose["services"].values()
    assert [port for one in services for port in one.get("ports", [])] == ["127.0.0.1:6333:6333"]
    for one in services:
        assert re.fullmatch(r"qdrant/qdrant:v\d+\.\d+\.\d+", one["image"])
        assert KEY in one["environment"]["QDRANT__SERVICE__API_KEY"]
        assert one["environment"]["QDRANT__CLUSTER__ENABLED"] == "true"


def test_a_key_is_sent_and_a_collection_has_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "secret")
    engine = QdrantEngine("http://127.0.0.1:9", "x")
    assert engine._client._client._rest_headers["api-key"] == "secret"
    assert _settings(engine._models, 8)["shard_number"] == SHARDS
    engine.close()


WRITER = """
import sys
from pathlib import Path
from corpora import candidate, encoded
from cvseeker.search.index import CandidateIndex, open_engine
folder, engine = Path(sys.argv[1]), sys.argv[2]
options = {"cache": folder.parent, "workspace": folder, "identity": ""}
made = (folder / "index.json").is_file()
opened = open_engine(engine, **options)
index = CandidateIndex.open(folder, engine=opened) if made else CandidateIndex(
    folder=folder, engine=opened)
for sequence in range(index.sequence + 1, 10_000):
    new = [candidate(number) for number in range(sequence * 8, sequence * 8 + 8)]
    index.upsert(new, encoded(new))
    index.delete([sequence * 8 - 1])
    index.flush(sequence)
    print(sequence, flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["signs", "edge"])
def test_a_kill_loses_nothing_that_was_acknowledged(tmp_path: Path, engine: str) -> None:
    folder = tmp_path / "index"
    folder.mkdir()
    rng = random.Random(13)
    paths = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    for _ in range(10):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(folder), engine],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )
        assert writer.stdout is not None
        acknowledged = 0
        for _ in range(rng.randint(1, 4)):
            acknowledged = int(writer.stdout.readline())
        try:
            writer.wait(rng.random() / 5)
        except subprocess.TimeoutExpired:
            writer.kill()
        writer.wait()
        writer.stdout.close()
        options: Any = {"cache": tmp_path, "workspace": folder, "identity": ""}
        index = CandidateIndex.open(folder, engine=open_engine(engine, **options))
        last = index.sequence
        assert last >= acknowledged
        expected = {n for n in range(8, last * 8 + 8) if (n + 1) % 8 or n + 1 > last * 8}
        assert set(index.digests()) == expected
        scored = found(index, query(1), limit=len(expected))
        assert {number for number, _ in scored} == expected
        index.close()


def test_a_segments_text_is_its_passages(tmp_path: Path) -> None:
    index = filled(tmp_path, range(3))
    (segment,) = index._segments.values()
    assert isinstance(segment, segments.Segment)
    for at, passage in enumerate(one for n in range(3) for one in candidate(n).passages):
        assert index.passage(at) == passage
        spans, vectors = index.windows(at)
        assert len(spans) == len(vectors)
        assert all(passage.text[start:end] for start, end in spans)
