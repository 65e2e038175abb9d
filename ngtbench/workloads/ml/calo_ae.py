"""Autoencoder inference on calorimeter images, as for an anomaly trigger: small convolutions, there and back."""

from collections.abc import Mapping
from typing import Any

from ngtbench.model.workload import Array
from ngtbench.physics.networks.calo_ae import CaloAe
from ngtbench.physics.samples import showers
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference


def forward(network: CaloAe, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return the images (batch, rows, columns) reconstructed from a few numbers each."""
    p, x = parameters, inputs["x"]
    batch, (few, many) = len(x), network.channels
    h = _tape.relu(_tape.convolve(x[:, None], p["w_down1"], 2, 1) + _along(p["b_down1"], few))
    h = _tape.relu(_tape.convolve(h, p["w_down2"], 2, 1) + _along(p["b_down2"], many))
    code = _tape.reshape(h, (batch, -1)) @ p["w_code1"] + p["b_code1"]
    h = _tape.reshape(_tape.relu(code @ p["w_spread1"] + p["b_spread1"]), (batch, many, *network.quartered))
    h = _tape.relu(_tape.unconvolve(h, p["w_up1"], 2, 1) + _along(p["b_up1"], few))
    return (_tape.unconvolve(h, p["w_up2"], 2, 1) + _along(p["b_up2"], 1))[:, 0]


def _along(bias: Value, channels: int) -> Value:
    return _tape.reshape(bias, (channels, 1, 1))


def task(sample: showers.Size, **network: Any) -> Task:
    """Return the task of reconstructing such showers; half of those drawn lean, and are not to be trained on."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        x, _, label = showers.draw(sample, events, seed, first, anomalies=0.5)
        return {"x": x, "label": label}

    of = CaloAe(rows=sample.rows, columns=sample.columns, **network)
    return Task(
        of,
        draw,
        forward,
        loss="mean_square",
        score="anomaly",
        target="x",
        optimum=lambda: showers.optimum(sample),
        best=lambda arrays: showers.log_ratio(sample, arrays["x"]),
    )


SHOWERS = task(showers.Size(lean=8.0))
WORKLOAD = inference(
    "Convolutional autoencoder inference, images of 18 x 14",
    sizes={
        "XS": Size(1, SHOWERS),
        "S": Size(64, SHOWERS),
        "M": Size(1024, SHOWERS),
        "L": Size(16384, SHOWERS),
    },
    live=("x",),
    notes=(
        "32 and 64 channels, a bottleneck of 64, and back: 203 201 parameters, 1 931 264 FLOP a sample. Output: the images.",
        "Trained on plain showers, the square distance tells leaning ones: area 0.964 where all but a cell's noise is learned.",
    ),
)
