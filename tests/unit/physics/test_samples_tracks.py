"""Tracks: steps and noise, candidate edges as the rule has them, and probabilities by going through all tracks there could be."""

import itertools
import math

import numpy as np
import pytest

from ngtbench.physics.samples import tracks

SIZE = tracks.Size(5, 6, 0.05, 0.03)


def test_steps_are_normal_and_noise_is_flat() -> None:
    y, on_track = tracks.draw(SIZE, 40_000, 1)
    assert np.array_equal(np.sum(on_track, axis=2), np.ones((40_000, 5)))
    assert np.all(np.diff(y, axis=2) >= 0)
    track = y[on_track].reshape(-1, 5).astype(float)
    steps = np.diff(track, axis=1)
    steps -= np.rint(steps)
    wanted = np.array([[0.05**2 + 0.03**2 * min(i, j) for i in range(4)] for j in range(4)])
    error = np.sqrt((np.outer(np.diag(wanted), np.diag(wanted)) + wanted**2) / len(steps))
    assert np.all(np.abs(steps.T @ steps / len(steps) - wanted) < 4.5 * error)
    for values in (y[~on_track], track[:, 0], track[:, 4]):
        counts = np.histogram(values, 50, (0, 1))[0]
        assert np.sum((counts - np.mean(counts)) ** 2) / np.mean(counts) < 49 + 4 * math.sqrt(98)
    turns = (steps[:, 0] + track[:, 0]).round(6) - track[:, 1].round(6)
    assert np.all(np.abs(turns - np.rint(turns)) < 1e-5)


def test_edges_are_all_pairs_within_the_window() -> None:
    y, on_track = tracks.draw(SIZE, 300, 2)
    found = tracks.graph(SIZE, y, on_track)
    flat, layer = y.astype(float).ravel(), np.arange(y.size) // 6
    wanted = []
    for source in range(y.size):
        for target in range((layer[source] + 1) * 6, (layer[source] + 2) * 6) if layer[source] % 5 < 4 else ():
            step = flat[target] - flat[source]
            if abs(step - round(step)) < 0.25:
                wanted.append((source, target))
    assert found.edges.T.tolist() == [list(edge) for edge in wanted]
    source, target = found.edges
    assert np.array_equal(found.truth, on_track.ravel()[source] & on_track.ravel()[target])
    assert found.steps.dtype == np.float32
    turned = flat[target] - flat[source] - found.steps
    assert np.all(np.abs(turned - np.rint(turned)) < 1e-7)


def test_many_events_are_the_same_as_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edges and probabilities of a graph come a part of the events at a time."""
    y, on_track = tracks.draw(SIZE, 20, 2)
    whole = tracks.graph(SIZE, y, on_track)
    probability = tracks.probabilities(SIZE, y, whole)
    monkeypatch.setattr(tracks, "_TRIPLETS", 3 * 6**3)
    split = tracks.graph(SIZE, y, on_track)
    assert np.array_equal(whole.edges, split.edges)
    assert all(np.array_equal(a, b) for a, b in zip(whole.at, split.at, strict=True))
    assert np.allclose(tracks.probabilities(SIZE, y, split), probability, rtol=1e-12, atol=0)


def test_ratio_of_an_edge() -> None:
    """Both densities integrate to 1 over layers and steps."""
    steps = (np.arange(2000) - 999.5) / 2000 * 0.5
    layer = np.repeat(np.arange(4), 2000)
    unused = np.zeros(8000, np.int64)
    grid = tracks.Graph(np.stack((unused, unused)), np.tile(steps, 4), unused, (unused, layer, unused, unused))
    ratio = np.exp(tracks.log_ratio(SIZE, grid))
    assert abs(np.mean(ratio) - 1) < 1e-6
    of_layer = ratio.reshape(4, 2000)
    for number in range(4):
        variance = np.sum(of_layer[number] * steps**2) / np.sum(of_layer[number])
        assert abs(variance / (0.05**2 + number * 0.03**2) - 1) < (1e-3 if number < 2 else 0.1)  # the window cuts more and more


def test_probabilities_by_all_tracks() -> None:
    size = tracks.Size(4, 3, 0.05, 0.04, window=0.5)
    y, on_track = tracks.draw(size, 20, 3)
    found = tracks.graph(size, y, on_track)
    got = tracks.probabilities(size, y, found)
    for event in range(20):
        weights = np.zeros((3, 3, 3))
        for track in itertools.product(range(3), repeat=4):
            steps = np.diff([float(y[event, layer, hit]) for layer, hit in enumerate(track)])
            steps -= np.rint(steps)
            weight = math.exp(-((steps[0] / 0.05) ** 2) / 2 - np.sum((np.diff(steps) / 0.04) ** 2) / 2)
            for layer in range(3):
                weights[layer, track[layer], track[layer + 1]] += weight
        here = found.at[0] == event
        wanted = weights / np.sum(weights, axis=(1, 2), keepdims=True)
        assert np.allclose(got[here], wanted[tuple(place[here] for place in found.at[1:])], rtol=1e-9, atol=1e-14)


def test_probabilities_are_those_of_the_truth() -> None:
    y, on_track = tracks.draw(SIZE, 4000, 4)
    found = tracks.graph(SIZE, y, on_track)
    probability = tracks.probabilities(SIZE, y, found)
    for low, high in itertools.pairwise((0.0, 0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98, 1.1)):
        chosen = probability[(probability >= low) & (probability < high)]
        true = np.count_nonzero(found.truth[(probability >= low) & (probability < high)])
        # edges of a track are true together: at most as if one stood for all four layers
        assert abs(true - np.sum(chosen)) < 4 * math.sqrt(4 * np.sum(chosen * (1 - chosen)))


def test_a_large_graph_has_ten_edges_a_hit() -> None:
    size = tracks.Size()
    found = tracks.graph(size, *tracks.draw(size, 500, 1))
    assert 8 < found.edges.shape[1] / 100_000 < 11
    assert found.edges.max() < 100_000
