"""Finding common subexpressions of a constant matrix: throughput of the search, and the cost of the graph it finds."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Workload

LOW, HIGH = -128, 127  # of every input
_RECORD_B = 32


@dataclass(frozen=True)
class Size:
    """A layer of Gaussian weights, scaled to their bits, the smallest pruned."""

    n_in: int
    n_out: int
    bits: int
    sparsity: float


def inputs(size: Size, seed: int) -> Inputs:
    """Return the integer matrix (n_in, n_out)."""
    k = np.random.default_rng(seed).normal(size=(size.n_in, size.n_out))
    k[np.abs(k) < np.quantile(np.abs(k), size.sparsity)] = 0.0
    return {"matrix": np.rint(k / np.abs(k).max() * (2 ** (size.bits - 1) - 1)).astype(np.int64)}


def invariants(size: Size, given: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Run the graph on the unit vectors, count its cost again, and bound it by that of summing digits one by one.

    A step (left, right, shift, sign) is node[left] + sign node[right] 2^shift; an output (node, shift, sign); node -1 is zero.
    """
    matrix = given["matrix"][np.arange(size.n_in * size.n_out)].reshape(size.n_in, size.n_out)
    steps, ends, cost = (outputs[name].whole() for name in ("steps", "outputs", "cost"))
    if not _well_formed(size, steps, ends, cost):
        return {"well_formed": (np.nan, 0.0)}
    nodes = list(np.eye(size.n_in))
    spans = [(float(LOW), float(HIGH))] * size.n_in
    counted = 0
    for left, right, shift, sign in steps.tolist():
        nodes.append(nodes[left] + sign * nodes[right] * 2.0**shift)
        reach = sorted(sign * end * 2.0**shift for end in spans[right])
        counted += max(_bits(spans[left]) - shift, _bits(spans[right]), 1)
        spans.append((spans[left][0] + reach[0], spans[left][1] + reach[1]))
    made = np.array(
        [sign * nodes[node] * 2.0**shift if node >= 0 else np.zeros(size.n_in) for node, shift, sign in ends.tolist()]
    )
    return {
        "wrong_coefficients": (float(np.count_nonzero(matrix != made.T)), 0.0),
        "cost_miscounted": (float(cost[0] - counted), 0.0),
        "over_unshared": (max(float(cost[0]) / unshared(matrix) - 1, 0.0), 0.0),
    }


def unshared(matrix: Array) -> float:
    """Return an upper bound of the cost of summing all signed digits one by one: every adder as wide as the widest sum."""
    digits = sum(max(_digits(value) - 1, 0) for value in matrix.ravel().tolist())
    sums = sum(max(int(np.count_nonzero(column)) - 1, 0) for column in matrix.T)
    widest = max(_bits((LOW * size, -LOW * size)) for size in np.abs(matrix).sum(axis=0).tolist())
    return float(max((digits + sums) * widest, 1))


def work(size: Size, item_b: int) -> Work:
    """Count weights."""
    weights = size.n_in * size.n_out
    return Work(flop=0, bytes=0, memory_b=_RECORD_B * weights * size.bits, events=weights, event="weight")


def nearby(size: Size, k: int) -> Size:
    """Return an output less, or an input."""
    return Size(size.n_in - k, size.n_out - 1 + k, size.bits, size.sparsity)


def _well_formed(size: Size, steps: Array, ends: Array, cost: Array) -> bool:
    """Tell whether these are integers that name earlier nodes, shifts and signs only."""
    if steps.ndim != 2 or steps.shape[1] != 4 or ends.shape != (size.n_out, 3) or cost.shape != (1,):
        return False
    if any(array.dtype.kind != "i" for array in (steps, ends, cost)):
        return False
    before = np.arange(len(steps)) + size.n_in
    left, right, shift, sign = steps.T
    node, moved, turned = ends.T
    return bool(
        np.all(
            (left >= 0) & (left < before) & (right >= 0) & (right < before) & (shift >= 0) & (shift < 64) & (np.abs(sign) == 1)
        )
        and np.all((node >= -1) & (node < size.n_in + len(steps)) & (moved >= 0) & (moved < 64) & (np.abs(turned) == 1))
    )


def _bits(span: tuple[float, float]) -> int:
    """Return the bits of a two's complement number in a range, no sign where none is needed."""
    low, high = int(span[0]), int(span[1])
    bits = 0
    while not (-(2**bits) <= low and high < 2**bits):
        bits += 1
    return bits + (low < 0)


def _digits(value: int) -> int:
    """Return the signed digits of a number: an odd one is brought to a multiple of four."""
    count = 0
    while value:
        if value % 2:
            count += 1
            value -= 2 - value % 4
        value //= 2
    return count


WORKLOAD = Workload(
    version=1,
    title="Adder graph of a constant matrix",
    inputs=inputs,
    invariants=invariants,
    work=work,
    nearby=nearby,
    repeat="trials",
    sizes={
        "XS": Size(16, 32, 6, 0.5),
        "S": Size(64, 32, 6, 0.5),
        "S-3bit": Size(64, 64, 3, 0.2),
        "M": Size(64, 64, 8, 0.0),
        "L": Size(128, 128, 8, 0.5),
    },
    tolerance={"float64": 0.0},
    metrics=(Metric("wall_s"), Metric("cost_ratio")),
    impls=(
        Impl("numpy", "fpga.adder_graph_trial:shared", "numpy"),
        Impl("da4ml", "fpga.adder_graph_da4ml:shared", "numpy", needs=("da4ml",)),
    ),
    quick=("S", "M"),
    quick_gpu=(),
    notes=(
        "Inputs of 8 bits, signed. cost_ratio: bits in which adders add, over digits summed one by one in full width.",
        "da4ml searches a decomposition of the matrix, too, with its defaults; its two stages are joined to one graph.",
    ),
)
