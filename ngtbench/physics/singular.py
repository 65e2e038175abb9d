"""Points of phase space near the singularities of matrix elements, to see how many digits of them survive there."""

import itertools
from collections.abc import Sequence

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter, phase_space

LARGEST = 1e-2  # of the least |s_ij| / s: points of plain phase space have more, or hardly less
FIRST_STREAM = 1 << 17  # of random numbers, for the first try; the next are for further ones
_TRIES = 100
_WIDE = 0.9  # |cos| of a soft particle against the beams is less
Legs = tuple[int, ...]  # outgoing particles: one that is soft or near a beam, or two near each other


def singular(masses_gev: Sequence[float], energy_gev: float, events: int, seed: int, smallest: float) -> Array:
    """Return momenta, shape (events, n + 2, 4), with the least |s_ij| / s of any two massless particles from `smallest` up.

    It is spread evenly in its logarithm up to 0.01, or less where masses leave no energy for that; incoming particles count.
    Even events have a soft particle, odd ones two that are collinear, both outgoing or one of them incoming; where only two
    leave, all are near a beam. On shell and conserved as in `phase_space.momenta`; event e is the same in whatever batch.
    Raises BadInput where no massless particle leaves, and where `smallest` is not below what masses and energy leave room for.
    """
    masses = phase_space.checked(masses_gev, energy_gev)
    phase_space.check_events(2 * len(masses), events, 0)
    soft: list[Legs] = [(leg,) for leg, mass in enumerate(masses) if not mass]
    if not soft:
        raise BadInput(f"masses_gev {masses}: no massless particle leaves, so that there is no singularity to be near to")
    largest = min(LARGEST, 0.1 * _most(sum(masses), energy_gev) / energy_gev)
    if not 0 < smallest < largest:
        raise BadInput(f"smallest {smallest:g} must be above 0 and below {largest:g}")
    pairs: list[Legs] = [(a, b) for (a,), (b,) in itertools.combinations(soft, 2)] if len(masses) > 2 else []
    found, todo = np.empty((events, len(masses) + 2, 4)), np.arange(events)
    for attempt in range(_TRIES):
        spec = Uniform((), seed, FIRST_STREAM + attempt, 0.0, 1.0)
        tried = _tried(spec, todo, masses, energy_gev, (smallest, largest), (soft, pairs or soft))
        least = closest(tried, masses)
        good = (least >= smallest) & (least <= largest)
        found[todo[good]], todo = tried[good], todo[~good]
        if not todo.size:
            return found
    raise BadInput(f"masses_gev {masses}, energy_gev {energy_gev:g}: no point found; give more energy or a larger `smallest`")


def closest(momenta: Array, masses_gev: Sequence[float]) -> Array:
    """Return the least |s_ij| / s of any two massless particles, incoming ones too, shape (events,).

    As e_i e_j |n_i - n_j|^2 of energies and directions, from which nothing cancels.
    """
    legs = [0, 1, *(leg + 2 for leg, mass in enumerate(masses_gev) if not mass)]
    energy, direction = momenta[:, legs, 0], momenta[:, legs, 1:] / momenta[:, legs, :1]
    pairs = itertools.combinations(range(len(legs)), 2)
    apart = [energy[:, i] * energy[:, j] * np.sum(np.square(direction[:, i] - direction[:, j]), axis=-1) for i, j in pairs]
    least: Array = np.min(apart, axis=0) / (momenta[:, 0, 0] + momenta[:, 1, 0]) ** 2
    return least


