"""ml/jet_mlp by every engine of this machine beside ONNX Runtime: interleaved rounds, raw samples kept.

    OMP_NUM_THREADS=1 python benchmarks/peers/jet_mlp.py [--rounds 41] [--output reports/peers/jet-mlp.json]

Batch by batch, each round times every engine once, by the harness's clock, for some --least-s seconds; results are judged before
and after. Prints a table: microseconds per call, median (best), and how many times as fast as ONNX Runtime, median over rounds
(least to most). OMP_NUM_THREADS is the number of threads of every engine. Load averages are kept: quote no run on a busy machine.
"""  # fmt: skip

import argparse
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from networks import PEER, cell, check, engines, rounds

from ngtbench import workloads
from ngtbench.discover.machine import discover

SIZES = ("XS", "S", "S-b1024", "M")


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
        ready = engines("jet_mlp", size, threads)
        samples[size] = rounds(ready, chosen.rounds, chosen.least_s, guess=100)
        for one in ready.values():
            check(one, one.check(one.run()))
        variants = {name: one.variant for name, one in ready.items()}
    report: dict[str, Any] = {"cpu": discover().cpu.name, "threads": threads, "date": began}
    report |= {"load_before": load, "load_after": os.getloadavg(), "variants": variants, "wall_s": samples}
    show(report)
    if chosen.output:
        chosen.output.write_text(json.dumps(report, indent=1) + "\n")


def show(report: dict[str, Any]) -> None:
    """Print a row per engine."""
    lines = [f"{report['cpu']}, {report['threads']} threads, {report['date']}, load {report['load_before'][0]:.1f} to "]
    lines[0] += f"{report['load_after'][0]:.1f}\n"
    sizes = workloads.load("ml/jet_mlp").sizes
    lines += ["| engine | " + " | ".join(f"batch {sizes[size].batch}" for size in SIZES) + " |", "|---" * (1 + len(SIZES)) + "|"]
    for name in report["variants"]:
        cells = [cell(report["wall_s"][size][name], report["wall_s"][size][PEER], "us") for size in SIZES]
        lines.append(f"| `{name}` | {' | '.join(cells)} |")
    print("\n".join(lines))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
