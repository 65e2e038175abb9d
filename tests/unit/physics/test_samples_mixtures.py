"""Showers of known density: the draw has it, the best velocity follows from it another way, and the best loss is what is left."""

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.physics.samples import mixtures
from ngtbench.physics.samples.mixtures import Size

SMALL = Size(features=3, kinds=3, spread=1.5, width=0.4)
WIDE = Size(features=3, kinds=1, spread=0.0, width=1.0)


def test_the_same_events_come_in_any_number_and_other_seeds_give_others() -> None:
    x, t, v = mixtures.draw(SMALL, 20000, 3)
    later = mixtures.draw(SMALL, 500, 3, first=19000)
    for whole, part in zip((x, t, v), later, strict=True):
        assert np.array_equal(whole[19000:19500], part)
        assert whole.dtype == np.float32
    assert not np.any(x[:100] == mixtures.draw(SMALL, 100, 4)[0])


def test_a_point_lies_between_noise_and_shower() -> None:
    x, t, v = (array.astype(np.float64) for array in mixtures.draw(SMALL, 1000, 3))
    noise = mixtures.noise(SMALL, 1000, 3)
    np.testing.assert_allclose(x - t[:, None] * v, noise, atol=1e-6)
    shower = x + (1 - t[:, None]) * v
    nearest = np.min(np.linalg.norm(shower[:, None] - mixtures.means(SMALL), axis=2), axis=1)
    assert np.mean(nearest**2) == pytest.approx(3 * 0.4**2, rel=0.1)
    assert 0 <= t.min() < 0.01 < 0.99 < t.max() < 1


def test_the_density_integrates_to_one_and_is_that_of_the_draw() -> None:
    """At t = 1 and between: the integral over a grid, and the means of squares of what is drawn by it."""
    axis = np.linspace(-7, 7, 71)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1).reshape(-1, 3)
    for t in (1.0, 0.5):
        weights = np.exp(mixtures.log_density(SMALL, grid, t)) * (axis[1] - axis[0]) ** 3
        assert np.sum(weights) == pytest.approx(1, abs=1e-6)
        v = mixtures.draw(SMALL, 40000, 5)[2]
        noise = mixtures.noise(SMALL, 40000, 5)
        points = noise + t * v.astype(np.float64)
        np.testing.assert_allclose(np.mean(points**2, axis=0), weights @ grid**2, atol=0.05)
        np.testing.assert_allclose(np.mean(points, axis=0), weights @ grid, atol=0.03)


@pytest.mark.parametrize("size", [SMALL, Size(features=20)])
def test_the_best_velocity_is_by_the_slope_of_the_density(size: Size) -> None:
    """M. C. K. Tweedie's formula: E[x_0 | x_t] = -(1 - t) grad ln p(x_t), and v = (x_t - x_0) / t."""
    x, _, _ = mixtures.draw(size, 50, 6)
    wide = x.astype(np.float64)
    for t in (0.1, 0.3, 0.8):
        slope = np.empty_like(wide)
        for voxel in range(size.features):
            step = 1e-5 * np.eye(size.features)[voxel]
            up, down = (mixtures.log_density(size, wide + sign * step, t) for sign in (1, -1))
            slope[:, voxel] = (up - down) / 2e-5
        want = (wide + (1 - t) * slope) / t
        np.testing.assert_allclose(mixtures.velocity(size, wide, np.full(50, t)), want, rtol=1e-5, atol=1e-6)


def test_one_kind_has_a_closed_form() -> None:
    best = mixtures.optimum(WIDE)
    assert best.value == pytest.approx(np.pi / 2, rel=1e-12)
    assert mixtures.chance(WIDE) == 2.0


@pytest.mark.parametrize("size", [SMALL, Size(), Size(kinds=4, spread=0.3, width=0.5)])
def test_the_optimum_is_what_the_best_velocity_leaves_of_a_draw(size: Size) -> None:
    best = mixtures.optimum(size)
    assert best.error < (1e-3 if size.features > 3 else 2e-3) * best.value
    x, t, v = mixtures.draw(size, 20000, 7)
    left = np.mean((mixtures.velocity(size, x, t) - v) ** 2, axis=1)
    even = np.array([np.mean(left[(t >= low) & (t < low + 0.05)]) for low in np.arange(0, 1, 0.05)])
    spread = np.array([np.var(left[(t >= low) & (t < low + 0.05)]) for low in np.arange(0, 1, 0.05)])
    sigma = np.sqrt(np.sum(spread / 1000)) / 20  # 1000 events a bin of t
    assert sigma < (2e-3 if size.features > 3 else 2e-2)
    assert abs(np.mean(even) - best.value) < 4 * np.hypot(sigma, best.error)
    assert np.mean(v.astype(np.float64).var(axis=0)) == pytest.approx(mixtures.chance(size), rel=0.03)


def test_what_is_linear_in_the_point_stays_behind() -> None:
    """At every t the best linear answer leaves sqrt(c) pi / 2 of a direction of variance c, as if showers were all normal."""
    size = Size()
    spread = np.linalg.eigvalsh(np.cov(mixtures.means(size).T, bias=True))
    linear = np.pi / 2 * np.mean(np.sqrt(np.maximum(spread, 0) + size.width**2))
    chance, best = mixtures.chance(size), mixtures.optimum(size).value
    assert (chance - linear) / (chance - best) == pytest.approx(0.884, abs=0.003)


@pytest.mark.parametrize("wrong", [{"features": 0}, {"kinds": 0}, {"width": 0.0}, {"spread": -1.0}, {"width": float("nan")}])
def test_impossible_sizes_are_named(wrong: dict[str, float]) -> None:
    with pytest.raises(BadInput, match=r"must be|name one"):
        Size(**wrong)  # type: ignore[arg-type]
