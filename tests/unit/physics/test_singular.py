"""Points near singularities: exact momenta, how near they are and how that is spread, and which kind each is."""

import itertools
import math
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter
from ngtbench.physics.singular import FIRST_STREAM, LARGEST, closest, singular

W = 1500.0
TOP = 173.0
EVENTS = 4000
CASES = [
    (TOP, TOP, 0.0),
    (0.0, TOP, 0.0, TOP, 0.0),
    (TOP, TOP, 0.0, 0.0),
    (0.0, 0.0),
    (0.0, TOP),
    (0.0, 0.0, 0.0, 0.0),
]


def ratios(rows: Array, masses: tuple[float, ...]) -> dict[tuple[int, int], Array]:
    """Return |s_ij| / s by the scalar product, in extended precision, of each pair of massless particles."""
    legs = [0, 1, *(leg + 2 for leg, mass in enumerate(masses) if not mass)]
    wide, metric = rows.astype(np.longdouble), np.array((1, -1, -1, -1))
    pairs = itertools.combinations(legs, 2)
    return {(i, j): np.asarray(2 * np.abs(np.sum(metric * wide[:, i] * wide[:, j], axis=-1)) / W**2, float) for i, j in pairs}


@pytest.fixture(scope="module", params=CASES, ids=str)
def made(request: pytest.FixtureRequest) -> tuple[tuple[float, ...], Array]:
    return request.param, singular(request.param, W, EVENTS, seed=6, smallest=1e-6)


def test_rows_are_on_shell_and_conserve_momentum(made: tuple[tuple[float, ...], Array]) -> None:
    masses, rows = made
    assert rows.shape == (EVENTS, len(masses) + 2, 4)
    assert np.array_equal(rows[:, :2], np.broadcast_to(W / 2 * np.array(((1, 0, 0, 1), (1, 0, 0, -1))), (EVENTS, 2, 4)))
    squares = rows[..., 0] ** 2 - np.sum(rows[..., 1:] ** 2, axis=-1) - np.square((0, 0, *masses))
    assert np.abs(squares / rows[..., 0] ** 2).max() < 4e-15
    assert np.abs(rows[:, 2:].sum(axis=1) - rows[:, :2].sum(axis=1)).max() < 2e-15 * W


def test_the_least_ratio_is_spread_in_its_logarithm(made: tuple[tuple[float, ...], Array]) -> None:
    masses, rows = made
    least = np.min(list(ratios(rows, masses).values()), axis=0)
    assert least.min() > 1e-6 * (1 - 1e-6)
    assert least.max() < LARGEST * (1 + 1e-6)
    assert least.min() < 1.05e-6
    shares = np.histogram(np.log10(least), 4, (-6, -2))[0] / EVENTS
    assert shares[:3] == pytest.approx(0.26, abs=0.03)
    assert shares[3] > 0.17, "other pairs are often nearer than these"
    assert np.abs(closest(rows, masses) / least - 1).max() < 1e-9


def test_kinds_take_turns(made: tuple[tuple[float, ...], Array]) -> None:
    masses, rows = made
    found = ratios(rows, masses)
    nearest = np.array(list(found))[np.argmin(list(found.values()), axis=0)]
    massless = [leg + 2 for leg, mass in enumerate(masses) if not mass]
    even, energy = np.arange(EVENTS) % 2 == 0, rows[:, massless, 0].min(axis=1) / W
    if len(masses) == 2:
        assert (nearest[:, 0] < 2).all(), "only beams are to be near to"
        return
    assert energy[even].max() < 10 * LARGEST, "soft"
    assert np.median(energy[~even]) > 0.03, "collinear, not soft"
    beside = nearest[~even][:, 0] < 2
    assert beside.mean() == pytest.approx(1.0 if len(massless) == 1 else 0.5, abs=0.1)
    assert set(np.argmin(rows[even][:, massless, 0], axis=1).tolist()) == set(range(len(massless))), "each is soft in its turn"
    taken = {tuple(pair) for pair in nearest.tolist()}
    assert taken == set(found) - {(0, 1)}, "each pair has its turn"


def test_the_ratio_is_the_one_asked_for() -> None:
    """Where one massless particle leaves, no other pair is nearer: what recoils need not be scaled."""
    index = np.arange(500, dtype=np.uint64) * np.uint64(24)
    drawn = counter.at(Uniform((), 6, FIRST_STREAM, 0.0, 1.0), index)
    least = closest(singular((TOP, TOP, 0.0), W, 500, seed=6, smallest=1e-6), (TOP, TOP, 0.0))
    near = np.abs(least / (1e-6 * (LARGEST / 1e-6) ** drawn) - 1) < 1e-9
    assert near.mean() > 0.9, "but for those that are tried again"


def test_soft_particles_are_not_near_a_beam() -> None:
    rows = singular((TOP, TOP, 0.0), W, 2000, seed=6, smallest=1e-6)[::2]
    cosines = np.abs(rows[:, 4, 3] / rows[:, 4, 0])
    assert 0.85 < cosines.max() < 0.91
    assert rows[:, 4, 0].min() < 4e-6 * W


def test_an_event_is_the_same_in_whatever_batch() -> None:
    whole = singular((TOP, TOP, 0.0, 0.0), W, 500, seed=6, smallest=1e-6)
    assert np.array_equal(singular((TOP, TOP, 0.0, 0.0), W, 13, seed=6, smallest=1e-6), whole[:13])
    assert not np.any(singular((TOP, TOP, 0.0, 0.0), W, 500, seed=7, smallest=1e-6)[:, 2:] == whole[:, 2:])


def test_little_energy_bounds_the_ratio() -> None:
    rows = singular((TOP, TOP, 0.0), 360.0, 1000, seed=6, smallest=1e-6)
    assert 1e-3 < closest(rows, (TOP, TOP, 0.0)).max() < 5e-3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"masses_gev": (TOP, TOP)}, "no massless particle leaves"),
        ({"smallest": 0.0}, "must be above 0 and below 0.01"),
        ({"smallest": 0.02}, "must be above 0 and below 0.01"),
        ({"smallest": math.nan}, "must be above 0 and below 0.01"),
        ({"energy_gev": 346.0001}, "must be above 0 and below"),
        ({"energy_gev": 300.0}, "not above the threshold"),
        ({"events": -1}, "must be counts from 0"),
    ],
)
def test_bad_input_is_named(given: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        singular(**{"masses_gev": (TOP, TOP, 0.0), "energy_gev": W, "events": 3, "seed": 1, "smallest": 1e-6, **given})
