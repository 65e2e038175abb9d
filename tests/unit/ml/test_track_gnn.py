"""The edge classifier for tracking: gradients by differences, torch beside the tape, roads with slots left over, and counts."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import tracks
from ngtbench.workloads.ml import _tape, track_gnn
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

SAMPLE = tracks.Size(4, 5)
TASK = track_gnn.task(SAMPLE, passes=2, width=6, hats=8)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}


def roads(events: int = 3, seed: int = 3) -> dict[str, Array]:
    drawn = TASK.draw(events, seed, 0)
    return {name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in drawn.items()}


def logits(found: Mapping[str, Array], weights: Mapping[str, Array] = WEIGHTS) -> Array:
    return TASK.forward(NET, {name: Value(array) for name, array in weights.items()}, found).data


def loss(weights: Mapping[str, Any]) -> Value:
    """Return the mean over edges there are of the cross entropy."""
    found = roads()
    logs = _tape.log_softmax(TASK.forward(NET, weights, found))
    wanted = found["label"][..., None] == np.arange(2)
    return -_tape.total(logs * wanted) / float(found["mask"].sum())


def by_torch(found: Mapping[str, Array], weights: Mapping[str, Any]) -> Any:
    from ngtbench.kernels.ml.track_gnn_torch import forward

    return forward(NET, weights, *(torch.tensor(found[name]) for name in ("x", "step", "inner", "outer", "mask")))


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    found = roads()
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = by_torch(found, weights)
    np.testing.assert_allclose(got.detach().numpy(), logits(found), rtol=1e-10, atol=1e-12)
    label = torch.tensor(found["label"]).flatten()
    entropy = torch.nn.functional.cross_entropy(got.flatten(0, 1), label, ignore_index=-1)
    theirs = pulled(entropy, weights)
    assert np.count_nonzero(theirs) > 0.8 * len(theirs)
    np.testing.assert_allclose(slopes(loss, WEIGHTS), theirs, rtol=1e-10, atol=1e-12)


def _layers(name: str, values: Array) -> Array:
    hidden = values @ WEIGHTS[f"w_{name}_1"]
    if name[-1] != "0":
        hidden = (hidden - hidden.mean()) / math.sqrt(hidden.var() + 1e-5) * WEIGHTS[f"g_{name}_1"]
    found: Array = np.maximum(hidden + WEIGHTS[f"b_{name}_1"], 0) @ WEIGHTS[f"w_{name}_2"] + WEIGHTS[f"b_{name}_2"]
    return found


def by_hand(x: Array, edges: list[tuple[int, int, float]]) -> Array:
    """Return the logits of one road, hit by hit and edge by edge."""
    hits = [_layers("hit0", own) for own in x]
    hats = [[max(0.0, 1 - abs(14 * step + 3.5 - place)) for place in range(8)] for _, _, step in edges]
    found = [_layers("edge0", np.array(own)) for own in hats]
    for k in (1, 2):
        found = [
            own + _layers(f"edge{k}", np.concatenate((hits[i], hits[o], own)))
            for own, (i, o, _) in zip(found, edges, strict=True)
        ]
        sums = [
            [sum((found[e] for e, edge in enumerate(edges) if edge[side] == hit), np.zeros(6)) for side in (1, 0)]
            for hit in range(len(x))
        ]
        hits = [own + _layers(f"hit{k}", np.concatenate((own, *both))) for own, both in zip(hits, sums, strict=True)]
    told = [_layers("tell", np.concatenate((hits[i], hits[o], own))) for own, (i, o, _) in zip(found, edges, strict=True)]
    return np.array(told)


def test_a_road_by_hand() -> None:
    found = roads()
    got = logits(found)
    for road in range(3):
        there = found["mask"][road]
        edges = [tuple(found[name][road][there].tolist()) for name in ("inner", "outer", "step")]
        wanted = by_hand(found["x"][road], list(zip(*edges, strict=True)))
        np.testing.assert_allclose(got[road][there], wanted, rtol=1e-9, atol=1e-12)
        assert not got[road][~there].any() and not there.all()


def test_slots_left_over_do_not_count() -> None:
    found = roads()
    there = found["mask"]
    spoilt = {**found, "step": np.where(there, found["step"], 0.1)}
    spoilt |= {name: np.where(there, found[name], 7) for name in ("inner", "outer")}
    np.testing.assert_allclose(logits(spoilt), logits(found), rtol=1e-12)
    weights = {name: torch.tensor(array) for name, array in WEIGHTS.items()}
    np.testing.assert_allclose(by_torch(spoilt, weights), by_torch(found, weights), rtol=1e-12)
    assert np.abs(logits({**spoilt, "mask": np.ones_like(there)}) - logits(found))[there].max() > 1e-3


def test_numbers_of_hits_and_order_of_edges_do_not_matter() -> None:
    found, random = roads(), np.random.default_rng(5)
    hits, edges = random.permutation(20), random.permutation(NET.edges)
    turned = {name: array[:, edges] for name, array in found.items() if name != "x"}
    turned |= {"x": found["x"][:, hits]} | {name: np.argsort(hits)[turned[name]] for name in ("inner", "outer")}
    np.testing.assert_allclose(logits(turned), logits(found)[:, edges], rtol=1e-11, atol=1e-13)


def test_roads_of_a_batch_know_nothing_of_each_other() -> None:
    found = roads()
    one = {name: array[1:2] for name, array in found.items()}
    np.testing.assert_allclose(logits(one), logits(found)[1:2], rtol=1e-12)


def test_roads_are_the_graphs_of_the_sample() -> None:
    found = TASK.draw(40, 3, 0)
    y, on_track = tracks.draw(SAMPLE, 40, 3)
    graph = tracks.graph(SAMPLE, y, on_track)
    event, slot = np.nonzero(found["mask"])
    assert np.array_equal(np.stack([event * 20 + found[name][event, slot] for name in ("inner", "outer")]), graph.edges)
    assert np.array_equal(found["step"][event, slot], graph.steps)
    assert np.array_equal(found["label"][event, slot], graph.truth)
    assert np.array_equal(found["label"] == -1, ~found["mask"])
    assert np.array_equal(found["x"][..., 0], y.reshape(40, 20) - np.float32(0.5))
    assert np.array_equal(found["x"][0, :, 1], np.repeat(np.array([-0.5, -1 / 6, 1 / 6, 0.5], np.float32), 5))
    assert all(array.min() >= 0 and array.max() < 20 for array in (found["inner"], found["outer"]))
    later = TASK.draw(10, 3, 30)
    assert all(np.array_equal(later[name], array[30:]) for name, array in found.items())


@pytest.mark.parametrize("sample", [tracks.Size(), tracks.Size(6, 8), tracks.Size(3, 4, window=0.5)])
def test_slots_suffice(sample: tracks.Size) -> None:
    events = 400
    numbers = [len(tracks.graph(sample, *tracks.draw(sample, 1, 1, first)).steps) for first in range(20)]
    draw = track_gnn.padded(sample, events, 1)["mask"]
    filled = draw.sum(axis=1)
    assert np.array_equal(filled[:20], numbers)
    assert filled.max() <= draw.shape[1] <= (sample.layers - 1) * sample.hits**2
    spread = (draw.shape[1] - filled.mean()) / max(filled.std(), 1e-9)
    assert spread == pytest.approx(6, abs=0.6) or filled.min() == draw.shape[1]


def test_edges_past_the_slots_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TASK.draw(20, 3, 0)
    monkeypatch.setattr(track_gnn, "_SIGMAS", 0)
    cut = TASK.draw(20, 3, 0)
    slots = cut["mask"].shape[1]
    assert slots < whole["mask"].sum(axis=1).max()
    assert all(np.array_equal(cut[name], whole[name][:, :slots]) for name in ("step", "mask", "label"))


@pytest.mark.parametrize(("task", "count", "flop"), [(track_gnn.ROADS, 288386, 648157440), (track_gnn.WIDE, 1142018, 2575249920)])
def test_parameters_and_flop_are_counted(task: Any, count: int, flop: int) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from ngtbench.kernels.ml.track_gnn_torch import forward

    weights = {name: torch.empty(shape, device="meta") for name, shape in task.network.shapes().items()}
    samples = [torch.tensor(array, device="meta") for name, array in task.draw(2, 1, 0).items() if name != "label"]
    assert sum(tensor.numel() for tensor in weights.values()) == count == parameters.count(task.network)
    with FlopCounterMode(display=False) as counter:
        forward(task.network, weights, *samples)
    assert counter.get_total_flops() == 2 * flop == 2 * task.network.flop()
