"""Contraction beside cotengra, along the same trees: interleaved rounds, raw samples kept.

    OMP_NUM_THREADS=1 python benchmarks/peers/contraction.py [--rounds 15] [--output reports/peers/contraction.json] [NAME/DTYPE ...]

Needs `pip install cotengra torch` beside ngtbench. A name is that of a tree of the package, such as ig-181-2. Ours is the public
`contract` with all it does at each call; cotengra contracts NumPy arrays and PyTorch tensors by `ContractionTree.contract`, once
before anything is timed. Values are compared before and after with that of float64. Prints a table: milliseconds per call, median
(best), and how many times as fast ours is, median over rounds (least to most). Load averages are kept: quote no run on a busy machine.
"""  # fmt: skip  # noqa: E501 - the command

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cotengra
import numpy as np
import torch

from ngtbench.discover.machine import discover
from ngtbench.kernels.tensors import contract
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import grid_circuit, inverse_graph, trees

CASES = (
    "ig-181-2/float32",
    "ig-181-2/float64",
    "ig-61-4/float32",
    "ig-61-4/float64",
    "ig-31-8/float32",
    "gc-4x5x12/complex64",
    "gc-4x5x12/complex128",
)
STREAM = {"ig": 3, "gc": 7}
FAR = 1e-3  # relative, from the value of float64: rounding of float32 alone leaves up to 3e-4
Network = tuple[list[Array], list[tuple[int, ...]], tuple[int, ...]]


def main() -> None:
    """Run the rounds, print the table, keep the samples."""
    words = argparse.ArgumentParser()
    words.add_argument("cases", nargs="*", default=CASES)
    words.add_argument("--rounds", type=int, default=15)
    words.add_argument("--output", type=Path)
    chosen = words.parse_args()
    threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    if not threads:
        words.error("OMP_NUM_THREADS is not set: libraries would take as many threads as there are")
    torch.set_num_threads(threads)
    packages = {name: version(name) for name in ("cotengra", "torch", "numpy")}
    report: dict[str, Any] = {"cpu": discover().cpu.name, "threads": threads, "versions": packages}
    report |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": os.getloadavg()}
    report |= {"trees": {}, "wall_s": {}, "error": {}}
    for case in chosen.cases:
        name, dtype = case.split("/")
        arrays, inputs, output = network(name)
        took = trees.cost(trees.load(name), inputs, output, sizes(arrays, inputs))
        report["trees"][name] = {"mult_adds": took.mult_adds, "largest": took.largest}
        wanted = complex(contract(arrays, inputs, output, tree=trees.load(name)))
        found = engines(name, [array.astype(dtype) for array in arrays], inputs, output)
        before = judged(case, found, wanted)
        report["wall_s"][case] = rounds(found, chosen.rounds)
        report["error"][case] = {engine: max(error, before[engine]) for engine, error in judged(case, found, wanted).items()}
    report["load_after"] = os.getloadavg()
    show(report)
    if chosen.output:
        chosen.output.write_text(json.dumps(report, indent=1) + "\n")


def network(name: str) -> Network:
    """Return a network by the name of its tree."""
    kind, of, *more = name.split("-")
    if kind == "ig":
        return inverse_graph.tensors(int(of), int(more[0]), STREAM["ig"]), inverse_graph.legs(int(of)), ()
    rows, cols, cycles = map(int, of.split("x"))
    circuit = grid_circuit.Circuit(rows, cols, cycles, STREAM["gc"])
    return grid_circuit.network(circuit, grid_circuit.one_qubit(circuit), grid_circuit.fsim(), [0] * circuit.qubits)


def sizes(arrays: list[Array], inputs: list[tuple[int, ...]]) -> dict[int, int]:
    """Return the size of each index."""
    return {label: size for own, array in zip(inputs, arrays, strict=True) for label, size in zip(own, array.shape, strict=True)}


def engines(
    name: str, arrays: list[Array], inputs: list[tuple[int, ...]], output: tuple[int, ...]
) -> dict[str, Callable[[], Any]]:
    """Return calls that contract the same arrays along the same tree."""
    tree, symbols = trees.load(name), {label: cotengra.get_symbol(label) for own in inputs for label in own}
    named = [tuple(symbols[label] for label in own) for own in inputs]
    theirs = cotengra.ContractionTree.from_path(
        named,
        tuple(symbols[label] for label in output),
        {symbols[label]: size for label, size in sizes(arrays, inputs).items()},
        ssa_path=tree.pairs,
    )
    tensors = [torch.from_numpy(array) for array in arrays]
    return {
        "ngtbench": lambda: contract(arrays, inputs, output, tree=tree),
        "cotengra, NumPy": lambda: theirs.contract(arrays),
        "cotengra, PyTorch": lambda: theirs.contract(tensors),
    }


def judged(case: str, found: dict[str, Callable[[], Any]], wanted: complex) -> dict[str, float]:
    """Return the relative error of each engine; stop where one is wrong."""
    errors = {engine: abs(complex(np.asarray(call()).reshape(-1)[0]) / wanted - 1) for engine, call in found.items()}
    for engine, error in errors.items():
        if not error <= FAR:
            sys.exit(f"{case}: {engine} is off by {error:.2g}")
    return errors


def rounds(found: dict[str, Callable[[], Any]], count: int) -> dict[str, list[float]]:
    """Return seconds of a call of each engine in each round; engines take turns at being first."""
    spent: dict[str, list[float]] = {engine: [] for engine in found}
    for turn in range(count):
        names = list(found)
        for engine in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            found[engine]()
            spent[engine].append(time.perf_counter() - start)
    return spent


def show(report: dict[str, Any]) -> None:
    """Print a row per case and a column per engine."""
    lines = [f"{report['cpu']}, {report['threads']} threads, {report['date']}, load {report['load_before'][0]:.1f} to "]
    lines[0] += f"{report['load_after'][0]:.1f}; " + ", ".join(f"{name} {number}" for name, number in report["versions"].items())
    names = list(next(iter(report["wall_s"].values())))
    lines += ["", "| case | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    for case, spent in report["wall_s"].items():
        ours = spent[names[0]]
        cells = [f"{statistics.median(spent[name]) * 1e3:.3g} ms ({min(spent[name]) * 1e3:.3g})" for name in names]
        for column, name in enumerate(names[1:], 1):
            ratios = [other / own for other, own in zip(spent[name], ours, strict=True)]
            cells[column] += f", {statistics.median(ratios):.2f}x ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(f"| `{case}` | {' | '.join(cells)} |")
    print("\n".join(lines))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
