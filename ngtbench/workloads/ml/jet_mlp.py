"""Inference of the 16-64-32-32-5 jet tagger: launch and call overhead at batch 1, small matrix products at the top."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload
from ngtbench.physics.networks.jet_mlp import JetMlp
from ngtbench.physics.samples import jets
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Task

WIDTHS = (16, 64, 32, 32, 5)
_LAYERS = tuple(pairwise(WIDTHS))
PARAMETERS = sum(fan_in * fan_out + fan_out for fan_in, fan_out in _LAYERS)


@dataclass(frozen=True)
class Size:
    """How many samples one call classifies."""

    batch: int


def inputs(size: Size, seed: int) -> Inputs:
    """Return x (batch, 16) of unit variance, weights w1..w4 (in, out) and biases b1..b4.

    Weights have variance 2 / fan-in (He et al. 2015, arXiv 1502.01852), so that activations keep their size; their values
    do not depend on the batch.
    """
    made = {"x": Uniform((size.batch, WIDTHS[0]), seed, 0, -(3**0.5), 3**0.5)}
    for layer, (fan_in, fan_out) in enumerate(_LAYERS, start=1):
        reach = (6 / fan_in) ** 0.5
        made[f"w{layer}"] = Uniform((fan_in, fan_out), seed, 2 * layer, -reach, reach)
        made[f"b{layer}"] = Uniform((fan_out,), seed, 2 * layer + 1, -0.5, 0.5)
    return made


def reference(size: Size, x: Array, **parameters: Array) -> dict[str, Array]:
    """Return the logits (batch, 5): each layer w^T h + b, a ReLU after all but the last."""
    h = x
    for layer in range(1, len(WIDTHS)):
        z = np.einsum("ni,io->no", h, parameters[f"w{layer}"]) + parameters[f"b{layer}"]
        h = z if layer == len(_LAYERS) else np.where(z > 0, z, 0)
    return {"logits": h}


def work(size: Size, item_b: int) -> Work:
    """Count 2 FLOP per multiply-add of the matrix products: 8512 a sample; each input, weight and logit moved once."""
    flop = 2 * sum(fan_in * fan_out for fan_in, fan_out in _LAYERS) * size.batch
    moved_b = item_b * (PARAMETERS + (WIDTHS[0] + WIDTHS[-1]) * size.batch)
    return Work(flop=flop, bytes=moved_b, memory_b=moved_b, events=size.batch, event="sample")


def nearby(size: Size, k: int) -> Size:
    """Return a batch a little larger, or a little smaller; of one sample none is smaller."""
    return Size(size.batch + 1 + size.batch // 50 if k == 0 else max(1, size.batch - 1 - size.batch // 50))


def forward(network: JetMlp, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return the logits of x (batch, 16), for gradients."""
    h = Value(inputs["x"])
    for layer in range(1, len(network.widths)):
        z = h @ parameters[f"w{layer}"] + parameters[f"b{layer}"]
        h = _tape.relu(z)
    return z


def _draw(events: int, seed: int, first: int) -> dict[str, Array]:
    x, label = jets.draw(JETS, events, seed, first)
    return {"x": x, "label": label}


JETS = jets.Size()
TASK = Task(
    network=JetMlp(WIDTHS),
    draw=_draw,
    forward=forward,
    score="accuracy",
    optimum=lambda: jets.optimum(JETS),
    best=lambda arrays: jets.log_posterior(JETS, arrays["x"]),
    chance=1 / jets.CLASSES,
)
WORKLOAD = Workload(
    version=1,
    title="Jet tagger inference, 16-64-32-32-5",
    inputs=inputs,
    reference=reference,
    work=work,
    nearby=nearby,
    live=("x",),
    sizes={
        "XS": Size(1),
        "XS-b4": Size(4),
        "XS-b16": Size(16),
        "S": Size(64),
        "S-b256": Size(256),
        "S-b1024": Size(1024),
        "M": Size(4096),
        "M-b16384": Size(16384),
        "L": Size(65536),
    },
    tolerance={"float32": 5e-6, "bfloat16": 6e-2, "float16": 8e-3},
    impls=(
        Impl("numpy", "ml.jet_mlp:blocked", "numpy", dtypes=("float32",)),
        Impl("native", "ml.jet_mlp_native:compiled", "native", dtypes=("float32",)),
        Impl("onnx", "ml.jet_mlp_onnx:bound", "onnx", dtypes=("float32",)),
        Impl("torch", "ml.jet_mlp_torch:eager", "torch", devices=("cpu", "gpu")),
        Impl("torch-compile", "ml.jet_mlp_torch:compiled", "torch", devices=("cpu", "gpu"), dtypes=("float32", "bfloat16")),
        Impl("cupy", "ml.jet_mlp_cupy:arrays", "cupy", devices=("gpu",), dtypes=("float32",)),
    ),
    quick=("XS", "S", "M", "L"),
    quick_gpu=("XS", "S", "M", "L"),
    full=("XS", "S", "M", "L"),
    notes=(
        "Batches in powers of four, 1 to 65536; the quick suite takes 1, 64, 4096 and 65536.",
        "Output: logits; no softmax. FLOP: multiply-adds of the matrix products only; bias and ReLU are not counted.",
        "Inputs lie on the device; copies to and from the host are not timed.",
        "Below float32, activations are rounded after each layer, as the hardware's units deliver them.",
    ),
)
