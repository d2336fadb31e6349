import pytest

from cvseeker.core.query_settings import FilterSettings
from cvseeker.core.records import Query
from cvseeker.queries.filters.checks import (
    COPIED,
    NAMES_CANDIDATE,
    NOT_GROUNDED,
    REASONS,
    TOO_LONG,
    TOO_SHORT,
    WRONG_LANGUAGE,
    check_query,
)

PASSAGE = """Adaeze Nwachukwu
Senior Data Engineer, Harbour Freight Analytics, Leeds, 2016 - 2023
- Moved nightly ETL jobs from Oracle to PostgreSQL and cut their run time by 40 percent
- Built streaming pipelines with Apache Kafka and Spark for vessel telemetry
- Mentored three junior engineers and introduced code review
MSc Computer Science, University of Leeds, 2015"""


def reason(text: str, *, kind: str = "question", name: str = "", **settings: object) -> str | None:
    return check_query(
        Query("q1", text, kind, "p1"),
        passage=PASSAGE,
        name=name,
        settings=FilterSettings.model_validate(settings),
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Kafka PostgreSQL vessel telemetry", "keywords"),
        ("(Kafka OR AWS) AND PostgreSQL NOT MongoDB", "boolean"),
        ('"data engineer" AND (Kafka OR Spark) AND Leeds', "boolean"),
        ("Which engineer has brought ETL work over from Oracle to Postgres?", "question"),
        ("Senior Data Engineer, Kafka, Leeds, 5+ years", "title_skills"),
        (
            "We are looking for a data engineer who will own our streaming pipelines. You know "
            "Kafka and Spark well, have moved workloads between Oracle and PostgreSQL, and like "
            "to mentor junior colleagues. Knowledge of shipping is a plus.",
            "job_description",
        ),
        ("How did the candidate shorten the run time of nightly jobs?", "exam"),
    ],
)
def test_sound_queries_pass(text: str, kind: str) -> None:
    assert reason(text, kind=kind) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Kafka", TOO_SHORT),
        ("  ?! ", TOO_SHORT),
        ("kafka spark " * 61, TOO_LONG),
        ("Welche Erfahrung hat die Kandidatin mit Datenbanken?", WRONG_LANGUAGE),
        ("инженер данных Kafka в Лидсе", WRONG_LANGUAGE),
        ("What did [NAME] build with Kafka?", NAMES_CANDIDATE),
        ("What did Nwachukwu build with Kafka?", NAMES_CANDIDATE),
        (
            "Who moved nightly ETL jobs from Oracle to PostgreSQL and cut their run time by 40?",
            COPIED,
        ),
        ("Who introduced code review and mentored three junior engineers?", None),
        ("Who has built pipelines with Snowflake and dbt?", NOT_GROUNDED),
        ("A data engineer with 12+ years of experience with Kafka", NOT_GROUNDED),
        ("someone who welds stainless pipes on offshore platforms", NOT_GROUNDED),
    ],
)
def test_each_fault_has_its_reason(text: str, told: str | None) -> None:
    assert reason(text, name="Adaeze Nwachukwu") == told


def test_the_first_reason_in_order_is_told() -> None:
    text = "What did [NAME] weld at Snowflake?"
    assert reason(text) == NAMES_CANDIDATE
    assert reason(text, max_words=3) == TOO_LONG
    assert REASONS.index(TOO_LONG) < REASONS.index(NAMES_CANDIDATE) < REASONS.index(NOT_GROUNDED)


def test_lists_of_terms_may_repeat_the_passage_in_part() -> None:
    text = "streaming pipelines with Apache Kafka and Spark"
    assert reason(text, kind="keywords") is None
    assert reason(text, kind="question") == COPIED
    assert reason(text, kind="keywords", max_copied_words=4) == COPIED


def test_brackets_of_other_sorts_are_no_placeholder() -> None:
    assert reason("Who moved workloads [ETL] to PostgreSQL?") is None


def test_another_language_is_held_to_names_only() -> None:
    german = {"language": "German", "kind": "question"}
    assert reason("Wer hat Erfahrung mit Kafka und der Arbeit im Hafen?", **german) is None
    assert (
        reason("Wer hat Erfahrung mit PyTorch und der Arbeit im Hafen?", **german) == NOT_GROUNDED
    )
