"""Start-up of the command line against asv's: `ngtbench --version`, `ngtbench list`, `asv --version`, interleaved.

    python benchmarks/peers/startup.py [--rounds 15] [--asv asv]

Prints JSON with medians and ratios per round over `asv --version`. asv must be installed beside ngtbench.
"""  # fmt: skip

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    """Run the rounds and print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=15)
    words.add_argument("--asv", default=shutil.which("asv") or str(Path(sys.executable).with_name("asv")))
    chosen = words.parse_args()
    ours = str(Path(sys.executable).with_name("ngtbench"))
    commands = {"version": [ours, "--version"], "list": [ours, "list"], "asv": [chosen.asv, "--version"]}
    spent: dict[str, list[float]] = {name: [] for name in commands}
    for turn in range(chosen.rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if turn:  # the first round fills caches
                spent[name].append(time.perf_counter() - start)
    report: dict[str, float] = {f"{name}_s": statistics.median(values) for name, values in spent.items()}
    for name in ("version", "list"):
        ratios = [a / b for a, b in zip(spent[name], spent["asv"], strict=True)]
        report[f"{name}_over_asv"] = statistics.median(ratios)
    print(json.dumps(report, indent=1))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
