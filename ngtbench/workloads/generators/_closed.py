"""Squared matrix elements that textbooks give in closed form.

g g > g g, g g > Q Q~ and q q~ > Q Q~: Combridge, Kripfganz and Ranft 1977; Combridge 1979; Ellis, Stirling and Webber,
"QCD and Collider Physics", chapters 7 and 10. g g > g g g: Parke and Taylor 1986, for all that is not zero is MHV.
"""

import itertools

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.processes import Process
from ngtbench.workloads.generators import _spinors
from ngtbench.workloads.generators._dressed import Theory


def squared(process: Process, momenta: Array, theory: Theory) -> Array | None:
    """Return |M|^2, averaged, shape (events,); None for a process without a closed form here."""
    gluons, quarks = len(process.gluons()), process.quarks()
    count = len(process.particles)
    if gluons == count == 4:
        return _four_gluons(momenta, theory)
    if gluons == count == 5:
        return _five_gluons(momenta, theory) / average(process)
    one, other = process.incoming
    if count > 4 or process.outgoing[0].flavour != process.outgoing[1].flavour:
        return None
    mass = max(process.masses(theory.top_mass))
    if one.gluon and other.gluon and (theory.top_width == 0 or mass == 0):
        return _pair_from_gluons(momenta, mass, theory)
    if len(quarks) == 2 and quarks[0][1] != quarks[1][1]:
        return _pair_from_quarks(momenta, mass, theory)
    return None


def _invariants(momenta: Array, mass: float) -> tuple[Array, Array, Array, Array]:
    """Return s, tau1 = 2 p1.p3 / s, tau2 = 2 p1.p4 / s and rho = 4 m^2 / s."""
    s = _spinors.square(momenta[:, 0] + momenta[:, 1])
    first, second = (2 * _spinors.dot(momenta[:, 0], momenta[:, leg]) / s for leg in (2, 3))
    return s, first, second, 4 * mass**2 / s


def _pair_from_gluons(momenta: Array, mass: float, theory: Theory) -> Array:
    _, tau1, tau2, rho = _invariants(momenta, mass)
    colour = 1 / (6 * tau1 * tau2) - 3 / 8
    result: Array = theory.coupling**4 * colour * (tau1**2 + tau2**2 + rho - rho**2 / (4 * tau1 * tau2))
    return result


def _pair_from_quarks(momenta: Array, mass: float, theory: Theory) -> Array:
    _, tau1, tau2, rho = _invariants(momenta, mass)
    result: Array = theory.coupling**4 * 4 / 9 * (tau1**2 + tau2**2 + rho / 2)
    return result


def _four_gluons(momenta: Array, theory: Theory) -> Array:
    """Return |M|^2, with the 1/2 for two identical gluons."""
    _, t, u, _ = _invariants(momenta, 0.0)  # -t / s and -u / s
    result: Array = theory.coupling**4 * 9 / 4 * (3 - t * u + u / t**2 + t / u**2)
    return result


def _five_gluons(momenta: Array, theory: Theory) -> Array:
    """Return the sum over helicities and colours."""
    k = momenta * np.array((-1, -1, 1, 1, 1))[:, None]
    s = {(i, j): 2 * _spinors.dot(k[:, i], k[:, j]) for i, j in itertools.permutations(range(5), 2)}
    rings = [(0, *rest, 0) for rest in itertools.permutations(range(1, 5))]
    helicities = sum(s[i, j] ** 4 for i, j in itertools.combinations(range(5), 2))
    orders = sum(1 / np.prod([s[pair] for pair in itertools.pairwise(ring)], axis=0) for ring in rings)
    result: Array = 16 * 27 * theory.coupling**6 * helicities * orders
    return result


def average(process: Process) -> int:
    """Return what sums over states are divided by, counted here and not by what kernels use.

    Two spins and 8 colours of an incoming gluon, 2 and 3 of a quark; n! of n outgoing particles of one name.
    """
    found = 1
    for particle in process.incoming:
        found *= 16 if particle.name == "g" else 6
    names = [particle.name for particle in process.outgoing]
    for place, name in enumerate(names):
        found *= names[: place + 1].count(name)
    return found
