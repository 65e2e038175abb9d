"""Jets: covariance of every class as the reflections make it, posterior as Bayes has it."""

import math

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.samples import jets

SIZE = jets.Size(4.0)


def covariance(label: int) -> Array:
    """Return that of a class, from reflections as dense matrices."""
    width = np.ones(16)
    width[3 * label : 3 * label + 3] = 4.0
    mixed = np.diag(width)
    for k in (0, 1):
        v = np.array([math.cos(0.7310585 * i * i * (k + 1)) for i in range(16)])
        reflection = np.eye(16) - 2 * np.outer(v, v) / (v @ v)
        mixed = reflection @ mixed @ reflection
    return mixed


def test_covariance_of_classes() -> None:
    x, label = jets.draw(SIZE, 200_000, 1)
    assert np.all(np.abs(np.bincount(label) - 40_000) < 4 * math.sqrt(200_000 * 0.16))
    for c in range(5):
        mine, wanted = x[label == c].astype(float), covariance(c)
        error = np.sqrt((np.outer(np.diag(wanted), np.diag(wanted)) + wanted**2) / len(mine))
        assert np.all(np.abs(mine.T @ mine / len(mine) - wanted) < 4.5 * error)
        assert np.all(np.abs(np.mean(mine, axis=0)) < 4.5 * np.sqrt(np.diag(wanted) / len(mine)))


def test_posterior_is_that_of_normal_densities() -> None:
    x, _ = jets.draw(SIZE, 200, 2)
    logs = [-np.einsum("ni,ij,nj->n", x, np.linalg.inv(covariance(c)), x, dtype=float) / 2 for c in range(5)]
    wanted = np.stack(logs, axis=1) - np.log(np.sum(np.exp(logs), axis=0))[:, None]
    found = jets.log_posterior(SIZE, x)
    assert np.allclose(found, wanted, atol=1e-4)
    assert np.allclose(np.sum(np.exp(found), axis=1), 1, atol=1e-12)
