"""The client: from settings to who is asked, at which price, within which budget."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cvseeker.core.errors import InputError, LlmError, SettingsError
from cvseeker.core.query_settings import LlmSettings
from cvseeker.llm import ChatClient, dollars
from cvseeker.llm.endpoint import OPENAI_URL
from cvseeker.llm.ledger import Ledger
from cvseeker.llm.request import ChatRequest
from fake_llm.process import FakeServer
from llm_runs import KEY_ENV, MODEL, passage_text, query_task_of

TASK = query_task_of()
PRICES = '[models]\n"fake-llm" = { input = 0.15, cached_input = 0.075, output = 0.60 }\n'


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    path = tmp_path / "prices.toml"
    path.write_text(PRICES, "utf-8")
    return path


def client_of(
    url: str | None = "http://localhost/v1", model: str = MODEL, **settings: Any
) -> ChatClient:
    return ChatClient.open(model, LlmSettings(url=url, key_env=KEY_ENV, **settings), TASK)


def requests(client: ChatClient, count: int) -> Iterator[ChatRequest]:
    for number in range(count):
        text = f"<passage>\n{passage_text(number)}\n</passage>"
        yield ChatRequest(client.key(text), f"p{number}", text, client.prompt_tokens(text))


def test_without_an_address_openai_is_asked() -> None:
    client = client_of(None, "gpt-4o-mini")
    assert (client.endpoint.url, client.endpoint.model) == (OPENAI_URL, "gpt-4o-mini")
    assert client.price is not None
    assert client.sending().price == (150_000, 75_000, 600_000)


def test_money_is_counted_in_whole_trillionths(prices: Path) -> None:
    sending = client_of(prices=prices, budget=0.1, max_concurrency=7).sending()
    assert sending.price == (150_000, 75_000, 600_000)
    assert sending.budget == 10**11
    assert sending.most == 7
    assert client_of().sending().price is None


def test_a_budget_without_a_price_is_refused_with_the_line_to_write(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no price is known for 'fake-llm'") as caught:
        client_of(budget=5.0)
    line = str(caught.value).partition("which says: ")[2].partition(", in USD")[0]
    table = tmp_path / "prices.toml"
    table.write_text(line, "utf-8")
    assert client_of(budget=5.0, prices=table).price is not None


def test_no_address_is_refused() -> None:
    with pytest.raises(InputError, match="expected an address"):
        client_of("localhost")


def test_keys_depend_on_model_and_address() -> None:
    clients = [client_of(), client_of(model="other"), client_of("http://localhost/v2")]
    assert len({client.key("text") for client in clients}) == 3


def test_the_schema_is_among_the_prompts_tokens() -> None:
    client = client_of()
    short = client.prompt_tokens("a")
    assert short > client.counter.count([TASK.system])[0]
    assert client.prompt_tokens("a" + " nurse" * 100) == pytest.approx(short + 100, abs=3)


def test_progress_tells_rate_tokens_and_money(
    server: FakeServer, prices: Path, tmp_path: Path
) -> None:
    server.reset(latency=0.3)
    client, told = client_of(server.url, prices=prices, max_concurrency=4), list[tuple[Any, ...]]()

    def progress(*event: Any) -> None:
        told.append(event)

    counts = client.send(
        lambda: requests(client, 12),
        ledger=tmp_path / "ledger.sqlite",
        total=12,
        name="generate",
        progress=progress,
    )
    assert counts.outcomes == {"ok": 12}
    assert told[-1][:3] == ("generate", 12, 12)
    assert all(done <= total == 12 for _, done, total, _ in told)
    assert f"tokens, {dollars(counts.spent)}" in told[-1][3]


def test_a_budget_that_ends_is_one_line_and_can_be_gone_on_from(
    server: FakeServer, prices: Path, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.sqlite"

    def run(budget: float) -> None:
        client = client_of(server.url, prices=prices, budget=budget)
        client.send(lambda: requests(client, 40), ledger=ledger, total=40, name="x")

    with pytest.raises(LlmError, match=r"--budget 0.002: .* larger --budget goes on") as caught:
        run(0.002)
    assert "\n" not in str(caught.value)
    with Ledger(ledger) as book:
        assert 0 < Decimal(book.spent()).scaleb(-12) <= Decimal("0.002")
        assert dollars(book.spent()) in str(caught.value)
    run(1.0)
    stats = server.stats()
    assert (stats["delivered"], stats["repeated"]) == (40, 0)


@pytest.mark.parametrize(
    ("trillionths", "told"),
    [(0, "$0.00"), (1, "$0.0000"), (10**12, "$1.0000"), (123_456 * 10**9, "$123.46")],
)
def test_amounts_are_told_as_people_write_them(trillionths: int, told: str) -> None:
    assert dollars(trillionths) == told
