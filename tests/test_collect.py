"""Collecting: every query is in the data set or has a reason, and so has every passage."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.datasets import read_dataset
from cvseeker.core.files import read_jsonl
from cvseeker.core.query_settings import FilterSettings
from cvseeker.core.records import SPLITS
from cvseeker.llm.ledger import Ledger, LedgerRow
from cvseeker.queries.asking import PassageRequests
from cvseeker.queries.collect import NO_QUERY_LEFT, NOT_ASKED, collect
from cvseeker.queries.filters.checks import (
    NO_PLAIN_TEXT,
    NOT_GROUNDED,
    REASONS,
    TOO_LONG,
    TOO_SHORT,
)
from llm_passages import SETTINGS, TEXTS, asking_about, passages_of

GOOD = "pastry chef who tempers chocolate"
ENGINEER = "backend developer with Kafka and Go"


def record(
    asking: PassageRequests, ledger: Path, replies: Sequence[Any], passages: Any = None
) -> None:
    """Write each passage's reply: its queries, or an outcome and a reason."""
    with Ledger(ledger) as book:
        for passage, reply in zip(passages or passages_of(), replies, strict=False):
            if reply is None:
                continue
            outcome, reason = ("ok", "") if isinstance(reply, list) else reply
            queries = [{"kind": "question", "text": text} for text in reply] if reason == "" else []
            text = json.dumps({"queries": queries}) if outcome == "ok" else ""
            rest = (outcome, reason, text, "", 1, 1, 1, 1, 0.0, 0.0)
            book.record(LedgerRow(asking.key(passage), "queries", "", "", "", "", *rest))


def run(
    tmp_path: Path, replies: Sequence[Any], passages: Any = None, **options: Any
) -> tuple[dict[str, Any], Path]:
    asking, ledger = asking_about(passages=passages), tmp_path / "ledger.sqlite"
    record(asking, ledger, replies, passages)
    folder = tmp_path / "out"
    folder.mkdir()
    settings = SETTINGS.model_copy(update=options)
    return collect(asking, folder, ledger=ledger, settings=settings), folder


def test_every_query_and_every_passage_is_accounted_for(tmp_path: Path) -> None:
    replies = [
        [GOOD, "Who is Ana Prunk?", "chef"],
        [ENGINEER, ENGINEER, "forklift driver for cold stores at night"],
        ["Krankenschwester mit Erfahrung auf der Intensivstation und im Nachtdienst gesucht"],
    ]
    told, folder = run(tmp_path, replies)
    assert (told["written"], told["queries"], told["unanswered"]) == (7, 2, 0)
    assert told["written"] == told["queries"] + sum(told["dropped"].values())
    assert list(told["dropped"]) == list(REASONS)
    dropped = list(read_jsonl(folder / "dropped.jsonl"))
    assert len(dropped) == 5
    assert {line["reason"] for line in dropped} == {r for r in REASONS if told["dropped"][r]}
    status = {line["passage_id"]: line for line in read_jsonl(folder / "passages.jsonl")}
    assert status["r0#1"] == {"passage_id": "r0#1", "queries": 1, "outcome": "accepted"}
    assert status["r2#1"]["outcome"] == NO_QUERY_LEFT
    assert told["passages"] == {"accepted": 2, NO_QUERY_LEFT: 1}
    assert told["train"] == {"queries": 1, "passages": 1}
    assert told["test"] == {"queries": 0, "passages": 1}


def test_data_sets_have_all_passages_and_the_accepted_queries(tmp_path: Path) -> None:
    _, folder = run(tmp_path, [[GOOD], [ENGINEER], None])
    for split, text in (("train", GOOD), ("val", ENGINEER)):
        dataset = read_dataset(folder / "beir" / split, split=split)
        assert list(dataset.queries.values()) == [text]
        assert [list(grades.values()) for grades in dataset.qrels.values()] == [[1]]
        llamaindex = json.loads((folder / f"{split}.json").read_text("utf-8"))
        assert llamaindex["queries"] == dataset.queries
        assert llamaindex["corpus"] == dataset.corpus
    # The passage as it is, not as it was shown.
    assert TEXTS[2] in json.loads((folder / "test.json").read_text("utf-8"))["corpus"].values()
    left = {path.name for path in folder.iterdir()}
    assert left == {"beir", "dropped.jsonl", "passages.jsonl"} | {
        f"{split}.json" for split in ("train", "val", "test")
    }


