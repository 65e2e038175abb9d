"""Building blocks of amplitudes against gamma matrices, and what wave functions of external particles must satisfy."""

from typing import Any

import numpy as np
import pytest

from ngtbench.codegen.tape import Kind
from ngtbench.kernels.amplitudes import blocks, numbers
from ngtbench.kernels.amplitudes.numbers import PLANES, Z
from ngtbench.model.workload import Array

M = 173.0
METRIC = np.diag((1.0, -1, -1, -1))
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], complex)
ONE, NONE = np.eye(2), np.zeros((2, 2))
GAMMA = np.array([np.block([[NONE, ONE], [ONE, NONE]]), *(np.block([[NONE, s], [-s, NONE]]) for s in PAULI)])
RIGHT = np.diag((0.0, 0, 1, 1))  # projects on right-handed components
RANDOM = np.random.default_rng(11)


def momenta(mass: float) -> list[Array]:
    """Return momenta in every direction, along all axes and near the negative ones, and at rest if there is a mass."""
    axes = [sign * np.eye(3)[k] for k in range(3) for sign in (1, -1)]
    near = [np.array((1e-9, -1e-9, -1)), np.array((-1, 1e-9, 1e-9)), np.array((0.0, -0.0, -1))]
    vectors = [300 * n / np.linalg.norm(n) for n in [*axes, *near, *RANDOM.normal(size=(30, 3))]] + (
        [np.zeros(3)] if mass else []
    )
    return [np.array((np.hypot(mass, np.linalg.norm(v)), *v)) for v in vectors]


def ended(kind: Kind, *extras: Any, sums: Any = (), **scalars: float) -> Array:
    return np.array(kind.finish(list(sums), *(list(one) for one in extras), **{"mass": M, "mass_width": 0.0} | scalars), float)


def term(kind: Kind, name: str, sums: Any, extras: Any, *operands: Any) -> Array:
    (body,) = (term.body for term in kind.terms if term.name == name)
    return np.array(
        body(list(sums), *(list(one) for one in extras), *(list(one) for one in operands), mass=M, mass_width=0.0), float
    )


def slash(p: Array) -> Array:
    return np.asarray(np.einsum("m,mab->ab", METRIC @ p, GAMMA))


def spinors(reals: Array) -> Array:
    """Return whole spinors, (how many, 4)."""
    return np.array([one[:4] + 1j * one[4:] for one in reals.reshape(-1, 8)])


def half(reals: Array, lower: bool) -> Array:
    """Return a spinor of which only a half is not 0."""
    value = reals[:2] + 1j * reals[2:]
    return np.concatenate((np.zeros(2), value)) if lower else np.concatenate((value, np.zeros(2)))


def close(found: Any, want: Any, scale: float = 1.0) -> None:
    np.testing.assert_allclose(found, want, rtol=1e-12, atol=1e-12 * scale)


def test_polarisations_are_unit_vectors_across_the_momentum() -> None:
    for p in momenta(0.0):
        found, n = ended(blocks.polarisation(False), p).reshape(2, 4), p[1:] / p[0]
        assert not found[:, 0].any()
        close(found[:, 1:] @ found[:, 1:].T, np.eye(2))
        close(found[:, 1:] @ n, 0)
        close(np.einsum("si,sj->ij", found[:, 1:], found[:, 1:]), np.eye(3) - np.outer(n, n))


def test_one_state_of_two_is_chosen() -> None:
    for p in momenta(0.0)[-5:]:
        both = ended(blocks.polarisation(False), p)
        for state in (0, 1):
            close(ended(blocks.polarisation(True), p, [state]), both[4 * state : 4 * state + 4])
    for row in (True, False):
        for p in momenta(M)[-5:]:
            both = ended(blocks.top(row, 2, False), p)
            for state in (0, 1):
                close(ended(blocks.top(row, 1, True), p, [state]), both[8 * state : 8 * state + 8], 100)


