"""Physics the hopping term must obey; each check takes an operator and raises AssertionError where it is broken."""

from collections.abc import Callable, Sequence

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics import gamma, lattice
from ngtbench.physics.lattice import Shape

Operator = Callable[[Array, Array, Sequence[complex]], Array]  # (links, spinor, boundary) -> D spinor
PERIODIC, ANTIPERIODIC = (1, 1, 1, 1), (1, 1, 1, -1)
SHAPES: tuple[Shape, ...] = ((4, 4, 4, 8), (4, 6, 8, 10))
G, ONE = gamma.matrices(), np.eye(4)


def close(got: Array, want: Array, tolerance: float = 1e-12) -> None:
    assert np.abs(got - want).max() <= tolerance * np.sqrt(np.mean(np.abs(want) ** 2))


def definition(apply: Operator, shape: Shape) -> None:
    """Compare with the defining sum, written out at single sites: corners, edges and some inside."""
    links, psi, phases = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape), (1j, -1, 1, -1)
    got = apply(links, psi, phases)
    last = tuple(extent - 1 for extent in shape)
    for site in [
        (0, 0, 0, 0),
        last,
        (0, 1, 2, last[3]),
        (last[0], 0, 1, 2),
        (1, last[1], 0, 3),
        (2, 1, last[2], 0),
        (1, 2, 3, 4),
    ]:
        want = np.zeros((4, 3), dtype=complex)
        for mu in range(4):
            ahead, behind = list(site), list(site)
            ahead[mu], behind[mu] = (site[mu] + 1) % shape[mu], (site[mu] - 1) % shape[mu]
            out = links[(mu, *site)] * (phases[mu] if site[mu] == last[mu] else 1)
            back = links[(mu, *behind)] * (phases[mu] if behind[mu] == last[mu] else 1)
            want += np.einsum("st,ab,tb->sa", ONE - G[mu], out, psi[tuple(ahead)])
            want += np.einsum("st,ab,tb->sa", ONE + G[mu], back.conj().T, psi[tuple(behind)])
        close(got[site], want)


def g5_hermiticity(apply: Operator, shape: Shape) -> None:
    """<a, g5 D b> = <g5 D a, b>."""
    links, b, a = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape), lattice.random_spinor(shape, 5)
    sign = np.diag(gamma.five())[:, None]
    left, right = np.vdot(a, sign * apply(links, b, ANTIPERIODIC)), np.vdot(sign * apply(links, a, ANTIPERIODIC), b)
    assert abs(left - right) <= 1e-11 * abs(left)


def gauge_covariance(apply: Operator, shape: Shape) -> None:
    """D[U^g] (g psi) = g D[U] psi: sees a link read in the wrong place, which no free field does."""
    links, psi, g = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape), lattice.formula_transform(shape)

    def turned(field: Array) -> Array:
        return np.asarray(np.einsum("...ab,...sb->...sa", g, field))

    moved = apply(lattice.transform_links(links, g), turned(psi), ANTIPERIODIC)
    close(moved, turned(apply(links, psi, ANTIPERIODIC)))


def plane_wave(apply: Operator, shape: Shape) -> None:
    """On exp(ipx) u, D is 2 sum_mu (cos p_mu - i g_mu sin p_mu); antiperiodic p_t = 2 pi (j + 1/2) / L_t."""
    numbers = (1, 2, 3, 1.5)
    p = [2 * np.pi * number / extent for number, extent in zip(numbers, shape, strict=True)]
    wave = np.exp(1j * sum(k * axis for k, axis in zip(p, np.indices(shape), strict=True)))
    psi = wave[..., None, None] * (np.arange(1, 13) + 1j).reshape(4, 3)
    symbol = 2 * sum(np.cos(p[mu]) * ONE - 1j * np.sin(p[mu]) * G[mu] for mu in range(4))
    close(apply(lattice.unit_links(shape), psi, ANTIPERIODIC), symbol @ psi)


def spectrum(apply: Operator, shape: Shape) -> None:
    """The free Wilson matrix's eigenvalues 1 - 2k sum cos p +- 2ik sqrt(sum sin^2 p), from D on the waves of one momentum."""
    kappa, p = 0.12, [2 * np.pi * k / extent for k, extent in zip((1, 0, 1, 0.5), shape, strict=True)]
    wave = np.exp(1j * sum(k * axis for k, axis in zip(p, np.indices(shape), strict=True)))[..., None, None]
    links, block = lattice.unit_links(shape), np.zeros((4, 4), dtype=complex)
    for spin in range(4):
        unit = np.zeros((4, 3))
        unit[spin, 1] = 1
        block[:, spin] = (apply(links, wave * unit, ANTIPERIODIC) / wave)[1, 2, 3, -1, :, 1]
    found = np.linalg.eigvals(ONE - kappa * block)
    real, imaginary = 1 - 2 * kappa * np.cos(p).sum(), 2 * kappa * np.sqrt((np.sin(p) ** 2).sum())
    want = np.array([complex(real, -imaginary)] * 2 + [complex(real, imaginary)] * 2)
    close(found[np.argsort(found.imag)], want)


def point_source(apply: Operator, shape: Shape) -> None:
    """A unit source reaches its eight neighbours with blocks 1 -+ g_mu, exactly."""
    for spin, colour, source in ((0, 0, (0, 0, 0, 0)), (3, 2, (1, 2, 3, shape[3] - 1))):
        psi, want = np.zeros((2, *shape, 4, 3), dtype=complex)
        psi[(*source, spin, colour)] = 1
        for mu in range(4):
            for step in (-1, 1):
                site = list(source)
                site[mu] += step
                crossed = not 0 <= site[mu] < shape[mu]
                site[mu] %= shape[mu]
                want[(*site,)][:, colour] += (ONE + step * G[mu])[:, spin] * (ANTIPERIODIC[mu] if crossed else 1)
        assert np.array_equal(apply(lattice.unit_links(shape), psi, ANTIPERIODIC), want)


def constant(apply: Operator, shape: Shape) -> None:
    """D psi = 8 psi for constant psi, unit links, periodic."""
    psi = np.broadcast_to((np.arange(12) - 3j).reshape(4, 3), (*shape, 4, 3)).copy()
    assert np.array_equal(apply(lattice.unit_links(shape), psi, PERIODIC), 8 * psi)


CHECKS = (definition, g5_hermiticity, gauge_covariance, plane_wave, spectrum, point_source, constant)