def _tried(
    spec: Uniform,
    events: Array,
    masses: tuple[float, ...],
    energy: float,
    bounds: tuple[float, float],
    kinds: tuple[list[Legs], list[Legs]],
) -> Array:
    """Return a point of each event, with what was asked for of most of them; kinds: who may be soft, who near each other."""
    n = len(masses)
    index = events.astype(np.uint64)[:, None] * np.uint64(8 * n) + np.arange(4 * n + 4, dtype=np.uint64)
    numbers = counter.at(spec, index).reshape(len(events), n + 1, 4)
    least = bounds[0] * (bounds[1] / bounds[0]) ** numbers[:, 0, 0]
    vectors = np.empty((len(events), n, 3))
    beside = (events % 4 == 1) | (len(kinds[1][0]) == 1)  # collinear to a beam
    kind = np.where(events % 2 == 0, 0, np.where(beside, 1, 2)) if n > 2 else np.ones_like(events)
    for number, legs in enumerate((kinds[0], kinds[0], kinds[1])):
        for turn, chosen in enumerate(legs):
            here = (kind == number) & (events // 4 % len(legs) == turn)
            if not here.any():
                continue
            if number == 2:
                vectors[here] = _split(numbers[here], least[here], chosen, masses, energy)
            else:
                vectors[here] = _lone(numbers[here], least[here], chosen[0], masses, energy, soft=number == 0)
    scaled = phase_space.on_shell(phase_space.balanced(vectors), np.array(masses), np.array(energy))
    return phase_space.with_beams(scaled, energy)


def _lone(numbers: Array, least: Array, leg: int, masses: tuple[float, ...], energy: float, *, soft: bool) -> Array:
    """Return vectors of all: one massless particle near a beam, or soft and not near one, and the others as they recoil."""
    others = masses[:leg] + masses[leg + 1 :]
    first, second, turn = (numbers[:, 0, k] for k in (1, 2, 3))
    if soft:
        away = 1 - _WIDE * first
        own = least * energy / away
    else:
        own = _most(sum(others), energy) * (0.1 + 0.8 * first if len(others) > 1 else np.ones_like(first))
        away = least * energy / own
    across, up = np.sqrt(away * (2 - away)), np.where(second < 0.5, away - 1, 1 - away)
    lone = own[:, None] * np.stack((across * np.cos(2 * np.pi * turn), across * np.sin(2 * np.pi * turn), up), axis=-1)
    if len(others) == 1:
        recoil = -lone[:, None]
    else:
        mass = np.sqrt(energy * (energy - 2 * own))
        rest = phase_space.on_shell(phase_space.at_rest(numbers[:, 2:]), np.array(others), mass)
        recoil = _boosted(rest, np.concatenate(((energy - own)[:, None], -lone), axis=-1), mass)
    return np.insert(recoil, leg, lone, axis=1)


def _split(numbers: Array, least: Array, pair: Legs, masses: tuple[float, ...], energy: float) -> Array:
    """Return vectors of all: two massless particles of the invariant mass that is asked for, and the others beside them."""
    others, mass = [leg for leg in range(len(masses)) if leg not in pair], energy * np.sqrt(least)
    all_masses = np.stack([np.full(len(mass), masses[leg]) for leg in others] + [mass], axis=-1)
    made = phase_space.on_shell(phase_space.at_rest(numbers[:, 2:]), all_masses, np.array(energy))
    along = phase_space.directions(numbers[:, 0, 1], numbers[:, 0, 2])
    half = (mass / 2)[:, None] * np.concatenate((np.ones((len(mass), 1)), along), axis=-1)
    vectors = np.empty((len(mass), len(masses), 3))
    vectors[:, others] = made[:, :-1, 1:]
    vectors[:, pair[0]] = _boosted(half[:, None], made[:, -1], mass)[:, 0]
    vectors[:, pair[1]] = made[:, -1, 1:] - vectors[:, pair[0]]
    return vectors


def _boosted(momenta: Array, total: Array, mass: Array) -> Array:
    """Return the vectors of momenta, shape (events, n, 4), of a system at rest when its momentum is `total`."""
    shared = total[:, None]
    energy = np.sum(shared * momenta, axis=-1) / mass[:, None]
    factor = (momenta[..., 0] + energy) / (shared[..., 0] + mass[:, None])
    vectors: Array = momenta[..., 1:] + shared[..., 1:] * factor[..., None]
    return vectors


def _most(threshold: float, energy: float) -> float:
    """Return the most energy that a massless particle can have beside others of these masses."""
    return (energy - threshold) * (energy + threshold) / (2 * energy)
