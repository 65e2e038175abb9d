"""ParticleNet inference on jets as sets of constituents: top-k and a gather, then products for every pair of neighbours."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks.particle_net import FAR, ParticleNet
from ngtbench.physics.samples import constituents
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference


def forward(network: ParticleNet, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return logits (batch, classes) of x (batch, constituents, features); slots where mask is False do not count."""
    mask = inputs["mask"]
    h = Value(np.where(mask[:, :, None], inputs["x"], 0))
    for block in range(1, len(network.widths) + 1):
        index, weight = _near(h, mask, network.neighbours)
        heard, own = _tape.take(_tape.reshape(h, (-1, h.shape[2])), index), h[:, :, None]
        message = _tape.concatenate((own + np.zeros(heard.shape), heard - own))
        for layer in range(1, network.layers + 1):
            message = _tape.relu(message @ parameters[f"w_pair{block}_{layer}"] + parameters[f"b_pair{block}_{layer}"])
        past = h @ parameters[f"w_past{block}"] + parameters[f"b_past{block}"]
        h = _tape.relu(_tape.total(message * weight[..., None], axis=2) + past)
    pooled = _tape.total(h * mask[:, :, None], axis=1) / mask.sum(axis=1)[:, None]
    hidden = _tape.relu(pooled @ parameters["w_head1"] + parameters["b_head1"])
    return hidden @ parameters["w_head2"] + parameters["b_head2"]


def _near(h: Value, mask: Array, neighbours: int) -> tuple[Array, Value]:
    """Return rows and weights of the nearest, (batch, constituents, neighbours): 1 - d^2 / D^2, D to the next one, of sum 1."""
    batch, slots = mask.shape
    squares = _tape.total(_tape.square(h), axis=2)
    distance = squares[:, :, None] + squares[:, None] - 2 * (h @ _tape.transpose(h, (0, 2, 1)))
    distance = _tape.where(~mask[:, None] | np.eye(slots, dtype=bool), FAR, distance)
    nearest = np.argsort(distance.data, axis=2, kind="stable")[:, :, : neighbours + 1]
    row = np.arange(batch * slots).reshape(batch, slots, 1)
    found = _tape.take(_tape.reshape(distance, (-1,)), row * slots + nearest)
    weight = 1 - found[:, :, :-1] / (found[:, :, -1:] + 1e-12)
    return row[:, :1] + nearest[:, :, :-1], weight / (_tape.total(weight, axis=2, keepdims=True) + 1e-12)


def task(sample: constituents.Size, **network: Any) -> Task:
    """Return the task of telling the wider jets of such samples."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        x, mask, label = constituents.draw(sample, events, seed, first)
        return {"x": x, "mask": mask, "label": label}

    of = ParticleNet(constituents=sample.most, features=sample.features, **network)
    return Task(of, draw, forward, optimum=lambda: constituents.optimum(sample))


JETS = task(constituents.Size(48, 96, 3, 1.17))  # 48 to 96 constituents of 3 features each: an area of 0.874
LITE = task(constituents.Size(48, 96, 3, 1.17), neighbours=7, widths=(32, 64), head=128)  # ParticleNet-Lite
WORKLOAD = inference(
    "ParticleNet inference, 96 constituents of 3 features",
    sizes={
        "XS": Size(1, JETS),
        "S-lite": Size(64, LITE),
        "S": Size(16, JETS),
        "M": Size(512, JETS),
        "L": Size(4096, JETS),
    },
    live=("x", "mask"),
    notes=(
        "Blocks of 64, 128 and 256 neurons, 3 layers each on [x_i, x_j - x_i], a shortcut past them; 48 to 96 constituents; head "
        "256-256-2; ReLU. Output: logits; no softmax. 363586 parameters, 7.93e8 FLOP a jet: 97 % of it for pairs of neighbours.",
        "Neighbours count by 1 - d^2 / D^2, normalised, D being the distance to the first that does not count: the network is "
        "continuous where neighbours change places, so that every precision has one right answer; a plain mean has none there.",
        "No normalisation over the batch: for inference it is folded into the layers, and samples must not depend on each other.",
        "Empty slots are no neighbours, and hear others like filled ones: their work counts. Distances are float32 or better.",
        "S-lite: blocks of 32 and 64 neurons, 7 neighbours, head 64-128-2: 25634 parameters, 2.06e7 FLOP a jet.",
    ),
)
