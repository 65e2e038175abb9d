"""Flat phase space of n particles that two massless ones scatter into: RAMBO with exact weights, and points near singularities.

R. Kleiss, W. J. Stirling, S. D. Ellis, Comput. Phys. Commun. 40 (1986) 359, with massive particles. Momenta are rows
[E, px, py, pz] in GeV, the incoming ones first, along +z and -z. The mean weight is the volume, in GeV^(2n-4), of
dPhi_n = (2 pi)^4 delta^4(P - sum_i p_i) prod_i d^3p_i / ((2 pi)^3 2 E_i); of massless particles all weights are equal.
Event e takes numbers 4ne to 4ne+4n-1 of a stream of `physics.counter`, so that it is the same in whatever batch; four are for a
massless particle in the making: cosine of the polar angle 2 u_0 - 1, azimuth 2 pi u_1, energy -log((1 - u_2) (1 - u_3)).
"""

import math
from collections.abc import Sequence

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter

CONVERGED = 1e-8  # of a step of Newton's method, relative: what is left is of the order of its square
STEPS = 50  # ten times as many as were ever seen


def momenta(
    masses_gev: Sequence[float], energy_gev: float, events: int, seed: int, stream: int = 0, first: int = 0
) -> tuple[Array, Array]:
    """Return momenta, shape (events, n + 2, 4), of events first, first + 1 and so on, and their weights, shape (events,).

    `masses_gev` are of the n outgoing particles, `energy_gev` is that of all in their centre of mass.
    Raises BadInput for less than two particles, what is no mass, an energy not above all masses, or no number of events.
    """
    masses = checked(masses_gev, energy_gev)
    check_events(len(masses), events, first)
    start = (np.arange(events, dtype=np.uint64) + np.uint64(first)) * np.uint64(4 * len(masses))
    numbers = counter.at(Uniform((), seed, stream, 0.0, 1.0), start[:, None] + np.arange(4 * len(masses), dtype=np.uint64))
    vectors = at_rest(numbers.reshape(events, len(masses), 4))
    outgoing = on_shell(vectors, np.array(masses), np.array(energy_gev, dtype=np.float64))
    return with_beams(outgoing, energy_gev), _weights(outgoing, masses, energy_gev)


def checked(masses_gev: Sequence[float], energy_gev: float) -> tuple[float, ...]:
    """Return the masses of outgoing particles as numbers.

    Raises BadInput where they are less than two, or one is no mass, or the energy is not above all of them.
    """
    try:
        masses, energy = tuple(float(mass) for mass in masses_gev), float(energy_gev)
    except (TypeError, ValueError) as error:
        raise BadInput(f"masses_gev {masses_gev!r}, energy_gev {energy_gev!r}: must be numbers, in GeV") from error
    if len(masses) < 2:
        raise BadInput(f"masses_gev {masses}: name the masses of two outgoing particles or more, 0 for massless ones")
    if not all(0 <= mass < math.inf for mass in masses):
        raise BadInput(f"masses_gev {masses}: every mass must be a finite number from 0, in GeV")
    if not math.fsum(masses) < energy < math.inf:
        raise BadInput(f"energy_gev {energy:g} is not above the threshold, the sum of the masses, {math.fsum(masses):g}")
    return masses


def check_events(count: int, events: int, first: int) -> None:
    """Raise BadInput where so many events of so many outgoing particles are not to be had from this first one on."""
    if events < 0 or first < 0 or 4 * count * (events + first) > counter.MASK:
        raise BadInput(f"events {events} from {first} on: must be counts from 0, with less than 2^64 random numbers in all")


def volume(count: int, energy_gev: float) -> float:
    """Return the phase space of so many massless particles, in GeV^(2n-4): the weight of each of their events."""
    scale = (2 * math.pi) ** (4 - 3 * count) * (math.pi / 2) ** (count - 1) * float(energy_gev) ** (2 * count - 4)
    return scale / (math.factorial(count - 1) * math.factorial(count - 2))


