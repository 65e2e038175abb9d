"""Contraction of a tensor network to a number: what quantum many-body and quantum computer simulations spend their time in.

The network is that of inverses modulo p, of degree 3, with random tensors: IG(p, bond, stream). Along its tree, which is given,
it is a chain of matrix products of odd shapes between which indices change their order: bonds of size 2 are bound by that, bonds
of size 8 by arithmetic.
"""

import math
from dataclasses import dataclass

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics.tensors import inverse_graph, trees
from ngtbench.physics.tensors.trees import Cost, Tree
from ngtbench.workloads.tensors import _pairwise

_OTHER = 1 << 20  # between the streams of real and imaginary parts


@dataclass(frozen=True)
class Size:
    """A network of p tensors with bonds of one size, real, or complex with independent parts."""

    p: int
    bond: int
    complex: bool = False

    @property
    def legs(self) -> list[tuple[int, ...]]:
        """Return the indices of each tensor."""
        return inverse_graph.legs(self.p)

    @property
    def tree(self) -> Tree:
        """Return the tree that implementations take."""
        return trees.load(f"ig-{self.p}-{self.bond}")

    @property
    def cost(self) -> Cost:
        """Return what the tree takes."""
        legs = self.legs
        return trees.cost(self.tree, legs, (), dict.fromkeys((label for own in legs for label in own), self.bond))

    def views(self, entries: Array) -> list[Array]:
        """Return the tensors that one after the other are `entries`; of an array of any library."""
        found, start = [], 0
        for own in self.legs:
            stop = start + self.bond ** len(own)
            found.append(entries[start:stop].reshape((self.bond,) * len(own)))
            start = stop
        return found


def inputs(size: Size, seed: int) -> Inputs:
    """Return all tensors, flat, one after the other; the seed is the stream."""
    parts = [
        np.concatenate([tensor.reshape(-1) for tensor in inverse_graph.tensors(size.p, size.bond, stream)])
        for stream in (seed, seed + _OTHER)[: 1 + size.complex]
    ]
    return {"entries": parts[0] if len(parts) == 1 else (parts[0] + 1j * parts[1]) / math.sqrt(2)}


def reference(size: Size, entries: Array) -> dict[str, Array]:
    """Return the network's value, along another tree."""
    tree = _pairwise.second(f"ig-{size.p}-{size.bond}")
    return {"value": _pairwise.value(tree, size.views(entries), size.legs, ()).reshape(1)}


def work(size: Size, item_b: int) -> Work:
    """Count two FLOP for each multiply-add of a node of the tree, eight of complex ones; operands and results move once a node.

    Resident: three of the largest tensor, which is what it takes to make one from another and put it into another order.
    """
    cost, number_b = size.cost, item_b * (2 if size.complex else 1)
    kept = sum(size.bond ** len(own) for own in size.legs)
    return Work(
        flop=(8 if size.complex else 2) * cost.mult_adds,
        bytes=number_b * cost.moved,
        memory_b=number_b * (3 * cost.largest + kept),
        events=1,
        event="contraction",
    )


WORKLOAD = Workload(
    version=1,
    title="Tensor network contraction",
    inputs=inputs,
    reference=reference,
    work=work,
    live=("entries",),
    sizes={
        "XS": Size(101, 2),
        "S": Size(181, 2),
        "M": Size(199, 2),
        "L": Size(211, 2),
        "XS-d8": Size(23, 8),
        "S-d4": Size(61, 4),
        "S-complex": Size(181, 2, complex=True),
        "M-d8": Size(43, 8),
    },
    tolerance={"float64": 1e-10, "float32": 5e-4},
    impls=(
        Impl("native", "tensors.contraction:native", "native", tier="optimised"),
        Impl("numpy", "tensors.contraction:numpy", "numpy"),
        Impl("torch", "tensors.contraction_torch:value", "torch", devices=("cpu", "gpu")),
        Impl("cupy", "tensors.contraction_cupy:value", "cupy", devices=("gpu",)),
        Impl("cutensornet", "tensors.contraction_cutensornet:value", "cupy", devices=("cuda",), needs=("cuquantum",)),
    ),
    quick=("S", "S-d4"),
    quick_gpu=("M", "M-d8"),
    notes=(
        "The tree is given (found by cotengra) and not searched for in what is timed; the oracle contracts along another one.",
        "Tensors are random: constant ones, as in other benchmarks, would hide a wrong order of indices.",
        "The value is a sum of terms of either sign, far smaller than they are: in float32 its relative error is 4e-6 in the "
        "median of streams for S, and was 3e-4 in one of twelve, by NumPy as by us, for storing the few largest tensors in it "
        "is enough for that. So the tolerance is 5e-4; tf32 fails it.",
        "-d8 and -d4: bonds of 8 and 4, bound by arithmetic; others by the order of indices. L is done in slices.",
    ),
)
