"""Physics the staggered operator must obey; each check takes an operator and raises AssertionError where it is broken."""

from collections.abc import Callable, Sequence

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics import lattice
from ngtbench.physics.lattice import Shape

Operator = Callable[[Array, Array, Sequence[complex]], Array]  # (links, field, boundary) -> D field
PERIODIC, ANTIPERIODIC = (1, 1, 1, 1), (1, 1, 1, -1)
SHAPES: tuple[Shape, ...] = ((4, 4, 4, 8), (4, 6, 8, 10))


def close(got: Array, want: Array, tolerance: float = 1e-12) -> None:
    assert np.abs(got - want).max() <= tolerance * np.sqrt(np.mean(np.abs(want) ** 2))


def definition(apply: Operator, shape: Shape) -> None:
    """Compare with the defining sum, written out at single sites: corners, edges and some inside."""
    links, chi, phases = lattice.formula_links(shape, 0.8), lattice.formula_field(shape), (1j, -1, 1, -1)
    got, last = apply(links, chi, phases), tuple(extent - 1 for extent in shape)
    inside = [(0, 1, 2, last[3]), (last[0], 0, 1, 2), (1, last[1], 0, 3), (2, 1, last[2], 0), (1, 2, 3, 4)]
    for site in [(0, 0, 0, 0), last, *inside]:
        want = np.zeros(3, dtype=complex)
        for mu in range(4):
            ahead, behind = list(site), list(site)
            ahead[mu], behind[mu] = (site[mu] + 1) % shape[mu], (site[mu] - 1) % shape[mu]
            out = links[(mu, *site)] * (phases[mu] if site[mu] == last[mu] else 1)
            back = links[(mu, *behind)] * (phases[mu] if behind[mu] == last[mu] else 1)
            eta = (-1) ** sum(site[:mu])
            want += eta / 2 * (out @ chi[tuple(ahead)] - back.conj().T @ chi[tuple(behind)])
        close(got[site], want)


def anti_hermiticity(apply: Operator, shape: Shape) -> None:
    """<a, D b> = -<D a, b>."""
    links, b, a = lattice.formula_links(shape, 0.8), lattice.formula_field(shape), lattice.random_field(shape, 5)
    left, right = np.vdot(a, apply(links, b, ANTIPERIODIC)), np.vdot(apply(links, a, ANTIPERIODIC), b)
    assert abs(left + right) <= 1e-11 * abs(left)


def parity(apply: Operator, shape: Shape) -> None:
    """D anticommutes with (-1)^(x+y+z+t)."""
    links, chi = lattice.formula_links(shape, 0.8), lattice.formula_field(shape)
    sign: Array = 1.0 - 2 * (np.indices(shape).sum(axis=0)[..., None] % 2)
    close(apply(links, sign * chi, ANTIPERIODIC), -sign * apply(links, chi, ANTIPERIODIC))


def gauge_covariance(apply: Operator, shape: Shape) -> None:
    """D[U^g] (g chi) = g D[U] chi: sees a link read in the wrong place, which no free field does."""
    links, chi, g = lattice.formula_links(shape, 0.8), lattice.formula_field(shape), lattice.formula_transform(shape)

    def turned(field: Array) -> Array:
        return np.asarray(np.einsum("...ab,...b->...a", g, field))

    close(apply(lattice.transform_links(links, g), turned(chi), ANTIPERIODIC), turned(apply(links, chi, ANTIPERIODIC)))


def square(apply: Operator, shape: Shape) -> None:
    """On exp(ipx) v and unit links D^2 is -sum_mu sin^2 p_mu; antiperiodic p_t = 2 pi (j + 1/2) / L_t."""
    p = [2 * np.pi * number / extent for number, extent in zip((1, 2, 3, 1.5), shape, strict=True)]
    wave = np.exp(1j * sum(k * axis for k, axis in zip(p, np.indices(shape), strict=True)))
    chi, links = wave[..., None] * (np.arange(1, 4) + 1j), lattice.unit_links(shape)
    close(apply(links, apply(links, chi, ANTIPERIODIC), ANTIPERIODIC), -np.sum(np.sin(p) ** 2) * chi)


def point_source(apply: Operator, shape: Shape) -> None:
    """A unit source reaches its eight neighbours with +-eta / 2, exactly."""
    for colour, source in ((0, (0, 0, 0, 0)), (2, (1, 2, 3, shape[3] - 1))):
        chi, want = np.zeros((2, *shape, 3), dtype=complex)
        chi[(*source, colour)] = 1
        for mu in range(4):
            for step in (-1, 1):
                site = list(source)
                site[mu] += step
                crossed = not 0 <= site[mu] < shape[mu]
                site[mu] %= shape[mu]
                want[(*site, colour)] += -step / 2 * (-1) ** sum(source[:mu]) * (ANTIPERIODIC[mu] if crossed else 1)
        assert np.array_equal(apply(lattice.unit_links(shape), chi, ANTIPERIODIC), want)


def constant(apply: Operator, shape: Shape) -> None:
    """D chi = 0 for constant chi, unit links, periodic."""
    chi = np.broadcast_to(np.arange(3) - 3j, (*shape, 3)).copy()
    assert not apply(lattice.unit_links(shape), chi, PERIODIC).any()


CHECKS = (definition, anti_hermiticity, parity, gauge_covariance, square, point_source, constant)
