"""Contraction trees without another package: greedy search, some random trials, the cheapest is kept."""

import heapq
import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache

from ngtbench.kernels.tensors.contract_network import Network
from ngtbench.physics.tensors.trees import Tree, cost

TRIALS = 64
_MOVED = 16  # multiply-adds that take as long as to read or write a number
_WORK = 20_000  # tensors times trials: some seconds


@lru_cache(maxsize=64)
def found(network: Network, trials: int = TRIALS) -> Tree:
    """Return the best tree of so many trials, fewer for networks of many tensors; the same one each time."""
    return search(network, max(1, min(trials, _WORK // len(network.inputs))) if len(network.inputs) > 3 else 1)


def search(network: Network, trials: int, seed: int = 0) -> Tree:
    """Return the best tree of so many trials."""
    sizes = dict(enumerate(network.sizes))

    def price(tree: Tree) -> float:
        took = cost(tree, network.inputs, network.output, sizes)
        return took.mult_adds + _MOVED * took.moved

    return min((_Greedy(network, seed * trials + trial).tree(trials) for trial in range(trials)), key=price)


class _Greedy:
    """One trial: the pair is taken next whose product is smallest beside its two tensors; but for the first, by and large."""

    def __init__(self, network: Network, trial: int) -> None:
        chance = random.Random(trial)
        self._blur = 10 ** chance.uniform(-3, 0) if trial else 0.0
        self._weight = chance.uniform(0.3, 2.5) if trial else 1.0
        self._chance = chance
        self._log = [math.log2(size) for size in network.sizes]
        self._sets = [frozenset(labels) for labels in network.inputs]
        self._live = dict.fromkeys(range(len(self._sets)))
        self._owners = defaultdict[int, set[int]](set)
        for number, own in enumerate(self._sets):
            for index in own:
                self._owners[index].add(number)
        self._output = frozenset(network.output)
        self._heap = list[tuple[float, int, int]]()

    def tree(self, trials: int) -> Tree:
        """Contract what shares indices, then what is left, the smallest first."""
        pairs = list[tuple[int, int]]()
        for number in list(self._live):
            self._offer(number, later=True)
        while self._heap:
            _, a, b = heapq.heappop(self._heap)
            if a in self._live and b in self._live:
                pairs.append((a, b))
                self._offer(self._join(a, b))
        rest = [(self._size(self._sets[number]), number) for number in self._live]
        heapq.heapify(rest)
        while len(rest) > 1:
            (_, a), (_, b) = heapq.heappop(rest), heapq.heappop(rest)
            pairs.append((a, b))
            made = self._join(a, b)
            heapq.heappush(rest, (self._size(self._sets[made]), made))
        return Tree(tuple(pairs), (), f"greedy, the best of {trials} trials")

    def _size(self, indices: Iterable[int]) -> float:
        return float(2.0 ** min(1000.0, sum(self._log[index] for index in indices)))

    def _kept(self, a: int, b: int) -> frozenset[int]:
        one, two = self._sets[a], self._sets[b]
        pair = {a, b}
        return frozenset(index for index in one | two if index in self._output or not self._owners[index] <= pair)

    def _offer(self, number: int, later: bool = False) -> None:
        """Price all pairs of a tensor, or those with later ones."""
        others = {other for index in self._sets[number] for other in self._owners[index]} - {number}
        own = self._size(self._sets[number])
        for other in others:
            if later and other < number:
                continue
            score = self._size(self._kept(number, other)) - self._weight * (own + self._size(self._sets[other]))
            if self._blur:
                noise: Callable[[], float] = self._chance.random
                score = math.copysign(math.log1p(abs(score)), score) + self._blur * math.log(-math.log(noise() or 0.5))
            heapq.heappush(self._heap, (score, number, other))

    def _join(self, a: int, b: int) -> int:
        kept, made = self._kept(a, b), len(self._sets)
        for number in (a, b):
            del self._live[number]
            for index in self._sets[number]:
                self._owners[index].discard(number)
        self._sets.append(kept)
        self._live[made] = None
        for index in kept:
            self._owners[index].add(made)
        return made
