"""Showers: density as that of normal distributions with dense covariance, sums of energy, and anomalies that lean."""

import math

import numpy as np

from ngtbench.physics.samples import showers

SIZE = showers.Size(6, 5, noise_gev=0.7, shared_gev=0.3)


def test_density_by_dense_covariance() -> None:
    x, _, _ = showers.draw(SIZE, 200, 1)
    covariance = 0.7**2 * np.eye(30) + 0.3**2 * np.ones((30, 30))
    each = []
    for share, mean in zip((0.4, 0.3, 0.2, 0.1), showers.means(SIZE), strict=True):
        apart = x.reshape(-1, 30).astype(float) - mean
        squares = np.einsum("ni,ni->n", apart, np.linalg.solve(covariance, apart.T).T)
        each.append(math.log(share) - squares / 2 - np.linalg.slogdet(2 * math.pi * covariance)[1] / 2)
    assert np.allclose(showers.log_density(SIZE, x), np.logaddexp.reduce(each), rtol=1e-10)


def test_mean_and_covariance_of_kinds() -> None:
    x, kind, label = showers.draw(SIZE, 60_000, 2)
    assert not label.any()
    wanted = 0.7**2 * np.eye(30) + 0.3**2
    for k, share in enumerate((0.4, 0.3, 0.2, 0.1)):
        mine = x[kind == k].reshape(-1, 30).astype(float)
        assert abs(len(mine) - 60_000 * share) < 4 * math.sqrt(60_000 * share * (1 - share))
        mean = np.mean(mine, axis=0)
        assert np.all(np.abs(mean - showers.means(SIZE)[k]) < 4.5 * math.sqrt(0.58 / len(mine)))
        error = np.sqrt((np.outer(np.diag(wanted), np.diag(wanted)) + wanted**2) / len(mine))
        assert np.all(np.abs(np.cov(mine.T) - wanted) < 4.5 * error)


def test_energies_sum_as_told() -> None:
    x, _, _ = showers.draw(SIZE, 50_000, 3)
    shares, means, sigma = showers.energy_sum(SIZE)
    sums = np.sort(np.sum(x, axis=(1, 2), dtype=float))[::20]
    cumulative = [
        sum(w * math.erfc((m - e) / sigma / math.sqrt(2)) / 2 for w, m in zip(shares, means, strict=True)) for e in sums
    ]
    assert np.max(np.abs(np.array(cumulative) - np.arange(0, 1, 20 / 50_000))) < 1.95 / math.sqrt(50_000)  # Kolmogorov: p = 0.001
    assert np.allclose(np.sum(showers.means(SIZE), axis=1), means, rtol=1e-12)


def test_anomalies_lean_to_either_side() -> None:
    plain, kind, _ = showers.draw(SIZE, 20_000, 4)
    x, same, label = showers.draw(SIZE, 20_000, 4, anomalies=0.3)
    assert abs(np.mean(label) - 0.3) < 4 * math.sqrt(0.21 / 20_000)
    assert np.array_equal(kind, same)
    assert np.array_equal(x[label == 0], plain[label == 0])
    added = (x - plain)[label == 1].astype(float)
    assert np.allclose(added, -added[:, :, ::-1], atol=1e-5)
    assert np.allclose(np.sum(added**2, axis=(1, 2)), (SIZE.lean * 0.7) ** 2, rtol=1e-4)
    right = np.mean(np.sum(added[:, :, 3:], axis=(1, 2)) > 0)
    assert abs(right - 0.5) < 4 * 0.5 / math.sqrt(len(added))


def test_ratio_is_that_of_the_densities() -> None:
    """p(x | leans) is the mean of p(x - a) and p(x + a), a what leaning adds."""
    x, _, label = showers.draw(SIZE, 2000, 5, anomalies=0.5)
    plain, _, _ = showers.draw(SIZE, 2000, 5)
    leaning = np.flatnonzero(label)[0]
    added = (x[leaning] - plain[leaning]).astype(float)
    sides = [showers.log_density(SIZE, x + side * added) for side in (1, -1)]
    wanted = np.logaddexp(*sides) - math.log(2) - showers.log_density(SIZE, x)
    assert np.allclose(showers.log_ratio(SIZE, x), wanted, atol=1e-4)
