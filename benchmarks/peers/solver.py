"""Even-odd CG of lattice/solve S-16: iterations, time per source, the share that is not the operator; interleaved rounds.

    OMP_NUM_THREADS=1 python benchmarks/peers/solver.py [--rounds 10] [--output FILE]

The operator's time is that of two products with Mhat an iteration, timed by themselves in the same round; what fusing saves and
BLAS-1, packing, unpacking and reconstruction cost is the rest. OMP_NUM_THREADS is the number of threads.
"""  # fmt: skip

import argparse
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from ngtbench.discover.machine import discover
from ngtbench.kernels.lattice.solve_traced import Solver
from ngtbench.physics import lattice
from ngtbench.workloads.lattice.solve import WORKLOAD

METHODS = {"cg": "complex128", "cg-mixed": "complex128", "bicgstab": "complex128", "cg float32": "complex64"}


def main() -> None:
    """Run the rounds and print a table."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--output", type=Path)
    chosen = words.parse_args()
    threads, size = int(os.environ.get("OMP_NUM_THREADS", "1")), WORKLOAD.sizes["S-16"]
    links, source = lattice.formula_links(size.shape, size.eps), lattice.formula_spinor(size.shape)[None]
    cases: dict[str, Any] = {}
    for name, dtype in METHODS.items():
        solver = Solver("native", threads, links.astype(dtype), size.boundary, size.kappa, size.csw, name.partition(" ")[0], 1)
        half = solver.method.inner if name == "cg-mixed" else solver._half
        product = half.apply(half.empty(), half.empty())
        cases[name] = (solver, source.astype(dtype), 1e-8 if dtype == "complex128" else 1e-5, product)
    samples: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
    for _ in range(chosen.rounds):
        for name, (solver, b, tolerance, product) in cases.items():
            samples[name].append(once(solver, b, tolerance, product))
    report = {"cpu": discover().cpu.name, "threads": threads, "case": "lattice/solve S-16", "samples": samples}
    if chosen.output:
        chosen.output.write_text(json.dumps(report, indent=1) + "\n")
    lines = [
        "| method | iterations | true residual | s per source, median (best) | outside the operator |",
        "|---|---|---|---|---|",
    ]
    for name, rounds in samples.items():
        wall = [one["wall_s"] for one in rounds]
        outside = statistics.median(1 - one["operator_s"] / one["wall_s"] for one in rounds)
        first = rounds[0]
        times = f"{statistics.median(wall):.3f} ({min(wall):.3f})"
        lines.append(f"| {name} | {first['iterations']:.0f} | {first['true_residual']:.2e} | {times} | {outside:.1%} |")
    print(f"{report['cpu']}, {threads} threads\n" + "\n".join(lines))  # noqa: T201 - a script


def once(solver: Solver, b: Any, tolerance: float, product: Any) -> dict[str, float]:
    """Return the seconds of one solve, and of as many products with Mhat, applied by themselves."""
    start = time.perf_counter()
    x, found = solver.solve(b, tolerance)
    wall_s = time.perf_counter() - start
    count = 2 * int(found.iterations.max())
    start = time.perf_counter()
    for _ in range(count):
        for half in product:
            half()
    operator_s = time.perf_counter() - start
    residual = float(np.max(solver.residual(x, b)))
    return {"wall_s": wall_s, "operator_s": operator_s, "iterations": float(count // 2), "true_residual": residual}


if __name__ == "__main__":
    main()
