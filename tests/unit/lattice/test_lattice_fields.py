"""Gamma matrices, SU(3) fields: definitions rebuilt term by term, and group properties."""

import math

import numpy as np
import pytest

from ngtbench.kernels.lattice.spin import hops
from ngtbench.model.workload import Array
from ngtbench.physics import gamma, lattice

SHAPE = (3, 4, 2, 5)
ONE = np.eye(3)


def taylor(theta: Array) -> Array:
    """Return exp(i theta_a T_a) of one link by its series."""
    step = 1j * sum(t * g for t, g in zip(theta, lattice.generators(), strict=True))
    total = term = np.eye(3, dtype=complex)
    for k in range(1, 60):
        term = term @ step / k
        total = total + term
    return total


def test_gamma_matrices_satisfy_the_clifford_algebra() -> None:
    g = gamma.matrices()
    for mu in range(4):
        assert np.array_equal(g[mu], g[mu].conj().T)
        for nu in range(4):
            assert np.array_equal(g[mu] @ g[nu] + g[nu] @ g[mu], 2 * np.eye(4) * (mu == nu))
    assert np.array_equal(gamma.five(), np.diag((1, 1, -1, -1)))
    assert (g[0, 0, 3], g[1, 0, 3], g[2, 1, 3], g[3, 0, 2]) == (1j, -1, -1j, 1)  # the basis, not only the algebra


def test_hops_describe_the_same_matrices() -> None:
    psi = np.arange(1, 5) * np.array([1, 1j, 2, 1 - 1j])
    for number, hop in enumerate(hops()):
        sign = (-1, 1)[number % 2]
        half = psi[:2] + np.array(hop.phases) * psi[2:][hop.order]
        whole = np.concatenate((half, np.zeros(2)))
        whole[2:][hop.order] = np.conj(hop.phases) * half
        assert (hop.mu, hop.step) == (number // 2, sign)
        assert np.array_equal(whole, (np.eye(4) + sign * gamma.matrices()[hop.mu]) @ psi)


def test_generators_are_gell_manns() -> None:
    t = lattice.generators()
    assert np.allclose(np.einsum("aij,bji->ab", t, t), np.eye(8) / 2, atol=1e-15)
    assert np.array_equal(t, t.conj().swapaxes(-1, -2))
    commutator = t[0] @ t[1] - t[1] @ t[0]
    assert np.allclose(commutator, 1j * t[2], atol=1e-15)
    assert (t[4][0, 2], t[6][1, 2]) == (-0.5j, -0.5j)


@pytest.mark.parametrize(
    "links",
    [lattice.random_links(SHAPE, 3), lattice.formula_links(SHAPE, 0.8), lattice.formula_transform(SHAPE)],
    ids=["random", "formula", "transform"],
)
def test_links_are_special_unitary(links: Array) -> None:
    assert np.abs(links @ links.conj().swapaxes(-1, -2) - ONE).max() < 1e-14
    assert np.abs(np.linalg.det(links) - 1).max() < 1e-14
    assert np.abs(links - ONE).max() > 0.5


def test_random_fields_depend_on_the_seed_and_are_disordered() -> None:
    links, again, other = (lattice.random_links((6, 6, 6, 6), seed) for seed in (1, 1, 2))
    assert np.array_equal(links, again)
    trace = np.trace(links, axis1=-2, axis2=-1)
    assert abs(trace.mean()) < 5 / math.sqrt(trace.size)
    assert abs(np.mean(trace * np.trace(other, axis1=-2, axis2=-1).conj())) < 5 / math.sqrt(trace.size)
    fields = [lattice.random_field((4, 4, 4, 4), 1, k) for k in range(3)]
    assert fields[0].shape == (4, 4, 4, 4, 3)
    assert len({field.tobytes() for field in fields}) == 3
    psi = lattice.random_spinor((6, 6, 6, 6), 1)
    assert psi.shape == (6, 6, 6, 6, 4, 3)
    assert np.mean(np.abs(psi) ** 2) == pytest.approx(2 / 3, rel=0.02)


@pytest.mark.parametrize("site", [(0, 0, 0, 0), (2, 3, 1, 4), (1, 0, 1, 2)])
def test_formula_fields_are_what_the_formula_says(site: tuple[int, int, int, int]) -> None:
    x, y, z, t = site
    for mu in range(4):
        n = [(a + 2) + 3 * mu + 5 * x + 7 * y + 11 * z + 13 * t + a * (mu + 1) * (x + 2 * y + 3 * z + 5 * t) for a in range(1, 9)]
        wanted = taylor(0.8 * np.sin(n))
        assert np.abs(lattice.formula_links(SHAPE, 0.8)[mu, x, y, z, t] - wanted).max() < 1e-13
        n = [2 * a + 5 * mu + 3 * x + 11 * y + 7 * z + 17 * t + (a + mu) * (2 * x + 3 * y + z + 4 * t) for a in range(1, 9)]
        assert np.allclose(lattice.formula_momenta(SHAPE)[mu, x, y, z, t], np.cos(n), atol=1e-15)
    n = [3 * a + 2 * x + 5 * y + 3 * z + 7 * t + a * (x + y + 2 * z + 3 * t) for a in range(1, 9)]
    assert np.abs(lattice.formula_transform(SHAPE)[site] - taylor(2 * np.cos(n))).max() < 1e-12
    for s in range(4):
        for c in range(3):
            m = 1 + 2 * s + 5 * c + 3 * x + 7 * y + 11 * z + 17 * t + (s + 2 * c) * (x + 3 * y + 2 * z + t)
            wanted_value = complex(math.sin(m), math.cos(2 * m + 3 * s + c))
            assert lattice.formula_spinor(SHAPE)[site][s, c] == pytest.approx(wanted_value, abs=1e-15)
            if s == 0:
                assert lattice.formula_field(SHAPE)[site][c] == pytest.approx(wanted_value, abs=1e-15)


def test_a_plaquette_does_not_see_a_gauge_transform() -> None:
    links = lattice.formula_links(SHAPE, 0.8)
    moved = lattice.transform_links(links, lattice.formula_transform(SHAPE))
    assert np.abs(moved - links).max() > 0.5

    def loops(u: Array) -> Array:
        corner = u[0] @ np.roll(u[3], -1, axis=0) @ (u[3] @ np.roll(u[0], -1, axis=3)).conj().swapaxes(-1, -2)
        return np.asarray(np.trace(corner, axis1=-2, axis2=-1))

    assert np.abs(loops(moved) - loops(links)).max() < 1e-13
