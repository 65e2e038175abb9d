"""Phase space: RAMBO step by step as the paper has it, volumes and moments in closed form or by integration, rounding."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter, phase_space

W = 1500.0
TOP = 173.0
CASES = [
    ((0.0, 0.0), W),
    ((TOP, TOP), W),
    ((0.0, TOP), 200.0),
    ((TOP, TOP, 0.0), W),
    ((0.0, 0.0, 0.0, 0.0), 1e-3),
    ((TOP, TOP, 0.0, 0.0, 0.0), 1e5),
    ((1e-3, 50.0, 0.0, 3.0), 60.0),
    ((TOP, TOP, 0.0), 2 * TOP * (1 + 1e-9)),
    ((TOP, TOP), 2 * TOP * (1 + 1e-13)),
]


def two_body(s: Array, a: float, b: Array | float) -> Array:
    """Return lambda^(1/2)(s, a^2, b^2) / (8 pi s)."""
    product = (s - (a + b) ** 2) * (s - (a - b) ** 2)
    volume: Array = np.sqrt(np.maximum(product, 0)) / (8 * np.pi * s)
    return volume


def integrated(masses: tuple[float, ...], energy: Array, power: int = 0, points: int = 60) -> Array:
    """Return the volume, of each energy, times the power-th moment of M^2 of all but the first, by splitting them off.

    dPhi_n(s) = dM^2 / (2 pi) dPhi_2(s; m_1, M) dPhi_(n-1)(M^2); M goes by sin^2, which takes the roots at both ends away.
    """
    if len(masses) == 2:
        return two_body(energy**2, *masses)
    nodes, weights = np.polynomial.legendre.leggauss(points)
    low, high = sum(masses[1:]), energy - masses[0]
    angle = np.pi / 4 * (nodes + 1)
    mass = low + (high - low)[..., None] * np.sin(angle) ** 2
    step = 2 * mass * (high - low)[..., None] * np.sin(2 * angle) * np.pi / 4 * weights
    inner = two_body(energy[..., None] ** 2, masses[0], mass) * integrated(masses[1:], mass, 0, points)
    total: Array = np.sum(step * inner * mass ** (2 * power), axis=-1) / (2 * np.pi)
    return total


def textbook(masses: tuple[float, ...], energy: float, numbers: Array) -> Array:
    """Return one event, (n, 4), by the steps of the paper, the last one by bisection; numbers are (n, 4)."""
    cosine, phi = 2 * numbers[:, 0] - 1, 2 * np.pi * numbers[:, 1]
    q0, sine = -np.log((1 - numbers[:, 2]) * (1 - numbers[:, 3])), np.sqrt(1 - cosine**2)
    q = q0[:, None] * np.stack((sine * np.cos(phi), sine * np.sin(phi), cosine), axis=1)
    total, mass = q.sum(axis=0), math.sqrt(q0.sum() ** 2 - np.sum(q.sum(axis=0) ** 2))
    b, gamma = -total / mass, q0.sum() / mass
    along = q @ b
    p = energy / mass * (q + b * (q0 + along / (1 + gamma))[:, None])
    low, high = 0.0, 1.0
    for _ in range(60):
        xi = (low + high) / 2
        above = np.sqrt(np.array(masses) ** 2 + xi**2 * np.sum(p**2, axis=1)).sum() > energy
        low, high = (low, xi) if above else (xi, high)
    return np.concatenate((np.sqrt(np.array(masses) ** 2 + high**2 * np.sum(p**2, axis=1))[:, None], high * p), axis=1)


def compatible(values: Array, wanted: float, errors: float = 4.0) -> bool:
    """Tell whether the mean of independent values is within so many standard errors."""
    return abs(float(values.mean()) - wanted) <= errors * float(values.std()) / math.sqrt(len(values))


@pytest.mark.parametrize(("masses", "energy"), CASES)
def test_rows_are_on_shell_and_conserve_momentum(masses: tuple[float, ...], energy: float) -> None:
    rows, weights = phase_space.momenta(masses, energy, 20_000, seed=5)
    assert rows.shape == (20_000, len(masses) + 2, 4)
    assert np.array_equal(rows[:, :2], np.broadcast_to(energy / 2 * np.array(((1, 0, 0, 1), (1, 0, 0, -1))), (20_000, 2, 4)))
    squares = rows[..., 0] ** 2 - np.sum(rows[..., 1:] ** 2, axis=-1) - np.square((0, 0, *masses))
    assert np.abs(squares / rows[..., 0] ** 2).max() < 4e-15
    assert np.abs(rows[:, 2:].sum(axis=1) - rows[:, :2].sum(axis=1)).max() < 2e-15 * energy
    assert (weights > 0).all()


@pytest.mark.parametrize(("masses", "energy"), CASES[:-2])
def test_events_are_those_of_the_paper(masses: tuple[float, ...], energy: float) -> None:
    n, first = len(masses), 77
    rows, _ = phase_space.momenta(masses, energy, 50, seed=8, stream=3, first=first)
    for event, row in enumerate(rows):
        index = np.arange(4 * n) + 4 * n * (first + event)
        wanted = textbook(masses, energy, counter.at(Uniform((), 8, 3, 0.0, 1.0), index).reshape(n, 4))
        assert np.abs(row[2:] - wanted).max() < 1e-10 * energy  # what the large boost of a few leaves


def test_an_event_is_the_same_in_whatever_batch() -> None:
    whole, weights = phase_space.momenta((TOP, TOP, 0.0), W, 100, seed=2)
    part, some = phase_space.momenta((TOP, TOP, 0.0), W, 7, seed=2, first=93)
    assert np.array_equal(part, whole[93:])
    assert np.array_equal(some, weights[93:])
    for other in ({"seed": 3}, {"seed": 2, "stream": 1}):
        assert not np.any(phase_space.momenta((TOP, TOP, 0.0), W, 100, **other)[0][:, 2:] == whole[:, 2:])
    assert phase_space.momenta((0.0, 0.0), W, 0, seed=2)[0].shape == (0, 4, 4)


@pytest.mark.parametrize("n", range(2, 8))
def test_massless_weights_are_all_the_volume(n: int) -> None:
    """Phi_n = s^(n-2) / (2 (4 pi)^(2n-3) Gamma(n) Gamma(n-1))."""
    _, weights = phase_space.momenta((0.0,) * n, W, 500, seed=1)
    wanted = W ** (2 * n - 4) / (2 * (4 * math.pi) ** (2 * n - 3) * math.gamma(n) * math.gamma(n - 1))
    assert len(set(weights.tolist())) == 1
    assert weights[0] == pytest.approx(wanted, rel=1e-14)
    if n < 5:
        assert weights[0] == pytest.approx(float(integrated((0.0,) * n, np.array(W))), rel=1e-3 if n == 4 else 1e-9)


@pytest.mark.parametrize(("masses", "energy"), [case for case in CASES[:-1] if len(case[0]) == 2])
def test_weights_of_two_particles_are_all_the_volume(masses: tuple[float, ...], energy: float) -> None:
    _, weights = phase_space.momenta(masses, energy, 500, seed=1)
    assert np.abs(weights / float(two_body(np.array(energy**2), *masses)) - 1).max() < 1e-13


@pytest.mark.parametrize(
    ("masses", "energy", "power"),
    [
        ((TOP, TOP, 0.0), W, 0.005),
        ((TOP, 20.0, 80.0), 300.0, 0.005),
        ((TOP, TOP, 0.0, 0.0), W, 0.005),
        ((1.0, 50.0, 0.0, 3.0), 60.0, 0.01),
    ],
)
def test_the_mean_weight_is_the_volume(masses: tuple[float, ...], energy: float, power: float) -> None:
    """Within four standard errors; `power` bounds these, relative."""
    rows, weights = phase_space.momenta(masses, energy, 100_000, seed=20)
    volume = float(integrated(masses, np.array(energy)))
    assert weights.std() / math.sqrt(len(weights)) < power * volume
    assert compatible(weights, volume)
    total = rows[:, 3:].sum(axis=1)
    squares = total[:, 0] ** 2 - np.sum(total[:, 1:] ** 2, axis=-1)
    assert compatible(weights * squares, float(integrated(masses, np.array(energy), 1)))


@pytest.mark.parametrize("masses", [(0.0, 0.0, 0.0), (TOP, TOP, 0.0, 0.0)])
def test_every_direction_is_as_likely(masses: tuple[float, ...]) -> None:
    rows, weights = phase_space.momenta(masses, W, 50_000, seed=4)
    for particle in range(2, len(masses) + 2):
        n = rows[:, particle, 1:] / np.linalg.norm(rows[:, particle, 1:], axis=-1, keepdims=True)
        for a, b in itertools.combinations_with_replacement(range(3), 2):
            assert compatible(weights * (n[:, a] * n[:, b] - (a == b) / 3), 0.0, 4.5)
        for moment in (n[:, 0], n[:, 1], n[:, 2], n[:, 2] ** 4 - 1 / 5, n[:, 0] * n[:, 1] * n[:, 2]):
            assert compatible(weights * moment, 0.0, 4.5)


def test_energies_of_three_massless_particles_fill_the_dalitz_plot_evenly() -> None:
    rows, _ = phase_space.momenta((0.0, 0.0, 0.0), W, 50_000, seed=9)
    for particle in (2, 3, 4):
        x = 2 * rows[:, particle, 0] / W  # density 2 x
        counts = np.bincount((10 * x**2).astype(int), minlength=10)
        assert np.sum((counts - 5000) ** 2 / 5000) < 28  # chi-square, 9 degrees of freedom: one in a thousand
        assert compatible(x, 2 / 3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"masses_gev": (0.0,)}, "two outgoing particles or more"),
        ({"masses_gev": (1.0, -1.0)}, "every mass must be a finite number from 0"),
        ({"masses_gev": (1.0, math.nan)}, "every mass must be a finite number from 0"),
        ({"masses_gev": (1.0, math.inf)}, "every mass must be a finite number from 0"),
        ({"masses_gev": ("heavy", 0.0)}, "must be numbers, in GeV"),
        ({"masses_gev": (TOP, TOP), "energy_gev": 2 * TOP}, "not above the threshold"),
        ({"energy_gev": 0.0}, "not above the threshold"),
        ({"energy_gev": math.nan}, "not above the threshold"),
        ({"energy_gev": math.inf}, "not above the threshold"),
        ({"energy_gev": None}, "must be numbers, in GeV"),
        ({"events": -1}, "must be counts from 0"),
        ({"first": -1}, "must be counts from 0"),
        ({"first": 2**61}, "less than 2\\^64 random numbers"),
    ],
)
def test_bad_input_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        phase_space.momenta(**{"masses_gev": (0.0, 0.0), "energy_gev": W, "events": 3, "seed": 1, **given})
