"""Networks by every engine of this machine beside ONNX Runtime: interleaved rounds, raw samples kept.

    OMP_NUM_THREADS=1 python benchmarks/peers/networks.py deepsets part [--size S ...] [--rounds 15] [--output reports/peers/networks.json]

Names are those of ml/* whose sizes are batches of a task; sizes that a network lacks are left out. Network by network and size by
size, each round times every engine once, by the harness's clock, for some --least-s seconds; results are judged before and
after. Prints a table: milliseconds per call, median (best), and how many times as fast as ONNX Runtime, median over rounds (least
to most). OMP_NUM_THREADS is the number of threads of every engine. Load averages are kept: quote no run on a busy machine.
"""  # fmt: skip  # noqa: E501 - the command

import argparse
import json
import os
import statistics
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ngtbench import workloads
from ngtbench.discover.machine import discover
from ngtbench.errors import Unavailable
from ngtbench.harness.prepare import Prepared, prepare
from ngtbench.model.case import Case, Resources

PEER = "onnx"
PACKAGES = ("torch", "onnxruntime", "onnxscript", "numpy")
Samples = dict[str, dict[str, list[float]]]  # of a case, then of an engine: seconds per call


def main() -> None:
    """Run the rounds, print the table, keep the samples."""
    words = argparse.ArgumentParser()
    words.add_argument("networks", nargs="+", help="of ml/: deepsets, part, ...")
    words.add_argument("--size", action="append", help="S and S-part unless given; again for another")
    words.add_argument("--rounds", type=int, default=15)
    words.add_argument("--least-s", type=float, default=0.1)
    words.add_argument("--output", type=Path)
    chosen = words.parse_args()
    if "OMP_NUM_THREADS" not in os.environ:
        words.error("OMP_NUM_THREADS is not set: libraries would take as many threads as there are")
    threads = int(os.environ["OMP_NUM_THREADS"])
    report: dict[str, Any] = {"cpu": discover().cpu.name, "threads": threads, "versions": versions()}
    report |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": os.getloadavg(), "batch": {}, "wall_s": {}}
    for network in chosen.networks:
        sizes = workloads.load(f"ml/{network}").sizes
        for size in (size for size in chosen.size or ("S", "S-part") if size in sizes):
            ready = engines(network, size, threads)
            report["batch"][f"{network}/{size}"] = getattr(sizes[size], "batch")  # noqa: B009 - Any network's
            report["wall_s"][f"{network}/{size}"] = rounds(ready, chosen.rounds, chosen.least_s)
            for one in ready.values():
                check(one, one.check(one.run()))
    report["load_after"] = os.getloadavg()
    show(report)
    if chosen.output:
        chosen.output.write_text(json.dumps(report, indent=1) + "\n")


def versions() -> dict[str, str]:
    """Return the versions of the packages there are."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def engines(network: str, size: str, threads: int) -> dict[str, Prepared]:
    """Return the implementations that run on the processor here, each with a right result; the others are said."""
    workload, found = workloads.load(f"ml/{network}"), {}
    for impl in workload.impls:
        if impl.runs_on("cpu"):
            try:
                case = Case(f"ml/{network}", workload.version, size, impl.name, "float32")
                found[impl.name] = prepare(case, Resources("cpu:0", threads, False), 1)
                check(found[impl.name], found[impl.name].verdict)
            except Unavailable as error:
                sys.stderr.write(f"{impl.name}: {error}\n")
    return found if PEER in found else sys.exit(f"without {PEER} there is nothing to compare with")


def check(one: Prepared, verdict: Any) -> None:
    """Stop where a result is wrong."""
    if not verdict.passed:
        sys.exit(f"{one.case.id}: {verdict.reason}")


def rounds(ready: dict[str, Prepared], count: int, least_s: float, guess: int = 3) -> dict[str, list[float]]:
    """Return seconds per call of each engine in each round; engines take turns at being first.

    How many calls that takes is guessed from so many.
    """
    calls = {name: max(1, round(least_s / timed(one, guess))) for name, one in ready.items()}
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
    """Print a row per engine and a column per case."""
    lines = [f"{report['cpu']}, {report['threads']} threads, {report['date']}, load {report['load_before'][0]:.1f} to "]
    lines[0] += f"{report['load_after'][0]:.1f}; " + ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    samples: Samples = report["wall_s"]
    heads = [f"{case}, batch {report['batch'][case]}" for case in samples]
    lines += ["", "| engine | " + " | ".join(heads) + " |", "|---" * (1 + len(samples)) + "|"]
    for name in dict.fromkeys(name for found in samples.values() for name in found):
        cells = [cell(found[name], found[PEER]) if name in found else "" for found in samples.values()]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    print("\n".join(lines))  # noqa: T201 - a script


def cell(ours: list[float], peers: list[float], unit: str = "ms") -> str:
    """Return time and ratio."""
    ratios = [peer / own for own, peer in zip(ours, peers, strict=True)]
    scale = {"ms": 1e3, "us": 1e6}[unit]
    words = f"{statistics.median(ours) * scale:.3g} {unit} ({min(ours) * scale:.3g})"
    return f"{words}, {statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"


if __name__ == "__main__":
    main()
