"""The cases of contractions: networks of `tensors/contraction`, amplitudes of `tensors/circuit_amplitude`, on the processor."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ngtbench.kernels.tensors import contract_arrays, contract_memory, contract_native, contract_numpy
from ngtbench.kernels.tensors.contract_network import plain
from ngtbench.kernels.tensors.contract_plan import Plan, plan
from ngtbench.model.workload import Array, Run, Setup
from ngtbench.physics.tensors.trees import Label, Tree
from ngtbench.units import binary_bytes

Bind = Callable[[Sequence[Any]], Callable[[], Any]]  # arrays to a call that contracts them


def native(setup: Setup, entries: Array) -> Run:
    """Contract by our own kernel; raise Unavailable where there is no compiler."""
    return network(setup, entries, _native)


def numpy(setup: Setup, entries: Array) -> Run:
    """Contract by NumPy's products."""
    return network(setup, entries, _numpy)


def native_amplitudes(setup: Setup, kinds: Array, bits: Array) -> Run:
    """Contract the network of each state by our own kernel."""
    return states(setup, kinds, bits, _native, np.stack)


def numpy_amplitudes(setup: Setup, kinds: Array, bits: Array) -> Run:
    """Contract the network of each state by NumPy's products."""
    return states(setup, kinds, bits, _numpy, np.stack)


Route = Callable[[Setup, Sequence[Any], Sequence[tuple[Label, ...]], tuple[Label, ...]], Callable[[], Any]]


def network(setup: Setup, entries: Any, route: Route) -> Run:
    """Contract the tensors that `entries` holds, where they lie, by some route."""
    call = route(setup, setup.size.views(entries), setup.size.legs, ())
    return lambda: {"value": call().reshape((1,))}


def states(setup: Setup, kinds: Array, bits: Array, route: Route, stacked: Callable[[list[Any]], Any], put: Any = None) -> Run:
    """Make the tensors of each state on the host, and contract them by some route; `put` takes them to the device."""
    every, labels, output = setup.size.networks(kinds, bits)
    dtype = np.complex128 if setup.dtype == "float64" else np.complex64
    held = [[np.array(array, dtype, order="C") for array in arrays] for arrays in every]
    calls = [route(setup, [put(array) for array in arrays] if put else arrays, labels, output) for arrays in held]
    return lambda: {"amplitudes": stacked([call().reshape((-1,)) for call in calls])}


def fitted(
    setup: Setup, shapes: Sequence[tuple[int, ...]], labels: Sequence[tuple[Label, ...]], output: tuple[Label, ...],
    item_b: int, fused: bool, limit_b: int,
) -> tuple[Any, Tree, Plan]:  # fmt: skip
    """Return the plain network, its tree and the plan within a limit of memory; say what it takes."""
    made = plain(tuple(shapes), tuple(labels), output)
    tree = setup.size.tree
    number = {label: index for index, label in enumerate(made.labels)}
    own = Tree(tree.pairs, tuple(number[label] for label in tree.sliced))
    own = contract_memory.fitted(made.network, own, item_b, fused, limit_b)
    planned = plan(made.network, own, item_b, fused)
    setup.say(f"{planned.size(own.sliced)} slices, {binary_bytes(contract_memory.memory_b(planned, item_b))}")
    return made.network, own, planned


def _native(
    setup: Setup, arrays: Sequence[Array], labels: Sequence[tuple[Label, ...]], output: tuple[Label, ...]
) -> Callable[[], Array]:
    dtype, shapes = arrays[0].dtype, [array.shape for array in arrays]
    built, lanes = contract_native.kernel(dtype.name)
    plain_network, tree, planned = fitted(setup, shapes, labels, output, dtype.itemsize, True, contract_memory.host_b())
    made = contract_native.program(plain_network, tree, dtype.name)
    setup.compiled(built.took_s)
    setup.say(f"{lanes} numbers in a register, {setup.threads} threads")
    memory = contract_native.memory(planned.arena, dtype.name)
    return contract_native.bound(made, arrays, setup.threads, memory)


def _numpy(
    setup: Setup, arrays: Sequence[Array], labels: Sequence[tuple[Label, ...]], output: tuple[Label, ...]
) -> Callable[[], Array]:
    shapes, item_b = [array.shape for array in arrays], arrays[0].dtype.itemsize
    _, _, planned = fitted(setup, shapes, labels, output, item_b, False, contract_memory.host_b())
    return contract_arrays.bound(planned, arrays, contract_numpy.library(arrays[0]))
