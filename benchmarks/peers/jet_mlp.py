"""ml/jet_mlp by every engine of this machine beside ONNX Runtime: interleaved rounds, raw samples kept.

    OMP_NUM_THREADS=1 python benchmarks/peers/jet_mlp.py [--rounds 41] [--output reports/peers/jet-mlp.json]

Batch by batch, each round times every engine once, by the harness's clock, for some --least-s seconds; results are judged before
and after. Prints a table: microseconds per call, median (best), and how many times as fast as ONNX Runtime, median over rounds
(least to most). OMP_NUM_THREADS is the number of threads of every engine. Load averages are kept: quote no run on a busy machine.
"""  # fmt: skip

import argparse
import json
import os
import statistics
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ngtbench import workloads
from ngtbench.discover.machine import discover
from ngtbench.errors import Unavailable
from ngtbench.harness.prepare import Prepared, prepare
from ngtbench.model.case import Case, Resources

SIZES = ("XS", "S", "S-b1024", "M")
PEER = "onnx"


def main() -> None:
    """Run the rounds, print the table, keep the samples."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=41)
    words.add_argument("--least-s", type=float, default=0.01)
    words.add_argument("--output", type=Path)
    chosen = words.parse_args()
    if "OMP_NUM_THREADS" not in os.environ:
        words.error("OMP_NUM_THREADS is not set: libraries would take as many threads as there are")
    threads = int(os.environ["OMP_NUM_THREADS"])
    began, load = datetime.now(UTC).isoformat(timespec="seconds"), os.getloadavg()
    samples, variants = dict[str, dict[str, list[float]]](), dict[str, str | None]()
    for size in SIZES:  # not all at once: torch would look through the shapes it was compiled for at each call
        ready = engines(size, threads)
        samples[size] = rounds(ready, chosen.rounds, chosen.least_s)
        for one in ready.values():
            check(one, one.check(one.run()))
        variants = {name: one.variant for name, one in ready.items()}
    report: dict[str, Any] = {"cpu": discover().cpu.name, "threads": threads, "date": began}
    report |= {"load_before": load, "load_after": os.getloadavg(), "variants": variants, "wall_s": samples}
    show(report)
    if chosen.output:
        chosen.output.write_text(json.dumps(report, indent=1) + "\n")


def engines(size: str, threads: int) -> dict[str, Prepared]:
    """Return the implementations that run on the processor here, each with a right result; the others are said."""
    workload, found = workloads.load("ml/jet_mlp"), {}
    for impl in workload.impls:
        if impl.runs_on("cpu"):
            try:
                case = Case("ml/jet_mlp", workload.version, size, impl.name, "float32")
                found[impl.name] = prepare(case, Resources("cpu:0", threads, False), 1)
                check(found[impl.name], found[impl.name].verdict)
            except Unavailable as error:
                sys.stderr.write(f"{impl.name}: {error}\n")
    return found if PEER in found else sys.exit(f"without {PEER} there is nothing to compare with")


def check(one: Prepared, verdict: Any) -> None:
    """Stop where a result is wrong."""
    if not verdict.passed:
        sys.exit(f"{one.case.id}: {verdict.reason}")


def rounds(ready: dict[str, Prepared], count: int, least_s: float) -> dict[str, list[float]]:
    """Return seconds per call of each engine in each round; engines take turns at being first."""
    calls = {name: max(1, round(least_s / timed(one, 100))) for name, one in ready.items()}
    found: dict[str, list[float]] = {name: [] for name in ready}
    for turn in range(count):
        names = list(ready)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            found[name].append(timed(ready[name], calls[name]))
    return found


def timed(one: Prepared, calls: int) -> float:
    """Return seconds per call."""
    return one.backend.clock.time(one.run, calls).wall_s / calls


def show(report: dict[str, Any]) -> None:
    """Print a row per engine."""
    lines = [f"{report['cpu']}, {report['threads']} threads, {report['date']}, load {report['load_before'][0]:.1f} to "]
    lines[0] += f"{report['load_after'][0]:.1f}\n"
    sizes = workloads.load("ml/jet_mlp").sizes
    lines += ["| engine | " + " | ".join(f"batch {sizes[size].batch}" for size in SIZES) + " |", "|---" * (1 + len(SIZES)) + "|"]
    for name in report["variants"]:
        cells = [cell(report["wall_s"][size][name], report["wall_s"][size][PEER]) for size in SIZES]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    print("\n".join(lines))  # noqa: T201 - a script


def cell(ours: list[float], peers: list[float]) -> str:
    """Return time and ratio."""
    ratios = [peer / own for own, peer in zip(ours, peers, strict=True)]
    words = f"{statistics.median(ours) * 1e6:.3g} us ({min(ours) * 1e6:.3g})"
    return f"{words}, {statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
