"""The gate on unchanged code and on an injected slowdown of 10 %, beside what asv and pytest-benchmark say of the same launches.

    python benchmarks/peers/gate.py OUT [--same 20] [--slower 10] [--budget 0.5s] [CASE ...]

`--slower` runs are `ngtbench gate --self-test`, each of which holds a gate on unchanged code and one on the slowdown; `--same`
more are gates of this tree against itself. Runs that OUT holds already are not done again, so it may be cut off and started
again; a run that ends without a verdict is kept as such and counted. Prints tables as Markdown: per case the noise of a pair,
the verdicts, and how often the others call the candidate slower:

- asv: the rule of `asv compare` on the samples of all launches pooled, at most 100 of each: Mann-Whitney at 0.002, and a ratio of
  medians above the factor, 1.1 by default;
- pytest-benchmark: `--benchmark-compare-fail=median:5%` and `:10%` on the first pair, one process a side as it runs.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from asv.commands.compare import _is_result_better

CASES = ("ml/jet_mlp@1/S-b256/numpy/float32", "system/triad@1/S/numpy/float64", "ml/jet_mlp@1/M/numpy/float32")
LOST = "no-verdict.txt"
MOST = 100  # samples of a launch: asv compares each with each
OTHERS = {"asv 1.1": 1.1, "asv 1.05": 1.05, "pytest-benchmark 5 %": 5, "pytest-benchmark 10 %": 10}


def main() -> None:
    """Run what is missing and print the table."""
    words = argparse.ArgumentParser()
    words.add_argument("out", type=Path)
    words.add_argument("cases", nargs="*", default=list(CASES))
    words.add_argument("--same", type=int, default=20)
    words.add_argument("--slower", type=int, default=10)
    words.add_argument("--budget", default="0.5s")
    chosen = words.parse_args()
    shared = [*chosen.cases, "--budget", chosen.budget, "--candidate", "."]
    for number in range(max(chosen.same, chosen.slower)):
        for kind, count, last, more in (
            ("same", chosen.same, "gate.json", ["--baseline", "."]),
            ("self", chosen.slower, "slower/gate.json", ["--self-test"]),
        ):
            folder = chosen.out / f"{kind}-{number:02}"
            if number < count and not (folder / last).exists() and not (folder / LOST).exists():
                command = [sys.executable, "-m", "ngtbench", "gate", *shared, *more, "--seed", str(1000 * number + 1)]
                ended = subprocess.run([*command, "--output", str(folder)], check=False, capture_output=True, text=True)
                if not (folder / last).exists():
                    (folder / LOST).write_text(f"exit code {ended.returncode}\n{ended.stdout}\n{ended.stderr}")
    same = [*chosen.out.glob("same-*"), *chosen.out.glob("self-*/unchanged")]
    for name, folders in (("unchanged", same), ("10 % slower", [*chosen.out.glob("self-*/slower")])):
        judged = [folder for folder in sorted(folders) if (folder / "gate.json").exists()]
        print(table(f"{name}, {len([*chosen.out.glob(f'*/{LOST}')])} runs without a verdict", judged))  # noqa: T201 - a script


def table(name: str, folders: list[Path]) -> str:
    """Return a Markdown table of these gate runs, a row per case."""
    rows: dict[str, list[dict[str, Any]]] = {}
    flags: dict[str, Counter[str]] = {}
    for folder in folders:
        samples = {side: launches(folder / f"{side}.jsonl") for side in ("baseline", "candidate")}
        for judged in json.loads((folder / "gate.json").read_text())["cases"]:
            rows.setdefault(judged["case"], []).append(judged)
            flags.setdefault(judged["case"], Counter()).update(others(*(samples[side][judged["case"]] for side in samples)))
    lines = [f"{name}: {len(folders)} gate runs", ""]
    lines += [
        f"| case | time | noise of a pair, median (range) | pairs, mean | pass | fail | inconclusive | {' | '.join(OTHERS)} |"
    ]
    lines += ["|---" * (7 + len(OTHERS)) + "|"]
    for case, verdicts in rows.items():
        count = Counter(judged["status"] for judged in verdicts)
        noise = sorted(judged["decision"]["sd"] for judged in verdicts if judged["decision"])
        spread = f"{statistics.median(noise):.1%} ({noise[0]:.1%} to {noise[-1]:.1%})"
        pairs = statistics.fmean(len(judged["pairs"]) + len(judged["fresh_pairs"]) for judged in verdicts)
        time_s = statistics.median(pair["baseline"] for judged in verdicts for pair in judged["pairs"])
        quiet = [judged for judged in verdicts if judged["decision"] and judged["decision"]["sd"] < 0.03]
        cells = [case, f"{1e3 * time_s:.3g} ms", spread, f"{pairs:.1f}"]
        for status in ("pass", "fail", "inconclusive"):
            calm = sum(judged["status"] == status for judged in quiet)
            cells.append(f"{count[status]} ({calm} of {len(quiet)} below 3 %)")
        cells += [str(flags[case][other]) for other in OTHERS]
        lines += ["| " + " | ".join(cells) + " |"] + [f"error: {j['reason']}" for j in verdicts if j["status"] == "error"]
    return "\n".join([*lines, ""])


def launches(path: Path) -> dict[str, list[list[float]]]:
    """Return the samples of every launch, by case id."""
    found: dict[str, list[list[float]]] = {}
    for line in map(json.loads, path.read_text().splitlines()):
        if line["schema"].startswith("ngtbench.run/"):
            case = line["case"]
            key = f"{case['workload']}@{case['version']}/{case['size']}/{case['impl']}/{case['dtype']}"
            found.setdefault(key, []).append(line["outcome"]["measurement"]["series"]["wall_s"])
    return found


def others(baseline: list[list[float]], candidate: list[list[float]]) -> list[str]:
    """Return the names of those that would flag the candidate as slower."""
    pooled = [
        [sample for launch in side for sample in launch[:: math.ceil(len(launch) / MOST)]] for side in (baseline, candidate)
    ]
    middle = [statistics.median(side) for side in pooled]
    longer = 100 * statistics.median(candidate[0]) / statistics.median(baseline[0]) - 100  # as its PercentageRegressionCheck does
    found = []
    for name, limit in OTHERS.items():
        if name.startswith("asv"):
            flagged = _is_result_better(*middle, *(({"repeat": len(side)}, side) for side in pooled), limit)
        else:
            flagged = longer > limit
        found += [name] if flagged else []
    return found


if __name__ == "__main__":
    main()
