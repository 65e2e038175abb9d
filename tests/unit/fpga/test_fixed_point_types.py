"""Quantisation equals exact rational arithmetic, in every mode."""

from collections.abc import Callable
from fractions import Fraction
from math import ceil, floor
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngtbench.errors import BadInput
from ngtbench.physics.fpga.fixed_point import Fixed, Overflow, Rounding, parse, quantise, requantise, values

HALF = Fraction(1, 2)
TYPES = st.builds(
    Fixed,
    st.booleans(),
    st.integers(1, 62),
    st.integers(-5, 40),
    st.sampled_from(get_args(Rounding)),
    st.sampled_from(get_args(Overflow)),
)


def exactly(value: Fraction, to: Fixed) -> int:
    """Round, then overflow, as the manual of ap_fixed describes each mode."""
    scaled = value * Fraction(2) ** to.fraction
    rounded: dict[str, Callable[[], int]] = {
        "TRN": lambda: floor(scaled),
        "TRN_ZERO": lambda: int(scaled),
        "RND": lambda: floor(scaled + HALF),
        "RND_MIN_INF": lambda: ceil(scaled - HALF),
        "RND_CONV": lambda: round(scaled),
        "RND_INF": lambda: floor(scaled + HALF) if scaled >= 0 else ceil(scaled - HALF),
        "RND_ZERO": lambda: ceil(scaled - HALF) if scaled >= 0 else floor(scaled + HALF),
    }
    k, modulus = rounded[to.rounding](), 1 << to.bits
    low = -modulus // 2 if to.signed else 0
    high = low + modulus - 1
    if to.overflow == "WRAP":
        return (k - low) % modulus + low
    if to.overflow == "SAT_ZERO":
        return k if low <= k <= high else 0
    if to.overflow == "SAT_SYM" and to.signed:
        low += 1
    return min(max(k, low), high)


@settings(max_examples=150, deadline=None)
@given(to=TYPES, x=st.floats(-1e12, 1e12), eighths=st.integers(-2000, 2000))
def test_real_numbers_become_what_rational_arithmetic_says(to: Fixed, x: float, eighths: int) -> None:
    step = 2.0**-to.fraction
    edge = 2.0 ** (to.integer - to.signed)  # the first number too large
    near = [
        edge,
        -edge,
        -2 * edge,
        x,
        eighths * step / 8,
        -0.0,
        -0.5 * step,
        0.5 * step,
        -0.5 * step * (1 - 2**-52),
        1e300,
        -1.7e308,
        -5e-324,
    ]
    got = quantise(np.array(near), to)
    assert got.dtype == np.int64
    assert got.tolist() == [exactly(Fraction(value), to) for value in near]


@settings(max_examples=150, deadline=None)
@given(to=TYPES, k=st.integers(-(2**40), 2**40), finer=st.integers(-20, 70))
def test_integers_are_requantised_as_their_values_would_be(to: Fixed, k: int, finer: int) -> None:
    fraction = to.fraction + finer
    value = Fraction(k) / Fraction(2) ** fraction
    assert requantise(np.array([k, -k, 0]), fraction, to).tolist() == [exactly(v, to) for v in (value, -value, Fraction(0))]


def test_negative_zero_and_all_values_of_a_type_come_back() -> None:
    to = parse("ap_fixed<6,3,RND,SAT>")
    every = np.arange(-32, 32)
    assert quantise(values(every, to), to).tolist() == every.tolist()
    assert quantise(np.array([-0.0]), to).tolist() == [0]


def test_texts_and_types_are_one() -> None:
    for text in ("ap_fixed<8,2,TRN,WRAP>", "ap_ufixed<16,-3,RND_CONV,SAT_SYM>"):
        assert str(parse(text)) == text
    assert parse("ap_fixed<8, 2, AP_RND, AP_SAT>") == Fixed(True, 8, 2, "RND", "SAT")
    assert (parse("ap_ufixed<8,2>").lowest, parse("ap_ufixed<8,2>").highest) == (0, 255)


@pytest.mark.parametrize(
    "text", ["ap_fixed<0,2>", "ap_fixed<63,2>", "ap_fixed<8,2,NEAR>", "ap_fixed<8,2,RND,CUT>", "float", "ap_fixed<8>"]
)
def test_types_that_are_none_are_bad_input(text: str) -> None:
    with pytest.raises(BadInput):
        parse(text)


@pytest.mark.parametrize("x", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_bad_input(x: float) -> None:
    with pytest.raises(BadInput, match="cannot become"):
        quantise(np.array([0.0, x]), Fixed(True, 40, 8))


def test_shifting_out_of_64_bits_is_bad_input() -> None:
    with pytest.raises(BadInput, match="64 bits"):
        requantise(np.array([2**40]), 0, Fixed(True, 62, 30, "TRN", "SAT"))


@pytest.mark.parametrize("mode", get_args(Rounding))
def test_all_64_bits_of_an_integer_may_be_cut_off(mode: Rounding) -> None:
    to, every = Fixed(True, 8, 8, mode, "SAT"), [-(2**63), 1 - 2**63, -(2**62) - 1, -(2**62), -1, 0, 2**62, 2**63 - 1]
    for drop in (62, 63, 64, 65, 90):
        assert requantise(np.array(every), drop, to).tolist() == [exactly(Fraction(k, 2**drop), to) for k in every]
