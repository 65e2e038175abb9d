"""External states and Dirac matrices of the oracle: Weyl basis, helicity eigenstates in the frame of the momenta."""

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.processes import Particle

METRIC = np.array((1.0, -1.0, -1.0, -1.0))
_PAULI = np.array((((1, 0), (0, 1)), ((0, 1), (1, 0)), ((0, -1j), (1j, 0)), ((1, 0), (0, -1))))


def gammas() -> Array:
    """Return gamma^mu, shape (4, 4, 4), upper two components left-handed."""
    matrices = np.zeros((4, 4, 4), dtype=np.complex128)
    matrices[:, :2, 2:] = _PAULI
    matrices[:, 2:, :2] = METRIC[:, None, None] * _PAULI
    return matrices


def slash(k: Array) -> Array:
    """Return k_mu gamma^mu of momenta (..., 4)."""
    matrices: Array = np.tensordot(k * METRIC, gammas(), axes=1)
    return matrices


def dot(k: Array, p: Array) -> Array:
    """Return k_mu p^mu."""
    result: Array = (k * p) @ METRIC
    return result


def square(k: Array) -> Array:
    """Return k_mu k^mu."""
    return dot(k, k)


def external(particle: Particle, momentum: Array, mass: float, incoming: bool) -> Array:
    """Return both states of a leg, (events, 2, 4): polarisation vectors or u, v, and conjugates of either."""
    if particle.gluon:
        vectors = polarisations(momentum)
        return vectors if incoming else vectors.conj()
    spinors = quark_spinors(momentum, mass)
    if particle.anti:
        spinors = 1j * spinors.conj() @ gammas()[2].T  # charge conjugation
    if particle.anti == incoming:  # leaves along the arrow of the line, or enters against it: a row
        spinors = spinors.conj() @ gammas()[0]
    return spinors


def polarisations(momentum: Array) -> Array:
    """Return the states of helicity -1 and +1, (events, 2, 4): transverse, without a time component."""
    cos, sin, phase, _ = _angles(momentum)
    real, imaginary, none = phase.real, phase.imag, np.zeros_like(cos)
    first = np.stack((none, cos * real, cos * imaginary, -sin), axis=-1)
    second = np.stack((none, -imaginary, real, none), axis=-1)
    vectors: Array = np.stack((first - 1j * second, -first - 1j * second), axis=1) / np.sqrt(cos.dtype.type(2))
    return vectors


def quark_spinors(momentum: Array, mass: float) -> Array:
    """Return u(p) of helicity -1/2 and +1/2, (events, 2, 4)."""
    cos, sin, phase, p = _angles(momentum)
    near, far = _half(cos, sin), _half(-cos, sin)
    chi = np.stack((np.stack((-phase.conj() * far, near + 0j), axis=-1), np.stack((near + 0j, phase * far), axis=-1)), axis=1)
    large = np.sqrt(momentum[:, 0] + p)[:, None]
    small = mass / large  # sqrt(E - p) without cancellation
    minus = np.concatenate((large * chi[:, 0], small * chi[:, 0]), axis=-1)
    plus = np.concatenate((small * chi[:, 1], large * chi[:, 1]), axis=-1)
    return np.stack((minus, plus), axis=1)


def _angles(momentum: Array) -> tuple[Array, Array, Array, Array]:
    """Return cos theta, sin theta, exp(i phi) and |p|; along the z axis phi is 0."""
    x, y, z = momentum[:, 1], momentum[:, 2], momentum[:, 3]
    across, p = np.hypot(x, y), np.sqrt(x * x + y * y + z * z)
    aligned = across == 0
    phase = np.where(aligned, 1, x + 1j * y) / np.where(aligned, 1, across)
    return z / p, across / p, phase, p


def _half(cos: Array, sin: Array) -> Array:
    """Return cos(theta / 2), without cancellation where theta is near pi."""
    backward = cos < 0
    safe = np.where(backward, 1 - cos, 1)
    result: Array = np.where(backward, sin / np.sqrt(2 * safe), np.sqrt(np.where(backward, 0, 1 + cos) / 2))
    return result
