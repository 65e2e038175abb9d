"""Interaction network inference: a message along each of N(N - 1) edges, which is memory traffic, and small matrix products."""

from collections.abc import Mapping

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks.interaction_net import InteractionNet
from ngtbench.physics.samples import pairs
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference

Parameters = Mapping[str, Value]


def forward(network: InteractionNet, parameters: Parameters, inputs: Mapping[str, Array]) -> Value:
    """Return logits (batch, classes) of x (batch, constituents, features) and numbers of vertex and cluster."""
    x, numbers, n = inputs["x"], inputs["pairs"], network.constituents
    receiver, sender = np.nonzero(~np.eye(n, dtype=np.bool_))
    same = numbers[:, receiver] == numbers[:, sender]
    messages = _layers(parameters, "edge", Value(np.concatenate((x[:, receiver], x[:, sender], same), 2)))
    received = _tape.total(_tape.reshape(messages, (len(x), n, n - 1, network.width)), 2)
    nodes = _layers(parameters, "node", _tape.concatenate((Value(x), received), 2))
    hidden = _layers(parameters, "jet", _tape.mean(nodes, 1))
    return hidden @ parameters["w_jet3"] + parameters["b_jet3"]


def _layers(parameters: Parameters, name: str, h: Value) -> Value:
    for layer in (1, 2):
        h = _tape.relu(h @ parameters[f"w_{name}{layer}"] + parameters[f"b_{name}{layer}"])
    return h


def task(sample: pairs.Size, **network: int) -> Task:
    """Return the task of telling by which of its numbers the features of a pair correlate."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        x, numbers, label = pairs.draw(sample, events, seed, first)
        return {"x": x, "pairs": numbers, "label": label}

    of = InteractionNet(constituents=sample.constituents, features=sample.features, **network)
    return Task(of, draw, forward, optimum=lambda: pairs.optimum(sample))


JETS = task(pairs.Size(32, 16, 0.1))
WORKLOAD = inference(
    "Interaction network inference, 32 constituents of 16 features, 992 edges",
    sizes={
        "XS": Size(1, JETS),
        "S": Size(64, JETS),
        "M": Size(1024, JETS),
        "L": Size(16384, JETS),
    },
    live=("x", "pairs"),
    notes=(
        "Edges 34-64-64, summed at each receiver; constituents 80-64-64, their mean; jet 64-64-64-2; ReLU between.",
        "24194 parameters, 13050112 FLOP a sample, of which 992 edges 95 %. Edges: features of both, same vertex, same cluster.",
    ),
)
