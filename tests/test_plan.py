"""The plan: what would be sent and cost, to the token, with nothing sent and no file made."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from cvseeker.llm.ledger import Ledger
from cvseeker.queries.plan import plan_requests
from fake_llm.process import FakeServer
from llm_passages import asking_about, passages_of
from llm_runs import KEY, KEY_ENV


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text("models.fake-llm = { input = 2, output = 8 }\nbatch_discount = 0.5\n", "utf-8")
    return path


def test_nothing_is_sent_and_no_file_is_made(tmp_path: Path) -> None:
    asking = asking_about("http://127.0.0.1:9/v1")
    plan = plan_requests(asking, tmp_path / "no" / "l.sqlite")
    assert (plan.requests, plan.answered, plan.total) == (3, 0, 3)
    assert list(tmp_path.iterdir()) == []


def test_tokens_and_money_are_those_of_the_requests(tmp_path: Path, prices: Path) -> None:
    asking, ledger = asking_about(prices=prices), tmp_path / "l.sqlite"
    plan = plan_requests(asking, ledger)
    requests = list(asking.requests(ledger))
    assert plan.prompt_tokens == sum(request.prompt_tokens for request in requests)
    assert plan.most_tokens == 3 * asking.client.task.max_tokens
    assert 0 < plan.expected_tokens < plan.most_tokens
    expected = (plan.prompt_tokens * 2 + plan.expected_tokens * 8) / Decimal(10**6)
    assert plan.expected_cost == expected
    batch = asking_about(prices=prices, batch=True)
    halved = plan_requests(batch, ledger)
    assert halved.expected_cost == expected / 2
    assert json.loads(json.dumps(halved.to_dict()))["expected_cost"] == str(halved.expected_cost)


def test_what_would_be_masked_is_shown(tmp_path: Path) -> None:
    asking = asking_about()
    plan = plan_requests(asking, tmp_path / "l.sqlite")
    assert plan.masked["email"] == plan.masked["phone"] == 1
    assert plan.message == asking.message(passages_of()[0])[0]
    assert "example.com" not in plan.message
    assert plan.system == asking.client.task.system_with_word()


def test_an_unknown_price_is_no_price(tmp_path: Path) -> None:
    plan = plan_requests(asking_about(), tmp_path / "l")
    assert plan.expected_cost is plan.most_cost is None
    assert not plan.exact


def test_what_is_answered_is_not_planned_again(
    server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_ENV, KEY)
    ledger, passages = tmp_path / "l.sqlite", passages_of()
    first = asking_about(server.url, passages[:2])
    assert first.send(ledger)["sent"] == 2
    everything = asking_about(server.url, passages)
    plan = plan_requests(everything, ledger)
    assert (plan.answered, plan.requests) == (2, 1)
    assert plan.message == everything.message(passages[2])[0]
    with Ledger(ledger) as book:
        rows = list(book.rows())
    mean = sum(row.completion_tokens for row in rows) / 2
    assert plan.expected_tokens == round(mean)
    counts = everything.send(ledger)
    assert (counts["answered_before"], counts["sent"]) == (2, 1)
    assert everything.send(ledger)["sent"] == 0
    assert server.stats()["requests"] == 3
