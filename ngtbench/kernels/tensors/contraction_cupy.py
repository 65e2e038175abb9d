"""The cases of contractions in CuPy."""

from collections.abc import Callable, Sequence
from typing import Any

import cupy

from ngtbench.kernels.tensors import contract_arrays, contract_cupy, contraction
from ngtbench.model.workload import Run, Setup
from ngtbench.physics.tensors.trees import Label


def value(setup: Setup, entries: Any) -> Run:
    """Contract by CuPy's products."""
    return contraction.network(setup, entries, _cupy)


def amplitudes(setup: Setup, kinds: Any, bits: Any) -> Run:
    """Contract the network of each state by CuPy's products."""
    return contraction.states(setup, kinds.get(), bits.get(), _cupy, cupy.stack, cupy.asarray)


def _cupy(
    setup: Setup, arrays: Sequence[Any], labels: Sequence[tuple[Label, ...]], output: tuple[Label, ...]
) -> Callable[[], Any]:
    like, shapes = arrays[0], [array.shape for array in arrays]
    _, _, planned = contraction.fitted(setup, shapes, labels, output, like.dtype.itemsize, False, contract_cupy.free_b(like))
    return contract_arrays.bound(planned, arrays, contract_cupy.library(like))
