"""TEBD beside quimb and TeNPy: the same states, one second-order step of 100 sites, interleaved rounds, raw samples kept.

    pip install quimb==1.16.0 physics-tenpy==1.1.1   # into an environment of its own, with ngtbench and PyTorch
    OMP_NUM_THREADS=1 python benchmarks/peers/tebd.py [--chi 128] [--rounds 5] [--threads 2] [--output reports/peers/tebd.json]

Dense: a state of full bonds (that of tensors/tebd) under the XX chain. Charges: a random state of Sz = 0 and full bonds, by TeNPy,
in blocks of Sz. Peers' bond updates are counted as they make them. Floors: NumPy's SVD of a full bond's matrix, alone, and in as
many threads as TEBD gets: what the machine gives that many. Discarded weight is compared before anything is timed: quimb's by the
norm that it does not restore. Prints milliseconds per bond update, median (best), and quimb's or TeNPy's time over it.
"""  # fmt: skip  # noqa: E501 - the command

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import quimb.tensor as qtn
import torch
from tenpy.algorithms.tebd import TEBDEngine
from tenpy.models.spins import SpinChain
from tenpy.networks.mps import MPS

from ngtbench.discover.machine import discover
from ngtbench.kernels.tensors import charges, library, library_torch, splits, tebd
from ngtbench.physics.tensors import chains, random_state

SITES, STEP, UPDATES = 100, 0.05, 149
SVDS = 20  # of a floor
Made = Callable[[], Callable[[], float]]  # a fresh state; then a step, which returns the weight it discarded


