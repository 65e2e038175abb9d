"""Estimates of many candidates of the 16-64-32-32-5 jet tagger, as a search over pruned networks asks for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload

WIDTHS = (16, 64, 32, 32, 5)
LAYERS = tuple(pairwise(WIDTHS))
WEIGHTS = sum(n_in * n_out for n_in, n_out in LAYERS)
BITS = 8
FIT = (20.5, 1.9, 11.9, 63.1)  # LUT per weight, more of it unrolled, per waiting product, per multiplier
_SAMPLED = 8


@dataclass(frozen=True)
class Size:
    """How many candidates, and the reuse factor of their layers."""

    candidates: int
    reuse_factor: int


def inputs(size: Size, seed: int) -> Inputs:
    """Return weights (candidates, 4256), the size below which a candidate's weights are pruned, and LUT per what is counted."""
    return {
        "weights": Uniform((size.candidates, WEIGHTS), seed, 0),
        "pruned": Uniform((size.candidates,), seed, 1, 0.0, 0.9),
        "fit": np.array(FIT),
    }


def reference(size: Size, weights: Array, pruned: Array, fit: Array) -> dict[str, Array]:
    """Return effective bit operations, DSP and LUT (candidates, layers) in Latency strategy, multipliers in DSP.

    Weights are rounded to the nearest of 8 bits, ties to even, and cut to the largest; the digits are found by division.
    """
    k = np.clip(np.rint(weights * 2 ** (BITS - 1)), -(2 ** (BITS - 1)), 2 ** (BITS - 1) - 1).astype(np.int64)
    k[np.abs(weights) < pruned[:, None]] = 0
    made = {name: np.empty((len(k), len(LAYERS))) for name in ("ebops", "dsp", "lut")}
    digits, spans = _tables()
    start = 0
    for layer, (n_in, n_out) in enumerate(LAYERS):
        stack = k[:, start : start + n_in * n_out].reshape(-1, n_in, n_out)
        start += n_in * n_out
        for place, one in enumerate(stack):
            heavy = {(i, value) for i, row in enumerate(one.tolist()) for value in row if digits[value] >= 3}
            nnz, size_in = int(np.count_nonzero(one)), n_in * n_out
            limit = -(-size_in // size.reuse_factor) - (size_in - nnz) // size.reuse_factor
            mine = min(len(heavy), limit)
            per = fit[0] + (fit[1] if size.reuse_factor == 1 else 0)
            made["ebops"][place, layer] = BITS * sum(spans[value] for value in one.ravel().tolist())
            made["dsp"][place, layer] = mine
            made["lut"][place, layer] = per * nnz + fit[2] * (len(heavy) - mine)
    return made


def spot(size: Size, given: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Compare all figures of eight candidates, each over its size."""
    chosen = np.unique(np.linspace(0, size.candidates - 1, _SAMPLED).astype(np.int64))
    weights = given["weights"][(chosen[:, None] * WEIGHTS + np.arange(WEIGHTS)).ravel()].reshape(-1, WEIGHTS)
    want = reference(size, weights, given["pruned"][chosen], given["fit"][np.arange(len(FIT))])
    at = (chosen[:, None] * len(LAYERS) + np.arange(len(LAYERS))).ravel()
    scale = {name: np.sqrt(np.mean(array**2)) for name, array in want.items()}
    got = np.concatenate([outputs[name][at] / scale[name] for name in want])
    return got, np.concatenate([array.ravel() / scale[name] for name, array in want.items()])


def work(size: Size, item_b: int) -> Work:
    """Count candidates; each weight is read once."""
    moved_b = item_b * size.candidates * WEIGHTS
    return Work(flop=0, bytes=moved_b, memory_b=moved_b, events=size.candidates, event="network")


def nearby(size: Size, k: int) -> Size:
    """Return a few candidates less."""
    return Size(max(1, size.candidates - 1 - (k + 1) * size.candidates // 50), size.reuse_factor)


def _tables() -> tuple[dict[int, int], dict[int, int]]:
    """Return signed digits and span of each 8-bit value: the digit of an odd value is what makes it divisible by four."""
    digits, spans = dict[int, int](), dict[int, int]()
    for value in range(-(2 ** (BITS - 1)), 2 ** (BITS - 1)):
        rest, count, places = value, 0, list[int]()
        while rest:
            if rest % 2:
                count += 1
                rest -= 2 - rest % 4
            rest //= 2
        digits[value] = count
        places = [place for place in range(BITS) if abs(value) >> place & 1]
        spans[value] = places[-1] - places[0] + 1 if places else 0
    return digits, spans


WORKLOAD = Workload(
    version=1,
    title="FPGA estimates of 16-64-32-32-5 candidates",
    inputs=inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=nearby,
    live=("weights", "pruned"),
    sizes={"XS": Size(4, 1), "S": Size(64, 1), "S-rf4": Size(64, 4), "M": Size(1000, 1), "L": Size(10000, 1)},
    tolerance={"float64": 1e-12},
    impls=(Impl("numpy", "fpga.sweep:estimates", "numpy"),),
    quick=("S", "M"),
    quick_gpu=(),
    notes=(
        "8-bit weights and inputs, Latency strategy, multipliers in DSP; pruned up to 90 %, each candidate elsewhere.",
        "LUT per weight, waiting product and multiplier are inputs, near those that the package is calibrated to.",
    ),
)
