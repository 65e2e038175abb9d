"""Find the contraction trees that travel with the package, by cotengra: run once, results are kept in the package.

    python benchmarks/peers/trees.py ig-181-2 gc-4x5x12 [--trials 200] [--seconds 600] [--seed 0] [--width 28] [--suffix=-second]

Needs `pip install cotengra cotengrust`. A name is ig-P-D, gc-ROWSxCOLSxCYCLES, or the latter with -openK for K open qubits, the last
ones. Greedy search with random parameters, the best by FLOP and numbers written, improved by subtree reconfiguration; sliced to
--width where that is given. --suffix=-second keeps another tree of the same network, by which an oracle contracts it.
"""  # fmt: skip  # noqa: E501 - the command

import argparse
import json
import math
from pathlib import Path
from typing import Any

import cotengra

import ngtbench
from ngtbench.physics.tensors import grid_circuit, inverse_graph
from ngtbench.physics.tensors.trees import Label, Tree, cost

DATA = Path(ngtbench.__file__).parent / "physics/tensors/data"


def main() -> None:
    """Search, and keep what is found."""
    words = argparse.ArgumentParser()
    words.add_argument("names", nargs="+")
    words.add_argument("--trials", type=int, default=200)
    words.add_argument("--seconds", type=float, default=600)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--width", type=int)
    words.add_argument("--suffix", default="")
    chosen = words.parse_args()
    for name in chosen.names:
        inputs, output, sizes = network(name)
        found = search(inputs, output, sizes, chosen)
        told: dict[str, Any] = {"ssa": found.pairs, "sliced": found.sliced, "found": found.found}
        took = cost(found, inputs, output, sizes)
        told |= {"log2_mult_adds": round(math.log2(took.mult_adds), 3), "width": took.width, "slices": took.slices}
        (DATA / f"{name}{chosen.suffix}.json").write_text(json.dumps(told, separators=(",", ":")) + "\n")
        print(name, {key: told[key] for key in ("log2_mult_adds", "width", "slices")})  # noqa: T201 - a script


def network(name: str) -> tuple[list[tuple[Label, ...]], tuple[Label, ...], dict[Label, int]]:
    """Return indices, output and sizes of a network by its name."""
    kind, of, *more = name.split("-")
    if kind == "ig":
        legs = inverse_graph.legs(int(of))
        return legs, (), dict.fromkeys((label for own in legs for label in own), int(more[0]))
    rows, cols, cycles = map(int, of.split("x"))
    circuit = grid_circuit.Circuit(rows, cols, cycles, 0)
    opened = int(more[0].removeprefix("open")) if more else 0
    bits = [0] * (circuit.qubits - opened) + [None] * opened
    _, inputs, output = grid_circuit.network(circuit, grid_circuit.one_qubit(circuit), grid_circuit.fsim(), bits)
    return inputs, output, dict.fromkeys((label for own in inputs for label in own), 2)


def search(inputs: list[tuple[Label, ...]], output: tuple[Label, ...], sizes: dict[Label, int], chosen: Any) -> Tree:
    """Return the best tree of so many trials."""
    settings: dict[str, Any] = {"methods": ["greedy"], "optlib": "random", "seed": chosen.seed, "minimize": "combo"}
    settings |= {"max_repeats": chosen.trials, "max_time": chosen.seconds, "parallel": False, "progbar": False}
    if chosen.width is not None:
        settings["slicing_reconf_opts"] = {"target_size": 2**chosen.width}
    opt = cotengra.HyperOptimizer(**settings)
    names = {label: cotengra.get_symbol(number) for number, label in enumerate(sizes)}
    named = [tuple(names[label] for label in own) for own in inputs]
    tree = opt.search(named, tuple(names[label] for label in output), {names[label]: size for label, size in sizes.items()})
    if chosen.width is None:
        tree.subtree_reconfigure_()
    how = f"cotengra {cotengra.__version__}: greedy, {len(opt.scores)} trials, seed {chosen.seed}, combo, subtree reconfiguration"
    pairs = tuple((int(a), int(b)) for a, b in tree.get_ssa_path())
    return Tree(pairs, tuple(label for label, name in names.items() if name in tree.sliced_inds), how)


if __name__ == "__main__":
    main()
