"""Trials of quenches: a basis state through all steps, in any library."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.kernels.tensors import charges, library, splits, tebd
from ngtbench.kernels.tensors.library import Library
from ngtbench.kernels.tensors.splits import Split
from ngtbench.kernels.tensors.tebd import State, Tally
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.tensors import chains

Evolve = Callable[[Any, Any, list[tuple[int, float]]], tuple[State, Tally]]  # (places, gates, layers) -> state


def dense(setup: Setup, couplings: Array) -> Callable[[int, Watch], Trial]:
    """Evolve whole tensors."""
    return build(setup, library.numpy(setup.threads), couplings, splits.gram)


def charged(setup: Setup, couplings: Array) -> Callable[[int, Watch], Trial]:
    """Evolve in blocks of Sz.

    Raises Unavailable for models that do not conserve it, or whose charges these blocks are not.
    """
    size, here = setup.size, library.numpy(setup.threads)
    if size.model not in ("xx", "heisenberg"):
        raise Unavailable(f"{size.model} has no blocks of Sz here", "choose a size of xx or heisenberg")

    def evolve(places: Array, gate: Any, sequence: list[tuple[int, float]]) -> tuple[State, Tally]:
        state, marks = tebd.product(here, places, 2, np.complex128), charges.of(places)
        return state, charges.evolve(here, state, marks, gate, sequence, size.chi)

    return trials(setup, here, couplings, evolve)


def build(setup: Setup, here: Library, couplings: Array, split: Split) -> Callable[[int, Watch], Trial]:
    """Return trials on whole tensors."""

    def evolve(places: Array, gate: Any, sequence: list[tuple[int, float]]) -> tuple[State, Tally]:
        state = tebd.product(here, places, setup.size.d, np.complex128)
        return state, tebd.evolve(here, state, gate, sequence, setup.size.chi, split)

    return trials(setup, here, couplings, evolve)


def trials(setup: Setup, here: Library, couplings: Array, evolve: Evolve) -> Callable[[int, Watch], Trial]:
    """Return trials of one quench."""
    size, terms = setup.size, setup.size.terms(np.asarray(couplings, np.float64))
    places, steps = chains.start(size.model, size.initial, size.sites), round(size.time / size.step)
    sequence = [(parity, share * size.time / steps) for parity, share in tebd.layers(size.order, steps)]
    basis = tebd.product(here, places, size.d, np.complex128)
    before = tebd.energy(here, basis, terms)

    def trial(k: int, watch: Watch) -> Trial:
        before_s = watch.spent_s
        with watch():
            state, tally = evolve(places, tebd.gates(here, terms, np.complex128), sequence)
        wall_s = watch.spent_s - before_s
        told = ", ".join(f"{count} by {how}" for how, count in sorted(tally.splits.items()))
        setup.say(f"order {size.order}, {steps} steps, {here.threads} threads; splits: {told}")
        found, _ = tebd.canonical(here, state.tensors)
        return Trial(
            {
                "magnetisation": tebd.expectations(here, found, chains.observable(size.model)),
                "entropy_nats": tebd.entropy_nats(here, found),
            },
            {
                "wall_s": wall_s,
                "wall_per_update_s": wall_s / tally.updates,
                "discarded_weight": tally.discarded_weight,
                "energy_drift": abs(tebd.energy(here, found, terms) - before),
            },
        )

    return trial
