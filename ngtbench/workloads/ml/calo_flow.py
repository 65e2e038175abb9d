"""Showers by a flow: noise is moved in fifty steps, each asking the network for a velocity."""

import math
from collections.abc import Mapping

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks.calo_flow import CaloFlow
from ngtbench.physics.samples import mixtures
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference


def forward(network: CaloFlow, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return velocities (batch, features) at points x and times t, else the showers to which noise x goes in Euler steps."""
    x = Value(inputs["x"])
    if "t" in inputs:
        return _velocity(network, parameters, x, inputs["t"].astype(np.float64))
    for step in range(network.steps):
        x = x + _velocity(network, parameters, x, np.full(1, step / network.steps)) / network.steps
    return x


def _velocity(network: CaloFlow, p: Mapping[str, Value], x: Value, t: Array) -> Value:
    angles = math.pi * t[:, None] * np.arange(1, network.harmonics + 1)
    waves = np.concatenate((np.cos(angles), np.sin(angles)), 1)
    h = _tape.silu(x @ p["w_layer1"] + p["b_layer1"] + waves @ p["w_time"])
    for layer in range(2, network.layers + 1):
        h = _tape.silu(h @ p[f"w_layer{layer}"] + p[f"b_layer{layer}"])
    last = network.layers + 1
    gate: Value = waves @ p["w_gate"] + p["b_gate"]
    return h @ p[f"w_layer{last}"] + p[f"b_layer{last}"] + x * gate


def task(sample: mixtures.Size, **network: int) -> Task:
    """Return the task of telling velocities on the way from noise to such showers."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        x, t, velocity = mixtures.draw(sample, events, seed, first)
        return {"x": x, "t": t, "label": velocity}

    of = CaloFlow(features=sample.features, **network)
    best, chance = (lambda: mixtures.optimum(sample)), mixtures.chance(sample)
    return Task(of, draw, forward, "mean_square", "loss", optimum=best, chance=chance)


def generation(sample: mixtures.Size, steps: int, **network: int) -> Task:
    """Return the task of making such showers of noise in so many steps."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        return {"x": mixtures.noise(sample, events, seed, first)}

    return Task(CaloFlow(features=sample.features, steps=steps, **network), draw, forward, "mean_square", "loss")


SHOWERS = mixtures.Size()
STEPS = 50
FLOW = task(SHOWERS)
SHORT, GENERATION = generation(SHOWERS, 5), generation(SHOWERS, STEPS)
WORKLOAD = inference(
    "Calorimeter showers by a flow, 368 voxels, 50 steps",
    sizes={
        "XS": Size(1, SHORT),
        "S": Size(64, GENERATION),
        "M": Size(4096, GENERATION),
        "L": Size(65536, GENERATION),
    },
    live=("x",),
    notes=(
        "Layers 368-512-512-512-512-368, SiLU between, harmonics of the time, a gate of the time: 1 194 208 parameters.",
        "A step is 2.327e6 FLOP, a shower of 50 steps 1.163e8; XS takes 5 steps. What times of steps give is made once a batch.",
        "16-bit showers are summed over the steps in float32, velocities are of 16 bits.",
        "Errors grow by less than 10 over the steps: float32 was seen off by 1.4e-6 of the rms, bfloat16 by 0.022.",
    ),
)
