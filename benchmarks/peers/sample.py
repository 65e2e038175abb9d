"""What the harness's clock adds to a sample, against a bare pair of perf_counter_ns around each call, interleaved.

    python benchmarks/peers/sample.py [--rounds 101]

For an empty function and one of about 1 us, a round takes the time of a call by a bare pair, by the clock with one call a sample,
and by the clock with as many calls as the harness chooses. Prints JSON: medians over rounds, median and range of the ratio to the
bare pair (at most 1.3 is asked for), and what one sample costs outside of the time it measures, which no sample holds.
"""  # fmt: skip

import argparse
import json
import statistics
import time
from collections.abc import Callable

from ngtbench.backends.numpy import CpuClock
from ngtbench.harness.measure import batch

INNER = 2000  # single calls of a round: one alone is as long as a step of the timer


def main() -> None:
    """Run the rounds and print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=101)
    chosen = words.parse_args()
    clock = CpuClock()
    report = {name: compared(clock, run, chosen.rounds) for name, run in operations().items()}
    print(json.dumps({"timer_resolution_s": clock.resolution_s} | report, indent=1))  # noqa: T201 - a script


def compared(clock: CpuClock, run: Callable[[], object], rounds: int) -> dict[str, object]:
    """Return the figures of one function; the three ways take turns at being first."""
    calls = batch(clock, run)
    ways = {
        "bare": lambda: bare(run),
        "one": lambda: single(clock, run),
        "batch": lambda: (clock.time(run, calls).wall_s / calls, 0.0),
    }
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for turn in range(rounds):
        names = list(ways)
        for name in names[turn % 3 :] + names[: turn % 3]:
            taken[name].append(ways[name]())
    inside = {name: [pair[0] for pair in pairs] for name, pairs in taken.items()}
    outside = {name: statistics.median(pair[1] for pair in pairs) for name, pairs in taken.items()}
    return {
        "bare_s": statistics.median(inside["bare"]),
        "one_call": described(inside["one"], inside["bare"]),
        "batch": {"calls": calls} | described(inside["batch"], inside["bare"]),
        "outside_a_sample_s": outside["one"],
        "outside_a_bare_pair_s": outside["bare"],
    }


def bare(run: Callable[[], object]) -> tuple[float, float]:
    """Return the median time of a call by two readings around it, and what one takes besides."""
    spent = list[int]()
    begin = time.perf_counter_ns()
    for _ in range(INNER):
        start = time.perf_counter_ns()
        run()
        end = time.perf_counter_ns()
        spent.append(end - start)
    whole = time.perf_counter_ns() - begin
    return statistics.median(spent) * 1e-9, (whole - sum(spent)) * 1e-9 / INNER


def single(clock: CpuClock, run: Callable[[], object]) -> tuple[float, float]:
    """Return the same by the clock, one call a sample."""
    spent = list[float]()
    begin = time.perf_counter_ns()
    for _ in range(INNER):
        spent.append(clock.time(run, 1).wall_s)
    whole = time.perf_counter_ns() - begin
    return statistics.median(spent), (whole * 1e-9 - sum(spent)) / INNER


def described(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Return the median time of a call, and median and range of the ratio per round."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return {
        "call_s": statistics.median(ours),
        "ratio_median": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
    }


def operations() -> dict[str, Callable[[], object]]:
    """Return the functions by name."""
    numbers = list(range(160))

    def empty() -> None:
        pass

    return {"empty": empty, "1 us": lambda: sorted(numbers, reverse=True)}


if __name__ == "__main__":
    main()
