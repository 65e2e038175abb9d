"""Inference of a recurrent tagger, GRU or LSTM, on lists of trigger objects: small matrix products that wait for each other."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks.tagger import Tagger
from ngtbench.physics.samples import objects
from ngtbench.workloads.ml import _objects, _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference


def forward(network: Tagger, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return logits (batch, classes) of x (batch, objects, features); slots where mask is False leave the state as it is."""
    p, mask, size = parameters, inputs["mask"], network.state
    asked = inputs["x"] @ p["w_input"] + p["b_input"]
    h = c = Value(np.zeros((len(mask), size)))
    for slot in range(network.objects):
        from_x, from_h, here = asked[:, slot], h @ p["w_state"] + p["b_state"], mask[:, slot, None]
        if network.cell == "gru":
            h = _tape.where(here, _gru(from_x, from_h, h, size), h)
        else:
            new_h, new_c = _lstm(from_x + from_h, c, size)
            h, c = _tape.where(here, new_h, h), _tape.where(here, new_c, c)
    hidden = _tape.relu(h @ p["w_head1"] + p["b_head1"])
    return hidden @ p["w_head2"] + p["b_head2"]


def _gru(from_x: Value, from_h: Value, h: Value, size: int) -> Value:
    gates = _tape.sigmoid(from_x[:, : 2 * size] + from_h[:, : 2 * size])
    reset, update = gates[:, :size], gates[:, size:]
    new = _tape.tanh(from_x[:, 2 * size :] + reset * from_h[:, 2 * size :])
    return new + update * (h - new)


def _lstm(gates: Value, c: Value, size: int) -> tuple[Value, Value]:
    enter, forget, new, leave = (gates[:, at : at + size] for at in range(0, 4 * size, size))
    c = _tape.sigmoid(forget) * c + _tape.sigmoid(enter) * _tape.tanh(new)
    return _tape.sigmoid(leave) * _tape.tanh(c), c


def task(sample: objects.Size, **network: Any) -> Task:
    """Return the task of telling the harder of such lists."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        return _objects.drawn(sample, events, seed, first)

    def best(arrays: Mapping[str, Array]) -> Array:
        return _objects.log_ratio(sample, arrays["x"])

    return Task(Tagger(objects=sample.most, **network), draw, forward, optimum=lambda: objects.optimum(sample), best=best)


_LISTS = objects.Size(4, 12, 1.8)
GRU = task(_LISTS)
LSTM = task(_LISTS, cell="lstm", state=128)
WORKLOAD = inference(
    "Recurrent tagger inference, lists of 4 to 12 objects",
    sizes={
        "XS": Size(1, GRU),
        "XS-lstm": Size(1, LSTM),
        "S": Size(64, GRU),
        "S-lstm": Size(64, LSTM),
        "M": Size(4096, GRU),
        "L": Size(16384, LSTM),
    },
    live=("x", "mask"),
    notes=(
        "12 slots of 3 features. GRU of 64; *-lstm and L: LSTM of 128, by torch's formulas. Last state to 64 to 2, ReLU between.",
        "Parameters and FLOP a sample: GRU 17 538 and 317 184, LSTM 76 482 and 1 626 368; steps of empty slots are counted.",
        "torch's own GRU and LSTM take all slots; as filled ones come first, the state after the last of them is the last state.",
        "Output: logits; no softmax.",
    ),
)