def main() -> None:
    """Run the rounds, print the table, keep the samples."""
    words = argparse.ArgumentParser()
    words.add_argument("--chi", type=int, default=128)
    words.add_argument("--rounds", type=int, default=5)
    words.add_argument("--threads", type=int, default=2)
    words.add_argument("--output", type=Path)
    chosen = words.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        words.error("set OMP_NUM_THREADS=1: every engine's BLAS gets one thread")
    torch.set_num_threads(1)
    report: dict[str, Any] = {"cpu": discover().cpu.name, "chi": chosen.chi, "sites": SITES, "threads": chosen.threads}
    report["versions"] = {name: version(name) for name in ("numpy", "torch", "quimb", "physics-tenpy")}
    report |= {"date": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": os.getloadavg()}
    engines = {**dense(chosen.chi, chosen.threads), **charged(chosen.chi, chosen.threads)}
    report["discarded_weight"] = {name: made()() for name, made in engines.items()}
    floors = {f"svd x{n}": n for n in (1, chosen.threads)}
    samples: dict[str, list[float]] = {name: [] for name in (*engines, *floors)}
    for _ in range(chosen.rounds):
        for name, made in engines.items():
            step = made()
            start = time.perf_counter()
            step()
            samples[name].append((time.perf_counter() - start) / UPDATES)
        for name, threads in floors.items():
            samples[name].append(floor(2 * chosen.chi, threads))
    report |= {"s_per_update": samples, "load_after": os.getloadavg()}
    show(report)
    if chosen.output:
        chosen.output.write_text(json.dumps(report, indent=1) + "\n")


def dense(chi: int, threads: int) -> dict[str, Made]:
    """Return the engines on a state of full bonds."""
    phases = np.random.default_rng(1).uniform(size=(SITES, 2 * chi))
    tensors = [random_state.tensor(phases, i, 2, chi) for i in range(SITES)]
    found: dict[str, Made] = {"quimb": quimb(tensors, chi), "TeNPy": tenpy(tenpy_state(tensors), chi)}
    for count in (1, threads):
        found[f"numpy x{count}"] = ours(library.numpy(count), tensors, chi, splits.gram)
        found[f"torch x{count}"] = ours(library_torch.library(torch.device("cpu"), count), tensors, chi, splits.gram)
    found["numpy svd x1"] = ours(library.numpy(1), tensors, chi, splits.svd)
    return found


def ours(here: library.Library, tensors: list[Any], chi: int, split: splits.Split) -> Made:
    """Return our engine."""
    first, _ = tebd.canonical(here, [here.put(tensor) for tensor in tensors])
    gate, sequence = tebd.gates(here, chains.bonds("xx", SITES), np.complex128), layers()

    def made() -> Callable[[], float]:
        state = tebd.State(list(first.tensors), list(first.weights))
        return lambda: tebd.evolve(here, state, gate, sequence, chi, split).discarded_weight

    return made


def layers() -> list[tuple[int, float]]:
    """Return the layers of a step."""
    return [(parity, share * STEP) for parity, share in tebd.layers(2, 1)]


def quimb(tensors: list[Any], chi: int) -> Made:
    """Return quimb's TEBD, which cuts singular values at 1e-14 and at chi."""
    spins = qtn.SpinHam1D(S=1 / 2)
    spins += 1, "X", "X"
    spins += 1, "Y", "Y"
    hamiltonian = spins.build_local_ham(SITES)
    arrays = [tensors[0][0], *tensors[1:-1], tensors[-1][..., 0]]
    arrays = [one.transpose(1, 0) if k == 0 else one for k, one in enumerate(arrays)]
    first = qtn.MatrixProductState([arrays[0].T, *arrays[1:]], shape="lpr")

    def made() -> Callable[[], float]:
        engine = qtn.TEBD(first, hamiltonian, dt=STEP, split_opts={"max_bond": chi, "cutoff": 1e-14}, progbar=False)

        def step() -> float:
            engine.step(order=2)
            return 1 - float(engine.pt.norm()) ** 2

        engine.step(order=2, dt=1e-9)  # gates and compiled parts are made
        engine = qtn.TEBD(first, hamiltonian, dt=STEP, split_opts={"max_bond": chi, "cutoff": 1e-14}, progbar=False)
        return step

    return made


def tenpy_model(conserve: str | None) -> Any:
    """Return TeNPy's XX chain."""
    words = {"L": SITES, "S": 0.5, "Jx": 1.0, "Jy": 1.0, "Jz": 0.0, "conserve": conserve, "bc_MPS": "finite", "sort_charge": True}
    return SpinChain(words)


def tenpy_state(tensors: list[Any]) -> Any:
    """Return a state of our tensors; TeNPy's first state is down."""
    first, _ = tebd.canonical(library.numpy(), tensors)
    sites = tenpy_model(None).lat.mps_sites()
    up_first = sites[0].state_index("up") == 0
    flat = [(t if up_first else t[:, ::-1]).transpose(1, 0, 2) for t in first.tensors]
    weights = [*first.weights, np.ones(1)]
    return MPS.from_Bflat(sites, flat, SVs=weights, bc="finite", dtype=complex, form="B")


def tenpy(first: Any, chi: int, conserve: str | None = None) -> Made:
    """Return TeNPy's TEBD."""
    model = tenpy_model(conserve)
    options = {"order": 2, "dt": STEP, "N_steps": 1, "trunc_params": {"chi_max": chi, "svd_min": 1e-14}}

    def made() -> Callable[[], float]:
        engine = TEBDEngine(first.copy(), model, dict(options))
        engine.calc_U(2, STEP, type_evo="real")

        def step() -> float:
            return float(engine.evolve(1, STEP).eps)

        return step

    return made


def charged(chi: int, threads: int) -> dict[str, Made]:
    """Return the engines with blocks of Sz on a random state of full bonds."""
    model = tenpy_model("Sz")
    state = ["up", "down"] * (SITES // 2)
    first = MPS.from_random_unitary_evolution(model.lat.mps_sites(), chi, state, bc="finite", dtype=complex)
    first.canonical_form()
    found: dict[str, Made] = {"TeNPy Sz": tenpy(first, chi, "Sz")}
    tensors, labels = [], []
    up_first = model.lat.mps_sites()[0].state_index("up") == 0
    for i in range(SITES):
        block = first.get_B(i).transpose(["vL", "p", "vR"])
        tensors.append(block.to_ndarray() if up_first else block.to_ndarray()[:, ::-1])
        labels.append((i - block.get_leg("vL").to_qflat()[:, 0] * block.get_leg("vL").qconj) // 2)
    labels.append(np.array([SITES // 2]))
    weights = [np.asarray(first.get_SL(i)) for i in range(SITES)]
    for count in (1, threads):
        here = library.numpy(count)
        gate, sequence = tebd.gates(here, chains.bonds("xx", SITES), np.complex128), layers()

        def made(here: library.Library = here, gate: Any = gate, sequence: Any = sequence) -> Callable[[], float]:
            held, marks = tebd.State(list(tensors), list(weights)), list(labels)
            return lambda: charges.evolve(here, held, marks, gate, sequence, chi).discarded_weight

        found[f"numpy Sz x{count}"] = made
    return found


def floor(n: int, threads: int) -> float:
    """Return seconds per SVD of an n x n matrix, in so many threads at once."""
    made = np.random.default_rng(n)
    one = made.normal(size=(n, n)) + 1j * made.normal(size=(n, n))
    with ThreadPoolExecutor(threads) as pool:
        start = time.perf_counter()
        list(pool.map(lambda _: np.linalg.svd(one, full_matrices=False)[1][0], range(SVDS)))
        return (time.perf_counter() - start) / SVDS


def show(report: dict[str, Any]) -> None:
    """Print a row per engine."""
    samples = report["s_per_update"]
    lines = [f"{report['cpu']}, chi {report['chi']}, load {report['load_before'][0]:.1f} to {report['load_after'][0]:.1f}", ""]
    lines += ["| engine | ms per update, median (best) | peer over it | discarded weight |", "|---|---|---|---|"]
    for name, own in samples.items():
        peer = samples["TeNPy Sz" if "Sz" in name else "quimb"]
        ratio = statistics.median(other / mine for mine, other in zip(own, peer, strict=True))
        lost = report["discarded_weight"].get(name)
        words = "" if lost is None else f"{lost:.6g}"
        lines.append(f"| {name} | {statistics.median(own) * 1e3:.3g} ({min(own) * 1e3:.3g}) | {ratio:.2f} | {words} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
