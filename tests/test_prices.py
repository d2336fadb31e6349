"""Prices: exact to the last digit, found by family, the user's own before the packaged ones."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvseeker.core.errors import InputError
from cvseeker.llm.prices import Price, find_price

TOKENS = st.integers(min_value=0, max_value=10**12)
PRICES = st.decimals(min_value=0, max_value=1000, places=4)


def price_of(model: str, table: Path | None = None) -> Price:
    price = find_price(model, table=table)
    assert price is not None
    return price


def write(folder: Path, text: str) -> Path:
    path = folder / "prices.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_request_costs_what_the_table_says() -> None:
    price = price_of("gpt-4o-mini")
    assert price.cost(1_000_000, 1_000_000) == Decimal("0.75")
    assert price.cost(1, 0) == Decimal("0.00000015")
    assert price.cost(1_000_000, 1_000_000, batch=True) == Decimal("0.375")
    assert price.cost(1_000_000, cached_tokens=400_000) == Decimal("0.12")
    assert price_of("gpt-4-turbo").cost(100, cached_tokens=50) == Decimal("0.001")
    assert price_of("text-embedding-3-small").cost(5_000_000) == Decimal("0.10")


@given(input_price=PRICES, output_price=PRICES, prompt=TOKENS, completion=TOKENS)
def test_the_cost_is_exact(
    input_price: Decimal, output_price: Decimal, prompt: int, completion: int
) -> None:
    cost = Price(input=input_price, output=output_price).cost(prompt, completion)
    tenthousandths = prompt * int(input_price * 10**4) + completion * int(output_price * 10**4)
    assert int(cost * 10**10) == tenthousandths
    assert cost * 10**10 == tenthousandths


@given(prompt=TOKENS, completion=TOKENS)
def test_a_thousand_requests_cost_a_thousand_times_one(prompt: int, completion: int) -> None:
    price = price_of("gpt-4.1-nano")
    one = price.cost(prompt // 10**6, completion // 10**6, batch=True)
    assert sum([one] * 1000, Decimal(0)) == 1000 * one


@pytest.mark.parametrize(
    ("snapshot", "family"),
    [
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("gpt-4-0613", "gpt-4"),
        ("gpt-3.5-turbo-0125", "gpt-3.5-turbo"),
        ("o4-mini-2025-04-16", "o4-mini"),
    ],
)
def test_a_snapshot_costs_what_its_family_does(snapshot: str, family: str) -> None:
    assert find_price(snapshot) == find_price(family)


def test_a_snapshot_with_a_price_of_its_own_keeps_it() -> None:
    assert price_of("gpt-4o-2024-05-13").input == 5
    assert price_of("gpt-4-1106-preview").input == 10


@pytest.mark.parametrize(
    "model", ["llama3.1:8b", "", "gpt-4o-mini-audio", "ft:gpt-4o-mini:acme::x", "2024-07-18"]
)
def test_an_unknown_model_has_no_price(model: str) -> None:
    assert find_price(model) is None


def test_the_users_table_adds_and_wins(tmp_path: Path) -> None:
    table = write(
        tmp_path,
        'batch_discount = 0.25\n[models]\n"gpt-4o" = { input = 2, output = 8.5 }\n'
        '"my-model" = { input = 0.1, output = 0.2 }\n',
    )
    assert price_of("gpt-4o-2024-08-06", table).output == Decimal("8.5")
    assert price_of("my-model", table).cost(1_000_000, batch=True) == Decimal("0.075")
    assert find_price("gpt-4.1", table=table) == find_price("gpt-4.1")
    assert find_price("my-model") is None


def test_a_table_without_a_discount_has_the_packaged_one(tmp_path: Path) -> None:
    table = write(tmp_path, '[models]\n"x" = { input = 1, output = 1 }\n')
    assert price_of("x", table).batch_discount == Decimal("0.5")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("models = [", "not TOML"),
        ("models = 3", "models = 3: input should be a valid dictionary"),
        ("[model]\nx = 1", "model = .*: extra inputs are not permitted"),
        ("batch_discount = 2", "= 2: input should be less than or equal to 1"),
        ("batch_discount = true", "= True: not a number such as"),
        ('[models]\n"x" = { input = 1 }', r"models\.x\.output: field required"),
        ('[models]\n"x" = 1', r"models\.x = 1: input should be a valid dictionary"),
        (
            '[models]\n"x" = { input = 1, output = 1, price = 2 }',
            r"models\.x\.price = 2: extra inputs",
        ),
        ('[models]\n"x" = { input = -1, output = 1 }', "= -1: .* greater than or equal to 0"),
        ('[models]\n"x" = { input = nan, output = 1 }', "NaN: .* finite number"),
        ('[models]\n"x" = { input = "1", output = 1 }', "= 1: not a number such as"),
    ],
)
def test_a_bad_table_is_one_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        find_price("gpt-4o", table=write(tmp_path, text))
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "prices.toml"))
    assert "batch_discount from 0 to 1" in str(caught.value)


def test_a_missing_or_binary_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: no such file"):
        find_price("gpt-4o", table=tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"bad\.toml: "):
        find_price("gpt-4o", table=tmp_path / "bad.toml")
