"""The résumés and queries of benchmarks/multilingual: sound judgements, sections, own phrases."""

from pathlib import Path

import pytest

from cvseeker.core.datasets import RetrievalDataset, read_judgements
from cvseeker.core.query_settings import GenerateSettings
from cvseeker.queries.offline import generate_offline
from cvseeker.resumes import find_sections

FOLDER = Path(__file__).parents[1] / "benchmarks" / "multilingual"
# Told as a story, without a heading.
PROSE = frozenset(
    "mirko-stahnke gwendal-lemouellic leandro-pizarroso edmilson-catanhede aaltje-renkema-osei "
    "radomil-pszczolkowski shangguan-meilan yonaha-kanade".split()
)


@pytest.fixture(scope="module")
def resumes() -> dict[str, str]:
    files = sorted((FOLDER / "resumes").iterdir())
    return {file.name: file.read_text(encoding="utf-8") for file in files}


@pytest.fixture(scope="module")
def judged() -> RetrievalDataset:
    return read_judgements(FOLDER / "judgements")


def test_every_query_has_a_best_answer_and_every_resume_answers_one(
    resumes: dict[str, str], judged: RetrievalDataset
) -> None:
    assert (len(resumes), len(judged.queries)) == (40, 60)
    assert {max(grades.values()) for grades in judged.qrels.values()} == {3}
    best = {key for grades in judged.qrels.values() for key, grade in grades.items() if grade == 3}
    assert best == set(resumes)


def test_no_query_names_anybody(resumes: dict[str, str], judged: RetrievalDataset) -> None:
    names = {part for file in resumes for part in Path(file).stem.split("-") if len(part) > 3}
    asked = {word for text in judged.queries.values() for word in text.lower().split()}
    assert not names & asked


def test_sections_are_found_in_every_language(resumes: dict[str, str]) -> None:
    for file, text in resumes.items():
        kinds = {section.kind for section in find_sections(text)}
        if Path(file).stem in PROSE:
            assert kinds == {"header"}, file
        else:
            assert {"experience", "education"} <= kinds, file


def test_offline_queries_say_only_what_stands_in_the_resume(resumes: dict[str, str]) -> None:
    queries = generate_offline(resumes, settings=GenerateSettings())
    assert {query.passage_id for query in queries} == set(resumes)
    assert {query.kind for query in queries} == {"keywords"}
