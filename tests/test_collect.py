"""Collecting: every query is in the data set or has a reason, and so has every passage."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.datasets import read_dataset
from cvseeker.core.errors import LlmError
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
    REPEATED,
    TOO_LONG,
    TOO_SHORT,
    WRONG_KIND,
)
from cvseeker.queries.kinds import kinds_of
from llm_passages import SETTINGS as FEW
from llm_passages import TEXTS, asking_about, passages_of

# Three questions a passage, and two of every other kind.
SETTINGS = FEW.model_copy(update={"per_passage": 11})

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
            text = json.dumps({"facts": [], "question": reply}) if outcome == "ok" else ""
            rest = (outcome, reason, text, "", 1, 1, 1, 1, 0.0, 0.0)
            book.record(LedgerRow(asking.key(passage), "queries", "", "", "", "", *rest))


def run(
    tmp_path: Path,
    replies: Sequence[Any],
    passages: Any = None,
    examples: Sequence[str] = (),
    **options: Any,
) -> tuple[dict[str, Any], Path]:
    asking = asking_about(passages=passages, settings=SETTINGS)
    ledger = tmp_path / "ledger.sqlite"
    record(asking, ledger, replies, passages)
    folder = tmp_path / "out"
    folder.mkdir()
    settings = SETTINGS.model_copy(update=options)
    return collect(asking, folder, ledger=ledger, settings=settings, examples=examples), folder


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
    replies = [("unparsable", "empty reply"), ("refused", "the model declined"), None, [GOOD]]
    counts, folder = run(tmp_path, replies, passages_of([*TEXTS[1:], "A smith.", TEXTS[0]]))
    outcomes = [line["outcome"] for line in read_jsonl(folder / "passages.jsonl")]
    told = ["unparsable: empty reply", "refused: the model declined", NOT_ASKED, "accepted"]
    assert outcomes == told
    # A refusal is final; the other two are asked for again by the next run.
    assert counts["unanswered"] == 2


def test_one_kind_of_error_is_one_row(tmp_path: Path) -> None:
    error = "400: request ({} tokens) exceeds the available context size (4096 tokens)"
    sizes = (4187, 5234, 987)
    replies = [*(("rejected", error.format(size)) for size in sizes), [GOOD]]
    texts = [*(f"Smith number {size}." for size in sizes), TEXTS[0]]
    counts, folder = run(tmp_path, replies, passages_of(texts))
    kind = "rejected: 400: request (… tokens) exceeds the available context size (… tokens)"
    assert counts["passages"] == {"accepted": 1, kind: 3}
    # What became of each passage is told to the letter.
    outcomes = [line["outcome"] for line in read_jsonl(folder / "passages.jsonl")]
    assert outcomes[:3] == [f"rejected: {error.format(size)}" for size in sizes]


@pytest.mark.parametrize(
    ("replies", "told"),
    [
        (
            [["What do you do?", "chef"], [ENGINEER.replace("Kafka", "SAP")], None],
            ["3 were written and all dropped", "could be asked of anybody (1, as 'What do you do?"],
        ),
        (
            [("rejected", "400: 5234 tokens, 4096 at most"), ("rejected", "400: 987 tokens"), None],
            ["none was written about 3 passages", "rejected: 400: … tokens, … at most (1)"],
        ),
    ],
)
def test_nothing_accepted_is_an_error_with_its_reasons(
    tmp_path: Path, replies: Sequence[Any], told: Sequence[str]
) -> None:
    with pytest.raises(LlmError) as caught:
        run(tmp_path, replies)
    for part in told:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_users_own_search_is_no_query(tmp_path: Path) -> None:
    counts, folder = run(tmp_path, [[GOOD], [ENGINEER]], examples=["tempers chocolate pastry chef"])
    assert counts["queries"] == 1
    (line,) = read_jsonl(folder / "dropped.jsonl")
    assert (line["text"], line["reason"]) == (GOOD, REPEATED)


def test_each_kind_is_read_from_its_entry(tmp_path: Path) -> None:
    asking, ledger = asking_about(settings=SETTINGS), tmp_path / "ledger.sqlite"
    record(asking, ledger, [[GOOD]])
    with Ledger(ledger) as book:
        (row,) = book.rows()
        reply = {
            "facts": ["sugar work"],
            "question": GOOD,
            "keywords": ["pastry, sugar, dough", "chocolate AND dough", "apprentices sugar"],
            "boolean": ["chocolate AND (dough OR sugar)"],
        }
        book.record(replace(row, reply=json.dumps(reply)))
    folder = tmp_path / "out"
    folder.mkdir()
    collect(asking, folder, ledger=ledger, settings=SETTINGS)
    dataset = read_dataset(folder / "beir" / "train", split="train")
    kinds = {dataset.kinds[key]: text for key, text in dataset.queries.items()}
    assert kinds == {
        "question": GOOD,
        "keywords": "pastry, sugar, dough",
        "boolean": "chocolate AND (dough OR sugar)",
    }
    (line,) = read_jsonl(folder / "dropped.jsonl")
    assert (line["text"], line["reason"]) == ("chocolate AND dough", WRONG_KIND)


def test_more_queries_than_asked_for_are_cut_off(tmp_path: Path) -> None:
    many = [f"{GOOD} {place}" for place in ("here", "abroad", "nearby", "on call")]
    counts, _ = run(tmp_path, [many])
    assert counts["written"] == kinds_of(SETTINGS)["question"] == 3


def test_passages_of_the_same_text_share_a_reply_and_no_query(tmp_path: Path) -> None:
    passages = passages_of([TEXTS[0], TEXTS[1], TEXTS[0]])
    names_left_out = asking_about(passages=passages, settings=SETTINGS)
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
