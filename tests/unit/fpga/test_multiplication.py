"""Signed digits, shared products and bit operations of constants."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.physics.fpga.multiplication import bops, csd, csd_count, ebops, shared_products, spans

EVERY = np.arange(-300, 301)


def test_signed_digits_are_canonical_and_give_the_number() -> None:
    digits = csd(EVERY)
    assert np.array_equal((digits * 2 ** np.arange(digits.shape[-1])).sum(-1), EVERY)
    assert not np.any(digits[..., 1:] * digits[..., :-1])
    assert np.array_equal(np.abs(digits).sum(-1), csd_count(EVERY))


def test_digits_of_numbers_known_by_hand() -> None:
    assert csd(np.array([7])).tolist() == [[-1, 0, 0, 1]]
    assert csd_count(np.array([0, 1, -2, 3, 7, 11, 21, 85, 2**40 - 1])).tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 2]


def test_spans_are_the_bits_between_the_outermost_ones() -> None:
    assert spans(np.array([0, 1, 4, -6, 5, 12, 127, -128, 96])).tolist() == [0, 1, 1, 2, 3, 2, 7, 1, 2]


def test_equal_weights_share_a_product_on_one_input_only() -> None:
    k = np.array([[11, 11, -11, 3], [11, 0, 21, 21]])
    assert int(shared_products(k, 3)) == 4
    assert int(shared_products(k, 2)) == 5
    assert shared_products(np.array([k, 0 * k]), 3).tolist() == [4, 0]


def test_bit_operations() -> None:
    k = np.array([[5, 0], [4, -6]])
    assert int(ebops(k, 8)) == 8 * (3 + 1 + 2)
    assert int(ebops(k, np.array([8, 2]))) == 8 * 3 + 2 * 3
    assert bops(k, 6, 8) == pytest.approx(4 * (0.75 * 48 + 8 + 6 + 1))


@pytest.mark.parametrize("of", [csd, csd_count, spans, lambda k: ebops(k, 8), lambda k: bops(k, 8, 8)])
@pytest.mark.parametrize("number", [1.5, float("nan"), 2**62 + 2**61, -(2**63)])
def test_numbers_that_are_no_such_integers_are_bad_input(of: Callable[..., Any], number: Any) -> None:
    with pytest.raises(BadInput, match="integers within"):
        of(np.array([[number]]))


def test_bit_operations_of_no_matrix_are_bad_input() -> None:
    with pytest.raises(BadInput, match="shape"):
        bops(np.zeros((0, 2), int), 8, 8)
