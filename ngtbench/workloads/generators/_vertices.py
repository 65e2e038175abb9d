"""Vertices of QCD with explicit colours: what two currents that meet give, before propagators and powers of the coupling.

Currents are arrays (events, points, states, components). Results have two axes of states, those of either.
"""

import itertools

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.workloads.generators import _colour, _spinors

_PAIRS = tuple(itertools.combinations(range(4), 2))  # components of antisymmetric tensors
PAIR_METRIC = np.array([_spinors.METRIC[mu] * _spinors.METRIC[nu] for mu, nu in _PAIRS])


def three(one: Array, other: Array, k: Array, p: Array) -> tuple[Array, Array]:
    """Return what two gluons give at the three-gluon vertex, and the tensor f^{abc} (A^mu B^nu - A^nu B^mu); k, p their momenta.

    f^{abc} [(A.B) (k - p)^rho + (2p + k).A B^rho - (2k + p).B A^rho]
    """
    metric, unit = np.diag(_spinors.METRIC), np.eye(4)
    vertex = np.zeros((len(k), 4, 4, 10), dtype=k.dtype)
    vertex[..., :4] += np.einsum("mn,er->emnr", metric, k - p)
    vertex[..., :4] += np.einsum("em,nr->emnr", (2 * p + k) * _spinors.METRIC, unit)
    vertex[..., :4] -= np.einsum("en,mr->emnr", (2 * k + p) * _spinors.METRIC, unit)
    for pair, (mu, nu) in enumerate(_PAIRS):
        vertex[:, mu, nu, 4 + pair] = 1
        vertex[:, nu, mu, 4 + pair] = -1
    both = _bracket(one, other, vertex)
    flat = both.shape[:4]
    return both[..., :4].reshape(*flat, 32), both[..., 4:].reshape(*flat, 48)


def four(tensor: Array, gluon: Array) -> Array:
    """Return f^{abc} A_mu B^{mu rho}, B the tensor of two gluons at a four-gluon vertex, A the third."""
    vertex = np.zeros((1, 6, 4, 4), dtype=tensor.real.dtype)
    for pair, (mu, nu) in enumerate(_PAIRS):
        vertex[:, pair, mu, nu] = _spinors.METRIC[mu]
        vertex[:, pair, nu, mu] = -_spinors.METRIC[nu]
    result = _bracket(tensor, gluon, vertex)
    return result.reshape(*result.shape[:4], 32)


def _bracket(one: Array, other: Array, vertex: Array) -> Array:
    """Return f^{abc} A^a_p B^b_q V_pqr, shape (events, points, states, states, 8, r); V (events or 1, p, q, r).

    Axes are put so that both contractions are matrix products, and large blocks move as a whole in between.
    """
    (events, points, first), second = one.shape[:3], other.shape[2]
    p, q, r = vertex.shape[1:]
    f = _colour.structure(one.dtype).astype(one.dtype)
    left = one.reshape(events, points, first, 8, p).transpose(0, 1, 4, 2, 3).reshape(events, points, p * first, 8)
    right = np.tensordot(other.reshape(events, points, second, 8, q), f, axes=(3, 1))  # (events, points, state, q, a, c)
    right = right.transpose(0, 1, 4, 3, 2, 5).reshape(events, points, 8, q * second * 8)
    product = (left @ right).reshape(events, points, p, first, q, second * 8).swapaxes(3, 4)
    real = product.reshape(events, points, p * q, first * second * 8).view(one.real.dtype)  # V is real: half the work
    projected = vertex.reshape(-1, 1, p * q, r).swapaxes(-1, -2) @ real
    result: Array = projected.view(one.dtype).reshape(events, points, r, first, second, 8)
    return result.transpose(0, 1, 3, 4, 5, 2)


def on_quarks(gluon: Array) -> Array:
    """Return A^a_mu T^a gamma^mu, shape (events, points, states, 12, 12)."""
    t, gamma = _colour.generators(gluon.dtype), _spinors.gammas() * _spinors.METRIC[:, None, None]
    matrix = np.einsum("aij,mst->amisjt", t, gamma).reshape(32, 144)
    matrices: Array = (gluon @ matrix).reshape(*gluon.shape[:3], 12, 12)
    return matrices


def from_quarks(row: Array, column: Array) -> Array:
    """Return psibar gamma^mu T^a psi."""
    t, gamma = _colour.generators(row.dtype), _spinors.gammas()
    matrix = np.einsum("aij,mst->isamjt", t, gamma).reshape(12, 32 * 12)
    (events, points, first), second = row.shape[:3], column.shape[2]
    left = (row @ matrix).reshape(events, points, first * 32, 12)
    product: Array = (left @ column.swapaxes(-1, -2)).reshape(events, points, first, 32, second)
    return product.swapaxes(-1, -2)


def along(quark: Array, matrix: Array, row: bool) -> Array:
    """Return psibar M, or M psi of a column."""
    (events, points, first), second = quark.shape[:3], matrix.shape[2]
    right = matrix if row else matrix.swapaxes(-1, -2)
    right = right.transpose(0, 1, 3, 2, 4).reshape(events, points, 12, second * 12)
    result: Array = (quark @ right).reshape(events, points, first, second, 12)
    return result
