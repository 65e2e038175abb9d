"""Objects of a trigger: spectra, order, empty slots, and the likelihood ratio."""

import math

import numpy as np

from ngtbench.physics.samples import objects

SIZE = objects.Size(3, 8, 2.0)


def test_spectra() -> None:
    x, mask, label = objects.draw(SIZE, 30_000, 1)
    assert abs(np.mean(label) - 0.5) < 4 * 0.5 / math.sqrt(30_000)
    for c, scale in ((0, 10.0), (1, 20.0)):
        pt, eta, phi = x[label == c][mask[label == c]].astype(float).T
        above = np.sort(pt - 20) / scale
        assert np.max(np.abs(1 - np.exp(-above) - np.arange(len(pt)) / len(pt))) < 1.95 / math.sqrt(len(pt))  # Kolmogorov
        for values, reach in ((eta, 2.5), (phi, math.pi)):
            flat = (np.sort(values) / reach + 1) / 2
            assert np.max(np.abs(flat - np.arange(len(flat)) / len(flat))) < 1.95 / math.sqrt(len(flat))
        counts = np.bincount(np.sum(mask[label == c], axis=1), minlength=9)
        assert not counts[:3].any()
        assert np.all(np.abs(counts[3:] - np.sum(label == c) / 6) < 4 * math.sqrt(2500))


def test_order_and_empty_slots() -> None:
    x, mask, _ = objects.draw(SIZE, 2000, 1)
    assert np.array_equal(mask, np.arange(8) < np.sum(mask, axis=1)[:, None])
    assert np.all(np.diff(x[:, :, 0], axis=1) <= 0)
    assert np.all(x[mask][:, 0] >= 20)
    assert not x[~mask].view(np.uint32).any()


def test_ratio_is_that_of_exponential_densities() -> None:
    x, mask, _ = objects.draw(SIZE, 50, 1)
    found = objects.log_ratio(SIZE, x, mask)
    above = x[:, :, 0].astype(float) - 20
    each = (-above / 20 - math.log(20)) - (-above / 10 - math.log(10))
    assert np.allclose(found, [np.sum(one[filled]) for one, filled in zip(each, mask, strict=True)], atol=1e-9)
    x[~mask] = np.nan
    assert np.array_equal(found, objects.log_ratio(SIZE, x, mask))
