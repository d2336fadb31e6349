"""What tokens cost, exactly: decimal dollars or whole trillionths of one, no floats.

The packaged table ``prices.toml`` holds OpenAI's prices; a user's table of the same form adds to it
and wins over it.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from cvseeker.core.errors import SettingsError
from cvseeker.core.named_files import read_toml

TRILLION = 10**12
_MILLION = 10**6
_SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{4})$")
_FORM = (
    'batch_discount from 0 to 1 and "model" = { input = 0.15, output = 0.60 } under [models], in '
    "USD per million tokens, cached_input too where it is known"
)


def _only_numbers(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise PydanticCustomError("number", "not a number such as 0.15")
    return value


_Number = Annotated[Decimal, BeforeValidator(_only_numbers), Field(ge=0, allow_inf_nan=False)]

_Share = Annotated[_Number, Field(le=1)]
_USUAL_DISCOUNT = Decimal("0.5")


# Trillionths of a dollar for a prompt's, a cached and a reply's token.
TokenPrices = tuple[int, int, int]


def tokens_cost(
    prices: TokenPrices, prompt_tokens: int, completion_tokens: int = 0, *, cached_tokens: int = 0
) -> int:
    """Return what tokens cost, in trillionths of a dollar; cached ones are among the prompt's."""
    prompt, cached, completion = prices
    fresh = prompt_tokens - cached_tokens
    return fresh * prompt + cached_tokens * cached + completion_tokens * completion


def reduced(prices: TokenPrices, share: Decimal) -> TokenPrices:
    """Return the prices with a share taken off."""
    prompt, cached, completion = (int(price * (1 - share)) for price in prices)
    return prompt, cached, completion


class Price(BaseModel):
    """What one model's tokens cost.

    ``input``, ``output`` and ``cached_input`` are USD per million tokens; ``cached_input`` is
    ``None`` where cached tokens cost what others do. ``batch_discount`` is the share that the
    Batch API takes off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: _Number
    output: _Number
    cached_input: _Number | None = None
    batch_discount: _Share = _USUAL_DISCOUNT

    def cost(
        self,
        prompt_tokens: int,
        completion_tokens: int = 0,
        *,
        cached_tokens: int = 0,
        batch: bool = False,
    ) -> Decimal:
        """Return what a request costs, in USD, unrounded; cached tokens are among the prompt's.

        Examples
        --------
        >>> str(Price(input=Decimal("0.15"), output=Decimal("0.60")).cost(1_000, 100))
        '0.000210000000'
        """
        prices = reduced(self.per_token(), self.batch_discount if batch else Decimal(0))
        cost = tokens_cost(prices, prompt_tokens, completion_tokens, cached_tokens=cached_tokens)
        return Decimal(cost).scaleb(-12)

    def per_token(self) -> TokenPrices:
        """Return trillionths of a dollar for a prompt's, a cached and a reply's token."""
        cached = self.input if self.cached_input is None else self.cached_input
        return int(self.input * _MILLION), int(cached * _MILLION), int(self.output * _MILLION)


class _Table(BaseModel):
    """A price file."""

    model_config = ConfigDict(extra="forbid")

    batch_discount: _Share = _USUAL_DISCOUNT
    models: dict[str, Price] = {}

    def prices(self) -> dict[str, Price]:
        """Return each model's price, with the table's discount where it has none of its own."""
        return {
            model: price
            if "batch_discount" in price.model_fields_set
            else price.model_copy(update={"batch_discount": self.batch_discount})
            for model, price in self.models.items()
        }


def find_price(model: str, *, table: Path | None = None) -> Price | None:
    """Look up what a model costs, in the user's table first; ``None`` if none knows the model.

    A dated snapshot (``gpt-4o-mini-2024-07-18``) without a price of its own costs what its family
    does.

    Examples
    --------
    >>> find_price("gpt-4o-mini-2024-07-18") == find_price("gpt-4o-mini")
    True
    """
    prices = _packaged_prices()
    if table is not None:
        prices = {**prices, **_read_prices(table)}
    return prices.get(model) or prices.get(_SNAPSHOT.sub("", model))


def dollars(trillionths: int) -> str:
    """Return money as people write it, of trillionths, the unit in which ledgers keep it.

    Examples
    --------
    >>> dollars(12_345_600_000_000), dollars(1_230_000_000)
    ('$12.35', '$0.0012')
    """
    amount = Decimal(trillionths) / TRILLION
    return f"${amount:.2f}" if amount >= 10 or amount == 0 else f"${amount:.4f}"


@cache
def _packaged_prices() -> Mapping[str, Price]:
    return _read_prices(Path(__file__).with_name("prices.toml"))


def _read_prices(path: Path) -> Mapping[str, Price]:
    values = read_toml(path, f"a TOML file with {_FORM}", parse_float=Decimal)
    try:
        return _Table.model_validate(values).prices()
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        given = "" if problem["type"] == "missing" else f" = {problem['input']!s:.60}"
        raise SettingsError(
            f"{path}: {where}{given}: {problem['msg'].lower()}; expected {_FORM}"
        ) from error
