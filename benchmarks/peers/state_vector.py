"""State vectors beside qulacs, Qiskit Aer and PennyLane Lightning: interleaved rounds, raw samples kept.

    pip install --target PEERS qulacs==0.6.14 qiskit-aer==0.18.2 pennylane-lightning==0.45.0
    OMP_NUM_THREADS=1 python benchmarks/peers/state_vector.py PEERS [--size S ...] [--rounds 9] [--output reports/peers/state-vector.json]

Each round times everyone once, from |0..0> to the state; all states are compared with the oracle before. qulacs has complex128 only,
and is timed as built and after its own optimiser (`optimize_light`), which is not timed. Prints gates/s and how many times the
state would go through memory if each gate read and wrote it, as a share of what triad reaches. Load averages are kept.
"""  # fmt: skip  # noqa: E501 - the command

import argparse
import importlib
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

import numpy as np

from ngtbench import workloads
from ngtbench.discover.machine import discover
from ngtbench.harness.prepare import Prepared, prepare
from ngtbench.model.case import Case, Resources
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import ansatz

NAME = "tensors/state_vector"
PACKAGES = ("qulacs", "qiskit-aer", "pennylane-lightning", "numpy", "torch")
OURS = ("native", "numpy", "torch")
Runs = dict[str, Callable[[], Any]]
Peers = list[tuple[str, Callable[[], Any], Callable[[], Any]]]  # name, run, and what returns the state after it


def main() -> None:
    """Run the rounds, print the table, keep the samples."""
    words = argparse.ArgumentParser()
    words.add_argument("peers", help="the folder that pip installed them into")
    words.add_argument("--size", action="append", help="S unless given; again for another")
    words.add_argument("--dtypes", nargs="*", default=["float64", "float32"])
    words.add_argument("--rounds", type=int, default=9)
    words.add_argument("--output", type=Path)
    chosen = words.parse_args()
    sys.path.append(chosen.peers)
    threads = int(os.environ.get("OMP_NUM_THREADS", "0")) or words.error("OMP_NUM_THREADS is not set")
    report: dict[str, Any] = {"cpu": discover().cpu.name, "threads": threads, "versions": {p: version(p) for p in PACKAGES}}
    report |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": os.getloadavg(), "wall_s": {}, "gates": {}}
    for size in chosen.size or ["S"]:
        for dtype in chosen.dtypes:
            runs, gates = everyone(size, dtype, threads)
            report["gates"][size] = gates
            report["wall_s"][f"{size} {dtype}"] = rounds(runs, chosen.rounds)
    report["triad_b_s"] = triad(threads)
    report["load_after"] = os.getloadavg()
    show(report)
    if chosen.output:
        chosen.output.write_text(json.dumps(report, indent=1) + "\n")


def everyone(size: str, dtype: str, threads: int) -> tuple[Runs, int]:
    """Return runs whose states are right, and the number of gates."""
    workload = workloads.load(NAME)
    of, tolerance = workload.sizes[size], workload.tolerance[dtype]
    angles = ansatz.angles(of, 1).astype(dtype).astype(np.float64)
    want = ansatz.state(ansatz.chain(ansatz.gates(of, angles), of.qubits))
    runs: Runs = {name: ready(f"{NAME} {size} {name}", dtype, threads).run for name in OURS}
    states: dict[str, Callable[[], Array]] = {}
    for make in (qulacs, lightning, aer):
        for name, run, state in make(of, angles, dtype, threads):
            runs[name], states[name] = run, state
    for name, state in states.items():
        runs[name]()
        error = float(np.max(np.abs(state() - want))) * 2 ** (of.qubits / 2)
        if not error <= tolerance:
            sys.exit(f"{name} {size} {dtype}: error {error:.1e} of the rms: it does another circuit")
    return runs, of.gates()


def ready(words: str, dtype: str, threads: int) -> Prepared:
    """Return one of our cases, its result judged."""
    workload, size, impl = words.split()
    made = prepare(Case(workload, workloads.load(workload).version, size, impl, dtype), Resources("cpu:0", threads, False), 1)
    return made if made.verdict.passed else sys.exit(f"{words} {dtype}: {made.verdict.reason}")


def circuit(size: ansatz.Ansatz, angles: Array) -> list[tuple[str, int, float]]:
    """Return RY, RZ and CZ with qubit and angle; of a CZ the first qubit."""
    found = []
    for layer in range(size.layers):
        for k, name in enumerate(("RY", "RZ")):
            found += [(name, q, float(angles[layer, q, k])) for q in range(size.qubits)]
        found += [("CZ", q, 0.0) for q in size.pairs(layer)]
    return found


