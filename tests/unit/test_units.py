"""Numbers are scaled once and rounded to what they carry."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ngtbench import units
from ngtbench.errors import BadInput


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (3.35e12, "B/s", "3.35 TB/s"),
        (999.6, "FLOP/s", "1 kFLOP/s"),
        (999.4, "FLOP/s", "999 FLOP/s"),
        (1e-6, "s", "1 µs"),
        (4.17e-7, "s", "417 ns"),
        (0.0, "s", "0 s"),
        (-2.5e9, "B", "-2.5 GB"),
        (100.0, "W", "100 W"),
        (0.97049, "", "0.97"),
        (-0.0123, "", "-0.0123"),
        (1.5e-6, "", "1.5 µ"),
        (None, "s", "–"),
        (math.nan, "s", "–"),
    ],
)
def test_si(value: float | None, unit: str, text: str) -> None:
    assert units.si(value, unit) == text


@given(st.floats(min_value=1e-11, max_value=1e16))
def test_si_keeps_three_digits(value: float) -> None:
    number, unit = units.si(value, "s").split()
    scale = {"P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1, "m": 1e-3, "µ": 1e-6, "n": 1e-9, "p": 1e-12}
    assert float(number) * scale[unit.removesuffix("s")] == pytest.approx(value, rel=5.1e-3)
    assert 0.99 < float(number) < 1000 or value < 1e-12 or value > 1e17


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200)])
def test_duration(text: str, seconds: float) -> None:
    assert units.duration_s(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "-1s", "1d", "s", "1e3", "nan", "ten", "9" * 400])
def test_bad_duration(text: str) -> None:
    with pytest.raises(BadInput, match="is not a duration"):
        units.duration_s(text)


def test_bytes_and_percent() -> None:
    assert units.binary_bytes(2**35) == "32 GiB"
    assert units.binary_bytes(1536) == "1.5 KiB"
    assert units.binary_bytes(None) == "–"
    assert units.percent(0.5) == "50 %"
    assert units.percent(None) == "–"
