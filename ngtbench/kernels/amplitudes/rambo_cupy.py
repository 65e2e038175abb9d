"""Momenta of random events on a GPU: a thread per event."""

from typing import Any

import cupy
import numpy as np

from ngtbench.codegen import gpu, raw
from ngtbench.kernels.amplitudes.rambo import Generator, Plan


def filled(plan: Plan, into: Any) -> Generator:
    """Compile for the current device."""
    call, events = raw.launched(plan.text, "float64"), plan.blocks * plan.lanes
    momenta = cupy.empty(plan.shape, plan.dtype) if into is None else into
    weights, first = cupy.empty((plan.blocks, plan.lanes), np.float64), cupy.zeros(1, np.uint64)
    counts, scalars = (np.uint64(events), np.uint64(plan.key)), map(np.float64, plan.scalars)
    given = (*counts, first, *scalars, cupy.asarray(plan.squares), momenta, weights)
    blocks = -(-events // gpu.THREADS)

    def run() -> None:
        if blocks:
            call(blocks, *given)

    return Generator(momenta, weights, first, f"runtime compilation, {gpu.THREADS} threads per block, an event per thread", run)
