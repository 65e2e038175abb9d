"""Colour sums of a process's amplitudes: their exact matrix, and which swaps of colour structures leave it as it is."""

from collections.abc import Callable, Collection, Sequence
from fractions import Fraction
from itertools import product

from ngtbench.kernels.amplitudes import colour
from ngtbench.kernels.amplitudes.colour import Key, Word
from ngtbench.kernels.amplitudes.recursion import Node, Values

Exact = list[list[Fraction]]


def matrix(values: Values, rows: Sequence[Node], last: int | None, norm: Fraction) -> Exact:
    """Return `norm` times the matrix that contracts amplitudes; structures end on gluon `last` where there are gluons only."""
    keys = list(values)
    exact = colour.strings([key.closed for key in keys]) if last is None else colour.nested([key.word for key in keys], last)
    place = {node: k for k, node in enumerate(rows)}
    total = [[Fraction(0)] * len(rows) for _ in rows]
    for i, one in enumerate(keys):
        for j, other in enumerate(keys):
            for (a, left), (b, right) in product(values[one], values[other]):
                total[place[left]][place[right]] += a * b * exact[i][j] * norm
    return total


def swaps(values: Collection[Key]) -> list[Callable[[Key], Key]]:
    """Return commuting swaps of words that leave colour sums as they are: names of two pairs of gluons, and the direction.

    Only of words of one string, or of gluons behind the first one.
    """
    if any(len(key.closed) > 1 for key in values):
        return []
    inner = [set(key.closed[0][1:-1] if key.closed else key.word[1:]) for key in values]
    gluons = sorted(inner[0])

    def changed(how: Callable[[Word], Word]) -> Callable[[Key], Key]:
        def swap(key: Key) -> Key:
            if not key.closed:
                return Key((key.word[0], *how(key.word[1:])))
            word = key.closed[0]
            return Key((), ((word[0], *how(word[1:-1]), word[-1]),))

        return swap

    def renamed(a: int, b: int) -> Callable[[Word], Word]:
        return lambda word: tuple({a: b, b: a}.get(leg, leg) for leg in word)

    pairs = [renamed(*gluons[k : k + 2]) for k in range(0, len(gluons) - 1, 2)]
    return [changed(how) for how in (*pairs[:2], lambda word: word[::-1])]
