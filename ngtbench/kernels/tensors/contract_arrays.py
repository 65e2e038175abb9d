"""Contraction by a library of arrays: its matrix products, and copies where a result is asked for in another order."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

from ngtbench.kernels.tensors.contract_plan import Order, Plan, Step

Call = Callable[[], object]


@dataclass(frozen=True)
class Library:
    """What a library is asked for."""

    zeros: Callable[[Sequence[int]], Any]  # an array of this shape
    multiply: Callable[[Any, Any, Any], object]  # left, right, out; batches of matrices
    copy: Callable[[Any, Any], object]  # to, from
    turned: Callable[[Any, Sequence[int]], Any]  # a view with other axes


def bound(planned: Plan, arrays: Sequence[Any], library: Library, rank: int = 0, ranks: int = 1) -> Callable[[], Any]:
    """Return a call that contracts arrays in memory of its own, and returns the sum over slices: all, or every so many.

    What it returns is overwritten by the next call.
    """
    network = planned.network
    memory = library.zeros((planned.arena,))
    total = library.zeros([network.sizes[index] for index in network.output])
    once = _calls(planned, planned.once, arrays, memory, library, {})
    if not planned.sliced:
        once += _calls(planned, planned.each, arrays, memory, library, {})
        value = _ordered(planned, planned.result, arrays, memory)

        def straight() -> Any:
            for call in once:
                call()
            library.copy(total, value)
            return total

        return straight

    def run() -> Any:
        for call in once:
            call()
        total[...] = 0
        for at in planned.slices(rank, ranks):
            for call in _calls(planned, planned.each, arrays, memory, library, at):
                call()
            own = tuple(at.get(index, slice(None)) for index in network.output)
            total[own] += _ordered(planned, planned.result, arrays, memory)
        return total

    return run


def _calls(
    planned: Plan, part: Sequence[Step | int], arrays: Sequence[Any], memory: Any, library: Library, at: dict[int, int]
) -> list[Call]:
    """Return what is to be done for one part of the plan, for these values of the sliced indices."""
    done = list[Call]()
    for one in part:
        if isinstance(one, Step):
            done += _product(planned, one, arrays, memory, library)
        else:
            own = planned.network.inputs[one]
            source = arrays[one][tuple(at.get(index, slice(None)) for index in own)]
            done.append(_moved(planned, source, tuple(index for index in own if index not in at), one, memory, library))
    return done


def _product(planned: Plan, step: Step, arrays: Sequence[Any], memory: Any, library: Library) -> list[Call]:
    batch, inner, rows, columns = (planned.size(group) for group in (step.batch, step.inner, step.rows, step.columns))
    left = _block(planned, step.left, arrays, memory, (batch, inner, rows)).swapaxes(1, 2)
    right = _block(planned, step.right, arrays, memory, (batch, inner, columns))
    order = step.batch + step.rows + step.columns
    to = step.made if step.natural else -step.made
    if step.natural and step.order != order:
        left, right, rows, columns = right.swapaxes(1, 2), left.swapaxes(1, 2), columns, rows
    made = _block(planned, to, arrays, memory, (batch, rows, columns))
    done: list[Call] = [partial(library.multiply, left, right, made)]
    if not step.natural:
        done.append(_moved(planned, made, order, step.made, memory, library))
    return done


def _moved(planned: Plan, source: Any, order: Order, made: int, memory: Any, library: Library) -> Call:
    """Return a copy into the order asked for; indices that stay neighbours go as one."""
    wanted, sizes = planned.orders[made], planned.network.sizes
    follows = dict(pairwise(order))
    groups = list[list[int]]()
    for index in wanted:
        if groups and follows.get(groups[-1][-1]) == index:
            groups[-1].append(index)
        else:
            groups.append([index])
    place = {index: k for k, index in enumerate(order)}
    sorted_ = sorted(groups, key=lambda group: place[group[0]])
    shape = {tuple(group): math.prod(sizes[index] for index in group) for group in groups}
    from_ = source.reshape([shape[tuple(group)] for group in sorted_])
    to = _block(planned, made, (), memory, [shape[tuple(group)] for group in groups])
    return partial(library.copy, to, library.turned(from_, [sorted_.index(group) for group in groups]))


def _ordered(planned: Plan, number: int, arrays: Sequence[Any], memory: Any) -> Any:
    return _block(planned, number, arrays, memory, [planned.network.sizes[index] for index in planned.orders[number]])


def _block(planned: Plan, number: int, arrays: Sequence[Any], memory: Any, shape: Sequence[int]) -> Any:
    """Return a tensor where it lies: in our memory, or an input as it is."""
    if number not in planned.offsets:
        return arrays[number].reshape(shape)
    at = planned.offsets[number]
    return memory[at : at + math.prod(shape)].reshape(shape)
