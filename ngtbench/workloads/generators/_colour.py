"""Exact sums over colours from amplitudes at a few explicit colours: SU(3) matrices, colour tensors, points and weights.

A tree amplitude is, as a tensor with one colour index for each leg, a sum of products of generators along quark lines (of
structure constants, if there are only gluons). These tensors span a space of low dimension, so the tensor is known everywhere
once it is known at as many points, and the sum of its square over all colours is a quadratic form of the values there.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.processes import Process

_DOUBLE = np.dtype(np.complex128)


@dataclass(frozen=True)
class Points:
    """Colours of the legs at which amplitudes A are needed; the sum over all colours is that of |weights @ A|^2."""

    colours: Array  # (points, legs)
    weights: Array  # (points, points)


def generators(dtype: np.dtype[Any] = _DOUBLE) -> Array:
    """Return T^a, (8, 3, 3): Gell-Mann's matrices divided by 2."""
    t = np.zeros((8, 3, 3), dtype=dtype)
    for a, (i, j) in ((0, (0, 1)), (3, (0, 2)), (5, (1, 2))):
        t[a, i, j] = t[a, j, i] = 1
        t[a + 1, i, j], t[a + 1, j, i] = -1j, 1j
    t[2] = np.diag((1, -1, 0))
    t[7] = np.diag((1, 1, -2)) / np.sqrt(dtype.type(3))
    return t / 2


def structure(dtype: np.dtype[Any] = _DOUBLE) -> Array:
    """Return f^{abc} = -2i tr([T^a, T^b] T^c), (8, 8, 8), real."""
    t = generators(dtype)
    product = np.einsum("aij,bjk,cki->abc", t, t, t)
    constants: Array = (-2j * (product - product.swapaxes(0, 1))).real
    return constants


@cache
def points(process: Process) -> Points:
    """Return as few colours as the amplitudes of this process have independent tensors.

    The first gluon, or the first leg of all, has colour 0 there: the sum over colours of the others does not depend on it.
    """
    counts = [particle.colours for particle in process.particles]
    fixed = min(process.gluons(), default=0)
    rows = np.stack([tensor.take(0, axis=fixed).ravel() for tensor in tensors(process)])
    values, vectors = np.linalg.eigh(rows.conj() @ rows.T)
    kept = values > 1e-10 * values[-1]  # what depends on others leaves 0 but for rounding: elements are simple fractions
    basis = (vectors[:, kept] / np.sqrt(values[kept])).T @ rows  # orthonormal, (rank, colours)
    chosen = _pivots(basis)
    colours = np.stack(np.unravel_index(chosen, counts[:fixed] + counts[fixed + 1 :]), axis=-1)
    weights = np.sqrt(counts[fixed]) * np.linalg.inv(basis[:, chosen].T)
    return Points(np.insert(colours, fixed, 0, axis=1), weights)


def tensors(process: Process) -> Iterator[Array]:
    """Yield tensors that span those of all tree diagrams, each with one axis for each leg."""
    gluons, quarks = process.gluons(), [leg for leg, _ in process.quarks()]
    if not quarks:
        first, *inner, last = gluons
        chains = _chains(structure().swapaxes(0, 1), len(inner))  # (F^a)_bc = f^{bac}
        for order in itertools.permutations(inner):
            yield _outer(chains, [(first, *order, last)])
        return
    chains = _chains(generators(), len(gluons))
    for ends in itertools.permutations([leg for leg, _ in process.antiquarks()]):
        for order in itertools.permutations(gluons):
            for cuts in itertools.combinations_with_replacement(range(len(gluons) + 1), len(quarks) - 1):
                edges = itertools.pairwise((0, *cuts, len(gluons)))
                parts = [order[begin:end] for begin, end in edges]
                yield _outer(chains, [(i, *part, j) for i, part, j in zip(quarks, parts, ends, strict=True)])


def _chains(matrices: Array, longest: int) -> list[Array]:
    """Return the unit matrix, M^a_ij, (M^a M^b)_ij and so on, axes (i, a, b, ..., j)."""
    chains = [np.eye(matrices.shape[-1], dtype=matrices.dtype)]
    for _ in range(longest):
        chains.append(np.tensordot(chains[-1], matrices, axes=(-1, 1)))
    return chains


def _outer(chains: list[Array], lines: list[tuple[int, ...]]) -> Array:
    """Return the outer product of chains, given by the legs of their axes, with axes in order of legs."""
    total, legs = np.ones((), dtype=chains[0].dtype), list[int]()
    for line in lines:
        total, legs = np.multiply.outer(total, chains[len(line) - 2]), [*legs, *line]
    return total.transpose(np.argsort(legs))


def _pivots(basis: Array) -> Array:
    """Return columns of a (rank, columns) array that are far from dependent: the longest, after projecting out those before."""
    left = np.einsum("rc,rc->c", basis, basis.conj()).real
    units, chosen = np.zeros((0, len(basis)), dtype=basis.dtype), list[int]()
    for _ in range(len(basis)):
        chosen.append(int(np.argmax(left)))
        unit = basis[:, chosen[-1]]
        for _ in range(2):  # once leaves rounding behind
            unit = unit - units.T @ (units.conj() @ unit)
        unit = unit / np.linalg.norm(unit)
        units = np.vstack((units, unit))
        left = left - np.abs(unit.conj() @ basis) ** 2
    return np.array(chosen)