def test_a_passage_without_a_reply_says_why(tmp_path: Path) -> None:
    replies = [("unparsable", "empty reply"), ("refused", "the model declined"), None]
    counts, folder = run(tmp_path, replies)
    outcomes = [line["outcome"] for line in read_jsonl(folder / "passages.jsonl")]
    assert outcomes == ["unparsable: empty reply", "refused: the model declined", NOT_ASKED]
    # A refusal is final; the other two are asked for again by the next run.
    assert counts["unanswered"] == 2


def test_more_queries_than_asked_for_are_cut_off(tmp_path: Path) -> None:
    many = [f"{GOOD} {place}" for place in ("here", "abroad", "nearby", "on call")]
    counts, _ = run(tmp_path, [many])
    assert counts["written"] == SETTINGS.queries_per_passage == 3


def test_passages_of_the_same_text_share_a_reply_and_no_query(tmp_path: Path) -> None:
    passages = passages_of([TEXTS[0], TEXTS[1], TEXTS[0]])
    names_left_out = asking_about(passages=passages)
    assert names_left_out.key(passages[0]) != names_left_out.key(passages[1])
    counts, _ = run(tmp_path, [[GOOD], [ENGINEER], [GOOD]], passages)
    assert counts["queries"] == 2
    assert sum(counts[split]["queries"] for split in SPLITS) == 2


@pytest.mark.parametrize(
    ("round_trip", "top_k", "accepted"), [("bm25", 1, 1), ("off", 1, 2), ("bm25", 0, 2)]
)
def test_a_query_must_find_its_passage(
    tmp_path: Path, round_trip: str, top_k: int, accepted: int
) -> None:
    filters = FilterSettings(top_k=top_k, min_grounded=0.0)
    stray = "intensive care nurse with a triage course"
    counts, folder = run(tmp_path, [[GOOD, stray]], round_trip=round_trip, filters=filters)
    assert counts["queries"] == accepted
    if accepted == 1:
        (line,) = read_jsonl(folder / "dropped.jsonl")
        assert (line["text"], line["rank"] > 1) == (stray, True)


def test_nothing_to_ask_about_is_an_empty_data_set(tmp_path: Path) -> None:
    counts, folder = run(tmp_path, [], passages=[])
    assert counts["queries"] == 0
    assert json.loads((folder / "train.json").read_text("utf-8"))["corpus"] == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("\x1b[2Jpastry chef who tempers chocolate", NO_PLAIN_TEXT),
        ("pastry chef \u202ewho tempers chocolate", NO_PLAIN_TEXT),
        ("pastry\x00chef", NO_PLAIN_TEXT),
        ("", TOO_SHORT),
        ("\t\n", TOO_SHORT),
        ("chocolate" * 400_000, TOO_SHORT),
        ("pastry chef " * 300_000, TOO_LONG),
        ("(" * 200_000 + " OR " * 20, TOO_LONG),
        ("<html><body>" + "<p>Sign in to go on with the proxy</p>" * 2, NOT_GROUNDED),
        ("9" * 4700 + " years of pastry, chocolate and sugar", NOT_GROUNDED),
        ("9" * 5000 + " years of pastry, chocolate and sugar", TOO_LONG),
        ("12345678 years of pastry, chocolate and sugar", NOT_GROUNDED),
    ],
)
def test_whatever_a_query_is_it_is_one_row_with_a_reason(
    tmp_path: Path, text: str, reason: str
) -> None:
    counts, folder = run(tmp_path, [[text, GOOD]])
    assert (counts["written"], counts["queries"]) == (2, 1)
    (line,) = read_jsonl(folder / "dropped.jsonl")
    assert line["reason"] == reason