def at_rest(numbers: Array) -> Array:
    """Return vectors, shape (events, n, 3), that sum to zero: massless momenta made of uniform numbers, shape (events, n, 4).

    What large boosts would cancel is written as sums: q_i.q_j = e_i e_j |n_i - n_j|^2 / 2 of directions n, and q'_i0 = q_i.Q / M.
    """
    energy, direction = -np.log((1 - numbers[..., 2]) * (1 - numbers[..., 3])), directions(numbers[..., 0], numbers[..., 1])
    products = np.empty_like(energy)
    for i in range(energy.shape[1]):
        apart = np.sum(np.square(direction - direction[:, i : i + 1]), axis=-1)
        products[:, i] = np.sum(energy * energy[:, i : i + 1] * apart, axis=-1) / 2
    mass = np.sqrt(np.sum(products, axis=-1, keepdims=True))
    vectors = energy[..., None] * direction
    total, factor = np.sum(vectors, axis=1, keepdims=True), (energy + products / mass) / (energy.sum(-1, keepdims=True) + mass)
    return balanced(vectors - total * factor[..., None])


def on_shell(vectors: Array, masses: Array, energy: Array) -> Array:
    """Return momenta, shape (events, n, 4), along vectors scaled by a factor per event, so that their energies sum to `energy`.

    Masses may differ from event to event, shape (events, n), and so may the energy, shape (events,). Newton's method begins
    above the root of a convex function (Minkowski's inequality) and so comes down to it.
    """
    wanted = np.broadcast_to(energy, len(vectors))
    length = np.linalg.norm(vectors, axis=-1)
    scale = wanted / length.sum(axis=-1)
    length = length * scale[:, None]
    if np.any(masses):
        threshold = np.sum(np.broadcast_to(masses, length.shape), axis=-1)
        factor = np.sqrt((wanted - threshold) * (wanted + threshold)) / wanted
        moving = np.ones(len(vectors), dtype=bool)
        for _ in range(STEPS):
            energies = np.hypot(masses, factor[:, None] * length)
            step = (energies.sum(axis=-1) - wanted) / (factor * np.sum(length**2 / energies, axis=-1))
            factor = np.where(moving, factor - step, factor)
            moving &= step > CONVERGED * factor
            if not moving.any():
                break
        scale, length = scale * factor, length * factor[:, None]
    return np.concatenate((np.hypot(masses, length)[..., None], vectors * scale[:, None, None]), axis=-1)


def with_beams(outgoing: Array, energy_gev: float) -> Array:
    """Return momenta of outgoing particles with those of the incoming ones before them."""
    half = energy_gev / 2
    beams = np.broadcast_to(np.array(((half, 0, 0, half), (half, 0, 0, -half))), (len(outgoing), 2, 4))
    return np.concatenate((beams, outgoing), axis=1)


def _weights(outgoing: Array, masses: tuple[float, ...], energy: float) -> Array:
    flat = volume(len(masses), energy)
    if not any(masses):
        return np.full(len(outgoing), flat)
    energies, lengths = outgoing[..., 0], np.linalg.norm(outgoing[..., 1:], axis=-1)
    shrunk = (np.sum(lengths, axis=-1) / energy) ** (2 * len(masses) - 3)
    weights: Array = flat * shrunk * np.prod(lengths / energies, axis=-1) * energy / np.sum(lengths**2 / energies, axis=-1)
    return weights


def balanced(vectors: Array) -> Array:
    """Return vectors less what rounding left of their sum, to each in proportion to its length."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    rest: Array = vectors - np.sum(vectors, axis=1, keepdims=True) * (length / length.sum(axis=1, keepdims=True))
    return rest


def directions(polar: Array, turn: Array) -> Array:
    """Return unit vectors; only what is left of a turn beyond whole quarters is rounded."""
    quarters = np.rint(4 * turn)
    sine, cosine = (f(np.pi / 2 * (4 * turn - quarters)) for f in (np.sin, np.cos))
    quarter, across = quarters.astype(np.int64) % 4, 2 * np.sqrt(polar * (1 - polar))
    x = across * np.choose(quarter, (cosine, -sine, -cosine, sine))
    y = across * np.choose(quarter, (sine, cosine, -sine, -cosine))
    return np.stack((x, y, 2 * polar - 1), axis=-1)
