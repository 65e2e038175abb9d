"""The doors against each other: asv's track function, pytest-benchmark and `ngtbench run` on one case, interleaved.

    python benchmarks/peers/doors.py [--rounds 7] [--case ml/jet_mlp@1/M/numpy/float32] [--asv]

Every round starts a process of each, in another order, with the same threads and binding. `--asv` adds a whole `asv run`.
Prints JSON: the median per door and round, the 95 % interval of each door's median over rounds, and whether all of them overlap.
"""  # fmt: skip

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from ngtbench.adapters.asv import CASES, door, parse, where
from ngtbench.analysis.statistics import interval
from ngtbench.discover.machine import discover
from ngtbench.harness.launch import environment
from ngtbench.model.case import Case

ROOT = Path(__file__).parents[2]
TRACK = """
import json, sys
from ngtbench.adapters.asv import door
one = door({workload!r})()
one.setup({case!r})
print(json.dumps(one.track_wall({case!r})["samples"]))
"""


def main() -> None:
    """Run the rounds and print the figures."""
    words = argparse.ArgumentParser()
    words.add_argument("--rounds", type=int, default=7)
    words.add_argument("--case", default="ml/jet_mlp@1/M/numpy/float32")
    words.add_argument("--asv", action="store_true")
    chosen = words.parse_args()
    case = parse(chosen.case)
    doors: dict[str, Callable[[Case, Path], list[float]]] = {"asv_track": track, "pytest": in_pytest, "run": run}
    if chosen.asv:
        doors["asv_run"] = asv_run
    os.environ[CASES] = case.id
    machine = discover()
    resources = where(case.id, machine).resources
    os.environ |= environment(resources.threads, resources.bind)
    order, taken = random.Random(1), {name: list[list[float]]() for name in doors}
    for _ in range(chosen.rounds):
        for name in order.sample(sorted(doors), len(doors)):
            with tempfile.TemporaryDirectory() as place:
                taken[name].append(doors[name](case, Path(place)))
    found = {name: interval(launches) for name, launches in taken.items()}
    low, high = (max(one.low or 0 for one in found.values()), min(one.high or 0 for one in found.values()))
    report = {
        "cpu": machine.cpu.name,
        "case": case.id,
        "threads": resources.threads,
        "medians_s": {name: [statistics.median(samples) for samples in launches] for name, launches in taken.items()},
        "intervals_s": {name: [one.low, one.value, one.high] for name, one in found.items()},
        "agree": low <= high,
    }
    print(json.dumps(report, indent=1))  # noqa: T201 - a script


def track(case: Case, place: Path) -> list[float]:
    """Return what asv's track function hands over."""
    return list(json.loads(output(sys.executable, "-c", TRACK.format(workload=case.workload, case=case.id), place=place)))


def in_pytest(case: Case, place: Path) -> list[float]:
    """Return pytest-benchmark's samples."""
    file = ROOT / "benchmarks" / f"{case.workload.partition('/')[0]}.py"
    words = ("pytest", "--quiet", "--benchmark-only", f"--benchmark-json={place / 'door.json'}", f"--rootdir={place}", str(file))
    output(sys.executable, "-m", *words, "-p", "no:cacheprovider", "-k", door(case.workload).__name__, place=place)
    (bench,) = json.loads((place / "door.json").read_text())["benchmarks"]
    return list(bench["stats"]["data"])


def run(case: Case, place: Path) -> list[float]:
    """Return the samples of `ngtbench run`."""
    words = ("--size", case.size, "--impl", case.impl, "--dtype", case.dtype, "--output", str(place / "run.jsonl"))
    output(sys.executable, "-m", "ngtbench", "run", case.workload, *words, place=place)
    (outcome,) = [line["outcome"] for line in map(json.loads, (place / "run.jsonl").open()) if "outcome" in line]
    return list(outcome["measurement"]["series"]["wall_s"])


def asv_run(case: Case, place: Path) -> list[float]:
    """Return the samples that a whole `asv run` in this environment stores."""
    plain = json.loads((ROOT / "asv.conf.json").read_text())
    plain |= {"repo": str(ROOT), "benchmark_dir": str(ROOT / "benchmarks"), "results_dir": str(place / "results")}
    (place / "asv.conf.json").write_text(json.dumps(plain))
    output(sys.executable, "-m", "ngtbench", "machine", "--asv", place=place, HOME=str(place))
    commit = output("git", "-C", str(ROOT), "rev-parse", "HEAD", place=place).strip()
    words = ("-E", f"existing:{sys.executable}", "--set-commit-hash", commit, "--quick", "--record-samples")
    output(sys.executable, "-m", "asv", "run", *words, place=place, HOME=str(place))
    (path,) = (place / "results").glob(f"*/{commit[:8]}-existing-*.json")
    stored = json.loads(path.read_text())
    (row,) = stored["results"].values()
    return list(row[stored["result_columns"].index("samples")][0])


def output(*words: str, place: Path, **variables: str) -> str:
    """Return what a command prints; end with its words where it fails."""
    ended = subprocess.run(words, cwd=place, env=os.environ | variables, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{' '.join(words)}: exit code {ended.returncode}\n{ended.stdout}{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    main()
