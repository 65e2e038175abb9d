"""Observables of a gauge field: closed loops of links, and what sums over them. Boundary phases belong to fermions, not here."""

import numpy as np

from ngtbench.kernels.lattice.check import check_links
from ngtbench.kernels.lattice.clover import PLANES, dagger, field_strength
from ngtbench.model.workload import Array


def average_plaquette(links: Array) -> float:
    """Return the mean over sites and the six planes of Re tr U_p / 3, U_p = U_mu(x) U_nu(x+mu) U_mu(x+nu)^+ U_nu(x)^+.

    1 on unit links. links[mu, x, y, z, t, a, b], complex128 or complex64; sums are in double precision.
    Raises BadInput for another shape or dtype.
    """
    check_links("average_plaquette", links)
    return _plaquettes(links) / (6 * int(np.prod(links.shape[1:5])))


def gauge_action(links: Array, beta: float) -> float:
    """Return Wilson's S = beta sum_p (1 - Re tr U_p / 3), one plaquette a site and plane, beta = 6 / g^2.

    Raises BadInput for another shape or dtype than `average_plaquette` takes.
    """
    check_links("gauge_action", links)
    return beta * (6 * int(np.prod(links.shape[1:5])) - _plaquettes(links))


def polyakov_loop(links: Array) -> complex:
    """Return the mean over x, y, z of tr [U_t(x, 0) U_t(x, 1) ... U_t(x, L_t - 1)] / 3, links without boundary phases.

    1 on unit links; the trace of the last direction's product, divided by the number of colours.
    Raises BadInput for another shape or dtype than `average_plaquette` takes.
    """
    check_links("polyakov_loop", links)
    product = links[3, :, :, :, 0].astype(np.complex128)
    for t in range(1, links.shape[4]):
        product = product @ links[3, :, :, :, t]
    return complex(_trace(product).mean() / 3)


def topological_charge(links: Array) -> float:
    """Return sum_x q(x), q = 1/(32 pi^2) eps_{mu nu rho sigma} tr G_{mu nu} G_{rho sigma}, by clover leaves; no integer.

    G = -i F is Hermitian, F = (Q - Q^+) / 8 that of `clover_term` with its trace: where U = exp(i A), G is the lattice curl of
    A. In F the sign is a minus. eps_{xyzt} = 1, so q = -1/(4 pi^2) Re tr (F_xy F_zt - F_xz F_yt + F_xt F_yz).
    Raises BadInput for another shape or dtype than `average_plaquette` takes.
    """
    check_links("topological_charge", links)
    wide = links.astype(np.complex128)
    total = 0.0
    for sign, first, second in ((1, (0, 1), (2, 3)), (-1, (0, 2), (1, 3)), (1, (0, 3), (1, 2))):
        product = field_strength(wide, *first) @ field_strength(wide, *second)
        total -= sign * float(_trace(product).real.sum())
    return total / (4 * np.pi**2)


def _plaquettes(links: Array) -> float:
    """Return the sum over sites and planes of Re tr U_p / 3."""
    wide = links.astype(np.complex128)
    total = 0.0
    for mu, nu in PLANES:
        corner = wide[mu] @ np.roll(wide[nu], -1, mu) @ dagger(wide[nu] @ np.roll(wide[mu], -1, nu))
        total += float(_trace(corner).real.sum())
    return total / 3


def _trace(matrices: Array) -> Array:
    traces: Array = np.trace(matrices, axis1=-2, axis2=-1)
    return traces
