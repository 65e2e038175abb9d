"""system/triad, fma, cache and memory against loops written by hand in C: same process and threads, in turn, medians of rounds.

    OMP_PROC_BIND=true OMP_PLACES=cores python benchmarks/peers/limits.py [--rounds 15] [--threads 2] [--output limits.json]

Peers are compiled by the same compiler: a triad with streaming stores on 2 MB pages, 16 chains of multiply-adds in intrinsics,
8 sums over a set, a pointer chase. A round calls each side five times in turn, and its figure is the fastest: others use the same
processors. Prints medians over rounds; `--output` keeps every call. x86-64 with AVX-512 only, for the peers are written for it.
"""  # fmt: skip

import argparse
import ctypes
import json
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ngtbench.codegen import compiler
from ngtbench.harness.prepare import Stopwatch, prepare
from ngtbench.model.case import Case, Resources

CALLS = 5  # of a round
SOURCE = Path(__file__).with_name("limits.c")
Timed = Callable[[], float]


def main() -> None:
    """Run the rounds and print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=15)
    words.add_argument("--threads", type=int, default=2)
    words.add_argument("--output")
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as place:
        peer = compiled(Path(place))
        report = [
            {"case": name} | compared(ours(name, chosen.threads), theirs, chosen.rounds)
            for name, theirs in peers(peer, chosen.threads).items()
        ]
    for one in report:
        shown = {key: value for key, value in one.items() if not isinstance(value, list)}
        print(json.dumps(shown))  # noqa: T201 - a script
    if chosen.output:
        host = compiler.find().description
        Path(chosen.output).write_text(json.dumps({"compiler": host, "threads": chosen.threads, "cases": report}, indent=1))


def compiled(place: Path) -> ctypes.CDLL:
    """Compile the peers with -O3 -march=native -fopenmp."""
    made = place / "limits.so"
    flags = ["-O3", "-march=native", "-fopenmp", "-fPIC", "-shared"]
    subprocess.run([compiler.find().path, "-x", "c++", *flags, str(SOURCE), "-o", str(made)], check=True)
    peer = ctypes.CDLL(str(made))
    for name in ("triad_d", "triad_f", "fma_d", "fma_f", "sweep", "chase"):
        getattr(peer, name).restype = ctypes.c_double
    return peer


def peers(peer: ctypes.CDLL, threads: int) -> dict[str, Timed]:
    """Return for each case what makes and times the peer's like: seconds by its own clock."""
    long = ctypes.c_long

    def of(name: str, count: int, repeats: int, threads: int = threads) -> Timed:
        return lambda: float(getattr(peer, name)(long(threads), long(count), long(repeats)))

    return {
        "system/triad@1/M/native/float64": of("triad_d", 1 << 26, 0),
        "system/triad@1/M/native/float32": of("triad_f", 1 << 26, 0),
        "system/fma@1/M/native/float64": of("fma_d", 1024 * 768 // 128, 1024),
        "system/fma@1/M/native/float32": of("fma_f", 1024 * 768 // 256, 1024),
        "system/fma@1/S-core1/native/float64": of("fma_d", 128 * 768 // 128, 1024, 1),
        "system/fma@1/S-core1/native/float32": of("fma_f", 128 * 768 // 256, 1024, 1),
        "system/cache@1/XS/native/float64": of("sweep", 1 << 11, 1 << 15),
        "system/cache@1/S/native/float64": of("sweep", 1 << 17, 1 << 10),
        "system/cache@1/S-8M/native/float64": of("sweep", 1 << 20, 384),
        "system/memory@1/XS/native/float64": of("chase", 1 << 20, 1 << 17),
    }


def ours(name: str, threads: int) -> Timed:
    """Return what times one call of a case, or one trial, which must be right."""
    workload, _, rest = name.partition("@")
    _, size, impl, dtype = rest.split("/")
    ready = prepare(Case(workload, 1, size, impl, dtype), Resources("cpu:0", threads, True), 1)
    if not ready.verdict.passed:
        raise SystemExit(f"{name}: {ready.verdict.reason}")

    def timed() -> float:
        if ready.workload.repeat == "trials":
            watch = Stopwatch(ready.backend)
            ready.run(1, watch)
            return watch.spent_s
        start = time.perf_counter()
        ready.run()
        return time.perf_counter() - start

    return timed


def compared(ours: Timed, theirs: Timed, rounds: int) -> dict[str, object]:
    """Time both in turn; the ratio is the peer's seconds over ours of the same round: 1 or more is as fast."""
    sides = {"ours": ours, "c": theirs}
    calls: dict[str, list[list[float]]] = {"ours": [], "c": []}
    for side in sides.values():
        side()
    for _ in range(rounds):
        for name in calls:
            calls[name].append([])
        for _ in range(CALLS):
            for name in random.sample(sorted(sides), 2):
                calls[name][-1].append(sides[name]())
    best = {name: [min(taken) for taken in rounds] for name, rounds in calls.items()}
    ratios = [c / own for c, own in zip(best["c"], best["ours"], strict=True)]
    found: dict[str, object] = {f"{name}_s": statistics.median(taken) for name, taken in best.items()}
    found |= {"ratio": statistics.median(ratios), "ratio_min": min(ratios), "ratio_max": max(ratios)}
    return found | {"ratio_of_fastest": min(best["c"]) / min(best["ours"])} | {f"{name}_calls_s": calls[name] for name in calls}


if __name__ == "__main__":
    main()
