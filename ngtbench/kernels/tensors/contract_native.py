"""Contraction by our own kernel: a plan becomes a table of operations, and one call goes through all of them.

Products so large that a library's blocking pays are done by NumPy in between.
"""

import ctypes
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache, partial

import numpy as np

from ngtbench.codegen import compiler, pages
from ngtbench.codegen.cache import Built, library
from ngtbench.kernels.tensors.contract_network import Network
from ngtbench.kernels.tensors.contract_plan import Axes, Order, Plan, Step, contiguous, looked_up, plan
from ngtbench.kernels.tensors.contract_text import COPY, FIELDS, PRODUCT, source
from ngtbench.model.workload import Array
from ngtbench.physics.tensors.trees import Tree

_REAL = {"float32": ("float", 1, 4), "float64": ("double", 1, 8), "complex64": ("float", 2, 4), "complex128": ("double", 2, 8)}


@dataclass(frozen=True)
class Program:
    """A plan as the kernel takes it: runs of operations, and between them products of a library."""

    plan: Plan
    built: Built
    operations: Array  # (count, FIELDS)
    tables: Array
    once: tuple[Step | tuple[int, int], ...]  # a library's product, or the operations from one to another
    each: tuple[Step | tuple[int, int], ...]


def program(network: Network, tree: Tree, dtype: str) -> Program:
    """Return the program of a tree.

    Raises Unavailable where there is no compiler.
    """
    return _program(network, tree, dtype, compiler.find())


def kernel(dtype: str) -> tuple[Built, int]:
    """Return the compiled kernel, and how many numbers a register holds.

    Raises Unavailable where there is no compiler.
    """
    return _kernel(dtype, compiler.find())


def memory(count: int, dtype: str) -> Array:
    """Return memory for so many numbers, at the start of a line of the cache."""
    item_b = np.dtype(dtype).itemsize
    raw = np.empty(max(1, count) * item_b + pages.LINE_B, np.uint8)
    first = -raw.ctypes.data % pages.LINE_B
    return raw[first : first + max(1, count) * item_b].view(dtype)


def bound(
    made: Program, arrays: Sequence[Array], threads: int, memory: Array, rank: int = 0, ranks: int = 1
) -> Callable[[], Array]:
    """Return a call that contracts arrays, each contiguous and of the program's dtype, in memory of `arena` numbers.

    It returns the sum over slices: all, or every so many for one of several devices.
    """
    planned, network = made.plan, made.plan.network
    strides = [dict(zip(own, array.strides, strict=True)) for own, array in zip(network.inputs, arrays, strict=True)]
    starts = [array.ctypes.data for array in arrays]
    bases = np.array([memory.ctypes.data, *starts], np.uint64)
    once, each = ([_call(made, one, bases, arrays, memory, threads) for one in part] for part in (made.once, made.each))
    kept = [index for index in network.output if index not in planned.sliced]
    value = _block(planned, memory, arrays, planned.result, [planned.size((index,)) for index in kept])

    def run() -> Array:
        for call in once:
            call()
        total = np.zeros([network.sizes[index] for index in network.output], memory.dtype)
        for at in planned.slices(rank, ranks):
            for place, own in enumerate(strides if at else ()):
                bases[place + 1] = starts[place] + sum(at[index] * own[index] for index in own if index in at)
            for call in each:
                call()
            total[tuple(at.get(index, slice(None)) for index in network.output)] += value
        return total

    run.__dict__["kept"] = (made, arrays, memory, bases)  # what the addresses point to
    return run


def _call(
    made: Program, one: Step | tuple[int, int], bases: Array, arrays: Sequence[Array], memory: Array, threads: int
) -> Callable[[], object]:
    """Return the call that does a library's product, or some operations."""
    if isinstance(one, Step):
        return _multiplied(made.plan, one, memory, arrays)
    operations, tables, pointers = (
        ctypes.c_void_p(array.ctypes.data) for array in (made.operations[one[0] :], made.tables, bases)
    )
    counts = ctypes.c_longlong(one[1] - one[0]), ctypes.c_longlong(threads)
    return partial(made.built.cdll.contract, operations, counts[0], pointers, tables, counts[1])


def _block(planned: Plan, memory: Array, arrays: Sequence[Array], number: int, shape: Sequence[int]) -> Array:
    """Return a tensor where it lies."""
    if number not in planned.offsets:
        return arrays[number].reshape(shape)
    at = planned.offsets[number]
    return memory[at : at + math.prod(shape)].reshape(shape)


