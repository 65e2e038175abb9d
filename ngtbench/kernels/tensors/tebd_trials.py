"""Trials of TEBD: from a state in its Schmidt bases through one step, in any library."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ngtbench.kernels.tensors import library as numpy_library
from ngtbench.kernels.tensors import splits, tebd
from ngtbench.kernels.tensors.library import Library
from ngtbench.kernels.tensors.splits import Split
from ngtbench.kernels.tensors.tebd import State
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.tensors import chains, random_state

COMPLEX = {"float64": np.complex128, "float32": np.complex64}


def gram(setup: Setup, phases: Array) -> Callable[[int, Watch], Trial]:
    """Split by Gram matrices where that loses nothing."""
    return build(setup, numpy_library.numpy(setup.threads), start(setup, numpy_library.numpy(), phases), splits.gram)


def svd(setup: Setup, phases: Array) -> Callable[[int, Watch], Trial]:
    """Split by SVD."""
    return build(setup, numpy_library.numpy(setup.threads), start(setup, numpy_library.numpy(), phases), splits.svd)


def start(setup: Setup, library: Library, phases: Array) -> State:
    """Return the state of the phases in its Schmidt bases."""
    size, dtype = setup.size, COMPLEX[setup.dtype]
    tensors: list[Array] = [random_state.tensor(phases, i, 2, size.chi).astype(dtype) for i in range(size.sites)]
    return tebd.canonical(library, [library.put(tensor) for tensor in tensors])[0]


def build(setup: Setup, library: Library, first: State, split: Split) -> Callable[[int, Watch], Trial]:
    """Return trials of one step from a state."""
    size = setup.size
    gate = tebd.gates(library, chains.bonds("xx", size.sites), COMPLEX[setup.dtype])
    sequence = [(parity, share * size.step) for parity, share in tebd.layers(2, 1)]
    for _, tau in sequence:
        gate(tau)

    def trial(k: int, watch: Watch) -> Trial:
        state = State(list(first.tensors), list(first.weights))
        before_s = watch.spent_s
        with watch():
            tally = tebd.evolve(library, state, gate, sequence, size.chi, split)
        wall_s = watch.spent_s - before_s
        told = ", ".join(f"{count} by {how}" for how, count in sorted(tally.splits.items()))
        setup.say(f"{library.threads} threads over bonds, splits: {told}" if not library.grouped else f"batches, splits: {told}")
        return Trial(
            outputs(library, state, size),
            {"wall_per_update_s": wall_s / tally.updates, "wall_s": wall_s, "discarded_weight": tally.discarded_weight},
        )

    return trial


def outputs(library: Library, state: State, size: Any) -> dict[str, Array]:
    """Return what the oracle looks at, on the host."""
    schmidt = np.zeros((size.sites - 1, size.chi))
    for row, weights in zip(schmidt, state.weights[1:], strict=True):
        row[: len(weights)] = np.sort(library.get(weights))[::-1]
    return {"magnetisation": tebd.expectations(library, state, chains.observable("xx")), "schmidt": schmidt}
