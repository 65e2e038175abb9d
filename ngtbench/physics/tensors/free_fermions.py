"""XX and Ising chains exactly, as free fermions: any length, any time, and their ground states.

XX (Jordan and Wigner): h_{j,j+1} = J_j / 2; U = exp(-i h t); C_ij = sum over k up of conj(U_ik) U_jk; <Sz_i> = C_ii - 1/2.
Ising: Majorana operators; A antisymmetric with A[2j,2j+1] = 2 g, A[2j+1,2j+2] = 2 J_j; O = exp(A t); G(t) = O G(0) O^T, where
G(0)[2j,2j+1] = -1 for up; <sz_j> = -G[2j,2j+1].
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.tensors.chains import Model


@dataclass(frozen=True)
class Exact:
    """What is known of a chain at a time: <Sz> of "xx" or <sigma^z> of "ising" per site, entropy per bond."""

    magnetisation: Array
    entropy_nats: Array
    energy: float


def evolved(
    model: Model, down: Array, time: float, field: float = 0.0, couplings: Sequence[float] | Array | None = None
) -> Exact:
    """Return the exact state of "xx" or "ising" some time after a basis state, `down[i]` 0 or 1."""
    strengths = np.ones(len(down) - 1) if couplings is None else np.asarray(couplings)
    return _xx(np.asarray(down), time, strengths) if model == "xx" else _ising(np.asarray(down), time, field, strengths)


def ground_energy(model: Model, sites: int, field: float = 0.0, couplings: Sequence[float] | Array | None = None) -> float:
    """Return the least energy of "xx" or "ising"."""
    strengths = np.ones(sites - 1) if couplings is None else np.asarray(couplings)
    if model == "xx":
        levels = np.linalg.eigvalsh(_hopping(strengths))
        return float(levels[levels < 0].sum())
    return float(-np.abs(np.linalg.eigvalsh(1j * _majorana(sites, field, strengths))).sum() / 4)


def _hopping(strengths: Array) -> Array:
    return np.asarray(np.diag(strengths, 1) + np.diag(strengths, -1)) / 2


def _xx(down: Array, time: float, strengths: Array) -> Exact:
    levels, modes = np.linalg.eigh(_hopping(strengths))
    u = (modes * np.exp(-1j * levels * time)) @ modes.T
    up = u[:, down == 0]
    c = up.conj() @ up.T
    entropy = [_entropy(np.linalg.eigvalsh(c[:n, :n])) for n in range(1, len(down))]
    energy = float(np.diagonal(c, 1).real @ strengths)
    return Exact(np.diagonal(c).real - 0.5, np.array(entropy), energy)


def _majorana(sites: int, field: float, strengths: Array) -> Array:
    above = np.empty(2 * sites - 1)
    above[0::2], above[1::2] = 2 * field, 2 * strengths
    return np.asarray(np.diag(above, 1) - np.diag(above, -1))


def _ising(down: Array, time: float, field: float, strengths: Array) -> Exact:
    sites = len(down)
    levels, modes = np.linalg.eigh(1j * _majorana(sites, field, strengths))
    o = ((modes * np.exp(-1j * levels * time)) @ modes.conj().T).real
    start = np.zeros(2 * sites - 1)
    start[0::2] = np.where(down == 1, 1.0, -1.0)
    gamma = o @ (np.diag(start, 1) - np.diag(start, -1)) @ o.T
    along = np.diagonal(gamma, 1)
    entropy = [_entropy(0.5 + np.linalg.eigvalsh(1j * gamma[: 2 * n, : 2 * n]) / 2) / 2 for n in range(1, sites)]
    return Exact(-along[0::2], np.array(entropy), float(field * along[0::2].sum() + along[1::2] @ strengths))


def _entropy(filling: Array) -> float:
    """Return -sum p ln p + (1 - p) ln(1 - p)."""
    p = np.clip(np.concatenate((filling, 1 - filling)), 1e-300, 1)
    return float(-(p * np.log(p)).sum())
