"""From a tree to steps: the order of every tensor's indices, where it lies in one block of memory, and what slices share.

A step multiplies left (batch, inner, rows) by right (batch, inner, columns). Who consumes a tensor decides the order of its
indices, so nothing is moved before a product: what a product makes is put down in the order in which it is asked for.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from ngtbench.kernels.tensors.contract_network import Network
from ngtbench.kernels.tensors.contract_text import MOST_INNER
from ngtbench.physics.tensors.trees import Tree, nodes

Order = tuple[int, ...]
Axes = tuple[tuple[int, int], ...]  # size and stride
ALIGN_B = 64
_LOW = 1024  # rows of a table of offsets: the rest is added from another


@dataclass(frozen=True)
class Step:
    """One product, by SSA numbers; indices in the order of memory, the last one fastest."""

    left: int
    right: int
    made: int
    batch: Order
    inner: Order
    rows: Order
    columns: Order
    order: Order  # of what is made
    library: bool  # to be done by a library's matrix product, not by our kernel

    @property
    def natural(self) -> bool:
        """Tell whether a library's product can be put where it belongs as it is."""
        return self.order in (self.batch + self.rows + self.columns, self.batch + self.columns + self.rows)


@dataclass(frozen=True)
class Plan:
    """What to do, in order: a Step, or the number of an input that is copied into the order asked for.

    `once` comes before all slices, `each` is done per slice. Offsets and sizes count numbers, not bytes.
    """

    network: Network
    sliced: Order
    once: tuple[Step | int, ...]
    each: tuple[Step | int, ...]
    orders: tuple[Order, ...]  # of each tensor, by SSA number
    offsets: dict[int, int]  # of each tensor in memory, and of scratch by minus its step's number
    arena: int
    result: int
    mult_adds: int  # of all slices
    tables: int  # offsets that our kernel looks up

    def size(self, order: Iterable[int]) -> int:
        """Return the product of sizes of indices."""
        return math.prod(self.network.sizes[index] for index in order)

    def slices(self, rank: int = 0, ranks: int = 1) -> Iterator[dict[int, int]]:
        """Yield the value of each sliced index: all slices, or every so many for one of several devices."""
        every = product(*(range(self.network.sizes[index]) for index in self.sliced))
        for number, values in enumerate(every):
            if number % ranks == rank:
                yield dict(zip(self.sliced, values, strict=True))


@lru_cache(maxsize=64)
def plan(network: Network, tree: Tree, item_b: int, fused: bool) -> Plan:
    """Return the plan of a tree; `fused` says that there is a kernel that multiplies and permutes at once."""
    steps, orders = _steps(network, tree, fused)
    count, sliced = len(network.inputs), set(tree.sliced)
    varies = [bool(sliced & set(labels)) for labels in network.inputs]
    varies += [False] * len(steps)
    for step in steps:
        varies[step.made] = varies[step.left] or varies[step.right]
    copied = [tuple(own) != order for own, order in zip(network.inputs, orders, strict=False)]
    parts: tuple[list[Step | int], list[Step | int]] = ([], [])
    for step in _ordered(network, steps, orders):
        for operand in (step.left, step.right):
            if operand < count and copied[operand]:
                parts[varies[operand]].append(operand)
        parts[varies[step.made]].append(step)
    result = steps[-1].made if steps else 0
    if not steps and copied[0]:
        parts[varies[0]].append(0)
    offsets, arena = _placed(network, parts, orders, item_b)
    sizes, slices = network.sizes, math.prod(network.sizes[index] for index in sliced)
    groups = [step.batch + step.inner + step.rows + step.columns for step in steps]
    mult_adds = slices * sum(math.prod(sizes[index] for index in group) for group in groups)
    tables = {axes for step in steps if not step.library for axes in looked_up(network, step)}
    stored = sum(math.prod(size for size, _ in axes) for axes in tables)
    return Plan(network, tree.sliced, tuple(parts[0]), tuple(parts[1]), tuple(orders), offsets, arena, result, mult_adds, stored)


def looked_up(network: Network, step: Step) -> tuple[Axes, ...]:
    """Return sizes and strides in what is made, per table: of batches, of the fastest rows, of the other rows, of columns."""
    strides = contiguous(network, step.order)
    low = len(step.rows)
    while low > 0 and math.prod(network.sizes[index] for index in step.rows[low:]) < _LOW:
        low -= 1
    groups = step.batch, step.rows[low:], step.rows[:low], step.columns
    return tuple(tuple((network.sizes[index], strides[index]) for index in group) for group in groups)


def contiguous(network: Network, order: Order) -> dict[int, int]:
    """Return the stride of each index of a tensor."""
    strides, stride = dict[int, int](), 1
    for index in reversed(order):
        strides[index] = stride
        stride *= network.sizes[index]
    return strides


