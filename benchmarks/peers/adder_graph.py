"""The adder graph of constant matrices, against da4ml's: cost, and time; and the time of a sweep of estimates.

    python benchmarks/peers/adder_graph.py [--layers 20] [--seed 1]
    python benchmarks/peers/adder_graph.py --calibrate

Layers are of 16x32 to 64x64 Gaussian weights, 3 to 8 bits, sparsity 0 to 0.8, for inputs of 8 bits; da4ml with its defaults and
adders counted by bits. Prints JSON: per layer cost over da4ml's and seconds of processor; medians; seconds that estimates of
EBOPs, DSP and LUT of a thousand candidates of the layer take, and how often that fits into a thousand runs of da4ml.
--calibrate prints rows of the set "graphs" of `ngtbench/kernels/fpga/calibration.json` instead, and needs no da4ml.
"""  # fmt: skip

import argparse
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np

from ngtbench.kernels.fpga import adder_graph, counts
from ngtbench.kernels.fpga.sweep import sweep
from ngtbench.model.workload import Array

SHAPES = ((16, 32), (32, 32), (64, 32), (16, 64), (32, 64), (64, 64))
CANDIDATES = 1000


def main() -> None:
    """Compare, or calibrate, and print."""
    words = argparse.ArgumentParser()
    words.add_argument("--layers", type=int, default=20)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--calibrate", action="store_true")
    chosen = words.parse_args()
    report = calibrated(3) if chosen.calibrate else compared(chosen.layers, chosen.seed)
    print(json.dumps(report, indent=1))  # noqa: T201 - a script


def compared(layers: int, seed: int) -> dict[str, object]:
    """Return the figures of each layer, and together."""
    from ngtbench.kernels.fpga.adder_graph_da4ml import found

    random = np.random.default_rng(seed)
    rows = []
    for _ in range(layers):
        (n_in, n_out), bits = SHAPES[random.integers(len(SHAPES))], int(random.integers(3, 9))
        sparsity = float(random.uniform(0, 0.8))
        k = layer(random, n_in, n_out, bits, sparsity)
        many = np.array([random.permuted(k) for _ in range(CANDIDATES)])
        ours, ours_s = timed(partial(adder_graph, k, -128, 127))
        theirs, theirs_s = timed(partial(found, k, -128, 127))
        _, sweep_s = timed(partial(sweep, many, weight_bits=bits, input_bits=8))
        rows.append(
            {
                "shape": [n_in, n_out],
                "bits": bits,
                "sparsity": round(sparsity, 2),
                "cost": ours.cost,
                "cost_over_da4ml": ours.cost / theirs.cost,
                "depth": [ours.longest, theirs.longest],
                "cpu_s": [ours_s, theirs_s],
                "sweep_cpu_s": sweep_s,
                "sweep_faster": CANDIDATES * theirs_s / sweep_s,
            }
        )
    ratios = [row["cost_over_da4ml"] for row in rows]
    return {
        "versions": {name: version(name) for name in ("da4ml", "numpy")},
        "layers": rows,
        "cost_over_da4ml": {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)},
        "faster": statistics.median(row["cpu_s"][1] / row["cpu_s"][0] for row in rows),
        "sweep_faster_least": min(row["sweep_faster"] for row in rows),
    }


def calibrated(seed: int) -> list[list[object]]:
    """Return rows of counts and cost."""
    random, rows = np.random.default_rng(seed), list[list[object]]()
    while len(rows) < 76:
        n_in, n_out = int(random.choice([8, 16, 32, 64, 100])), int(random.choice([5, 16, 32, 64]))
        bits, input_bits = int(random.integers(3, 9)), int(random.integers(4, 13))
        if n_in * n_out * bits > 18000:
            continue
        k = layer(random, n_in, n_out, bits, float(random.choice([0, 0.3, 0.5, 0.8])))
        of = counts(k, weight_bits=bits, input_bits=input_bits)
        cost = adder_graph(k, -(2 ** (input_bits - 1)), 2 ** (input_bits - 1) - 1).cost
        rows.append([n_in, n_out, of.nnz, of.csd_digits_total, bits, input_bits, cost])
    return rows


def layer(random: np.random.Generator, n_in: int, n_out: int, bits: int, sparsity: float) -> Array:
    """Return integer weights."""
    k = random.normal(size=(n_in, n_out))
    k[np.abs(k) < np.quantile(np.abs(k), sparsity)] = 0.0
    return np.asarray(np.rint(k / np.abs(k).max() * (2 ** (bits - 1) - 1)), np.int64)


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """Return what a function gives, and the seconds of processor it took."""
    start = time.process_time()
    result = run()
    return result, time.process_time() - start


if __name__ == "__main__":
    main()
