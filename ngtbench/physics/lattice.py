"""Gauge links and spinors on a periodic 4-D lattice: random ones, unit ones, and fields given by a formula.

Arrays: links[mu, x, y, z, t, a, b] transport from x+mu to x; spinor[x, y, z, t, spin, colour]; all complex128. The formula
fields are sines and cosines of an exact integer n, so that anyone can rebuild them; they are not smooth across the edge.
"""

import numpy as np

from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter

Shape = tuple[int, int, int, int]
_STAGGERED = 1 << 16  # streams of staggered fields: beyond those of links and spinors


def generators() -> Array:
    """Return T_a = lambda_a / 2 of SU(3), shape (8, 3, 3), tr T_a T_b = delta_ab / 2."""
    found = np.zeros((8, 3, 3), dtype=np.complex128)
    for a, (row, column) in ((0, (0, 1)), (3, (0, 2)), (5, (1, 2))):
        found[a, row, column] = found[a, column, row] = 0.5
        found[a + 1, row, column], found[a + 1, column, row] = -0.5j, 0.5j
    found[2] = np.diag((0.5, -0.5, 0))
    found[7] = np.diag((1, 1, -2)) / np.sqrt(12)
    return found


def exponential(theta: Array) -> Array:
    """Return exp(i sum_a theta_a T_a), shape (..., 3, 3), for theta of shape (..., 8)."""
    angles, vectors = np.linalg.eigh(np.tensordot(theta, generators(), axes=1))
    unitary: Array = (vectors * np.exp(1j * angles)[..., None, :]) @ vectors.conj().swapaxes(-1, -2)
    return unitary


def unit_links(shape: Shape) -> Array:
    """Return links that all are the unit matrix."""
    return np.broadcast_to(np.eye(3, dtype=np.complex128), (4, *shape, 3, 3)).copy()


def random_links(shape: Shape, seed: int) -> Array:
    """Return disordered SU(3) links: two rows of uniform numbers, orthonormalised; the third is conj(row 0 x row 1)."""
    links = np.empty((4, *shape, 3, 3), dtype=np.complex128)
    for mu in range(4):
        rows = _uniform((*shape, 2, 3), seed, stream=mu)
        first, second = rows[..., 0, :], rows[..., 1, :]
        first /= np.linalg.norm(first, axis=-1, keepdims=True)
        second -= first * np.sum(first.conj() * second, axis=-1, keepdims=True)
        second /= np.linalg.norm(second, axis=-1, keepdims=True)
        links[mu, ..., :2, :] = rows
        for a in range(3):
            b, c = (a + 1) % 3, (a + 2) % 3
            links[mu, ..., 2, a] = (first[..., b] * second[..., c] - first[..., c] * second[..., b]).conj()
    return links


def random_spinor(shape: Shape, seed: int, source: int = 0) -> Array:
    """Return a spinor whose real and imaginary parts are uniform in [-1, 1), another one for each source."""
    return _uniform((*shape, 4, 3), seed, stream=4 + source)


def random_field(shape: Shape, seed: int, source: int = 0) -> Array:
    """Return a staggered field, shape (X, Y, Z, T, 3), uniform in [-1, 1) as `random_spinor` is."""
    return _uniform((*shape, 3), seed, stream=_STAGGERED + source)


def formula_links(shape: Shape, eps: float) -> Array:
    """Return U_mu(x) = exp(i sum_a eps sin(n) T_a); eps = 0.25 is smooth, 0.8 rough.

    n = (a+2) + 3mu + 5x + 7y + 11z + 13t + a(mu+1)(x + 2y + 3z + 5t), a = 1..8.
    """
    a = np.arange(1, 9)
    x, y, z, t = (axis[..., None] for axis in _coordinates(shape))
    step = 5 * x + 7 * y + 11 * z + 13 * t
    twist = x + 2 * y + 3 * z + 5 * t
    return np.stack([exponential(eps * np.sin(a + 2 + 3 * mu + step + a * (mu + 1) * twist)) for mu in range(4)])


def formula_spinor(shape: Shape) -> Array:
    """Return psi_sc = sin(n) + i cos(2n + 3s + c).

    n = 1 + 2s + 5c + 3x + 7y + 11z + 17t + (s+2c)(x + 3y + 2z + t).
    """
    s, c = np.arange(4)[:, None], np.arange(3)
    x, y, z, t = (axis[..., None, None] for axis in _coordinates(shape))
    n = 1 + 2 * s + 5 * c + 3 * x + 7 * y + 11 * z + 17 * t + (s + 2 * c) * (x + 3 * y + 2 * z + t)
    field: Array = np.sin(n) + 1j * np.cos(2 * n + 3 * s + c)
    return field


def formula_field(shape: Shape) -> Array:
    """Return the staggered field: the formula spinor's component s = 0, shape (X, Y, Z, T, 3)."""
    return formula_spinor(shape)[..., 0, :]


def formula_momenta(shape: Shape) -> Array:
    """Return p_a = cos(n), shape (4, X, Y, Z, T, 8), for P = sum_a p_a T_a.

    n = 2a + 5mu + 3x + 11y + 7z + 17t + (a+mu)(2x + 3y + z + 4t), a = 1..8.
    """
    a = np.arange(1, 9)
    x, y, z, t = (axis[..., None] for axis in _coordinates(shape))
    step = 3 * x + 11 * y + 7 * z + 17 * t
    twist = 2 * x + 3 * y + z + 4 * t
    return np.stack([np.cos(2 * a + 5 * mu + step + (a + mu) * twist) for mu in range(4)])


def formula_transform(shape: Shape) -> Array:
    """Return g(x) = exp(i sum_a 2 cos(3a + 2x + 5y + 3z + 7t + a(x + y + 2z + 3t)) T_a), shape (X, Y, Z, T, 3, 3)."""
    a = np.arange(1, 9)
    x, y, z, t = (axis[..., None] for axis in _coordinates(shape))
    n = 3 * a + 2 * x + 5 * y + 3 * z + 7 * t + a * (x + y + 2 * z + 3 * t)
    return exponential(2 * np.cos(n))


def transform_links(links: Array, g: Array) -> Array:
    """Return U_mu(x) -> g(x) U_mu(x) g(x+mu)^+; a spinor goes to g(x) psi(x)."""
    ends = np.stack([np.roll(g, -1, axis=mu) for mu in range(4)])
    moved: Array = g @ links @ ends.conj().swapaxes(-1, -2)
    return moved


def _coordinates(shape: Shape) -> list[Array]:
    return list(np.meshgrid(*(np.arange(extent) for extent in shape), indexing="ij"))


def _uniform(shape: tuple[int, ...], seed: int, stream: int) -> Array:
    pairs = counter.uniform(Uniform((*shape, 2), seed, stream))
    return pairs.view(np.complex128)[..., 0]
