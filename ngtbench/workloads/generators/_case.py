"""What the workloads of matrix elements share: FLOP of processes, which events are checked, sizes near another."""

import itertools
import zlib
from typing import Any

import numpy as np

from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter, phase_space, processes
from ngtbench.physics.processes import Process

ENERGY_GEV = 1500.0
TOP_MASS_GEV = 173.0
_APART = 1e-3  # of s
_TURNS, _FLIPS, _ORDERS = 2, 3, 4  # streams of random numbers
_LARGE = 2**12  # events: sizes near one that has more are smaller

# FLOP of one event, an addition, a multiplication, a division and a root each one: of a recursion for colour-ordered currents
# that shares them among orderings and helicities, and of colour sums that use symmetry. No width: that adds what follows.
FLOP = {
    "g g > t t~": 2527,
    "g g > t t~ g": 17837,
    "g g > t t~ g g": 192555,
    "g g > t t~ g g g": 2957809,
    "u u~ > t t~": 545,
    "u u~ > t t~ g": 5917,
    "u u~ > t t~ g g": 56587,
    "g u > t t~ u": 5917,
    "u u~ > t t~ c c~": 10571,
    "u u~ > t t~ u u~": 23361,
    "g g > g g": 6375,
    "g g > g g g": 66713,
    "g g > g g g g": 930987,
}

FLOP_WIDTH = {
    "g g > t t~": 3929,
    "g g > t t~ g": 29595,
    "g g > t t~ g g": 313729,
    "g g > t t~ g g g": 4950875,
}

# How many events of a large batch the oracle looks at: a few seconds' worth.
CHECKED = {
    "g g > t t~": 1024,
    "g g > t t~ g": 128,
    "g g > t t~ g g": 16,
    "g g > t t~ g g g": 2,
    "u u~ > t t~": 1024,
    "u u~ > t t~ g g": 64,
    "g g > g g": 1024,
    "g g > g g g": 1024,
    "g g > g g g g": 8,
}


def momenta(process: str, events: int, seed: int) -> Array:
    """Return momenta (events, particles, 4) in GeV, the incoming ones first: of flat phase space, but regular.

    From the middle on they are those before, turned: `paired` tells where, and |M|^2 is the same.
    """
    of, half = processes.parse(process), events // 2
    found = drawn(process, events - half, seed)
    return np.concatenate((found, turned(of, found[:half], seed)))


def turned(process: Process, momenta: Array, seed: int) -> Array:
    """Return events turned about the beam, some of two gluons about an axis across it, with identical particles permuted."""
    angles = counter.uniform(Uniform((len(momenta),), seed, _TURNS, 0.0, 2 * np.pi))
    cosine, sine = np.cos(angles)[:, None], np.sin(angles)[:, None]
    energy, x, y, z = np.moveaxis(momenta, -1, 0)
    found = np.stack((energy, cosine * x - sine * y, sine * x + cosine * y, z), axis=-1)
    if process.incoming[0] == process.incoming[1]:
        flipped = counter.uniform(Uniform((len(momenta),), seed, _FLIPS, 0.0, 1.0)) < 1 / 2
        found[flipped, :, 2:] *= -1
        found[flipped, :2] = found[flipped, 1::-1]
    return permuted(process, found, seed)


def permuted(process: Process, events: Array, seed: int) -> Array:
    """Return events, (events, particles, ...), with the last of identical outgoing particles in another order for each."""
    alike = [leg for leg, particle in enumerate(process.particles) if leg > 1 and particle == process.particles[-1]]
    keys = counter.uniform(Uniform((len(events), len(alike)), seed, _ORDERS, 0.0, 1.0))
    found = events.copy()
    found[:, alike] = events[np.arange(len(events))[:, None], np.array(alike)[np.argsort(keys, axis=1)]]
    return found


def paired(values: Array) -> Array:
    """Return how far values of the second half are off those of the first, relative to them."""
    half = len(values) // 2
    with np.errstate(all="ignore"):  # of zeros it is no number, which no bound holds
        off: Array = np.abs(values[len(values) - half :] / values[:half] - 1)
    return off


def drawn(process: str, events: int, seed: int) -> Array:
    """Return regular momenta of flat phase space, (events, particles, 4), in GeV."""
    found, count, first = list[Array](), 0, 0
    while count < events:
        more = flat(process, events - count + events // 4 + 16, seed, first)[0]
        first += len(more)
        found.append(more[regular(more)])
        count += len(found[-1])
    return np.concatenate(found)[:events]


def flat(process: str, events: int, seed: int, first: int = 0, energy_gev: float = ENERGY_GEV) -> tuple[Array, Array]:
    """Return momenta of flat phase space (events, particles, 4) in GeV from event `first` on, and their weights."""
    masses = processes.parse(process).masses(TOP_MASS_GEV)[2:]
    return phase_space.momenta(masses, energy_gev, events, seed, first=first)


def regular(momenta: Array) -> Array:
    """Tell which events are away from where |M|^2 is singular: 2 p_i.p_j of every pair is at least s / 1000."""
    passed = np.ones(len(momenta), dtype=bool)
    for i, j in itertools.combinations(range(momenta.shape[1]), 2):
        products = momenta[:, i] * momenta[:, j]
        passed &= 2 * (products[:, 0] - products[:, 1:].sum(axis=1)) >= _APART * momenta[:, :2, 0].sum(axis=1) ** 2
    return passed


def chosen(events: int, most: int, salt: bytes) -> Array:
    """Return at most so many events: the first, the last, and others at random, other ones for other inputs."""
    if events <= most:
        return np.arange(events)
    ends = np.array([0, events - 1])
    inner = np.random.default_rng(zlib.crc32(salt)).choice(events - 2, most - 2, replace=False) + 1
    return np.sort(np.concatenate((ends, inner)))


def rows(array: Any, events: Array, numbers: int) -> Array:
    """Return (events, numbers) of an array that is indexed by flat indices."""
    found: Array = np.asarray(array[events[:, None] * numbers + np.arange(numbers)])
    return found


def near(events: int, k: int) -> int:
    """Return a number of events some per cent off: a little more, and less still, but less where there are many."""
    step = 1 + events // 50
    if events > _LARGE:
        return events - (k + 1) * step
    return events + step if k == 0 else max(1, events - step)
