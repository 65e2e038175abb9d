"""What systems cost, as a TOML file says, and the speed that money buys.

A file has one `[[price]]` per system: system (its name on the page), value (of one system, where `quantity` are bought),
currency, date, quantity, source, kind ("quoted" by a seller, from a public "list", or an "example" that nobody asked for).
"""

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from ngtbench.errors import BadInput

Kind = Literal["quoted", "list", "example"]
_KEYS = ("system", "value", "currency", "date", "quantity", "source", "kind")


@dataclass(frozen=True)
class Price:
    """What one system costs where `quantity` of them are bought."""

    system: str
    value: float  # in `currency`, of one system
    currency: str  # ISO 4217: "CHF"
    date: str  # ISO 8601
    quantity: int
    source: str
    kind: Kind


@dataclass(frozen=True)
class Value:
    """Speed per price of a system over that of the reference: above 1, more speed for the money. None: `reason` says why not."""

    system: str
    price: Price | None
    over_reference: float | None = None
    reason: str = ""


def load(path: Path) -> tuple[Price, ...]:
    """Read a file of prices.

    Raises BadInput naming file and key where it is faulty.
    """
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise BadInput(f"{path}: not readable TOML: {error}") from error
    found = plain.get("price")
    if not isinstance(found, list) or not found or set(plain) != {"price"}:
        raise BadInput(f"{path}: holds [[price]] tables and nothing else, found {', '.join(plain) or 'nothing'}")
    prices = [_price(f"{path}: price {number}", one) for number, one in enumerate(found, start=1)]
    names = [price.system for price in prices]
    for number, name in enumerate(names, start=1):
        if name in names[: number - 1]:
            raise BadInput(f"{path}: price {number}: system: {name!r} has a price already: keep one")
    return tuple(prices)


def known(prices: Sequence[Price], systems: Sequence[str], path: Path) -> None:
    """Prove that every price is of a system on the page.

    Raises BadInput naming those that are not, and those that are.
    """
    for price in prices:
        if price.system not in systems:
            raise BadInput(f"{path}: system: {price.system!r} is not on this page; its systems: {', '.join(map(repr, systems))}")


def values(scores: Mapping[str, float | None], prices: Sequence[Price], reference: str) -> tuple[Value, ...]:
    """Return the speed per price of every system over the reference's; `scores` are speeds over the reference's.

    The best comes first where every price is quoted or from a list and none is an example; else the order of `scores` stays.
    """
    priced = {price.system: price for price in prices}
    base = priced.get(reference)
    found = [_value(system, score, priced.get(system), base) for system, score in scores.items()]
    if rankable([price for price in prices if price.system in scores]):
        found.sort(key=lambda one: -(one.over_reference or 0.0))
    return tuple(found)


def rankable(prices: Sequence[Price]) -> bool:
    """Tell whether systems may be ordered by these prices: there are some, and none is an example."""
    return bool(prices) and all(price.kind != "example" for price in prices)


def _value(system: str, score: float | None, price: Price | None, base: Price | None) -> Value:
    reason = ""
    if price is None:
        reason = "no price"
    elif score is None:
        reason = "not ranked, so its speed is not known"
    elif base is None:
        reason = "the reference has no price"
    elif price.currency != base.currency:
        reason = f"in {price.currency}, the reference in {base.currency}: state both in one currency"
    if reason or price is None or score is None or base is None:
        return Value(system, price, None, reason)
    return Value(system, price, score * base.value / price.value)


def _price(where: str, plain: object) -> Price:
    if not isinstance(plain, dict) or set(plain) != set(_KEYS):
        keys = sorted(set(_KEYS) ^ set(plain)) if isinstance(plain, dict) else ["no table"]
        raise BadInput(f"{where}: needs {', '.join(_KEYS)} and nothing else; look at {', '.join(map(repr, keys))}")
    for key in ("system", "currency", "source", "kind"):
        if not isinstance(plain[key], str) or not plain[key].strip():
            raise BadInput(f"{where}: {key}: must be a text that is not empty, found {plain[key]!r:.60}")
    if len(plain["currency"]) != 3 or not (
        plain["currency"].isascii() and plain["currency"].isalpha() and plain["currency"].isupper()
    ):
        raise BadInput(f"{where}: currency: must be three capital letters such as CHF, found {plain['currency']!r:.60}")
    if plain["kind"] not in get_args(Kind):
        raise BadInput(f"{where}: kind: must be one of {', '.join(get_args(Kind))}, found {plain['kind']!r:.60}")
    value, quantity = plain["value"], plain["quantity"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise BadInput(f"{where}: value: must be a number above 0, found {value!r:.60}")
    if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
        raise BadInput(f"{where}: quantity: must be a whole number from 1 on, found {quantity!r:.60}")
    texts = {key: plain[key] for key in ("system", "currency", "source", "kind")}
    return Price(value=float(value), date=_date(where, plain["date"]), quantity=quantity, **texts)


def _date(where: str, plain: Any) -> str:
    """Return a day, which TOML may hold as a date or as a text."""
    if isinstance(plain, date) and not isinstance(plain, datetime):
        return plain.isoformat()
    try:
        return date.fromisoformat(plain).isoformat()
    except (TypeError, ValueError) as error:
        raise BadInput(f"{where}: date: must be a day such as 2026-11-27, found {plain!s:.60}") from error
