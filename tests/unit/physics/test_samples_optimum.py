"""Every optimum twice: by its integral or closed form, and as the score of the exact likelihood ratio on a draw, to 2e-3."""

import math
from collections.abc import Iterator

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import constituents, jets, objects, pairs, showers, tracks
from ngtbench.physics.samples.optimum import Optimum, auc, widths_auc

AGREED = 2e-3  # four standard deviations of a draw are less
BATCH = 25_000


def batches(events: int) -> Iterator[tuple[int, int]]:
    """Yield numbers of events and the first."""
    return ((min(BATCH, events - first), first) for first in range(0, events, BATCH))


def agrees(optimum: Optimum, ratios: list[Array], labels: list[Array]) -> None:
    value, error = auc(np.concatenate(ratios), np.concatenate(labels))
    assert optimum.kind == "auc"
    assert optimum.error < 1e-6
    assert 4 * error < AGREED
    assert abs(value - optimum.value) < 4 * error


@pytest.mark.parametrize(("variance", "wanted"), [(8.0, 0.868928), (3.0, None)])
def test_jets(variance: float, wanted: float | None) -> None:
    size, events, right = jets.Size(variance), 1_000_000, 0
    for count, first in batches(events):
        x, label = jets.draw(size, count, 5, first)
        right += int(np.count_nonzero(np.argmax(jets.log_posterior(size, x), axis=1) == label))
    best = jets.optimum(size)
    sigma = math.sqrt(best.value * (1 - best.value) / events)
    assert 4 * sigma < AGREED
    assert abs(right / events - best.value) < 4 * sigma
    assert (best.kind, best.error) == ("accuracy", 1e-12)
    assert wanted is None or abs(best.value - wanted) < 1e-6


@pytest.mark.parametrize(
    "size", [constituents.Size(32, 32, 3, 1.25), constituents.Size(30, 128, 1, 1.35), constituents.Size(2, 9, 3, 2.0)]
)
def test_constituents(size: constituents.Size) -> None:
    ratios, labels = [], []
    for count, first in batches(600_000):
        x, mask, label = constituents.draw(size, count, 7, first)
        ratios.append(constituents.log_ratio(size, x, mask))
        labels.append(label)
    agrees(constituents.optimum(size), ratios, labels)


@pytest.mark.parametrize(
    ("size", "wanted"), [(constituents.Size(32, 32, 3, 1.25), 0.861969), (constituents.Size(64, 64, 3, 1.2), 0.896282)]
)
def test_constituents_of_one_number(size: constituents.Size, wanted: float) -> None:
    closed = widths_auc(size.variance, size.most * size.features)
    assert abs(constituents.optimum(size).value - closed.value) < 1e-6
    assert abs(closed.value - wanted) < 1e-6


@pytest.mark.parametrize("size", [pairs.Size(28, 1, 0.3), pairs.Size(12, 3, 0.3), pairs.Size(4, 1, 0.7)])
def test_pairs(size: pairs.Size) -> None:
    ratios, labels = [], []
    for count, first in batches(600_000):
        x, numbers, label = pairs.draw(size, count, 7, first)
        ratios.append(pairs.log_ratio(size, x, numbers))
        labels.append(label)
    agrees(pairs.optimum(size), ratios, labels)


@pytest.mark.parametrize("size", [objects.Size(), objects.Size(3, 5, 2.5)])
def test_objects(size: objects.Size) -> None:
    ratios, labels = [], []
    for count, first in batches(700_000):
        x, mask, label = objects.draw(size, count, 7, first)
        ratios.append(objects.log_ratio(size, x, mask))
        labels.append(label)
    agrees(objects.optimum(size), ratios, labels)


def test_objects_by_double_sum() -> None:
    """Even numbers of degrees of freedom have a closed cumulative: 1 - exp(-t) sum over k < n of t^k / k!, t = q / 2."""
    size, area, counts = objects.Size(3, 6, 2.0), 0.0, range(3, 7)
    t = (np.arange(200_000) + 0.5) * 5e-4
    for n in counts:
        density = t ** (n - 1) * np.exp(-t) / math.factorial(n - 1) * 5e-4
        for m in counts:
            below = np.maximum(2 * t + (m - n) * math.log(2.0) / (1 - 1 / 2.0), 0.0)
            cumulative = 1 - np.exp(-below) * sum(below**k / math.factorial(k) for k in range(m))
            area += float(np.sum(density * cumulative)) / 16
    assert abs(objects.optimum(size).value - area) < 1e-6


