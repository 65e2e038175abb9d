"""Ground energy of the open Heisenberg chain, by Bethe's ansatz (Alcaraz et al., J. Phys. A 20 (1987) 6397)."""

import numpy as np

from ngtbench.errors import BadInput

_ROUNDS = 200


def ground_energy(sites: int) -> float:
    """Return the least energy of sum S.S on an even number of sites, to rounding.

    Roots x_j > 0, j = 1 .. sites / 2, of 2 sites t(2 x_j) = 2 pi j + sum over k != j of t(x_j - x_k) + t(x_j + x_k) with
    t(x) = 2 arctan x; the energy is (sites - 1) / 4 - sum_j 1 / (2 x_j^2 + 1/2). Raises BadInput for an odd number.
    """
    if sites % 2 or sites < 2:
        raise BadInput(f"{sites} sites: the roots are known for even numbers")
    whole = np.arange(1, sites // 2 + 1)
    x = np.tan(np.pi * whole / (2 * sites + 2)) / 2
    for _ in range(_ROUNDS):
        minus, plus = x[:, None] - x, x[:, None] + x
        off = 2 * (np.arctan(minus) + np.arctan(plus))
        np.fill_diagonal(off, 0)
        residual = 4 * sites * np.arctan(2 * x) - 2 * np.pi * whole - off.sum(axis=1)
        slopes = 2 / (1 + minus**2) + 2 / (1 + plus**2)
        np.fill_diagonal(slopes, 0)
        jacobian = 2 / (1 + minus**2) - 2 / (1 + plus**2)
        np.fill_diagonal(jacobian, 8 * sites / (1 + 4 * x**2) - slopes.sum(axis=1))
        change = np.linalg.solve(jacobian, residual)
        x = np.maximum(x - change, x / 4)  # roots stay positive
        if np.max(np.abs(change) / x) < 1e-13:
            break
    return float((sites - 1) / 4 - np.sum(1 / (2 * x**2 + 0.5)))
