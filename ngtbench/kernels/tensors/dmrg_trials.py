"""Trials of DMRG: from a basis state to convergence, in any library."""

from collections.abc import Callable

import numpy as np

from ngtbench.errors import NgtBenchError
from ngtbench.kernels.tensors import dmrg, library
from ngtbench.kernels.tensors.library import Library
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.tensors import chains


def numpy(setup: Setup, couplings: Array) -> Callable[[int, Watch], Trial]:
    """Sweep in NumPy."""
    return build(setup, library.numpy(setup.threads), couplings)


def build(setup: Setup, here: Library, couplings: Array) -> Callable[[int, Watch], Trial]:
    """Return trials of one ground state.

    A trial raises NgtBenchError where sweeps do not converge.
    """
    size = setup.size
    terms = chains.bonds(size.model, size.sites, size.field, size.strengths(couplings))
    places = chains.start(size.model, size.initial, size.sites)

    def trial(k: int, watch: Watch) -> Trial:
        before_s = watch.spent_s
        with watch():
            found = dmrg.ground_state(here, terms, places, size.chi)
        wall_s = watch.spent_s - before_s
        if not found.converged:
            raise NgtBenchError(f"no convergence in {len(found.energies)} sweeps: the last two gave {found.energies[-2:]}")
        tensors = np.zeros((size.sites, size.chi, 2, size.chi))
        for whole, tensor in zip(tensors, found.tensors, strict=True):
            whole[: tensor.shape[0], :, : tensor.shape[2]] = here.get(tensor)
        return Trial(
            {"tensors": tensors, "energy": np.array([found.energy])},
            {"wall_s": wall_s, "sweeps": float(len(found.energies)), "discarded_weight": found.discarded_weight},
        )

    return trial
