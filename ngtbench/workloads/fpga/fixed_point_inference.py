"""Bit-exact inference of the 16-64-32-32-5 jet tagger in fixed point: what checks a pruned network before it is built."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics.fpga.fixed_point import Fixed

WIDTHS = (16, 64, 32, 32, 5)
LAYERS = tuple(pairwise(WIDTHS))
_SAMPLED = 64


@dataclass(frozen=True)
class Size:
    """How many samples one call classifies, and the bits of inputs, weights and activations."""

    batch: int
    bits: int = 8

    @property
    def given(self) -> Fixed:
        """The type of the inputs."""
        return Fixed(True, self.bits, 3)

    @property
    def weight(self) -> Fixed:
        """The type of weights and biases."""
        return Fixed(True, self.bits, 1)

    @property
    def total(self) -> Fixed:
        """What exact sums become: cut off and wrapped round, as by hls4ml's defaults."""
        return Fixed(True, 2 * self.bits, 6)

    @property
    def hidden(self) -> Fixed:
        """The type behind each ReLU: rounded and saturated."""
        return Fixed(False, self.bits, 3, "RND", "SAT")


def inputs(size: Size, seed: int) -> Inputs:
    """Return integers: k (batch, 16) of the whole input type, weights w1..w4 (in, out) and biases b1..b4.

    Weights are uniform of variance 2 / fan-in (He et al. 2015, arXiv 1502.01852), so that some activations saturate.
    """
    generator, scale = np.random.default_rng(seed), 2**size.weight.fraction
    made: dict[str, Array] = {}
    for layer, (fan_in, fan_out) in enumerate(LAYERS, start=1):
        reach = min(size.weight.highest, int((6 / fan_in) ** 0.5 * scale))
        made[f"w{layer}"] = generator.integers(-reach, reach, (fan_in, fan_out), endpoint=True)
        made[f"b{layer}"] = generator.integers(-scale // 2, scale // 2, fan_out)
    return {"k": generator.integers(size.given.lowest, size.given.highest, (size.batch, WIDTHS[0]), endpoint=True), **made}


def reference(size: Size, k: Array, **parameters: Array) -> dict[str, Array]:
    """Return the integers of the logits (batch, 5), in Python's integers, by division with remainder."""
    h, fraction = k.astype(object), size.given.fraction
    for layer in range(1, len(WIDTHS)):
        w, b = (parameters[f"{name}{layer}"].astype(object) for name in "wb")
        h = _becomes(h @ w + b * 2**fraction, fraction + size.weight.fraction, size.total)
        fraction = size.total.fraction
        if layer < len(LAYERS):
            h = _becomes(np.where(h > 0, h, 0), fraction, size.hidden)
            fraction = size.hidden.fraction
    return {"logits": h.astype(np.int64)}


def _becomes(k: Array, fraction: int, to: Fixed) -> Array:
    """Return the integers that k 2^-fraction become in a type that is TRN, WRAP or RND, SAT."""
    unit = 2 ** max(0, fraction - to.fraction)
    quotient, rest = k // unit, k % unit
    if to.rounding == "RND":
        quotient = quotient + np.where(2 * rest >= unit, 1, 0) * (unit > 1)
    quotient = quotient * 2 ** max(0, to.fraction - fraction)
    if to.overflow == "SAT":
        return np.asarray(np.maximum(np.minimum(quotient, to.highest), to.lowest))
    return np.asarray((quotient - to.lowest) % 2**to.bits + to.lowest)


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Check samples spread over the batch."""
    rows = np.unique(np.linspace(0, size.batch - 1, _SAMPLED).astype(np.int64))
    shapes: dict[str, tuple[int, ...]] = {f"w{layer}": shape for layer, shape in enumerate(LAYERS, start=1)}
    shapes |= {f"b{layer}": (fan_out,) for layer, (_, fan_out) in enumerate(LAYERS, start=1)}
    parameters = {name: inputs[name][np.arange(np.prod(shape))].reshape(shape) for name, shape in shapes.items()}
    k = inputs["k"][rows[:, None] * WIDTHS[0] + np.arange(WIDTHS[0])]
    return outputs["logits"][rows[:, None] * WIDTHS[-1] + np.arange(WIDTHS[-1])], reference(size, k, **parameters)["logits"]


def work(size: Size, item_b: int) -> Work:
    """Count 2 operations per multiply-add, 8512 a sample; inputs, weights and logits moved once, as 64-bit integers."""
    weights = sum(fan_in * fan_out + fan_out for fan_in, fan_out in LAYERS)
    moved_b = 8 * (weights + (WIDTHS[0] + WIDTHS[-1]) * size.batch)
    flop = 2 * sum(fan_in * fan_out for fan_in, fan_out in LAYERS) * size.batch
    return Work(flop=flop, bytes=moved_b, memory_b=moved_b, events=size.batch, event="sample")


def nearby(size: Size, k: int) -> Size:
    """Return a batch a little larger, or a little smaller."""
    change = 1 + size.batch // 50
    return Size(size.batch + change if k == 0 else max(1, size.batch - change), size.bits)


WORKLOAD = Workload(
    version=1,
    title="Fixed-point inference, bit-exact, 16-64-32-32-5",
    inputs=inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=nearby,
    live=("k",),
    sizes={
        "XS": Size(16),
        "XS-bits4": Size(16, 4),
        "XS-bits16": Size(16, 16),
        "S": Size(1024),
        "S-bits4": Size(1024, 4),
        "S-bits16": Size(1024, 16),
        "M": Size(65536),
        "L": Size(1 << 22),
    },
    tolerance={"float64": 0.0},
    impls=(
        Impl("numpy", "fpga.tagger:blocked", "numpy"),
        Impl("torch", "fpga.inference_torch:eager", "torch", devices=("cpu", "gpu")),
    ),
    quick=("XS", "S"),
    quick_gpu=("M", "L"),
    full=("XS", "S", "M", "L"),
    notes=(
        "All arrays are 64-bit integers, whatever the dtype says; every logit must be equal to the last bit.",
        "Sums of products are below 2^24 with up to 9 bits and below 2^53 with 16: exact in float32 and float64, in any order.",
        "FLOP: multiply-adds of the matrix products only; rounding, overflow and ReLU are not counted.",
    ),
)
