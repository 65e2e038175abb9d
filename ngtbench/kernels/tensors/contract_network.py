"""Networks as users give them, checked and made plain: no index of size 1, none twice in a tensor, none in one tensor alone."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ngtbench.errors import BadInput

Labels = tuple[Hashable, ...]
Reduction = tuple[int, ...]  # (axis,) is summed over; of (axis, axis) the diagonal is taken, and becomes the last axis


@dataclass(frozen=True)
class Network:
    """Tensors by the numbers of their indices, and the size of each index."""

    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class Plain:
    """A plain network, what leads to it, and the shape of what comes out."""

    network: Network
    labels: Labels  # of each number
    reductions: tuple[tuple[Reduction, ...], ...]  # of each array, one after the other
    shape: tuple[int, ...]


@lru_cache(maxsize=64)
def plain(shapes: tuple[tuple[int, ...], ...], inputs: tuple[Labels, ...], output: Labels) -> Plain:
    """Return the plain network of arrays of these shapes.

    Raises BadInput where labels and shapes do not fit each other.
    """
    sizes = _sizes(shapes, inputs)
    unknown = [label for label in output if label not in sizes]
    if unknown or len(set(output)) < len(output):
        words = f"no array has {unknown[0]!r}" if unknown else "an index is there twice"
        raise BadInput(f"contract: output {output}: {words}")
    owners = Counter(label for labels in inputs for label in set(labels))
    summed = {label for label, count in owners.items() if count == 1 and label not in output}
    kept = [label for label, size in sizes.items() if size != 1 and label not in summed]
    number = {label: k for k, label in enumerate(kept)}
    reduced = [_reduced(labels, summed) for labels in inputs]
    network = Network(
        tuple(tuple(number[label] for label in left if label in number) for left, _ in reduced),
        tuple(number[label] for label in output if label in number),
        tuple(sizes[label] for label in kept),
    )
    return Plain(network, tuple(kept), tuple(done for _, done in reduced), tuple(sizes[label] for label in output))


def _sizes(shapes: tuple[tuple[int, ...], ...], inputs: tuple[Labels, ...]) -> dict[Hashable, int]:
    """Return the size of each index."""
    if not shapes or len(shapes) != len(inputs):
        raise BadInput(
            f"contract: {len(shapes)} arrays and {len(inputs)} tuples of indices: give one or more, and as many of both"
        )
    sizes, seen = dict[Hashable, int](), dict[Hashable, int]()
    for place, (shape, labels) in enumerate(zip(shapes, inputs, strict=True)):
        if len(shape) != len(labels):
            raise BadInput(f"contract: array {place} has shape {shape}, but {len(labels)} indices {labels}")
        for label, size in zip(labels, shape, strict=True):
            first = seen.setdefault(label, place)
            if sizes.setdefault(label, size) != size:
                raise BadInput(f"contract: index {label!r} has size {sizes[label]} in array {first}, but {size} in array {place}")
    return sizes


def _reduced(labels: Labels, summed: set[Hashable]) -> tuple[Labels, tuple[Reduction, ...]]:
    """Return the indices that are left of an array, and how it comes to them."""
    left, done = list(labels), list[Reduction]()
    for label, count in Counter(labels).items():
        for _ in range(count - 1):
            first = left.index(label)
            second = left.index(label, first + 1)
            done.append((first, second))
            del left[second], left[first]
            left.append(label)
        if label in summed:
            done.append((left.index(label),))
            left.remove(label)
    return tuple(left), tuple(done)


def reduced(array: Any, reductions: Sequence[Reduction]) -> Any:
    """Apply reductions to an array of any library."""
    for axes in reductions:
        array = array.diagonal(0, *axes) if len(axes) == 2 else array.sum(axes[0])
    return array
