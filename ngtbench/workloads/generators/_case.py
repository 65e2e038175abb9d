"""What the workloads of matrix elements share: FLOP of processes, which events are checked, sizes near another."""

import itertools
from typing import Any

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics import phase_space, processes

ENERGY_GEV = 1500.0
TOP_MASS_GEV = 173.0
_APART = 1e-3  # of s
_LARGE = 2**12  # events: sizes near one that has more are smaller

# FLOP of one event, an addition, a multiplication, a division and a root each one: of a recursion for colour-ordered currents
# that shares them among orderings and helicities, and of colour sums that use symmetry. No width.
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
    """Return momenta (events, particles, 4) in GeV, the incoming ones first: of flat phase space, but regular."""
    found, count, first = list[Array](), 0, 0
    while count < events:
        drawn = flat(process, events - count + events // 4 + 16, seed, first)[0]
        first += len(drawn)
        found.append(drawn[regular(drawn)])
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


def chosen(events: int, most: int) -> Array:
    """Return at most so many events, evenly spread from the first to the last."""
    return np.unique(np.linspace(0, events - 1, min(events, most)).astype(np.int64))


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