def qulacs(size: ansatz.Ansatz, angles: Array, dtype: str, threads: int) -> Peers:
    """Return its circuit as built and optimised; its qubit 0 is the lowest bit and its rotations turn the other way."""
    if dtype != "float64":
        return []
    q = importlib.import_module("qulacs")
    optimiser, found = importlib.import_module("qulacs.circuit").QuantumCircuitOptimizer(), Peers()
    for name in ("qulacs", "qulacs-optimised"):
        made, state = q.QuantumCircuit(size.qubits), q.QuantumState(size.qubits)
        for kind, at, angle in circuit(size, angles):
            low = size.qubits - 1 - at
            if kind == "CZ":
                made.add_CZ_gate(low, low - 1)
            else:
                (made.add_RY_gate if kind == "RY" else made.add_RZ_gate)(low, -angle)
        if name != "qulacs":
            optimiser.optimize_light(made)

        def run(made: Any = made, state: Any = state) -> None:
            state.set_zero_state()
            made.update_quantum_state(state)

        found.append((name, run, state.get_vector))
    return found


def lightning(size: ansatz.Ansatz, angles: Array, dtype: str, threads: int) -> Peers:
    """Return its kernels called gate by gate, without PennyLane's own overhead."""
    ops = importlib.import_module("pennylane_lightning.lightning_qubit_ops")
    state = (ops.StateVectorC128 if dtype == "float64" else ops.StateVectorC64)(size.qubits)
    todo = [(getattr(state, k), [q, q + 1] if k == "CZ" else [q], [] if k == "CZ" else [a]) for k, q, a in circuit(size, angles)]

    def run() -> None:
        state.resetStateVector()
        for gate, qubits, given in todo:
            gate(qubits, False, given)

    def read() -> Array:
        found = np.zeros(2**size.qubits, np.complex128 if dtype == "float64" else np.complex64)
        state.getState(found)
        return found

    return [("lightning", run, read)]


def aer(size: ansatz.Ansatz, angles: Array, dtype: str, threads: int) -> Peers:
    """Return its state-vector method with gate fusion as it comes; building and copying the result are in its time."""
    backend = importlib.import_module("qiskit_aer").AerSimulator  # before circuits: it teaches them to save states
    made = importlib.import_module("qiskit").QuantumCircuit(size.qubits)
    for kind, q, angle in circuit(size, angles):
        low = size.qubits - 1 - q
        made.cz(low, low - 1) if kind == "CZ" else getattr(made, kind.lower())(angle, low)
    made.save_statevector()
    precision = "double" if dtype == "float64" else "single"
    options = {"method": "statevector", "precision": precision, "max_parallel_threads": threads}
    simulator = backend(**options)

    def run() -> Any:
        return simulator.run(made, shots=1).result()

    return [("aer", run, lambda: np.asarray(run().get_statevector()))]


def rounds(runs: Runs, count: int) -> dict[str, list[float]]:
    """Return seconds per call of each in each round; they take turns at being first."""
    found: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(count):
        names = list(runs)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.perf_counter()
            runs[name]()
            found[name].append(time.perf_counter() - start)
    return found


def triad(threads: int) -> float:
    """Return the bandwidth of memory by triad, bytes per second, the best of nine."""
    made = ready("system/triad M native", "float64", threads)
    return made.work.bytes / min(rounds({"triad": made.run}, 9)["triad"])


def show(report: dict[str, Any]) -> None:
    """Print a row per case and participant."""
    lines = [f"{report['cpu']}, {report['threads']} threads, {report['date']}, load {report['load_before'][0]:.1f} to "]
    lines[0] += f"{report['load_after'][0]:.1f}, triad {report['triad_b_s'] / 1e9:.1f} GB/s; {report['versions']}"
    lines += ["| case | by | ms, median (best) | gates/s | gate by gate, of triad | times the best peer |", "|---" * 6 + "|"]
    for case, samples in report["wall_s"].items():
        size, dtype = case.split()
        gates, amplitudes = report["gates"][size], 2 ** workloads.load(NAME).sizes[size].qubits
        peers = [wall for name, wall in samples.items() if name not in OURS]
        best = [min(one) for one in zip(*peers, strict=True)]
        for name, wall in samples.items():
            middle = statistics.median(wall)
            moved = gates * 2 * amplitudes * (16 if dtype == "float64" else 8) / middle / report["triad_b_s"]
            ratios = [b / a for a, b in zip(wall, best, strict=True)]
            ratio = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
            took = f"{middle * 1e3:.1f} ({min(wall) * 1e3:.1f})"
            lines.append(f"| {case} | `{name}` | {took} | {gates / middle:.0f} | {moved:.0%} | {ratio} |")
    print("\n".join(lines))  # noqa: T201 - a script


if __name__ == "__main__":
    main()
