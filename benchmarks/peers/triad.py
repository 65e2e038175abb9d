"""system/triad against a plain C OpenMP STREAM triad: same size, threads and binding, interleaved, medians of rounds.

    python benchmarks/peers/triad.py [--rounds 11] [--size M] [--dtype float64]

Prints JSON: seconds per triad of both in each round, and the ratio C over ours (1 or more: ours is as fast).
"""  # fmt: skip

import argparse
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from ngtbench import workloads
from ngtbench.discover.machine import discover
from ngtbench.harness.launch import Worker, environment
from ngtbench.model.case import Case, Resources

SOURCE = r"""
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
int main(int argc, char **argv) {
    const long n = atol(argv[1]), rounds = atol(argv[2]);
    REAL *a = malloc(n * sizeof(REAL)), *b = malloc(n * sizeof(REAL)), *c = malloc(n * sizeof(REAL));
    #pragma omp parallel for
    for (long i = 0; i < n; i++) { a[i] = 0; b[i] = 1; c[i] = 2; }
    for (long r = 0; r < rounds; r++) {
        const double start = omp_get_wtime();
        #pragma omp parallel for
        for (long i = 0; i < n; i++) a[i] = b[i] + (REAL)3 * c[i];
        printf("%.9f\n", omp_get_wtime() - start);
    }
    for (long i = 0; i < n; i++) if (a[i] != 7) return 1;
    return 0;
}
"""


def main() -> None:
    """Run the rounds and print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=11)
    words.add_argument("--size", default="M")
    words.add_argument("--dtype", default="float64")
    words.add_argument("--impl", default="numba")
    chosen = words.parse_args()
    workload = workloads.load("system/triad")
    n = workload.sizes[chosen.size].n
    cpu = discover().cpu
    threads = cpu.usable_threads
    case = Case("system/triad", workload.version, chosen.size, chosen.impl, chosen.dtype)
    with tempfile.TemporaryDirectory() as place:
        peer = compile_peer(Path(place), "double" if chosen.dtype == "float64" else "float")
        worker = Worker(threads, bind=True)
        rounds = [{"c_s": run_peer(peer, n, threads), "ours_s": run_ours(worker, case, threads)} for _ in range(chosen.rounds)]
        worker.close()
    ratios = [r["c_s"] / r["ours_s"] for r in rounds]
    report = {"cpu": cpu.name, "case": case.id, "threads": threads, "rounds": rounds}
    report |= {"ratio_median": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}
    print(json.dumps(report, indent=1))  # noqa: T201 - a script


def compile_peer(place: Path, real: str) -> Path:
    """Compile the peer with gcc -O3 -march=native -fopenmp."""
    (place / "stream.c").write_text(SOURCE)
    flags = ["-O3", "-march=native", "-fopenmp", f"-DREAL={real}"]
    subprocess.run(["gcc", *flags, str(place / "stream.c"), "-o", str(place / "stream")], check=True)
    return place / "stream"


def run_peer(peer: Path, n: int, threads: int) -> float:
    """Return the median seconds of 30 triads, the first five left out."""
    variables = os.environ | environment(threads, bind=True)
    ended = subprocess.run([str(peer), str(n), "30"], env=variables, capture_output=True, text=True, check=True)
    return statistics.median([float(line) for line in ended.stdout.split()][5:])


def run_ours(worker: Worker, case: Case, threads: int) -> float:
    """Return the harness's median seconds per call."""
    resources = Resources("cpu:0", threads, True)
    asked = {"case": dataclasses.asdict(case), "resources": dataclasses.asdict(resources), "seed": 1, "workloads": None}
    answer = worker.ask({"do": "prepare", **asked}, 300)
    if "prepared" in answer:
        answer = worker.ask({"do": "measure", "budget_s": 2.0}, 300)
    outcome = answer["outcome"]
    if outcome["status"] != "done":
        sys.exit(f"{case.id}: {outcome['status']}: {outcome['reason']}")
    return statistics.median(outcome["measurement"]["series"]["wall_s"])


if __name__ == "__main__":
    main()
