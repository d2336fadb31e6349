import pytest

from cvseeker.core.query_settings import FilterSettings
from cvseeker.core.records import Query
from cvseeker.queries.filters.checks import (
    COPIED,
    GENERIC,
    META,
    NAMES_CANDIDATE,
    NOT_GROUNDED,
    REASONS,
    TOO_LONG,
    TOO_SHORT,
    WRONG_KIND,
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
        ("What do you do?", GENERIC),
        ("Who has good communication skills and experience?", GENERIC),
        ("According to the passage, which jobs were moved to PostgreSQL?", META),
        ("Question 1: Who has moved jobs from Oracle?", META),
        ("Who moved nightly jobs, as mentioned in the document?", META),
        ("Which skills does the candidate's resume list beside Kafka?", META),
        ("Here is a query about a data engineer with Kafka", META),
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


@pytest.mark.parametrize(
    ("text", "kind", "sound"),
    [
        ('(Kafka OR Spark) AND "data engineer"', "boolean", True),
        ("Kafka AND Spark NOT intern", "boolean", True),
        ("Kafka, Spark, PostgreSQL", "boolean", False),
        ("Kafka and Spark", "boolean", False),
        ("(Kafka OR Spark AND PostgreSQL", "boolean", False),
        ('Kafka AND "data engineer', "boolean", False),
        ("Kafka AND", "boolean", False),
        ("NOT Kafka", "boolean", False),
        ("Kafka Spark PostgreSQL Leeds", "keywords", True),
        ("Kafka AND Spark", "keywords", False),
        ("Who knows Kafka and Spark?", "keywords", False),
        ("We need a data engineer with Kafka.", "keywords", False),
        ("Senior Data Engineer, Kafka, Leeds", "title_skills", True),
        ("Senior Data Engineer AND Kafka", "title_skills", False),
        ("Which engineer knows Kafka", "title_skills", False),
        ("Who knows Kafka in Leeds?", "question", True),
        ("someone for our Kafka pipelines, Leeds", "question", True),
        ("Kafka AND Spark engineer from Leeds?", "question", False),
        ("Kafka Spark Leeds", "question", False),
        ("Data engineer with Kafka wanted", "job_description", False),
    ],
)
def test_a_text_is_what_its_kind_says(text: str, kind: str, sound: bool) -> None:
    assert reason(text, kind=kind) == (None if sound else WRONG_KIND)


def test_a_whole_job_description_may_be_longer_than_any_other_query() -> None:
    duty = (
        "You will own streaming pipelines with Kafka and Spark, bring what still runs on Oracle "
        "over to PostgreSQL, and mentor junior colleagues in Leeds. "
    )
    text = duty * 11
    assert 250 < len(text.split()) <= 300
    assert reason(text, kind="job_description") is None
    assert reason(text, kind="question") == TOO_LONG
    assert reason(text, kind="job_description", max_description_words=200) == TOO_LONG
    assert reason(text * 2, kind="job_description") == TOO_LONG


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("data engineer forklift driver", "keywords"),
        ("forklift warehouse", "keywords"),
        ("pastry chef", "keywords"),
        ("dental hygienist", "title_skills"),
        ("Is anyone a dental hygienist?", "question"),
    ],
)
def test_a_short_query_about_another_profession_is_not_grounded(text: str, kind: str) -> None:
    assert reason(text, kind=kind) == (None if text.startswith("data") else NOT_GROUNDED)


@pytest.mark.parametrize(
    "text",
    [
        "Who led document control for vessel telemetry at a port?",
        "Who can write text pipelines and code review notes in Leeds?",
        "engineer who understands the context of harbour freight and Kafka",
        "Who gave the information engineers need about Kafka?",
    ],
)
def test_what_only_sounds_like_talk_about_the_passage_is_none(text: str) -> None:
    assert reason(text, min_grounded=0.0) != META


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
