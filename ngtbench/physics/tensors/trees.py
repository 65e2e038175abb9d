"""Contraction trees: how a network is contracted pair by pair, what that costs, and the trees that travel with the package."""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ngtbench.errors import BadInput, NgtBenchError

Label = Any  # hashable
_DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Tree:
    """Pairs of tensors in SSA numbers: the inputs count from 0, and each result takes the next number.

    `sliced` indices are not contracted but summed over from outside: the tree is gone through once per value of them.
    """

    pairs: tuple[tuple[int, int], ...]
    sliced: tuple[Label, ...] = ()
    found: str = ""  # by what


@dataclass(frozen=True)
class Cost:
    """What a tree takes: products of index sizes, summed over nodes and slices; numbers read and written; the largest tensor."""

    mult_adds: int
    moved: int
    largest: int
    slices: int

    @property
    def width(self) -> float:
        """Return log2 of the numbers in the largest tensor."""
        return math.log2(self.largest)


def load(name: str) -> Tree:
    """Return a tree of the package.

    Raises BadInput where there is none of this name, NgtBenchError where its file cannot be read.
    """
    path = _DATA / f"{name}.json"
    if not path.is_file():
        raise BadInput(f"no tree '{name}': there are {', '.join(sorted(file.stem for file in _DATA.glob('*.json')))}")
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return Tree(tuple((int(a), int(b)) for a, b in held["ssa"]), tuple(held["sliced"]), str(held["found"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NgtBenchError(f"{path}: cannot be read ({error}): install ngtbench again") from error


def check(tree: Tree, inputs: Sequence[Sequence[Label]]) -> None:
    """Raise BadInput unless the tree contracts all tensors into one, and slices indices that there are."""
    count, used = len(inputs), set[int]()
    if len(tree.pairs) != count - 1:
        raise BadInput(f"tree: {len(tree.pairs)} pairs for {count} tensors: it takes {count - 1}")
    for step, pair in enumerate(tree.pairs):
        for number in pair:
            if not 0 <= number < count + step:
                raise BadInput(f"tree: pair {step} is {pair}, but before it there are tensors 0 to {count + step - 1}")
            if number in used:
                raise BadInput(
                    f"tree: pair {step} is {pair}, but {number} is used up: give SSA numbers, each of which appears once"
                )
            used.add(number)
    known = {label for labels in inputs for label in labels}
    unknown = [label for label in tree.sliced if label not in known]
    if unknown or len(set(tree.sliced)) < len(tree.sliced):
        raise BadInput(f"tree: sliced indices {list(tree.sliced)}: each must be one of the network's, once")


def nodes(
    tree: Tree, inputs: Sequence[Sequence[Label]], output: Sequence[Label]
) -> Iterator[tuple[int, int, frozenset[Label], frozenset[Label], frozenset[Label]]]:
    """Yield of each pair: its two numbers, the indices of both tensors, and those that are kept; sliced ones are left out."""
    sets = [frozenset(labels) - set(tree.sliced) for labels in inputs]
    left = Counter(label for own in sets for label in own)
    left.update(set(output) - set(tree.sliced))
    for a, b in tree.pairs:
        one, two = sets[a], sets[b]
        left.subtract(one)
        left.subtract(two)
        kept = frozenset(label for label in one | two if left[label] > 0)
        left.update(kept)
        sets.append(kept)
        yield a, b, one, two, kept


def cost(tree: Tree, inputs: Sequence[Sequence[Label]], output: Sequence[Label], sizes: Mapping[Label, int]) -> Cost:
    """Return what a tree takes; of slices all are counted."""

    def product(labels: Sequence[Label] | frozenset[Label]) -> int:
        return math.prod(sizes[label] for label in labels)

    slices = product(tree.sliced)
    largest = max(product(frozenset(labels) - set(tree.sliced)) for labels in inputs)
    mult_adds = moved = 0
    for _, _, one, two, kept in nodes(tree, inputs, output):
        mult_adds += product(one | two)
        moved += product(one) + product(two) + product(kept)
        largest = max(largest, product(kept))
    return Cost(slices * mult_adds, slices * moved, largest, slices)
