"""Pairs: the correlations that are meant and no others, and nothing told by features without the numbers of their pairs."""

import itertools
import math

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.samples import pairs
from ngtbench.physics.samples.optimum import auc

SIZE = pairs.Size(16, 2, 0.6)


def test_numbers_join_two_and_close_fours() -> None:
    _, numbers, _ = pairs.draw(SIZE, 50, 1)
    for vertex, cluster in numbers.transpose(0, 2, 1):
        assert np.array_equal(np.bincount(vertex), np.full(8, 2))
        assert np.array_equal(np.bincount(cluster), np.full(8, 2))
        for i, j in itertools.combinations(range(16), 2):
            assert not (vertex[i] == vertex[j] and cluster[i] == cluster[j])
        assert np.array_equal(vertex // 2, cluster // 2)
    assert len({tuple(order) for order in numbers[:, :, 0].tolist()}) == 50


def test_correlations() -> None:
    x, numbers, label = pairs.draw(SIZE, 40_000, 1)
    place = np.argsort(2 * numbers[:, :, 0] + numbers[:, :, 1] % 2, axis=1)
    ordered = np.take_along_axis(x, place[:, :, None], axis=1).astype(float).reshape(-1, 32)  # a, b, c, d of each four
    assert abs(np.mean(label) - 0.5) < 4 * 0.5 / math.sqrt(40_000)
    for c, joined in ((1, ((0, 1), (2, 3))), (0, ((0, 2), (1, 3)))):
        four = np.eye(4)
        for i, j in joined:
            four[i, j] = four[j, i] = 0.6
        wanted = np.kron(np.kron(np.eye(4), four), np.eye(2))
        mine = ordered[label == c]
        assert np.all(np.abs(mine.T @ mine / len(mine) - wanted) < 4.5 * np.sqrt((1 + wanted**2) / len(mine)))


def test_features_alone_tell_nothing() -> None:
    """Not their sums, the spread of these, or how features go together in an event; constituents one by one neither."""
    x, _, label = pairs.draw(pairs.Size(16, 2, 0.9), 60_000, 3)
    x = x.astype(float)
    sums, squares = np.sum(x, axis=1), np.sum(x**2, axis=1)
    nearest = np.min(np.diff(np.sort(x, axis=1), axis=1), axis=1)
    together = np.sum(x[:, :, 0] * x[:, :, 1], axis=1)
    of_event = [sums[:, 0], np.abs(sums[:, 1]), squares[:, 0], np.abs(squares[:, 0] - 16), np.max(x, axis=(1, 2)), together]
    for statistic in [*of_event, np.abs(together), *nearest.T, x[:, 0, 0], np.abs(x[:, 5, 1])]:
        value, error = auc(statistic, label)
        assert abs(value - 0.5) < 4 * error


def test_histogram_of_constituents_tells_nothing() -> None:
    """Learn one-body densities of both classes from half of the events, and score the others by their ratio."""
    x, numbers, label = pairs.draw(SIZE, 80_000, 4)
    bins = np.digitize(x, np.linspace(-3, 3, 30))
    cell = (bins[:, :, 0] * 31 + bins[:, :, 1]) * 16 + numbers[:, :, 0] % 2 * 8 + numbers[:, :, 1]
    half, logs = 40_000, []
    for c in (0, 1):
        counts = np.bincount(cell[:half][label[:half] == c].ravel(), minlength=31 * 31 * 16)
        logs.append(np.log((counts + 1) / np.sum(counts + 1)))
    score: Array = np.sum((logs[1] - logs[0])[cell[half:]], axis=1)
    value, error = auc(score, label[half:])
    assert abs(value - 0.5) < 4 * error


def test_ratio_is_that_of_normal_densities() -> None:
    x, numbers, _ = pairs.draw(SIZE, 40, 5)
    same = numbers[:, :, None, :] == numbers[:, None, :, :]
    logs = []
    for kind in (1, 0):
        covariance = np.where(same[:, :, :, 1 - kind], 0.6, 0.0) + 0.4 * np.eye(16)
        solved = np.linalg.solve(covariance, x.astype(float))
        logs.append(-np.einsum("nik,nik->n", x, solved) / 2 - np.linalg.slogdet(covariance)[1])
    assert np.allclose(pairs.log_ratio(SIZE, x, numbers), logs[0] - logs[1], atol=1e-9)
