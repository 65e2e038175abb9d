"""Matrix elements per second on one core, ours and a peer's in turn, medians of rounds.

    python benchmarks/peers/amplitudes.py [--rounds 10] [--precision float64] [--width 1.4915] [--output amplitudes.json]
        [--peer 'COMMAND {process} {precision}']

Ours: momenta in blocks, as the peer has them, all helicities, full colour. A peer is any command that prints matrix elements per
second as its last word, such as the check program of MadGraph's C++ code for SIMD: `{process}` becomes ttx, ttgx, ttggx or
ttgggx, for g g > t t~ and as many gluons as there are g's, `{precision}` d, f or m. GFLOP/s are by the exact count of our
operations; the peak is that of independent multiply-adds in registers (system/fma), in the same rounds. `--batches` shows
instead which share of the best rate batches of 16, 32, 64 ... events reach, all in turn: where a batch saturates.
"""  # fmt: skip

import argparse
import json
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from ngtbench.codegen import compiler
from ngtbench.discover.machine import discover
from ngtbench.harness.prepare import prepare
from ngtbench.kernels.amplitudes import compiled
from ngtbench.kernels.amplitudes.compiled import Model
from ngtbench.model.case import Case, Resources
from ngtbench.physics import phase_space, processes

PROCESSES = {
    "ttx": ("g g > t t~", 1 << 16),
    "ttgx": ("g g > t t~ g", 1 << 14),
    "ttggx": ("g g > t t~ g g", 1 << 12),
    "ttgggx": ("g g > t t~ g g g", 1 << 9),
    "gggggg": ("g g > g g g g", 1 << 11),
}
LETTERS = {"float64": "d", "float32": "f", "mixed": "m"}
SECONDS = 0.5  # of ours in a round


def main() -> None:
    """Run the rounds and print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=10)
    words.add_argument("--precision", choices=LETTERS, default="float64")
    words.add_argument("--width", type=float, default=1.4915)
    words.add_argument("--threads", type=int, default=1)
    words.add_argument("--processes", default=",".join(PROCESSES))
    words.add_argument("--peer")
    words.add_argument("--batches", action="store_true")
    words.add_argument("--output")
    chosen = words.parse_args()
    if chosen.batches:
        for name in chosen.processes.split(","):
            shares = saturation(name, chosen.precision, chosen.width, chosen.threads, chosen.rounds)
            print(json.dumps({"process": PROCESSES[name][0], "share_of_best_by_events": shares}), flush=True)  # noqa: T201 - a script
        return
    peak = fma("float32" if chosen.precision == "float32" else "float64", chosen.threads)
    report = []
    for name in chosen.processes.split(","):
        ours, flop = own(name, chosen.precision, chosen.width, chosen.threads)
        theirs = peer(chosen.peer, name, chosen.precision) if chosen.peer and name != "gggggg" else None
        rounds = [{"ours": ours(), "peer": theirs() if theirs else None, "peak": peak()} for _ in range(chosen.rounds)]
        report.append({"process": PROCESSES[name][0]} | summary(rounds, flop) | {"rounds": rounds})
        print(json.dumps({key: value for key, value in report[-1].items() if key != "rounds"}), flush=True)  # noqa: T201 - a script
    if chosen.output:
        told = {"cpu": discover().cpu.name, "date": datetime.now(UTC).date().isoformat(), "peer": chosen.peer}
        told |= {key: getattr(chosen, key) for key in ("precision", "width", "threads")} | {
            "compiler": compiler.find().description
        }
        Path(chosen.output).write_text(json.dumps(told | {"processes": report}, indent=1))


def saturation(name: str, precision: str, width: float, threads: int, rounds: int) -> dict[int, float]:
    """Return the median rate of each batch as a share of the best one's."""
    batches = [16 << k for k in range(20) if 16 << k <= PROCESSES[name][1]]
    timed = {events: own(name, precision, width, threads, events)[0] for events in batches}
    found = [{events: measured() for events, measured in timed.items()} for _ in range(rounds)]
    rates = {events: statistics.median(one[events] for one in found) for events in batches}
    return {events: round(rate / max(rates.values()), 3) for events, rate in rates.items()}


def own(name: str, precision: str, width: float, threads: int, batch: int = 0) -> tuple[Callable[[], float], int]:
    """Return what measures our matrix elements per second, in calls of a batch of events, and the operations of one."""
    text, most = PROCESSES[name]
    events = batch or most
    process, model = processes.parse(text), Model(top_width=width)
    on = compiled.on_processor(process, model, events, precision, threads)
    momenta, _ = phase_space.momenta(process.masses(model.top_mass)[2:], 1500.0, events, seed=1)
    compiled.fill(on.momenta, momenta.reshape(events, -1))
    on.run()

    def measured() -> float:
        calls, begin = 0, time.perf_counter()
        while time.perf_counter() - begin < SECONDS:
            on.run()
            calls += 1
        return calls * events / (time.perf_counter() - begin)

    return measured, on.tape.flop


def peer(command: str, name: str, precision: str) -> Callable[[], float]:
    """Return what runs the peer."""
    line = shlex.split(command.format(process=name, precision=LETTERS[precision]))
    return lambda: float(subprocess.run(line, check=True, capture_output=True, text=True).stdout.split()[-1])


def fma(dtype: str, threads: int) -> Callable[[], float]:
    """Return what measures the peak of multiply-adds, in FLOP/s."""
    ready = prepare(Case("system/fma", 1, "S", "native", dtype), Resources("cpu:0", threads, False), 0)

    def measured() -> float:
        begin = time.perf_counter()
        ready.run()
        return ready.work.flop / (time.perf_counter() - begin)

    return lambda: max(measured() for _ in range(5))


def summary(rounds: list[dict[str, float | None]], flop: int) -> dict[str, float | str]:
    """Return medians over rounds, and the smallest and largest ratio of a round."""
    ours = statistics.median(one["ours"] or 0 for one in rounds)
    peak = statistics.median(one["peak"] or 0 for one in rounds)
    found: dict[str, float | str] = {
        "ours_per_s": ours,
        "gflop_per_s": ours * flop / 1e9,
        "peak_gflop_per_s": peak / 1e9,
        "share_of_peak": statistics.median((one["ours"] or 0) * flop / (one["peak"] or 1) for one in rounds),
        "flop": flop,
    }
    ratios = [one["ours"] / one["peer"] for one in rounds if one["ours"] and one["peer"]]
    if ratios:
        found |= {
            "peer_per_s": statistics.median(one["peer"] or 0 for one in rounds),
            "ratio": statistics.median(ratios),
            "ratio_range": f"{min(ratios):.2f}-{max(ratios):.2f}",
        }
    return found


if __name__ == "__main__":
    main()
