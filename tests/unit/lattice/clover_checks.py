"""Physics the clover term must obey; each check takes an operator and raises AssertionError where it is broken."""

from collections.abc import Callable
from itertools import permutations

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics import gamma, lattice
from ngtbench.physics.lattice import Shape
from tests.unit.lattice.dslash_checks import close

Operator = Callable[[Array, Array], Array]  # (links, spinor) -> C spinor
Step = tuple[int, int]  # direction, +1 or -1
G = gamma.matrices()
CHARGES = np.array((1, -1, 0))  # of the three colours in an Abelian field


def leaves(mu: int, nu: int) -> list[list[Step]]:
    """Return the four walks from a site around a plaquette that turn from mu to nu."""
    first = [(mu, 1), (nu, 1), (mu, -1), (nu, -1)]
    return [first[k:] + first[:k] for k in range(4)]


def walked(links: Array, site: tuple[int, ...], steps: list[Step]) -> Array:
    """Return the product of links along a walk from one site, one step at a time."""
    here, product = list(site), np.eye(3, dtype=complex)
    for mu, step in steps:
        if step == 1:
            product = product @ links[(mu, *here)]
        here[mu] = (here[mu] + step) % links.shape[1 + mu]
        if step == -1:
            product = product @ links[(mu, *here)].conj().T
    return product


def flux_links(shape: Shape, fluxes: dict[tuple[int, int], int]) -> Array:
    """Return links whose plaquettes in these planes all are exp(i f charge), f = 2 pi n / (area): a constant field."""
    angles = np.zeros((4, *shape))
    places = np.indices(shape)
    for (mu, nu), n in fluxes.items():
        f = flux(shape, (mu, nu), n)
        angles[nu] += f * places[mu]
        angles[mu] -= f * shape[mu] * places[nu] * (places[mu] == shape[mu] - 1)
    return np.asarray(np.exp(1j * angles[..., None, None] * CHARGES) * np.eye(3))


def flux(shape: Shape, plane: tuple[int, int], n: int) -> float:
    return float(2 * np.pi * n / (shape[plane[0]] * shape[plane[1]]))


def definition(apply: Operator, shape: Shape) -> None:
    """Compare with the defining sum over both orders, leaves walked link by link, at corners, edges and inside."""
    links, psi = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape)
    got = apply(links, psi)
    last = tuple(extent - 1 for extent in shape)
    for site in [(0, 0, 0, 0), last, (0, 1, 2, last[3]), (last[0], 0, 1, 2), (1, last[1], 0, 3), (2, 1, last[2], 0)]:
        want = np.zeros((4, 3), dtype=complex)
        for mu, nu in permutations(range(4), 2):
            q = np.sum([walked(links, site, walk) for walk in leaves(mu, nu)], axis=0)
            sigma = 0.5j * (G[mu] @ G[nu] - G[nu] @ G[mu])
            want += 0.25j * np.einsum("st,ab,tb->sa", sigma, (q - q.conj().T) / 8, psi[site])
        close(got[site], want)


def hermitian(apply: Operator, shape: Shape) -> None:
    """<a, C b> = <C a, b>."""
    links, b, a = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape), lattice.random_spinor(shape, 5)
    left, right = np.vdot(a, apply(links, b)), np.vdot(apply(links, a), b)
    assert abs(complex(left) - complex(right)) <= 1e-11 * float(np.linalg.norm(a) * np.linalg.norm(b))


def chirality(apply: Operator, shape: Shape) -> None:
    """C g5 = g5 C."""
    links, psi = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape)
    sign = np.diag(gamma.five())[:, None]
    close(apply(links, sign * psi), sign * apply(links, psi))


def gauge_covariance(apply: Operator, shape: Shape) -> None:
    """C[U^g] (g psi) = g C[U] psi: sees a link read in the wrong place."""
    links, psi, g = lattice.formula_links(shape, 0.8), lattice.formula_spinor(shape), lattice.formula_transform(shape)

    def turned(field: Array) -> Array:
        return np.asarray(np.einsum("...ab,...sb->...sa", g, field))

    close(apply(lattice.transform_links(links, g), turned(psi)), turned(apply(links, psi)))


def unit_links(apply: Operator, shape: Shape) -> None:
    """C = 0 where nothing turns, and on pure gauge."""
    psi = lattice.formula_spinor(shape)
    pure = lattice.transform_links(lattice.unit_links(shape), lattice.formula_transform(shape))
    assert np.abs(apply(lattice.unit_links(shape), psi)).max() < 1e-13
    assert np.abs(apply(pure, psi)).max() < 1e-12


def constant_field(apply: Operator, shape: Shape) -> None:
    """F_{mu nu} = i sin(f charge) in one plane: C = -1/2 g_mu g_nu i sin(f charge)."""
    psi = lattice.formula_spinor(shape)
    for plane in ((0, 1), (0, 3), (1, 2), (2, 3)):
        got = apply(flux_links(shape, {plane: 1}), psi)
        close(got, -0.5j * G[plane[0]] @ G[plane[1]] @ psi * np.sin(flux(shape, plane, 1) * CHARGES))


CHECKS = (definition, hermitian, chirality, gauge_covariance, unit_links, constant_field)
