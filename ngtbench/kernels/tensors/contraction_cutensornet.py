"""The cases of contractions by NVIDIA's cuTensorNet, along our tree, without slices; not yet run on a GPU."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import cupy

from ngtbench.kernels.tensors import contraction
from ngtbench.model.workload import Run, Setup
from ngtbench.physics.tensors.trees import Label, Tree


def value(setup: Setup, entries: Any) -> Run:
    """Contract by cuTensorNet."""
    return contraction.network(setup, entries, _cutensornet)


def amplitudes(setup: Setup, kinds: Any, bits: Any) -> Run:
    """Contract the network of each state by cuTensorNet."""
    return contraction.states(setup, kinds.get(), bits.get(), _cutensornet, cupy.stack, cupy.asarray)


def _cutensornet(
    setup: Setup, arrays: Sequence[Any], labels: Sequence[tuple[Label, ...]], output: tuple[Label, ...]
) -> Callable[[], Any]:
    tensornet: Any = importlib.import_module("cuquantum.tensornet")
    given = [one for pair in zip(arrays, labels, strict=True) for one in pair]
    made = tensornet.Network(*given, output)
    made.contract_path(optimize={"path": linear(setup.size.tree), "slicing": {"disable_slicing": 0}})
    setup.say(f"cuTensorNet through cuquantum {importlib.import_module('cuquantum').__version__}")
    call: Callable[[], Any] = made.contract
    return call


def linear(tree: Tree) -> list[tuple[int, int]]:
    """Return a path in positions among the tensors that are left, each result being put at the end."""
    left, path = list(range(len(tree.pairs) + 1)), []
    for step, pair in enumerate(tree.pairs):
        low, high = sorted(left.index(number) for number in pair)
        path.append((low, high))
        del left[high], left[low]
        left.append(len(tree.pairs) + 1 + step)
    return path
