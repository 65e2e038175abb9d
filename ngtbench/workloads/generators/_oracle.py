"""Squared matrix elements of leading-order QCD, for checks: independent of colour ordering and of the kernels."""

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.processes import Process
from ngtbench.workloads.generators import _closed, _colour, _dressed
from ngtbench.workloads.generators._dressed import Theory

_AT_ONCE = 2**13  # events x points of colour x states: what arrays of a cache's size hold


def squared(
    process: Process, momenta: Array, *, alpha_s: float = 0.118, top_mass: float = 173.0, top_width: float = 0.0
) -> Array:
    """Return |M|^2 of momenta (events, particles, 4) in GeV, shape (events,): summed over helicities and colours, averaged.

    From a closed form where there is one, else from all Feynman diagrams. Computes in the precision of the momenta.
    """
    theory = Theory(alpha_s, top_mass, top_width)
    closed = _closed.squared(process, momenta, theory)
    return by_diagrams(process, momenta, theory) if closed is None else closed


def by_diagrams(process: Process, momenta: Array, theory: Theory) -> Array:
    """Return the same from all Feynman diagrams, at as many colours as determine the sum over all."""
    points = _colour.points(process)
    step = max(1, _AT_ONCE // (len(points.colours) * 2 ** len(process.particles)))
    result = np.empty(len(momenta), dtype=momenta.dtype)
    for first in range(0, len(momenta), step):
        part = momenta[first : first + step]
        legs = _dressed.states(process, part, theory)
        values = points.weights @ _dressed.amplitudes(process, part, legs, points.colours, theory)
        result[first : first + step] = (values * values.conj()).real.sum(axis=(1, 2))
    return result / _closed.average(process)
