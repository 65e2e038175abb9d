"""The Dirac matrices of every lattice workload: DeGrand-Rossi basis, directions x, y, z, t."""

import numpy as np

from ngtbench.model.workload import Array

_X = ((0, 0, 0, 1j), (0, 0, 1j, 0), (0, -1j, 0, 0), (-1j, 0, 0, 0))
_Y = ((0, 0, 0, -1), (0, 0, 1, 0), (0, 1, 0, 0), (-1, 0, 0, 0))
_Z = ((0, 0, 1j, 0), (0, 0, 0, -1j), (-1j, 0, 0, 0), (0, 1j, 0, 0))
_T = ((0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 0, 0), (0, 1, 0, 0))


def matrices() -> Array:
    """Return gamma_mu, shape (4, 4, 4), mu = 0..3 for x, y, z, t; each Hermitian with square 1."""
    return np.array((_X, _Y, _Z, _T), dtype=np.complex128)


def five() -> Array:
    """Return gamma_5 = gamma_x gamma_y gamma_z gamma_t = diag(1, 1, -1, -1)."""
    x, y, z, t = matrices()
    product: Array = x @ y @ z @ t
    return product
