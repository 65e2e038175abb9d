"""Lattice operators against the limits of the same run: FMA peak, triad, the array form; interleaved rounds, raw samples kept.

    OMP_NUM_THREADS=1 python benchmarks/peers/lattice.py [--rounds 12] [--output FILE] [--only GLOB ...]

Each round times every case once, for at least --least-s seconds; every result is validated before. Prints a table per dtype:
GFLOP/s by 1320 (570, 1872) FLOP a site, share of the FMA peak, and share of triad by the least traffic (120 reals a site) and
without reuse of neighbours (360). OMP_NUM_THREADS is the number of threads, also of the limits.
"""  # fmt: skip

import argparse
import fnmatch
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ngtbench import workloads
from ngtbench.discover.machine import discover
from ngtbench.errors import Unavailable, WorkloadError
from ngtbench.harness.prepare import Prepared, prepare
from ngtbench.model.case import Case, Resources

LIMITS = ("system/fma S-core1 native", "system/fma S native", "system/triad M native")
CASES = (
    "lattice/wilson_dslash S native", "lattice/wilson_dslash S native-12", "lattice/wilson_dslash S native-8",
    "lattice/wilson_dslash S numpy", "lattice/wilson_dslash S-eo native", "lattice/wilson_dslash S-rhs4 native",
    "lattice/wilson_dslash S-rhs12 native", "lattice/wilson_dslash S-16 native", "lattice/wilson_dslash S-16 native-12",
    "lattice/wilson_dslash S-16 numpy", "lattice/wilson_dslash S-16eo native", "lattice/wilson_dslash S-16eo native-12",
    "lattice/wilson_dslash S-16rhs12 native", "lattice/wilson_dslash S-16rhs12 native-12", "lattice/wilson_dslash M native",
    "lattice/wilson_dslash M-rhs12 native", "lattice/wilson_dslash S native-half", "lattice/clover_dslash S native",
    "lattice/clover_dslash S-16 native", "lattice/staggered_dslash S native", "lattice/staggered_dslash S-16 native",
)  # fmt: skip
NO_REUSE = {"lattice/wilson_dslash": 360, "lattice/clover_dslash": 432, "lattice/staggered_dslash": 198}


def main() -> None:
    """Run the rounds, print the tables, keep the samples."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=12)
    words.add_argument("--least-s", type=float, default=0.02)
    words.add_argument("--output", type=Path)
    words.add_argument("--only", nargs="*", default=["*"])
    words.add_argument("--dtypes", nargs="*", default=["float32", "float64"])
    chosen = words.parse_args()
    threads = int(os.environ.get("OMP_NUM_THREADS", "1"))
    report: dict[str, Any] = {"cpu": discover().cpu.name, "threads": threads, "dtypes": {}}
    for dtype in chosen.dtypes:
        names = [name for name in CASES if any(fnmatch.fnmatch(name, glob) for glob in chosen.only)]
        ready = {name: made for name in (*LIMITS, *names) if (made := made_ready(name, dtype, threads)) is not None}
        samples = rounds({name: made.run for name, made in ready.items()}, chosen.rounds, chosen.least_s)
        report["dtypes"][dtype] = {"wall_s": samples, "variants": {name: made.variant for name, made in ready.items()}}
        show(dtype, threads, ready, samples)
    if chosen.output:
        chosen.output.write_text(json.dumps(report, indent=1) + "\n")


def made_ready(name: str, dtype: str, threads: int) -> Prepared | None:
    """Return a validated case; None, and a line why, where it cannot run or is wrong."""
    workload, size, impl = name.split()
    (declared,) = (one for one in workloads.load(workload).impls if one.name == impl)
    if declared.dtypes and dtype not in declared.dtypes:
        return None
    try:
        case = Case(workload, workloads.load(workload).version, size, impl, dtype)
        ready = prepare(case, Resources("cpu:0", threads, False), 1)
    except (Unavailable, WorkloadError) as error:
        sys.stderr.write(f"{name} {dtype}: {error}\n")
        return None
    if not ready.verdict.passed:
        sys.exit(f"{name} {dtype}: {ready.verdict.reason}")
    return ready


def rounds(runs: dict[str, Callable[[], Any]], count: int, least_s: float) -> dict[str, list[float]]:
    """Return seconds per call of each run in each round, one round of all after another."""
    calls = {name: max(1, round(least_s / timed(run, 1))) for name, run in runs.items()}
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(count):
        for name, run in runs.items():
            found[name].append(timed(run, calls[name]))
    return found


def timed(run: Callable[[], Any], calls: int) -> float:
    """Return seconds per call."""
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return (time.perf_counter() - start) / calls


def show(dtype: str, threads: int, ready: dict[str, Prepared], samples: dict[str, list[float]]) -> None:
    """Print medians, bests and shares."""
    item_b = 4 if dtype == "float32" else 8
    peak = max(ready[name].work.flop / statistics.median(samples[name]) for name in LIMITS[:2] if name in ready)
    triad = ready[LIMITS[2]].work.bytes / statistics.median(samples[LIMITS[2]])
    noise = max(statistics.median(wall) / min(wall) for wall in samples.values())
    head = f"{threads} threads: FMA {peak / 1e9:.1f} GFLOP/s, triad {triad / 1e9:.1f} GB/s; median over best <= {noise:.2f}"
    lines = [f"\n{dtype}, {head}", "| case | GFLOP/s median (best) | of FMA peak | of triad, least bytes | of triad, no reuse |"]
    lines.append("|---|---|---|---|---|")
    for name, wall in samples.items():
        if name in LIMITS:
            continue
        work, median_s = ready[name].work, statistics.median(wall)
        loose = NO_REUSE[name.split()[0]] * item_b * work.events / median_s / triad
        rates = f"{work.flop / median_s / 1e9:.1f} ({work.flop / min(wall) / 1e9:.1f}) | {work.flop / median_s / peak:.1%}"
        lines.append(f"| {name} | {rates} | {work.bytes / median_s / triad:.1%} | {loose:.1%} |")
    print("\n".join(lines))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
