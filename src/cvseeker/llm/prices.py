"""What an LLM's tokens cost, exactly: decimal dollars, no floats.

The packaged table ``prices.toml`` holds OpenAI's prices; a user's table of the same form adds to it
and wins over it.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from cvseeker.core.errors import SettingsError

_SNAPSHOT = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{4})$")
_FORM = '"model" = { input = 0.15, output = 0.60 } under [models], in USD per million tokens'


@dataclass(frozen=True, slots=True)
class Price:
    """What one model's tokens cost.

    ``input``, ``output`` and ``cached_input`` are USD per million tokens; ``cached_input`` is
    ``None`` where cached tokens cost what others do. ``batch_discount`` is the share that the
    Batch API takes off.
    """

    input: Decimal
    output: Decimal
    cached_input: Decimal | None = None
    batch_discount: Decimal = Decimal("0.5")

    def cost(
        self,
        prompt_tokens: int,
        completion_tokens: int = 0,
        *,
        cached_tokens: int = 0,
        batch: bool = False,
    ) -> Decimal:
        """Return what a request costs, in USD, unrounded.

        Parameters
        ----------
        prompt_tokens
            Tokens sent, cached ones included.
        completion_tokens
            Tokens received, reasoning included.
        cached_tokens
            Those of ``prompt_tokens`` that the provider had in its cache.
        batch
            Whether the request goes through the Batch API.

        Examples
        --------
        >>> str(Price(input=Decimal("0.15"), output=Decimal("0.60")).cost(1_000, 100))
        '0.00021000'
        """
        cached = self.input if self.cached_input is None else self.cached_input
        millionths = (
            (prompt_tokens - cached_tokens) * self.input
            + cached_tokens * cached
            + completion_tokens * self.output
        )
        if batch:
            millionths *= 1 - self.batch_discount
        return millionths.scaleb(-6)


def find_price(model: str, *, table: Path | None = None) -> Price | None:
    """Look up what a model costs.

    Parameters
    ----------
    model
        Its name; a dated snapshot (``gpt-4o-mini-2024-07-18``) without a price of its own costs
        what its family does.
    table
        A price file of the user's, in the form of the packaged one.

    Returns
    -------
    Price or None
        ``None`` if neither table knows the model.

    Raises
    ------
    SettingsError
        If ``table`` cannot be read as a price file.

    Examples
    --------
    >>> find_price("gpt-4o-mini-2024-07-18") == find_price("gpt-4o-mini")
    True
    """
    prices = _packaged_prices()
    if table is not None:
        discount = next(iter(prices.values())).batch_discount
        prices = {**prices, **_read_prices(table, discount)}
    return prices.get(model) or prices.get(_SNAPSHOT.sub("", model))


@cache
def _packaged_prices() -> Mapping[str, Price]:
    text = resources.files("cvseeker.llm").joinpath("prices.toml").read_text(encoding="utf-8")
    return _parse_prices(text, "prices.toml", discount=None)


def _read_prices(path: Path, discount: Decimal) -> Mapping[str, Price]:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            f"{path}: no such price file; expected a TOML file of {_FORM}"
        ) from None
    except (UnicodeDecodeError, OSError) as error:
        raise SettingsError(f"{path}: not readable as a price file ({error})") from error
    return _parse_prices(text, str(path), discount=discount)


def _parse_prices(text: str, source: str, *, discount: Decimal | None) -> Mapping[str, Price]:
    try:
        content = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{source}: not valid TOML ({error}); expected {_FORM}") from error
    if unknown := content.keys() - {"batch_discount", "models"}:
        raise SettingsError(
            f"{source}: unknown key {min(unknown)!r}; expected batch_discount and {_FORM}"
        )
    where = f"{source}: batch_discount"
    discount = _amount(content.get("batch_discount", discount), where)
    if discount > 1:
        raise SettingsError(f"{where} = {discount}; expected a share from 0 to 1, such as 0.5")
    models = content.get("models", {})
    if not isinstance(models, dict):
        raise SettingsError(f"{source}: models is not a table; expected {_FORM}")
    return {model: _price(row, f"{source}: {model}", discount) for model, row in models.items()}


def _price(row: Any, where: str, discount: Decimal) -> Price:
    if not isinstance(row, dict) or not {"input", "output"} <= row.keys():
        raise SettingsError(f"{where} lacks an input or an output price; expected {_FORM}")
    if unknown := row.keys() - {"input", "output", "cached_input"}:
        raise SettingsError(
            f"{where}: unknown key {min(unknown)!r}; expected input, output and cached_input"
        )
    amounts = {key: _amount(value, f"{where}: {key}") for key, value in row.items()}
    return Price(**amounts, batch_discount=discount)


def _amount(value: Any, where: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise SettingsError(f"{where} = {value!r}; expected a number such as 0.15")
    amount = Decimal(value)
    if not amount.is_finite() or amount < 0:
        raise SettingsError(f"{where} = {amount}; expected a number that is not negative")
    return amount
