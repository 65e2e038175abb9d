"""The oracle of contractions: two tensors at a time, by np.tensordot, along another tree than implementations take."""

from collections.abc import Sequence
from itertools import product

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import trees
from ngtbench.physics.tensors.trees import Label, Tree, nodes


def second(name: str) -> Tree:
    """Return another tree of a network than implementations take; where the package has but one, that."""
    try:
        return trees.load(f"{name}-second")
    except BadInput:
        return trees.load(name)


def value(tree: Tree, arrays: Sequence[Array], inputs: Sequence[tuple[Label, ...]], output: tuple[Label, ...]) -> Array:
    """Return the value of a network in which every index is in two tensors, or in one and in `output`; slices are added up."""
    sizes = {label: size for own, array in zip(inputs, arrays, strict=True) for label, size in zip(own, array.shape, strict=True)}
    total: Array = np.zeros([sizes[label] for label in output], arrays[0].dtype)
    for values in product(*(range(sizes[label]) for label in tree.sliced)):
        at = dict(zip(tree.sliced, values, strict=True))
        cut = [array[tuple(at.get(label, slice(None)) for label in own)] for own, array in zip(inputs, arrays, strict=True)]
        place = tuple(at.get(label, slice(None)) for label in output)
        total[place] += _slice(tree, cut, inputs, output)
    return total


def _slice(tree: Tree, cut: Sequence[Array], inputs: Sequence[tuple[Label, ...]], output: tuple[Label, ...]) -> Array:
    arrays: list[Array | None] = list(cut)
    labels = [tuple(label for label in own if label not in tree.sliced) for own in inputs]
    for a, b, one, two, _ in nodes(tree, inputs, output):
        left, right = arrays[a], arrays[b]
        assert left is not None and right is not None
        shared = [label for label in labels[a] if label in one & two]
        axes = [labels[a].index(label) for label in shared], [labels[b].index(label) for label in shared]
        arrays.append(np.tensordot(left, right, axes))
        labels.append(tuple(label for label in (*labels[a], *labels[b]) if label not in shared))
        arrays[a] = arrays[b] = None
    last = arrays[-1]
    assert last is not None
    return np.transpose(last, [labels[-1].index(label) for label in output if label not in tree.sliced])
