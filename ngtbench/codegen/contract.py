"""Quadratic forms a^T C a that commuting swaps of rows leave as they are: sums and differences of rows make C block-diagonal."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

import numpy as np

from ngtbench.model.workload import Array

Row = TypeVar("Row", bound=Hashable)


@dataclass(frozen=True)
class Block:
    """A symmetric matrix between some rows."""

    rows: tuple[int, ...]
    matrix: Array = field(repr=False)


@dataclass(frozen=True)
class Contraction:
    """Rows are transformed group by group, group after group, and then contracted block by block.

    A group of 2^k rows a becomes sum_g (-1)^bits(g & h) a_g, h = 0 ... 2^k - 1.
    """

    groups: tuple[int, ...]  # sizes, powers of two
    blocks: tuple[Block, ...]

    @property
    def flop(self) -> int:
        """Operations for one column: a sum or difference each, and two per element of a symmetric half and per row."""
        turned = sum(size * (size.bit_length() - 1) for size in self.groups)
        return turned + sum(len(block.rows) * (len(block.rows) + 3) for block in self.blocks)


def orbits(rows: Sequence[Row], swaps: Sequence[Callable[[Row], Row]]) -> list[list[Row]]:
    """Return rows in groups that commuting swaps lead through, large groups first; bit k of a place tells one swap's two sides.

    A swap that leads a row to where others have led it already does not double its group.
    """
    found, seen = [], set[Row]()
    for row in rows:
        if row in seen:
            continue
        group = [row]
        for swap in swaps:
            other = [swap(member) for member in group]
            if not set(other) & set(group):
                group += other
        seen.update(group)
        found.append(group)
    return sorted(found, key=len, reverse=True)


def contraction(matrix: Sequence[Sequence[Fraction]], groups: Sequence[int]) -> Contraction:
    """Return how to contract an exact symmetric matrix whose rows are in groups; blocks are where elements are not exactly 0."""
    rotated = np.array(matrix, object)
    for _ in range(2):
        rotated = turned(rotated, groups).T
    sizes = [size for size in groups for _ in range(size)]
    n = len(sizes)
    blocks, left = [], set(range(n))
    while left:
        part, edge = set[int](), {min(left)}
        while edge:
            part |= edge
            edge = {j for i in edge for j in range(n) if rotated[i, j] != 0} - part
        left -= part
        rows = tuple(sorted(part))
        elements = [[rotated[i, j] / (sizes[i] * sizes[j]) for j in rows] for i in rows]  # a = W^T y / size
        blocks.append(Block(rows, np.array(elements, np.float64)))
    return Contraction(tuple(groups), tuple(blocks))


def turned(rows: Array, groups: Sequence[int]) -> Array:
    """Return rows transformed group by group."""
    out, start = rows.copy(), 0
    for size in groups:
        half = 1
        while half < size:
            for first in range(start, start + size, 2 * half):
                a, b = out[first : first + half].copy(), out[first + half : first + 2 * half].copy()
                out[first : first + half], out[first + half : first + 2 * half] = a + b, a - b
            half *= 2
        start += size
    return out


def packed(how: Contraction) -> tuple[Array, Array]:
    """Return a contraction as whole numbers and coefficients.

    Numbers of runs of groups, and (size, groups) of each; number of blocks, and (rows, their numbers) of each, an even number
    of them by a row behind the last one, which must be 0. Coefficients of a block, two rows i, i + 1 at a time: c[i][j] and
    c[i + 1][j] for j < i, doubled, then c[i][i], c[i + 1][i] doubled and c[i + 1][i + 1].
    """
    sizes = sorted(set(how.groups), reverse=True)
    words, parts = [len(sizes)], list[Array]()
    for size in sizes:
        words += [size, how.groups.count(size)]
    words.append(len(how.blocks))
    for block in how.blocks:
        odd = len(block.rows) % 2
        words += [len(block.rows) + odd, *block.rows, *[sum(how.groups)] * odd]
        c = np.pad(block.matrix, (0, odd))
        for i in range(0, len(c), 2):
            parts += [2 * c[i : i + 2, :i].T.reshape(-1), np.array([c[i, i], 2 * c[i + 1, i], c[i + 1, i + 1]])]
    return np.array(words, np.int32), np.concatenate(parts)
