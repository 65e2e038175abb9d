"""The harness's clock against timeit: an empty call, and operations of about 1 us, 100 us and 10 ms, interleaved.

    python benchmarks/peers/timer.py [--rounds 21]

Prints JSON: the median over rounds of both, and of the ratio per round (within 10 % of 1 is asked for).
"""  # fmt: skip

import argparse
import json
import statistics
import timeit
from collections.abc import Callable

import numpy as np

from ngtbench.backends.numpy import CpuClock
from ngtbench.harness.measure import batch


def main() -> None:
    """Run the rounds and print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=21)
    chosen = words.parse_args()
    clock, report = CpuClock(), {}
    for name, run in operations().items():
        calls = batch(clock, run)
        ours, theirs = [], []
        for turn in range(chosen.rounds):
            for side in (0, 1) if turn % 2 else (1, 0):
                if side:
                    ours.append(statistics.median(clock.time(run, calls).wall_s for _ in range(5)) / calls)
                else:
                    theirs.append(statistics.median(timeit.repeat(run, number=calls, repeat=5)) / calls)
        ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
        report[name] = {
            "calls": calls,
            "harness_s": statistics.median(ours),
            "timeit_s": statistics.median(theirs),
            "ratio_median": statistics.median(ratios),
            "ratio_min": min(ratios),
            "ratio_max": max(ratios),
        }
    print(json.dumps(report, indent=1))  # noqa: T201 - a script


def operations() -> dict[str, Callable[[], object]]:
    """Return the operations by name."""
    small, middle = np.zeros(2_000), np.ones(72_000)
    large = np.ones(2_000_000)

    def empty() -> None:
        pass

    return {
        "empty": empty,
        "1 us": lambda: np.add(small, small, out=small),
        "100 us": lambda: np.sqrt(middle, out=middle),
        "10 ms": lambda: [np.sqrt(large, out=large) for _ in range(4)],
    }


if __name__ == "__main__":
    main()