def test_top_spinors_solve_the_dirac_equation_and_sum_to_projectors() -> None:
    for p in momenta(M):
        rows, columns = spinors(ended(blocks.top(True, 2, False), p)), spinors(ended(blocks.top(False, 2, False), p))
        close(rows @ (slash(p) - M * np.eye(4)), 0, 1e4)
        close((slash(p) + M * np.eye(4)) @ columns.T, 0, 1e4)
        close(GAMMA[0] @ rows.conj().T @ rows, slash(p) + M * np.eye(4), 1e3)
        close(columns.T @ columns.conj() @ GAMMA[0], slash(p) - M * np.eye(4), 1e3)
        assert np.array_equal(ended(blocks.top(False, 1, False), p), ended(blocks.top(False, 2, False), p)[:8])


@pytest.mark.parametrize("right", [False, True])
def test_massless_spinors_are_those_of_a_chirality(right: bool) -> None:
    for p in momenta(0.0):
        column = half(ended(blocks.massless(False, right), p), right)
        row = half(ended(blocks.massless(True, right), p), not right)
        close(row, column.conj() @ GAMMA[0], 10)
        projector = RIGHT if right else np.eye(4) - RIGHT
        close(np.outer(column, row), projector @ slash(p), 1e3)
        close(slash(p) @ column, 0, 1e4)


def test_momenta_and_propagators() -> None:
    p, q = momenta(M)[-2], momenta(0.0)[-1]
    kind = blocks.momentum()
    out = term(kind, "in", term(kind, "out", np.zeros(4), (), p), (), q)
    assert np.array_equal(ended(kind, sums=out), p - q)
    product = float(p @ METRIC @ q)
    for sort, sign in (("alike", 1), ("opposite", -1)):
        sums = term(blocks.inverse(True, False), sort, [7.0], (), p, q)
        close(sums, [7 + sign * product])
        close(ended(blocks.inverse(False, False), sums=sums), 1 / sums)  # 2 / p^2
        close(ended(blocks.inverse(True, False), sums=sums), 1 / (2 * sums))
        propagator = 1 / complex(2 * sums[0], 250.0)  # 1 / (p^2 - m^2 + i m Gamma)
        close(ended(blocks.inverse(True, True), sums=sums, mass_width=250.0), [propagator.real, propagator.imag])


@pytest.mark.parametrize("row", [True, False])
@pytest.mark.parametrize("vector", [4, 8])
@pytest.mark.parametrize("right", [None, True, False])
def test_quarks_emit_and_propagate(right: bool | None, vector: int, row: bool) -> None:
    spins = 2 if right is None else 1
    kind, given = blocks.quark(row, spins, right, False, True), RANDOM.normal(size=vector)
    reals, sums = RANDOM.normal(size=(2, kind.sums))
    a = slash(given[:4] + (1j * given[4:] if vector == 8 else 0))
    here, there = (None, None) if right is None else (right != row, right == row)

    def whole(values: Array, lower: bool | None) -> Array:
        return spinors(values) if lower is None else half(values, lower)[None]

    p, factor = RANDOM.normal(size=4), RANDOM.normal(size=2)
    mass = M if right is None else 0.0
    for name, sign in (("plus", 1), ("minus", -1)):
        found = whole(term(kind, f"{name}_{vector}", sums, (p, factor), given, reals), there)
        psi = whole(reals, here)
        close(found, whole(sums, there) + sign * (psi @ a if row else psi @ a.T), 10)
    numerator = -(slash(p) + mass * np.eye(4)) if row else (slash(p) - mass * np.eye(4)).T
    close(whole(ended(kind, p, factor, sums=sums), here), whole(sums, there) @ numerator * complex(*factor), 1e3)
    assert np.array_equal(ended(blocks.quark(row, spins, right, True, False), sums=sums), sums)


