"""Sequences of tokens from a chain whose entropy is known: the next is one of a few, by the last and the class of the one before.

A token a is of class a mod `classes`, and each class g has a permutation P_g of the vocabulary, the same of every seed. After
a, b comes P_g(a)[(b + j) mod vocabulary], where j is any of 0..`branches` - 1, all as probable: so the entropy of a token is
ln branches after any two tokens. As branches are a multiple of the classes, b + j is in each class as often whatever that of b:
tokens are uniform, and independent of the class of the one before, along all the sequence: what knows neither has the entropy
ln vocabulary. Of the second token nothing is to be told: its label is -1.
"""

import math
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates
from ngtbench.physics.samples.optimum import ROUNDING, Optimum

TOKEN, _ORDER = range(2)  # streams
_ORDER_SEED = 0


@dataclass(frozen=True)
class Size:
    """Different tokens, tokens of a sequence, classes of tokens, and how many may come next."""

    vocabulary: int = 512
    length: int = 256
    classes: int = 4
    branches: int = 4

    def __post_init__(self) -> None:
        if not 1 <= self.classes <= self.branches <= self.vocabulary or self.length < 2:
            raise BadInput(
                f"{self.classes} classes, {self.branches} branches, {self.vocabulary} tokens in sequences of {self.length}: "
                "name counts in rising order, and sequences of 2 or more"
            )
        if self.branches % self.classes or self.vocabulary % self.classes:
            raise BadInput(f"{self.branches} branches, {self.vocabulary} tokens: must be multiples of the {self.classes} classes")


def draw(size: Size, events: int, seed: int, first: int = 0) -> tuple[Array, Array]:
    """Return tokens and the next of each, -1 where nothing tells it, int64, shape (events, length)."""
    made, order = np.empty((events, size.length + 1), np.int64), orders(size)
    for rows, these in deviates.parts(events, first, size.length + 1):
        numbers = deviates.uniform(seed, TOKEN, these, size.length + 1)
        some = (numbers * size.branches).astype(np.int64)
        some[:, :2] = numbers[:, :2] * size.vocabulary
        for place in range(2, size.length + 1):
            before, last = some[:, place - 2], some[:, place - 1]
            some[:, place] = order[before % size.classes, (last + some[:, place]) % size.vocabulary]
        made[rows] = some
    label = made[:, 1:].copy()
    label[:, 0] = -1
    return made[:, :-1].copy(), label


def orders(size: Size) -> Array:
    """Return the permutations, shape (classes, vocabulary)."""
    numbers = deviates.uniform(_ORDER_SEED, _ORDER, range(size.classes), size.vocabulary)
    return np.argsort(numbers, axis=1, kind="stable")


def optimum(size: Size) -> Optimum:
    """Return the entropy of a token after two others, in nats."""
    return Optimum(math.log(size.branches), ROUNDING, "loss", "closed form, equally probable tokens")


def chance(size: Size) -> float:
    """Return the entropy of a token of which nothing is known, in nats."""
    return math.log(size.vocabulary)
