"""TEBD of chains that conserve Sz ("xx", "heisenberg"): products and splits by blocks of equal charge, with the same results.

The charge of a bond's state is the number of spins down to its left. Tensors are those of `tebd`, zero where charges do not
match: a row (left, s) of a matrix and a column (s, right) meet where left + s = right - s.
"""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.tensors import splits, tebd
from ngtbench.kernels.tensors.library import Library
from ngtbench.kernels.tensors.tebd import State, Tally
from ngtbench.model.workload import Array

_MIXED = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 1]], bool)


def of(places: Array) -> list[Array]:
    """Return the charge left of each site, and right of the last, of a product of basis states."""
    return [np.array([q]) for q in (0, *np.cumsum(places).tolist())]


def evolve(
    library: Library,
    state: State,
    charges: list[Array],
    gate: Callable[[float], list[Any]],
    sequence: Iterable[tuple[int, float]],
    most: int,
) -> Tally:
    """Apply layers of (parity, tau) to a state and its charges, in place, keeping at most so many weights a bond.

    NumPy only. Raises BadInput for a gate that does not conserve Sz.
    """

    def update(bonds: list[int], tau: float) -> list[tuple[str, float]]:
        return [_update(library, state, charges, i, gate(tau)[i], most) for i in bonds]

    return tebd.sweep(library, state, sequence, update)


def _update(library: Library, state: State, charges: list[Array], i: int, gate: Array, most: int) -> tuple[str, float]:
    """Update a bond; return how it was split and the weight it discarded."""
    if np.any(gate[~_MIXED]):
        raise BadInput("a gate that does not conserve Sz: evolve without charges")
    left, right = state.tensors[i], state.tensors[i + 1]
    (a, _, m), b = left.shape, right.shape[2]
    rows, columns = (charges[i][:, None] + (0, 1)).ravel(), (charges[i + 2] - [[0], [1]]).ravel()
    c = np.zeros((2 * a, 2 * b), left.dtype)
    for q in np.unique(charges[i + 1]):
        row, middle, column = (np.flatnonzero(of == q) for of in (rows, charges[i + 1], columns))
        c[np.ix_(row, column)] = left.reshape(2 * a, m)[np.ix_(row, middle)] @ right.reshape(m, 2 * b)[np.ix_(middle, column)]
    c = (gate @ c.reshape(a, 4, b)).reshape(2 * a, 2 * b)
    scale = np.repeat(state.weights[i], 2)
    both = np.intersect1d(rows, columns)
    places = [(np.flatnonzero(rows == q), np.flatnonzero(columns == q)) for q in both]
    parts, kept, how, lost = _split(
        library, [scale[row, None] * c[np.ix_(row, column)] for row, column in places], state, i, most
    )
    total = sum(map(len, kept))
    first, second, at = np.zeros((2 * a, total), c.dtype), np.zeros((total, 2 * b), c.dtype), 0
    for (row, column), (_, v), keep in zip(places, parts, kept, strict=True):
        into = np.arange(at, at + len(keep))
        first[np.ix_(row, into)] = c[np.ix_(row, column)] @ v[:, keep]
        second[np.ix_(into, column)] = v[:, keep].conj().T
        at += len(keep)
    weights = np.linalg.norm(scale[:, None] * first, axis=0)
    norm = np.linalg.norm(weights)
    state.tensors[i], state.tensors[i + 1] = (first / norm).reshape(a, 2, total), second.reshape(total, 2, b)
    state.weights[i + 1], charges[i + 1] = weights / norm, np.repeat(both, [len(keep) for keep in kept])
    return how, lost


def _split(
    library: Library, blocks: list[Array], state: State, i: int, most: int
) -> tuple[list[tuple[Array, Array]], list[Array], str, float]:
    """Return squares and right vectors of each block, the places of those to keep, how they were found, the share lost."""
    least = splits.least(library, blocks[0])
    if splits.full(library, blocks[0], most, state.weights[i + 1][None]):
        parts = [(squares, v) for squares, v in (np.linalg.eigh(block.conj().T @ block) for block in blocks)]
        kept, lost, smallest = _cut(parts, most, 0.0)
        if smallest > least:
            return parts, kept, "gram", lost
    parts, how = [], "svd"
    for block in blocks:
        _, s, vh, said = splits.decomposed(library, block[None])
        parts.append((s[0].astype(np.float64) ** 2, vh[0].conj().T))
        how = how if said == "svd" else said
    kept, lost, _ = _cut(parts, most, splits.cutoff(library, blocks[0]) ** 2)
    return parts, kept, how, lost


def _cut(parts: list[tuple[Array, Array]], most: int, cutoff: float) -> tuple[list[Array], float, float]:
    """Return the places of the largest squares of all blocks, the share of the others, and the least kept over the largest."""
    squares = np.concatenate([part.clip(0) for part, _ in parts]).astype(np.float64)
    largest = float(squares.max())
    if not 0 < largest < np.inf:
        raise BadInput(f"a state of norm {np.sqrt(largest)}: there is nothing to evolve")
    chosen = np.argsort(-squares, kind="stable")[:most]
    chosen = chosen[squares[chosen] > cutoff * largest]
    lost = float(np.delete(squares, chosen).sum() / squares.sum())
    starts = np.cumsum([0, *(len(part) for part, _ in parts)])
    kept = [np.sort(chosen[(chosen >= one) & (chosen < other)]) - one for one, other in pairwise(starts)]
    return kept, lost, float(squares[chosen].min()) / largest
