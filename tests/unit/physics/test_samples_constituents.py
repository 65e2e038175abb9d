"""Constituents: widths, numbers and empty slots, and a likelihood ratio that looks at filled ones alone."""

import math

import numpy as np

from ngtbench.physics.samples import constituents

SIZE = constituents.Size(30, 40, 3, 1.5)


def test_widths_and_numbers() -> None:
    x, mask, label = constituents.draw(SIZE, 22_000, 1)
    assert abs(np.mean(label) - 0.5) < 4 * 0.5 / math.sqrt(22_000)
    for c, variance in ((0, 1.0), (1, 1.5)):
        values = x[label == c][mask[label == c]].astype(float).ravel()
        assert abs(np.mean(values)) < 4 * math.sqrt(variance / len(values))
        assert abs(np.var(values) - variance) < 4 * variance * math.sqrt(2 / len(values))
        assert abs(np.mean(values**4) / variance**2 - 3) < 4 * math.sqrt(96 / len(values))
        counts = np.bincount(np.sum(mask[label == c], axis=1), minlength=41)
        assert not counts[:30].any()
        assert np.all(np.abs(counts[30:] - np.sum(label == c) / 11) < 4 * math.sqrt(1000))


def test_empty_slots_are_zero() -> None:
    x, mask, _ = constituents.draw(SIZE, 2000, 1)
    assert np.array_equal(mask, np.arange(40) < np.sum(mask, axis=1)[:, None])
    assert np.all(x[mask] != 0)
    assert not x[~mask].view(np.uint32).any()


def test_ratio_is_that_of_normal_densities() -> None:
    x, mask, _ = constituents.draw(SIZE, 50, 1)
    found = constituents.log_ratio(SIZE, x, mask)
    squares = x.astype(float) ** 2
    each = -squares / (2 * 1.5) - math.log(1.5) / 2 + squares / 2
    assert np.allclose(found, [np.sum(one[filled]) for one, filled in zip(each, mask, strict=True)], rtol=1e-10)
    x[~mask] = np.nan
    assert np.array_equal(found, constituents.log_ratio(SIZE, x, mask))
