"""system/gemm against numpy.dot under timeit: same size, threads and binding, interleaved, medians of rounds.

    python benchmarks/peers/gemm.py [--rounds 11] [--size S] [--dtype float32] [--impl numpy]

Prints JSON with the ratio of timeit's time over the harness's (0.9 or more is asked for).
"""  # fmt: skip

import argparse
import json
import os
import statistics
import subprocess
import sys

from triad import run_ours

from ngtbench import workloads
from ngtbench.discover.machine import discover
from ngtbench.harness.launch import Worker, environment
from ngtbench.model.case import Case

PEER = """
import statistics, timeit, numpy as np
rng = np.random.default_rng(1)
a, b = (rng.uniform(-1, 1, ({n}, {n})).astype("{dtype}") for _ in "ab")
np.dot(a, b)
print(statistics.median(timeit.repeat(lambda: np.dot(a, b), number=1, repeat=7)))
"""


def main() -> None:
    """Run the rounds and print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=11)
    words.add_argument("--size", default="S")
    words.add_argument("--dtype", default="float32")
    words.add_argument("--impl", default="numpy")
    chosen = words.parse_args()
    workload = workloads.load("system/gemm")
    n, cpu = workload.sizes[chosen.size].n, discover().cpu
    threads = cpu.usable_threads
    case = Case("system/gemm", workload.version, chosen.size, chosen.impl, chosen.dtype)
    worker = Worker(threads, bind=True)
    rounds = [{"dot_s": dot(n, chosen.dtype, threads), "ours_s": run_ours(worker, case, threads)} for _ in range(chosen.rounds)]
    worker.close()
    ratios = [r["dot_s"] / r["ours_s"] for r in rounds]
    report = {"cpu": cpu.name, "case": case.id, "threads": threads, "rounds": rounds}
    report |= {"ratio_median": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}
    print(json.dumps(report, indent=1))  # noqa: T201 - a script


def dot(n: int, dtype: str, threads: int) -> float:
    """Return timeit's median seconds for numpy.dot in a process of its own."""
    program = PEER.format(n=n, dtype=dtype)
    variables = os.environ | environment(threads, bind=True)
    ended = subprocess.run([sys.executable, "-c", program], env=variables, capture_output=True, text=True, check=True)
    return float(ended.stdout)


if __name__ == "__main__":
    main()