def _multiplied(planned: Plan, step: Step, memory: Array, arrays: Sequence[Array]) -> Callable[[], object]:
    """Return a library's product of one step; where its result is to be permuted, into scratch."""
    batch, inner, rows, columns = (planned.size(group) for group in (step.batch, step.inner, step.rows, step.columns))
    left = _block(planned, memory, arrays, step.left, (batch, inner, rows)).swapaxes(1, 2)
    right = _block(planned, memory, arrays, step.right, (batch, inner, columns))
    to = step.made if step.natural else -step.made
    if step.natural and step.order != step.batch + step.rows + step.columns:
        left, right, rows, columns = right.swapaxes(1, 2), left.swapaxes(1, 2), columns, rows
    return partial(np.matmul, left, right, out=_block(planned, memory, arrays, to, (batch, rows, columns)))


@lru_cache(maxsize=64)
def _program(network: Network, tree: Tree, dtype: str, host: compiler.Compiler) -> Program:
    built, lanes = _kernel(dtype, host)
    planned = plan(network, tree, np.dtype(dtype).itemsize, True)
    writer = _Writer(planned, lanes)
    runs = [tuple(writer.written(part)) for part in (planned.once, planned.each)]
    operations = np.array(writer.operations, np.int64).reshape(-1, FIELDS)
    return Program(planned, built, operations, np.concatenate(writer.tables), *runs)


@cache
def _kernel(dtype: str, host: compiler.Compiler) -> tuple[Built, int]:
    real, parts, real_b = _REAL[dtype]
    lanes = max(4, host.width_b // real_b)
    return library(f"contract-{dtype}", source(real, parts, lanes), host), lanes // parts


class _Writer:
    """Writes operations and their tables."""

    def __init__(self, planned: Plan, lanes: int) -> None:
        self.operations, self.tables = list[list[int]](), [np.zeros(0, np.int64)]
        self._plan, self._lanes = planned, lanes
        self._known, self._filled = dict[Axes, int](), 0

    def written(self, part: Sequence[Step | int]) -> list[Step | tuple[int, int]]:
        """Write one part; return what is to be done for it."""
        done, first = list[Step | tuple[int, int]](), len(self.operations)
        for one in part:
            if not isinstance(one, Step):
                self._copy(*self._place(one, leaf=True), self._plan.network.inputs[one], one)
            elif one.library:
                if first < len(self.operations):
                    done.append((first, len(self.operations)))
                done.append(one)
                first = len(self.operations)
                if not one.natural:
                    self._copy(0, self._plan.offsets[-one.made], one.batch + one.rows + one.columns, one.made)
            else:
                self._product(one)
        if first < len(self.operations):
            done.append((first, len(self.operations)))
        return done

    def _place(self, number: int, leaf: bool = False) -> tuple[int, int]:
        """Return the base and the offset of a tensor: base 0 is our memory, then come the inputs."""
        return (number + 1, 0) if leaf or number not in self._plan.offsets else (0, self._plan.offsets[number])

    def _product(self, step: Step) -> None:
        size, axes = self._plan.size, looked_up(self._plan.network, step)
        low = step.rows[len(step.rows) - len(axes[1]) :]
        run = 1
        for one, other in zip(reversed(low), reversed(step.order), strict=False):
            if one != other:
                break
            run *= self._plan.network.sizes[one]
        tables = [self._table(group) for group in axes]
        counts = [size(group) for group in (step.batch, step.inner, step.rows, step.columns)]
        places = [*self._place(step.left), *self._place(step.right), self._plan.offsets[step.made]]
        shape = [*counts, tables[0], size(low), *tables[1:]]
        self.operations.append([PRODUCT, *places, *shape, math.gcd(run, self._lanes)])

    def _copy(self, base: int, offset: int, order: Order, made: int) -> None:
        """Write a copy of a tensor whose indices are in this order into the order asked for."""
        strides = contiguous(self._plan.network, order)
        axes = list[list[int]]()
        for index in self._plan.orders[made]:
            size, stride = self._plan.network.sizes[index], strides[index]
            if axes and axes[-1][1] == size * stride:
                axes[-1] = [axes[-1][0] * size, stride]
            else:
                axes.append([size, stride])
        axes = axes or [[1, 1]]
        table = self._stored(np.array(axes, np.int64).reshape(-1))
        row = [COPY, base, offset, 0, 0, self._plan.offsets[made], len(axes), table]
        self.operations.append(row + [0] * (FIELDS - len(row)))

    def _table(self, axes: Axes) -> int:
        """Store the offset of every value of some indices."""
        if axes not in self._known:
            offsets = np.zeros(1, np.int64)
            for size, stride in axes:
                offsets = np.add.outer(offsets, stride * np.arange(size)).reshape(-1)
            self._known[axes] = self._stored(offsets)
        return self._known[axes]

    def _stored(self, numbers: Array) -> int:
        self.tables.append(numbers)
        self._filled += len(numbers)
        return self._filled - len(numbers)
