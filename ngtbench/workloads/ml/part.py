"""Particle Transformer inference: attention of constituents to each other, and a network for each pair of them."""

import math
from collections.abc import Mapping

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks.part import Part
from ngtbench.physics.samples import pairs
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference

Parameters = Mapping[str, Value]


def forward(network: Part, parameters: Parameters, inputs: Mapping[str, Array]) -> Value:
    """Return logits (batch, classes) of x (batch, constituents, features) and numbers of vertex and cluster."""
    p, x = parameters, inputs["x"]
    h = _tape.gelu(x @ p["w_embed1"] + p["b_embed1"])
    h = _tape.gelu(h @ p["w_embed2"] + p["b_embed2"]) @ p["w_embed3"] + p["b_embed3"]
    bias = _bias(p, x, inputs["pairs"])
    for block in range(1, network.layers + 1):
        seen = _tape.layer_norm(h, p[f"g_in{block}"], p[f"b_in{block}"])
        h = h + _attention(network, seen @ p[f"w_qkv{block}"], bias) @ p[f"w_out{block}"] + p[f"b_out{block}"]
        seen = _tape.layer_norm(h, p[f"g_mid{block}"], p[f"b_mid{block}"])
        wide = _tape.gelu(seen @ p[f"w_mlp{block}_1"] + p[f"b_mlp{block}_1"])
        h = h + wide @ p[f"w_mlp{block}_2"] + p[f"b_mlp{block}_2"]
    pooled = _tape.layer_norm(_tape.mean(h, 1), p["g_end"], p["b_end"])
    return pooled @ p["w_head1"] + p["b_head1"]


def _bias(p: Parameters, x: Array, numbers: Array) -> Value:
    """Return what is added to the logits of each pair, (batch, heads, constituents, constituents)."""
    one, other = x[:, :, None].astype(np.float64), x[:, None].astype(np.float64)
    same = numbers[:, :, None] == numbers[:, None]
    alike = np.stack(((one * other).mean(3), ((one - other) ** 2).mean(3)), 3)
    h = _tape.relu(np.concatenate((same, alike), 3) @ p["w_pair1"] + p["b_pair1"])
    h = _tape.relu(h @ p["w_pair2"] + p["b_pair2"])
    return _tape.transpose(h @ p["w_pair3"], (0, 3, 1, 2))


def _attention(network: Part, qkv: Value, bias: Value) -> Value:
    """Return for each constituent what the heads gather from all of them; a row of qkv has all queries, keys, then values."""
    batch, n, each = qkv.shape[0], network.constituents, network.width // network.heads
    q, k, v = (
        _tape.transpose(_tape.reshape(part, (batch, n, network.heads, each)), (0, 2, 1, 3))
        for part in (qkv[:, :, at : at + network.width] for at in range(0, 3 * network.width, network.width))
    )
    weights = _tape.softmax(q @ _tape.transpose(k, (0, 1, 3, 2)) / math.sqrt(each) + bias)
    return _tape.reshape(_tape.transpose(weights @ v, (0, 2, 1, 3)), (batch, n, network.width))


def task(sample: pairs.Size, **network: int) -> Task:
    """Return the task of telling by which of its numbers the features of a pair correlate."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        x, numbers, label = pairs.draw(sample, events, seed, first)
        return {"x": x, "pairs": numbers, "label": label}

    of = Part(constituents=sample.constituents, features=sample.features, **network)
    return Task(of, draw, forward, optimum=lambda: pairs.optimum(sample))


_JETS = pairs.Size(64, 7, 0.1)
SMALL = task(_JETS, width=64, layers=2, heads=4)
PART = task(_JETS)
WORKLOAD = inference(
    "Particle Transformer inference, 64 constituents of 7 features",
    sizes={
        "XS": Size(1, SMALL),
        "S": Size(64, SMALL),
        "S-part": Size(64, PART),
        "M": Size(256, PART),
        "L": Size(4096, PART),
    },
    live=("x", "pairs"),
    notes=(
        "part_small (XS, S): width 64, 2 blocks, 4 heads: 138178 parameters, 56738048 FLOP a sample; of them pairs 67 %.",
        "part (S-part, M, L): width 128, 8 blocks, 8 heads: 1721346 parameters, 274899456 FLOP a sample; of them pairs 15 %.",
        "Pairs: same vertex, same cluster, mean product, mean squared difference, made of x and the numbers within the call, as "
        "the Particle Transformer makes its own of momenta; 4-64-64-heads, ReLU between, added to the logits of every block.",
        "Embedding 7-width-4 width-width and blocks that norm first, tanh GELU; mean over constituents, no class token.",
    ),
)