def _steps(network: Network, tree: Tree, fused: bool) -> tuple[list[Step], list[Order]]:
    """Return steps, and the order of each tensor, from the last one back: each asks for the orders of its operands."""
    found = list(nodes(tree, network.inputs, network.output))
    position = {index: place for place, index in enumerate(network.output)}
    orders: list[Order] = [()] * (len(network.inputs) + len(found))
    orders[-1] = tuple(index for index in network.output if index not in tree.sliced)
    steps = []
    for number in reversed(range(len(found))):
        a, b, one, two, kept = found[number]
        made = len(network.inputs) + number
        order = orders[made]
        if order and order[-1] not in one:  # what the fastest index belongs to is read in whole registers
            a, b, one, two = b, a, two, one
        batch = tuple(index for index in order if index in one and index in two)
        inner = tuple(sorted((one & two) - kept, key=lambda index: (position.get(index, -1), index)))
        rows = tuple(index for index in order if index in one and index not in two)
        columns = tuple(index for index in order if index in two and index not in one)
        orders[a], orders[b] = batch + inner + rows, batch + inner + columns
        sizes = [math.prod(network.sizes[index] for index in group) for group in (inner, rows, columns)]
        steps.append(Step(a, b, made, batch, inner, rows, columns, order, not fused or _suits_library(*sizes)))
    return steps[::-1], orders


def _suits_library(inner: int, rows: int, columns: int) -> bool:
    """Tell whether a product is so large that a library's blocking for caches beats writing the result once."""
    return inner > MOST_INNER or (inner >= 128 and min(rows, columns) >= 32)


@dataclass
class _Need:
    """Numbers that a subtree takes at most, and leaves, and its steps in order."""

    most: int
    left: int
    steps: list[Step] = field(default_factory=list)


def _ordered(network: Network, steps: list[Step], orders: list[Order]) -> list[Step]:
    """Return steps in an order that needs little memory: of two subtrees first the one that takes more above what it leaves."""
    size = [math.prod(network.sizes[index] for index in order) for order in orders]
    needs = [_Need(own, own) for own in size[: len(network.inputs)]]
    for step in steps:
        first, second = sorted((needs[step.left], needs[step.right]), key=lambda need: need.left - need.most)
        own = size[step.made]
        most = max(first.most, first.left + second.most, first.left + second.left + own)
        needs.append(_Need(most, own, [*first.steps, *second.steps, step]))
        first.steps, second.steps = [], []
    return needs[-1].steps


def _placed(
    network: Network, parts: tuple[list[Step | int], list[Step | int]], orders: list[Order], item_b: int
) -> tuple[dict[int, int], int]:
    """Return where each tensor lies, and how much memory all take: each from when it is made until it is used.

    What is made once stays while there are slices that use it.
    """
    arena = _Arena(ALIGN_B // item_b)
    stay = {one.made if isinstance(one, Step) else one for one in parts[0]}
    stay -= {number for one in parts[0] if isinstance(one, Step) for number in (one.left, one.right)}
    for every in parts:
        for one in every:
            made = one.made if isinstance(one, Step) else one
            arena.take(made, math.prod(network.sizes[index] for index in orders[made]))
            if isinstance(one, Step):
                if one.library and not one.natural:
                    arena.take(-made, math.prod(network.sizes[index] for index in orders[made]))
                    arena.free(-made)
                for operand in (one.left, one.right):
                    if operand not in stay:
                        arena.free(operand)
    return arena.placed()


class _Arena:
    """Blocks of one stretch of memory: the largest is placed first, each as low as those allow that live while it does."""

    def __init__(self, align: int) -> None:
        self._align = align
        self._sizes = dict[int, int]()
        self._lives = dict[int, tuple[int, int]]()  # from one moment to another, both included
        self._open = dict[int, int]()
        self._now = 0

    def take(self, name: int, size: int) -> None:
        """Begin a block."""
        self._sizes[name] = -(-size // self._align) * self._align
        self._open[name] = self._now

    def free(self, name: int) -> None:
        """End a block, where there is one."""
        if name in self._open:
            self._lives[name] = self._open.pop(name), self._now
        self._now += 1

    def placed(self) -> tuple[dict[int, int], int]:
        """Return where each block begins, and where the last one ends; what was not freed stays."""
        lives = self._lives | {name: (start, self._now) for name, start in self._open.items()}
        offsets, most = dict[int, int](), 0
        for name in sorted(lives, key=lambda name: -self._sizes[name]):
            start, stop = lives[name]
            beside = sorted((offsets[other], self._sizes[other]) for other in offsets if _meet(lives[other], start, stop))
            at = 0
            for low, size in beside:
                if low - at >= self._sizes[name]:
                    break
                at = max(at, low + size)
            offsets[name] = at
            most = max(most, at + self._sizes[name])
        return offsets, most


def _meet(life: tuple[int, int], start: int, stop: int) -> bool:
    return life[0] <= stop and start <= life[1]
