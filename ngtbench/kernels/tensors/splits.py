"""How two-site tensors are split: right singular vectors of the largest values, by SVD or from the Gram matrix.

Eigenvectors of theta^+ theta cost some two thirds of an SVD and are as good where no kept value is small: their squares carry an
error of rounding times the largest, so values under 1e-8 would be lost. They are used where the last split of a bond kept none
that small, and judged by what they give.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.tensors.library import Library
from ngtbench.model.workload import Array

_GRAM = 2e4  # the least kept square over the largest, in units of rounding: its error is then some 1e-4 of itself
_DOUBLE = 1e-10  # rounding is less in float64, more in float32


@dataclass(frozen=True)
class Piece:
    """Orthonormal right vectors (n, kept) in any order, how they were found, and the share of weight beyond them."""

    v: Any
    how: str
    discarded: float


Split = Callable[[Library, Any, int, Array], list[Piece]]  # theta[batch, m, n], most, the last weights of each


def cutoff(library: Library, values: Any) -> float:
    """Return the share of the largest value under which there is only rounding."""
    return 1e-13 if library.eps(values) < _DOUBLE else 1e-6


def decomposed(library: Library, matrices: Any) -> tuple[Any, Any, Any, str]:
    """Return U, descending S, V^+ of a batch and how they were found: where gesdd does not converge, by gesvd.

    Raises BadInput for matrices with NaN or infinity.
    """
    try:
        return *library.svd(matrices), "svd"
    except library.xp.linalg.LinAlgError:
        if not np.isfinite(library.get(matrices)).all():
            raise BadInput(f"tensors of shape {tuple(matrices.shape)} hold NaN or infinity: nothing to split") from None
        return *library.gesvd(matrices), "gesvd"


def svd(library: Library, theta: Any, most: int, last: Array) -> list[Piece]:
    """Split by SVD.

    Raises BadInput for a state of norm zero.
    """
    _, s, vh, how = decomposed(library, theta)
    values, pieces = library.get(s), []
    for k, squares in enumerate(values.astype(np.float64) ** 2):
        if not 0 < squares[0] < np.inf:
            raise BadInput(f"a state of norm {np.sqrt(squares.sum())}: there is nothing to evolve")
        kept = min(most, int((squares > (cutoff(library, s) ** 2) * squares[0]).sum()))
        pieces.append(Piece(vh[k, :kept].conj().T, how, float(squares[kept:].sum() / squares.sum())))
    return pieces


def gram(library: Library, theta: Any, most: int, last: Array) -> list[Piece]:
    """Split by Gram matrices where that loses nothing, else by SVD."""
    if theta.shape[2] <= most or not full(library, theta, most, last):
        return svd(library, theta, most, last)
    squares, v = library.xp.linalg.eigh(theta.conj().swapaxes(1, 2) @ theta)
    found = library.get(squares).astype(np.float64)
    if not (found[:, -most] > least(library, theta) * found[:, -1]).all():
        return svd(library, theta, most, last)
    lost = found[:, :-most].clip(0).sum(axis=1) / found.sum(axis=1)
    return [Piece(v[k, :, -most:], "gram", float(lost[k])) for k in range(len(found))]


def full(library: Library, theta: Any, most: int, last: Array) -> bool:
    """Tell whether the last weights are as many as may be, and none too small for a Gram matrix."""
    squares = last.astype(np.float64) ** 2
    return squares.shape[1] == most and bool((squares.min(axis=1) > least(library, theta) * squares.max(axis=1)).all())


def least(library: Library, theta: Any) -> float:
    """Return what the least kept square must be of the largest for a Gram matrix to be trusted."""
    return _GRAM * library.eps(theta) / 2
