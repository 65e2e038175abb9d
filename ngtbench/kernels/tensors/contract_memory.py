"""What a contraction takes of a device's memory, and the slices that make it fit."""

import math
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # no types

from ngtbench.errors import BadInput
from ngtbench.kernels.tensors.contract_network import Network
from ngtbench.kernels.tensors.contract_plan import Plan, plan
from ngtbench.physics.tensors.trees import Cost, Tree, cost
from ngtbench.units import binary_bytes

_MOST_SLICES = 1 << 20
_OFFSET_B = 8
_SHARE = 0.8  # of what is free: the rest is for others
_CGROUP = (("memory.max", "memory.current"), ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"))


def memory_b(planned: Plan, item_b: int) -> int:
    """Return the bytes a plan takes at once, besides its inputs: the block of all tensors, what comes out, tables of offsets."""
    return item_b * (planned.arena + planned.size(planned.network.output)) + _OFFSET_B * planned.tables


@lru_cache(maxsize=64)
def fitted(network: Network, tree: Tree, item_b: int, fused: bool, limit_b: int, copies_b: int = 0) -> Tree:
    """Return the tree with as many more indices sliced as it takes to stay within the limit.

    Each is the one of the largest tensor that adds least work. `copies_b` is taken by copies of the inputs.
    Raises BadInput, with what it takes, if 2^20 slices do not help.
    """
    sizes = dict(enumerate(network.sizes))
    whole_b = copies_b + memory_b(plan(network, tree, item_b, fused), item_b)
    while (needed_b := copies_b + memory_b(plan(network, tree, item_b, fused), item_b)) > limit_b:
        planned = plan(network, tree, item_b, fused)
        largest = max(planned.offsets, key=lambda number: planned.size(planned.orders[abs(number)]), default=0)
        slices = planned.size(tree.sliced)
        hopeless = (
            copies_b >= limit_b or (needed_b - copies_b) * slices > (limit_b - copies_b) * _MOST_SLICES
        )  # no tensor shrinks by more than there are slices
        choices = [
            (_price(took), index)
            for index in (() if hopeless else planned.orders[abs(largest)])
            if slices * network.sizes[index] <= _MOST_SLICES
            for took in [cost(replace(tree, sliced=(*tree.sliced, index)), network.inputs, network.output, sizes)]
        ]
        if not choices:
            raise BadInput(
                f"contract: takes {needed_b} bytes ({binary_bytes(needed_b)}) in {slices} slices of this tree, "
                f"{binary_bytes(whole_b)} at once, and there are {limit_b} ({binary_bytes(limit_b)}): "
                "free memory, raise limit_b, or give another tree"
            )
        tree = replace(tree, sliced=(*tree.sliced, min(choices)[1]))
    return tree


def _price(took: Cost) -> float:
    return math.log2(took.mult_adds) + math.log2(took.largest)


def host_b(root: Path = Path("/sys/fs/cgroup")) -> int:
    """Return how much memory of the host a contraction may take: most of what is free, here and in this control group."""
    free_b = psutil.virtual_memory().available
    for names in _CGROUP:
        try:
            most, used = (int((root / name).read_text()) for name in names)
        except (OSError, ValueError):  # another version, or no limit ("max")
            continue
        free_b = min(free_b, most - used)
    return max(0, int(_SHARE * free_b))
