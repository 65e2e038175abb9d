"""Inference of the edge classifier on roads of hits: gathers, scattered sums, and products for every candidate edge."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks.track_gnn import TrackGnn
from ngtbench.physics.samples import tracks
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import TOLERANCE, Size, Task, inference

_SIGMAS = 6  # of the number of candidate edges; of 1e5 roads about one has more


def forward(network: TrackGnn, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return logits (roads, edges, classes), zero where mask is False: there is no edge.

    x (roads, hits, features); step, and inner and outer hit within the road, (roads, edges).
    """

    def layers(name: str, values: Value | Array) -> Value:
        hidden, bias = values @ parameters[f"w_{name}_1"], parameters[f"b_{name}_1"]
        gain = parameters.get(f"g_{name}_1")
        hidden = hidden + bias if gain is None else _tape.layer_norm(hidden, gain, bias)
        return _tape.relu(hidden) @ parameters[f"w_{name}_2"] + parameters[f"b_{name}_2"]

    x, mask = inputs["x"], inputs["mask"]
    start = np.arange(len(x))[:, None] * network.hits
    source, target = (inputs["inner"] + start).reshape(-1), (inputs["outer"] + start).reshape(-1)
    filled = mask.reshape(-1, 1)
    at = (inputs["step"].reshape(-1, 1).astype(np.float64) + network.window) * ((network.hats - 1) / (2 * network.window))
    hit = layers("hit0", x.reshape(-1, network.features))
    edge = layers("edge0", np.maximum(1 - np.abs(at - np.arange(network.hats)), 0))
    for k in range(1, network.passes + 1):
        edge = edge + layers(f"edge{k}", _tape.concatenate((_tape.take(hit, source), _tape.take(hit, target), edge)))
        into, out = (_tape.scatter_add(edge * filled, end, hit.shape[0]) for end in (target, source))
        hit = hit + layers(f"hit{k}", _tape.concatenate((hit, into, out)))
    logits = layers("tell", _tape.concatenate((_tape.take(hit, source), _tape.take(hit, target), edge))) * filled
    return _tape.reshape(logits, (*mask.shape, network.classes))


def slots(sample: tracks.Size) -> int:
    """Return how many edges a road has room for: the mean and six standard deviations, where so many pairs of hits there are."""
    pairs, share = sample.hits**2, 2 * sample.window
    mean = sum(share * (pairs - 1) + math.erf(sample.window / sample.sigma(k) / math.sqrt(2)) for k in range(sample.layers - 1))
    spread = math.sqrt((sample.layers - 1) * pairs * share * (1 - share))
    return min((sample.layers - 1) * pairs, math.ceil(mean + _SIGMAS * spread))


def padded(sample: tracks.Size, events: int, seed: int, first: int = 0) -> dict[str, Array]:
    """Return roads with as many edges each; those past the slots are left out, and slots left over join hits but do not count.

    x is (y - 1/2, layer from -1/2 to 1/2) of hits; label is 1 of edges of the track, 0 of others, -1 where mask is False.
    """
    y, on_track = tracks.draw(sample, events, seed, first)
    graph = tracks.graph(sample, y, on_track)
    event, hits = graph.at[0], sample.layers * sample.hits
    place = np.arange(len(event)) - np.searchsorted(event, np.arange(events))[event]
    here = place < slots(sample)
    at = (event[here], place[here])
    shape = (events, slots(sample))
    spread = np.tile(np.arange(shape[1]) % hits, (events, 1))  # of unused slots: not all at one hit
    found: dict[str, Array] = {"step": np.zeros(shape, np.float32), "inner": spread, "outer": spread.copy()}
    found |= {"mask": np.zeros(shape, np.bool_), "label": np.full(shape, -1)}
    values = (graph.steps, *(graph.edges - event * hits), np.ones_like(graph.truth), graph.truth)
    for array, value in zip(found.values(), values, strict=True):
        array[at] = value[here]
    layer = np.broadcast_to(np.arange(sample.layers)[:, None] / (sample.layers - 1) - 0.5, y.shape)
    x = np.stack((y - 0.5, layer), axis=-1).astype(np.float32)
    return {"x": x.reshape(events, hits, 2), **found}


def task(sample: tracks.Size, **network: Any) -> Task:
    """Return the task of finding the edges of tracks in such roads."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        return padded(sample, events, seed, first)

    of = TrackGnn(hits=sample.layers * sample.hits, edges=slots(sample), window=sample.window, **network)
    return Task(of, draw, forward, optimum=lambda: tracks.optimum(sample))


ROADS = task(tracks.Size())  # 10 layers of 20 hits
WIDE = task(tracks.Size(), width=128)
WORKLOAD = inference(
    "Edge classifier for tracking, inference: 200 hits a road, 1800 candidate edges, 8 message passes",
    sizes={"XS": Size(2, ROADS), "S": Size(5, ROADS), "M": Size(50, ROADS), "L": Size(500, WIDE)},
    tolerance=TOLERANCE | {"tf32": 1.2e-2, "bfloat16": 9.5e-2, "float16": 1.2e-2},
    live=("x", "step", "inner", "outer", "mask"),
    notes=(
        "Encoders of two layers; per pass two layers on [hit, hit, edge], added to the edge, and two on [hit, sum of edges in, "
        "sum of edges out], added to the hit, layer-normalised before ReLU; own weights in each pass. 288386 parameters, 6.48e8 "
        "FLOP a road (L: 128 neurons, 1142018, 2.58e9).",
        "All roads of a batch are one graph of 200 hits each. Roads have 1800 edges on average and 1985 slots, so that shapes do "
        "not depend on the seed: slots left over are computed, counted and masked; of 1e5 roads about one lacks an edge or two.",
        "Steps are encoded by 32 hat functions, in float32 or better: in half precision their places have no digits left.",
        "Tolerances: eight passes add up rounding to an error of up to 1.2 % rms in bfloat16 (largest of 4 seeds), an eighth of "
        "it in tf32 and float16, and of 1e5 outputs the farthest is off by 6 to 7 of those.",
        "Sums over edges are atomic on GPUs: their order, and so the last digits of outputs, differ from call to call.",
    ),
)