@pytest.mark.parametrize("size", [showers.Size(6, 5, lean=2.0), showers.Size(3, 4, shared_gev=1.0, lean=3.0)])
def test_showers(size: showers.Size) -> None:
    ratios, labels = [], []
    for count, first in batches(700_000):
        x, _, label = showers.draw(size, count, 7, first, anomalies=0.5)
        ratios.append(showers.log_ratio(size, x))
        labels.append(label)
    agrees(showers.optimum(size), ratios, labels)


@pytest.mark.parametrize("size", [tracks.Size(3, 4, 0.05, 0.05), tracks.Size(4, 6, 0.05, 0.03, window=0.08)])
def test_edges_alone(size: tracks.Size) -> None:
    """Edges of a track have alike steps: the error is from the batches."""
    areas = []
    for count, first in batches(500_000):
        found = tracks.graph(size, *tracks.draw(size, count, 7, first))
        areas.append(auc(tracks.log_ratio(size, found), found.truth)[0])
    best, error = tracks.optimum(size, "edge"), np.std(areas, ddof=1) / math.sqrt(len(areas))
    assert best.error < 1e-6
    assert 4 * error < AGREED
    assert abs(np.mean(areas) - best.value) < 4 * error


@pytest.mark.parametrize("window", [0.03, 0.08, 0.5])
def test_edges_alone_on_a_grid(window: float) -> None:
    """Steps of all layers, false ones even and true ones weighed by the ratio, ranked by it."""
    size = tracks.Size(4, 6, 0.04, 0.03, window)
    steps = np.tile((np.arange(20_000) + 0.5) / 20_000 * window, 3)
    layer, unused = np.repeat(np.arange(3), 20_000), np.zeros(60_000, np.int64)
    grid = tracks.Graph(np.stack((unused, unused)), steps, unused, (unused, layer, unused, unused))
    ratio = np.sort(np.exp(tracks.log_ratio(size, grid)))
    area = float(np.sum(ratio * (np.arange(60_000) + 0.5)) / np.sum(ratio)) / 60_000
    assert abs(tracks.optimum(size, "edge").value - area) < 1e-5


@pytest.mark.parametrize("size", [tracks.Size(10, 10), tracks.Size(8, 8, 0.05, 0.02)])
def test_edges_of_whole_events(size: tracks.Size) -> None:
    """The optimum weighs by probabilities; what is drawn here is scored by the truth, which the optimum does not look at."""
    best, areas = tracks.optimum(size, events=2000, seed=3), []
    for first in range(0, 5000, 100):
        y, on_track = tracks.draw(size, 100, 8, first)
        found = tracks.graph(size, y, on_track)
        areas.append(auc(tracks.probabilities(size, y, found), found.truth)[0])
    error = math.hypot(best.error, np.std(areas, ddof=1) / math.sqrt(len(areas)))
    assert 4 * error < AGREED
    assert abs(np.mean(areas) - best.value) < 4 * error


@pytest.mark.parametrize(("sees", "events"), [("hit", 1000), ("event", 99)])
def test_optimum_of_what(sees: str, events: int) -> None:
    with pytest.raises(BadInput, match="sees"):
        tracks.optimum(tracks.Size(), sees, events)


def test_area_by_pairs() -> None:
    generator = np.random.default_rng(1)
    scores, labels = generator.integers(0, 20, 300).astype(float), generator.integers(0, 2, 300)
    one, zero = scores[labels == 1], scores[labels == 0]
    wanted = np.mean((one[:, None] > zero) + (one[:, None] == zero) / 2)
    assert abs(auc(scores, labels)[0] - wanted) < 1e-12
    assert abs(auc(-scores, labels)[0] - (1 - wanted)) < 1e-12


def test_error_of_area_is_its_spread() -> None:
    generator, found = np.random.default_rng(2), []
    for _ in range(2000):
        labels = generator.random(150) < 0.3
        found.append(auc(generator.normal(size=150) * (1 + labels) + labels, labels))
    values, errors = np.array(found).T
    assert abs(np.std(values) / math.sqrt(np.mean(errors**2)) - 1) < 0.06  # four standard deviations of a standard deviation


def test_area_needs_both_classes() -> None:
    with pytest.raises(BadInput, match="class 0"):
        auc(np.arange(5.0), np.array([1, 1, 1, 1, 0]))
