import re
from dataclasses import replace

import numpy as np
import pytest

from cvseeker.core.datasets import RetrievalDataset
from cvseeker.evaluate.encoded import EncodedDataset
from cvseeker.evaluate.report import render
from cvseeker.evaluate.report.map import MOST_GROUPS, MOST_POINTS, lay_out, map_positions
from cvseeker.evaluate.results import EvaluatedSet
from cvseeker.retrieval.corpus import EncodedCorpus
from cvseeker.retrieval.encoder import WindowEmbeddings
from cvseeker.retrieval.ranker import EncodedQueries


def clusters(count: int, size: int) -> np.ndarray:
    generator = np.random.default_rng(3)
    centres = generator.normal(size=(count, 32))
    noise = generator.normal(size=(count, size, 32)) * 0.05
    return (centres[:, None] + noise).reshape(-1, 32).astype(np.float32)


def encoded(queries: np.ndarray, passages: np.ndarray, owners: np.ndarray) -> EncodedDataset:
    """Return what a model with these vectors makes of a data set."""
    asked = EncodedQueries([""] * len(queries), [[]] * len(queries), queries)
    corpus = EncodedCorpus(WindowEmbeddings([], passages, owners), None, 0.0)
    return EncodedDataset(corpus, asked, 0.0)


EACH_ITS_OWN = encoded(np.eye(6), np.eye(6), np.arange(6))


def drawn(evaluated: EvaluatedSet) -> str:
    """Draw the map of a model for which everything is unlike everything else."""
    content = {
        "title": "t",
        "mapped": "m",
        "map": lay_out(evaluated, EACH_ITS_OWN),
    }
    return render("_map.html", {"set": content})


@pytest.fixture
def evaluated(tiny_dataset: RetrievalDataset) -> EvaluatedSet:
    return EvaluatedSet("test", tiny_dataset, {})


def test_what_is_near_stays_near_and_the_map_is_always_the_same() -> None:
    vectors = clusters(4, 15)
    places = map_positions(vectors)
    assert places.shape == (60, 2)
    assert places.min() == 0
    assert places.max() == 1
    assert np.array_equal(places, map_positions(vectors))
    apart = np.linalg.norm(places[:, None] - places[None], axis=2)
    np.fill_diagonal(apart, 9)
    assert (apart.argmin(axis=1) // 15 == np.arange(60) // 15).all()


@pytest.mark.parametrize("count", [0, 1, 2, 12])
def test_a_few_vectors_are_laid_out_too(count: int) -> None:
    places = map_positions(np.eye(count, 40, dtype=np.float32))
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


def test_copies_of_one_vector_are_no_trouble() -> None:
    assert np.isfinite(map_positions(np.ones((30, 8)))).all()


def test_every_query_and_resume_is_a_mark_with_its_text(evaluated: EvaluatedSet) -> None:
    svg = drawn(evaluated)
    assert (svg.count("<circle"), svg.count("<rect")) == (6, 6)
    assert "<title>backend engineer Kafka · keywords</title>" in svg
    assert sum(count for _, _, count in lay_out(evaluated, EACH_ITS_OWN).legend) == 12


def test_occupations_colour_queries_and_resumes_alike(evaluated: EvaluatedSet) -> None:
    occupations = {"bo-lindahl#1": "engineer", "fay-okoro#1": "engineer", "ana-prunk#1": "chef"}
    known = replace(evaluated, occupations=occupations)
    svg = drawn(known)
    assert lay_out(known, EACH_ITS_OWN).legend == (
        (0, "engineer", 4),
        (1, "chef", 2),
        (MOST_GROUPS, "other", 6),
    )
    assert re.search(r'circle class="g0"[^>]*><title>backend engineer Kafka', svg)
    assert re.search(r'rect class="g0"[^>]*><title>bo-lindahl#1', svg)


def test_windows_and_passages_of_a_resume_are_one_square(evaluated: EvaluatedSet) -> None:
    resume_of = dict.fromkeys(evaluated.dataset.corpus, "one") | {"fay-okoro#1": "fay"}
    grouped = replace(evaluated, resume_of=resume_of)
    windows = encoded(np.eye(6), np.eye(8, 6), owners=np.array([0, 0, 1, 1, 2, 3, 4, 5]))
    assert lay_out(grouped, windows).resumes == 2


def test_thousands_are_thinned() -> None:
    count = MOST_POINTS + 500
    dataset = RetrievalDataset(
        {"p": "x"},
        {f"q{at}": "x" for at in range(count)},
        {f"q{at}": {"p": 1} for at in range(count)},
    )
    vectors = encoded(np.ones((count, 2)), np.ones((1, 2)), np.zeros(1, dtype=int))
    drawing = lay_out(EvaluatedSet("test", dataset, {}), vectors)
    assert (drawing.queries, drawing.resumes) == (MOST_POINTS, 1)