def test_currents_of_quarks() -> None:
    rows, columns = RANDOM.normal(size=(2, 16))
    found = ended(blocks.current(2, 2, None), rows, columns).reshape(2, 2, 8)
    for s, psi in enumerate(spinors(columns)):
        for r, psibar in enumerate(spinors(rows)):
            close(found[s, r, :4] + 1j * found[s, r, 4:], np.einsum("a,mab,b->m", psibar, GAMMA, psi), 10)
    for right in (True, False):
        row, column = RANDOM.normal(size=(2, 4))
        found = ended(blocks.current(1, 1, right), row, column)
        close(found[:4] + 1j * found[4:], np.einsum("a,mab,b->m", half(row, not right), GAMMA, half(column, right)), 10)


def test_amplitudes_of_quark_lines() -> None:
    kind, sums = blocks.closed(2, 2, None), RANDOM.normal(size=8)
    rows, columns = RANDOM.normal(size=(2, 16))
    currents = RANDOM.normal(size=32)
    for name, sign in (("plus", 1), ("minus", -1)):
        found = term(kind, f"join_{name}", sums, (), rows, columns) - sums
        want = [sign * psibar @ psi for psi in spinors(columns) for psibar in spinors(rows)]
        close(found[::2] + 1j * found[1::2], want, 10)
        for size in (4, 8):
            vector = RANDOM.normal(size=size)
            field = vector[:4] + (1j * vector[4:] if size == 8 else 0)
            found = term(kind, f"dot_{name}_{size}", sums, (), vector, currents) - sums
            close(found[::2] + 1j * found[1::2], sign * spinors(currents) @ METRIC @ field, 10)


def zs(values: Array) -> list[Z]:
    return [Z(value.real, value.imag) for value in values]


def values(found: list[Z]) -> Array:
    return np.array([complex(one.re, one.im) for one in found])


def test_numbers_are_complex_numbers() -> None:
    a, b, c = RANDOM.normal(size=3) + 1j * RANDOM.normal(size=3)
    x, y, z = zs(np.array((a, b, c)))
    found = [x + y, x - y, x * y, -x, x.scaled(2.5), x.turned(), x.plus(y, z), x.minus(y, z)]
    close(values(found), [a + b, a - b, a * b, -a, 2.5 * a, 1j * a, a + b * c, a - b * c])
    assert numbers.flat([x, y]) == [x.re, y.re, x.im, y.im]
    assert numbers.flat([x, y], real=True) == [x.re, y.re]
    assert numbers.complexes([1, 2, 3, 4]) == [Z(1, 3), Z(2, 4)] == numbers.numbers([1, 2, 3, 4], 2)
    assert numbers.numbers([1, 2], 2) == [Z(1), Z(2)]


def test_vectors_and_tensors() -> None:
    a, b, sums, psi = RANDOM.normal(size=(4, 4)) + 1j * RANDOM.normal(size=(4, 4))
    close(values([numbers.dot(zs(a), zs(b))]), [a @ METRIC @ b])
    for sign in (1, -1):
        start = Z(0.25, -1.0)
        close(values([numbers.added_dot(start, zs(a), zs(b), sign=sign)]), [0.25 - 1j + sign * (a @ METRIC @ b)])
        tensor = np.outer(a, b) - np.outer(b, a)
        packed = np.array([tensor[plane] for plane in PLANES])
        close(values(numbers.contracted(zs(sums), zs(psi), zs(packed), sign)), sums + sign * (METRIC @ psi) @ tensor, 10)
        close(values([numbers.product(start, zs(a), zs(b), sign)]), [0.25 - 1j + sign * a @ b])
    close(values(numbers.slashed(zs(sums), zs(a), zs(psi))), sums + slash(a) @ psi, 10)
    close(values(numbers.slashed_row(zs(sums), zs(psi), zs(a))), sums + psi @ slash(a), 10)
    close(values(numbers.current(zs(a), zs(b))), np.einsum("a,mab,b->m", a, GAMMA, b), 10)
