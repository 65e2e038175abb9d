"""Sums over colours: textbook values, Casimir operators, and the same sums with the Gell-Mann matrices written out."""

import itertools
from fractions import Fraction
from functools import reduce

import numpy as np
import pytest

from ngtbench.kernels.amplitudes import colour
from ngtbench.kernels.amplitudes.colour import Key, Letters, Word
from ngtbench.kernels.amplitudes.operations import Operations
from ngtbench.model.workload import Array
from ngtbench.physics import processes

CF = Fraction(4, 3)
Q, A, R, B = 100, 101, 102, 103  # two quarks and antiquarks; gluons are 0, 1, 2 ...


def generators() -> Array:
    """Return the eight matrices T = lambda / 2, shape (8, 3, 3)."""
    t = np.zeros((8, 3, 3), complex)
    for k, (i, j) in zip((0, 3, 5), ((0, 1), (0, 2), (1, 2)), strict=True):
        t[k, i, j] = t[k, j, i] = 0.5
        t[k + 1, i, j], t[k + 1, j, i] = -0.5j, 0.5j
    t[2] = np.diag((0.5, -0.5, 0))
    t[7] = np.diag((1, 1, -2)) / np.sqrt(12)
    return t


T = generators()


def product(word: Word, colours: tuple[int, ...]) -> Array:
    """Return the matrix of a word of gluons of these colours."""
    return reduce(np.matmul, (T[colours[leg]] for leg in word), np.eye(3, dtype=complex))


def brute(structures: list[list[Word]], gluons: int) -> Array:
    """Sum over the colours of gluons, and of the ends of strings, of what is written out."""
    total = np.zeros((len(structures), len(structures)), complex)
    for colours in itertools.product(range(8), repeat=gluons):
        tensors = []
        for strings in structures:
            ordered = sorted(strings)  # by quark: indices are then (quark, antiquark) pairs
            tensor = reduce(np.multiply.outer, [product(word[1:-1], colours) for word in ordered])
            ends = [axis for word in ordered for axis in (word[0], word[-1])]
            tensors.append(np.transpose(tensor, np.argsort(ends)).reshape(-1))
        rows = np.array(tensors)
        total += rows @ rows.conj().T
    assert np.abs(total.imag).max() < 1e-9
    return np.asarray(total.real)


def same(exact: list[list[Fraction]], want: Array) -> None:
    found = np.array(exact, float)
    assert found.shape == want.shape
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12)


def test_two_gluons_and_a_quark_line_as_in_textbooks() -> None:
    exact = colour.strings([[(Q, 0, 1, A)], [(Q, 1, 0, A)]])
    assert exact == [[Fraction(16, 3), Fraction(-2, 3)], [Fraction(-2, 3), Fraction(16, 3)]]


@pytest.mark.parametrize("gluons", range(6))
def test_a_word_with_itself_is_a_power_of_the_casimir_operator(gluons: int) -> None:
    word = (Q, *range(gluons), A)
    assert colour.strings([[word]]) == [[3 * CF**gluons]]


@pytest.mark.parametrize("gluons", range(4))
def test_one_line_with_matrices_written_out(gluons: int) -> None:
    structures: list[list[Word]] = [[(Q, *order, A)] for order in itertools.permutations(range(gluons))]
    same(colour.strings(structures), brute(structures, gluons))


@pytest.mark.parametrize("gluons", range(3))
def test_two_lines_with_matrices_written_out(gluons: int) -> None:
    structures: list[list[Word]] = [
        [(Q, *order[:cut], first), (R, *order[cut:], second)]
        for first, second in ((A, B), (B, A))
        for order in itertools.permutations(range(gluons))
        for cut in range(gluons + 1)
    ]
    same(colour.strings(structures), brute(structures, gluons))


def test_three_lines_are_permutations_of_colours() -> None:
    structures: list[list[Word]] = [[(k, 10 + to) for k, to in enumerate(order)] for order in itertools.permutations(range(3))]
    exact = colour.strings(structures)
    same(exact, brute(structures, 0))
    assert [exact[0][k] for k in range(6)] == [27, 9, 9, 3, 3, 9]


@pytest.mark.parametrize("count", [3, 4])
def test_commutators_with_matrices_written_out(count: int) -> None:
    words = [(0, *order) for order in itertools.permutations(range(1, count - 1))]
    want = np.zeros((len(words), len(words)), complex)
    for colours in itertools.product(range(8), repeat=count):
        row = []
        for word in words:
            matrix = T[colours[word[0]]]
            for leg in word[1:]:
                other = T[colours[leg]]
                matrix = matrix @ other - other @ matrix
            row.append(2 * np.trace(matrix @ T[colours[count - 1]]))
        want += np.outer(row, np.conj(row))
    same(colour.nested(words, count - 1), want.real)


def test_commutators_are_powers_of_the_adjoint_casimir_operator() -> None:
    for count in (3, 4, 5, 6):
        assert colour.nested([tuple(range(count - 1))], count - 1) == [[8 * Fraction(3) ** (count - 2)]]


def test_strings_close_where_quark_and_antiquark_meet() -> None:
    letters = Letters(frozenset({Q, R}), frozenset({A, B}))
    assert letters.product(Key((Q, 0)), Key((1, A))) == Key((), ((Q, 0, 1, A),))
    assert letters.product(Key((0, A)), Key((Q, 1))) == Key((0, A, Q, 1))
    assert letters.product(Key((2, A, Q, 0)), Key((1, B))) == Key((2, A), ((Q, 0, 1, B),))
    assert letters.product(Key((Q, 0)), Key((A, R, 1, B))) == Key((), ((Q, 0, A), (R, 1, B)))
    assert letters.product(Key((0,), ((R, B),)), Key((1,), ((Q, A),))) == Key((0, 1), ((Q, A), (R, B)))


@pytest.mark.parametrize("text", ["g g > t t~", "u u~ > t t~ u u~", "g g > g g g", "g g > t t~ g g", "u u~ > t t~ g g"])
def test_the_matrix_of_a_process_is_symmetric_and_never_negative(text: str) -> None:
    operations = Operations(processes.parse(text), width=True)
    dense = np.array(operations.colour(), float)
    assert np.array_equal(dense, dense.T)
    assert sum(operations.groups) == len(dense)
    values = np.linalg.eigvalsh(dense)
    assert values.min() > -1e-12 * values.max()


def test_the_matrix_of_top_pairs_is_the_textbook_one_over_what_is_averaged() -> None:
    for width, factor in ((True, 1), (False, 2)):
        exact = Operations(processes.parse("g g > t t~"), width).colour()
        assert exact == [[factor * value / 256 for value in row] for row in ((4 * CF, -CF / 2), (-CF / 2, 4 * CF))]
