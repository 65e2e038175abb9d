"""Prices are read strictly, and an example price ranks nothing."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ngtbench.errors import BadInput
from ngtbench.report import prices
from ngtbench.report.prices import Price, Value

GOOD = {
    "system": '"A"',
    "value": "100.5",
    "currency": '"CHF"',
    "date": "2026-11-01",
    "quantity": "2",
    "source": '"offer 7"',
    "kind": '"quoted"',
}
A = Price("A", 100.0, "CHF", "2026-11-01", 1, "offer", "quoted")
B = replace(A, system="B", value=50.0)
EXAMPLE = Path(__file__).parents[3] / "reports" / "prices" / "example.toml"


def file(folder: Path, *ones: dict[str, str]) -> Path:
    path = folder / "p.toml"
    path.write_text("\n".join("[[price]]\n" + "\n".join(f"{k} = {v}" for k, v in one.items()) for one in ones))
    return path


def test_a_file_is_read(tmp_path: Path) -> None:
    other = GOOD | {"system": '"B"', "value": "7", "date": '"2026-01-31"'}
    assert prices.load(file(tmp_path, GOOD, other)) == (
        Price("A", 100.5, "CHF", "2026-11-01", 2, "offer 7", "quoted"),
        Price("B", 7.0, "CHF", "2026-01-31", 2, "offer 7", "quoted"),
    )


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("value", "0", "value: must be a number above 0"),
        ("value", "-3", "value: must be a number above 0"),
        ("value", "nan", "value: must be a number above 0"),
        ("value", "inf", "value: must be a number above 0"),
        ("value", "true", "value: must be a number above 0"),
        ("value", '"7"', "value: must be a number above 0"),
        ("quantity", "0", "quantity: must be a whole number from 1"),
        ("quantity", "1.5", "quantity: must be a whole number from 1"),
        ("quantity", "true", "quantity: must be a whole number from 1"),
        ("currency", '"chf"', "currency: must be three capital letters"),
        ("currency", '"CH€"', "currency: must be three capital letters"),
        ("currency", '"SWISS"', "currency: must be three capital letters"),
        ("date", '"soon"', "date: must be a day"),
        ("date", "2026-11-01T10:00:00", "date: must be a day"),
        ("date", "3", "date: must be a day"),
        ("kind", '"guess"', "kind: must be one of quoted, list, example"),
        ("kind", "3", "kind: must be a text"),
        ("source", '" "', "source: must be a text that is not empty"),
        ("system", '""', "system: must be a text that is not empty"),
        ("colour", '"red"', "and nothing else; look at 'colour'"),
    ],
)
def test_a_faulty_price_is_named(tmp_path: Path, key: str, value: str, words: str) -> None:
    with pytest.raises(BadInput, match=rf"p\.toml: price 2: {re.escape(words)}|price 2: needs .*{re.escape(words)}"):
        prices.load(file(tmp_path, GOOD, GOOD | {"system": '"B"'} | {key: value}))


@pytest.mark.parametrize("key", list(GOOD))
def test_a_missing_key_is_named(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadInput, match=f"price 1: needs .*; look at '{key}'"):
        prices.load(file(tmp_path, {name: value for name, value in GOOD.items() if name != key}))


def test_a_system_has_one_price(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="price 2: system: 'A' has a price already"):
        prices.load(file(tmp_path, GOOD, GOOD))


@pytest.mark.parametrize(
    ("content", "words"), [("", "found nothing"), ("x = 1", "found x"), ("[[", "not readable TOML"), ("price = [3]", "no table")]
)
def test_what_is_no_file_of_prices_is_named(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "p.toml").write_text(content)
    with pytest.raises(BadInput, match=rf"p\.toml: .*{words}"):
        prices.load(tmp_path / "p.toml")
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        prices.load(tmp_path / "absent.toml")
    (tmp_path / "p.toml").write_bytes(b"\xff")
    with pytest.raises(BadInput, match="not readable TOML"):
        prices.load(tmp_path / "p.toml")


def test_a_price_of_nothing_on_the_page_is_named() -> None:
    prices.known([A], ["A", "C"], Path("p.toml"))
    with pytest.raises(BadInput, match=r"p\.toml: system: 'B' is not on this page; its systems: 'A', 'C'"):
        prices.known([A, B], ["A", "C"], Path("p.toml"))


def test_speed_per_price_is_over_the_references_and_the_best_comes_first() -> None:
    assert prices.values({"A": 1.0, "B": 1.5}, [A, B], "A") == (Value("B", B, 3.0), Value("A", A, 1.0))


def test_one_example_keeps_the_order_of_the_scores() -> None:
    made_up = replace(B, kind="example")
    assert [one.system for one in prices.values({"A": 1.0, "B": 1.5}, [A, made_up], "A")] == ["A", "B"]
    assert not prices.rankable([A, made_up])
    assert not prices.rankable([])
    assert prices.rankable([A, replace(B, kind="list")])


@pytest.mark.parametrize(
    ("score", "found", "reason"),
    [
        (None, [A, B], "not ranked"),
        (2.0, [A], "no price"),
        (2.0, [B], "the reference has no price"),
        (2.0, [A, replace(B, currency="EUR")], "in EUR, the reference in CHF"),
    ],
)
def test_why_there_is_no_speed_per_price(score: float | None, found: list[Price], reason: str) -> None:
    (value,) = [one for one in prices.values({"A": 1.0, "B": score}, found, "A") if one.system == "B"]
    assert value.over_reference is None
    assert value.reason.startswith(reason)


def test_the_shipped_example_says_so_everywhere() -> None:
    found = prices.load(EXAMPLE)
    assert found
    assert {price.kind for price in found} == {"example"}
    assert all("example" in price.source for price in found)
    assert EXAMPLE.read_text().startswith("# EXAMPLE: made-up prices")
