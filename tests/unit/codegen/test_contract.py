"""Quadratic forms: block by block, in the order compiled loops read them, they are what the dense matrix gives."""

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import contract
from ngtbench.codegen.contract import Contraction
from ngtbench.model.workload import Array

GROUPS = [(1,), (2,), (1, 1, 1), (2, 2, 1), (4,), (8,), (4, 4, 2, 1), (8, 8, 4, 2, 1, 1)]


def matrix(groups: tuple[int, ...], seed: int = 1) -> list[list[Fraction]]:
    """Return a random symmetric matrix that swaps within all groups at once, bit by bit, leave as it is."""
    random = np.random.default_rng(seed)
    starts = np.cumsum([0, *groups])
    n, bits = int(starts[-1]), max(groups).bit_length() - 1
    raw = random.integers(-9, 10, (n, n))
    total = np.zeros((n, n), int)
    for mask in range(2**bits):
        place = np.array(
            [start + (k ^ (mask & (size - 1))) for start, size in zip(starts, groups, strict=False) for k in range(size)]
        )
        total += raw[np.ix_(place, place)]
    return [[Fraction(int(value), 6) for value in row] for row in total + total.T]


def value(how: Contraction, rows: Array) -> Any:
    """Return the form of each column, block by block."""
    turned = contract.turned(rows, how.groups)
    return sum(
        ((turned[list(block.rows)] * (block.matrix @ turned[list(block.rows)])).sum(axis=0) for block in how.blocks),
        np.zeros(rows.shape[1]),
    )


def read(how: Contraction, rows: Array) -> Any:
    """Return the same as a compiled loop finds it in whole numbers and coefficients, with a row that is 0 at the end."""
    words, c = (list(array) for array in contract.packed(how))
    runs = words.pop(0)
    sizes: list[int] = []
    for _ in range(runs):
        size, count = words.pop(0), words.pop(0)
        sizes += [size] * count
    turned = np.concatenate((contract.turned(rows, sizes), np.zeros((1, rows.shape[1]))))
    total = np.zeros(rows.shape[1])
    for _ in range(words.pop(0)):
        n = words.pop(0)
        places = [words.pop(0) for _ in range(n)]
        for i in range(0, n, 2):
            a, b = turned[places[i]], turned[places[i + 1]]
            for j in range(i):
                total += (c.pop(0) * a + c.pop(0) * b) * turned[places[j]]
            total += c.pop(0) * a * a + c.pop(0) * a * b + c.pop(0) * b * b
    assert not words
    assert not c
    return total


@pytest.mark.parametrize("groups", GROUPS, ids=str)
def test_a_contraction_is_the_dense_form(groups: tuple[int, ...]) -> None:
    exact = matrix(groups)
    how = contract.contraction(exact, groups)
    rows = np.random.default_rng(2).normal(size=(sum(groups), 5))
    want = (rows * (np.array(exact, float) @ rows)).sum(axis=0)
    scale = np.abs(rows).sum(axis=0) ** 2 * np.abs(np.array(exact, float)).max()
    assert np.abs(value(how, rows) - want).max() <= 1e-14 * scale.max()
    assert np.abs(read(how, rows) - want).max() <= 1e-14 * scale.max()


@pytest.mark.parametrize("groups", GROUPS, ids=str)
def test_each_row_is_in_one_block_and_swaps_make_blocks(groups: tuple[int, ...]) -> None:
    how = contract.contraction(matrix(groups), groups)
    assert sorted(row for block in how.blocks for row in block.rows) == list(range(sum(groups)))
    assert len(how.blocks) >= max(groups)
    for block in how.blocks:
        assert np.array_equal(block.matrix, block.matrix.T)
        assert len(block.rows) <= len(groups)


def test_a_matrix_without_the_symmetry_is_right_too() -> None:
    random = np.random.default_rng(3)
    raw = random.integers(-5, 6, (7, 7))
    exact = [[Fraction(int(x)) for x in row] for row in raw + raw.T]
    rows = random.normal(size=(7, 3))
    want = (rows * ((raw + raw.T) @ rows)).sum(axis=0)
    for groups in ((4, 2, 1), (1,) * 7):
        how = contract.contraction(exact, groups)
        np.testing.assert_allclose(value(how, rows), want, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(read(how, rows), want, rtol=1e-12, atol=1e-12)


def test_rows_that_are_zero_in_the_matrix_are_blocks_of_their_own() -> None:
    exact = [[Fraction(0)] * 4 for _ in range(4)]
    exact[0][0], exact[2][2], exact[0][2], exact[2][0] = Fraction(2), Fraction(3), Fraction(1), Fraction(1)
    how = contract.contraction(exact, (1, 1, 1, 1))
    assert [block.rows for block in how.blocks] == [(0, 2), (1,), (3,)]
    assert [block.matrix.tolist() for block in how.blocks] == [[[2, 1], [1, 3]], [[0]], [[0]]]
    rows = np.array([[1.0], [np.pi], [2.0], [7.0]])
    assert value(how, rows) == read(how, rows) == 2 + 12 + 2 * 2


def test_blocks_are_told_from_exact_zeros_and_not_from_small_numbers() -> None:
    tiny = Fraction(1, 10**30)
    how = contract.contraction([[Fraction(1), tiny], [tiny, Fraction(1)]], (1, 1))
    assert [block.rows for block in how.blocks] == [(0, 1)]


def test_sums_and_differences_by_the_bits_of_places() -> None:
    rows = np.random.default_rng(4).normal(size=(8 + 2 + 1, 3))
    found = contract.turned(rows, (8, 2, 1))
    for start, size in ((0, 8), (8, 2), (10, 1)):
        for h in range(size):
            want = sum((-1) ** (g & h).bit_count() * rows[start + g] for g in range(size))
            np.testing.assert_allclose(found[start + h], want, rtol=1e-13, atol=1e-13)


def test_operations_are_counted() -> None:
    how = contract.contraction(matrix((4, 2, 1)), (4, 2, 1))
    turned = 4 * 2 + 2 * 1
    forms = sum(2 * (n * (n + 1) // 2) + 2 * n for n in (len(block.rows) for block in how.blocks))
    assert how.flop == turned + forms


def test_orbits_of_swaps_of_words() -> None:
    words = list(itertools.permutations("abc"))
    swaps: list[Any] = [lambda word: tuple({"a": "b", "b": "a"}.get(x, x) for x in word), lambda word: word[::-1]]
    groups = contract.orbits(words, swaps)
    assert sorted(word for group in groups for word in group) == sorted(words)
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True) == [4, 2]
    for group in groups:
        for k, swap in enumerate(swaps):
            if 2**k < len(group):
                assert all(swap(group[g]) == group[g ^ (1 << k)] for g in range(len(group)))


def test_a_swap_that_changes_nothing_doubles_nothing() -> None:
    assert contract.orbits([1, 2, 3], [lambda row: row, lambda row: {1: 2, 2: 1}.get(row, row)]) == [[1, 2], [3]]
