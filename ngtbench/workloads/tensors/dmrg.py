"""Ground states of spin chains by DMRG: seconds to an energy that is right to a given accuracy.

Judged by the energy of the tensors themselves, which the oracle computes anew: never under the exact one, and no further above
than a size allows. Exact are free fermions for "xx" and "ising", Bethe's ansatz for "heisenberg", at any length.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Uniform, Workload
from ngtbench.physics.tensors import bethe, chains, free_fermions
from ngtbench.physics.tensors.chains import Initial, Model

D = 2
_ROUNDING = 1e-12  # of orthonormality and of the energy, relative


@dataclass(frozen=True)
class Size:
    """A chain, the most Schmidt values a bond keeps, and how far above the exact energy the result may be, relative."""

    model: Model
    sites: int
    chi: int
    error: float
    field: float | None = None

    @property
    def initial(self) -> Initial:
        """Return where sweeps start: a state of the ground state's symmetry."""
        return "all_up" if self.model == "ising" else "neel"

    def strengths(self, couplings: Array) -> Array:
        """Return the couplings of the bonds: as given, but all as the first where Bethe's ansatz is to hold."""
        return np.full(self.sites - 1, couplings[0]) if self.model == "heisenberg" else np.asarray(couplings, float)


def inputs(size: Size, seed: int) -> Inputs:
    """Return the couplings of the bonds."""
    return {"couplings": Uniform((size.sites - 1,), seed, 0, 0.9, 1.1)}


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Return how far tensors are from right-orthonormal, the energy told from theirs, and theirs from the exact one."""
    strengths = size.strengths(inputs["couplings"][np.arange(size.sites - 1)])
    try:
        tensors = _tensors(size, outputs["tensors"])
        told = float(outputs["energy"][np.array([0])][0])
    except (KeyError, IndexError):
        return {"missing": (np.inf, 0.0)}
    off = np.max([np.max(np.abs(np.tensordot(t, t.conj(), axes=((1, 2), (1, 2))) - np.eye(len(t)))) for t in tensors])
    found, want = energy(tensors, chains.bonds(size.model, size.sites, size.field, strengths)), exact(size, strengths)
    excess = (found - want) / abs(want)
    return {
        "orthonormality": (float(off), _ROUNDING * size.chi),
        "told": ((told - found) / abs(want), _ROUNDING * size.sites),
        "below_exact": (float(np.minimum(0.0, excess)), _ROUNDING * size.sites),
        "above_exact": (float(np.maximum(0.0, excess)), size.error),
    }


def exact(size: Size, strengths: Array) -> float:
    """Return the least energy."""
    if size.model == "heisenberg":
        return float(strengths[0]) * bethe.ground_energy(size.sites)
    return free_fermions.ground_energy(size.model, size.sites, size.field or 0.0, strengths)


def energy(tensors: list[Array], terms: list[Array]) -> float:
    """Return <H> / <psi|psi> of tensors, by the density of what is left of each bond."""
    rights = [np.ones((1, 1), complex)]
    for tensor in reversed(tensors):
        rights.append(np.einsum("asb,bd,csd->ac", tensor.conj(), rights[-1], tensor, optimize=True))
    density, total = rights[0], 0.0
    for i, term in enumerate(terms):
        both = np.tensordot(tensors[i], tensors[i + 1], axes=1)
        both = both.reshape(both.shape[0], D * D, -1)
        applied = np.einsum("xy,ayb->axb", term, both)
        right = rights[len(terms) - 1 - i]
        total += float(np.einsum("axb,ac,cxd,bd->", both.conj(), density, applied, right, optimize=True).real)
        density = _through(density, tensors[i])
    norm = float(rights[-1][0, 0].real)
    return total / norm if norm > 0 else np.nan


def _through(density: Array, tensor: Array) -> Array:
    found: Array = np.einsum("asb,ac,csd->bd", tensor.conj(), density, tensor, optimize=True)
    return found


def _tensors(size: Size, array: Any) -> list[Array]:
    """Return tensors[site, left, d, right] without the zeros beyond smaller bonds.

    Raises IndexError where not all are there, or numbers are beyond.
    """
    count = size.chi * D * size.chi
    wholes = [array[i * count + np.arange(count)].reshape(size.chi, D, size.chi) for i in range(size.sites)]
    rows = [1, *(max(1, int(np.any(whole, axis=(1, 2)).sum())) for whole in wholes[1:]), 1]
    for i, whole in enumerate(wholes):
        if np.any(whole[rows[i] :]) or np.any(whole[:, :, rows[i + 1] :]):
            raise IndexError(f"site {i} has numbers beyond its bonds")
    return [whole[:a, :, :b] for whole, a, b in zip(wholes, rows[:-1], rows[1:], strict=True)]


def work(size: Size, item_b: int) -> Work:
    """Count tensors once; no FLOP, for they depend on sweeps. Resident: tensors, environments of 5 states, two-site vectors."""
    tensor = item_b * D * size.chi**2
    held = size.sites * tensor * (1 + 3) + 20 * 5 * D * tensor
    return Work(flop=0, bytes=size.sites * tensor, memory_b=held, events=1, event="ground state")


def nearby(size: Size, k: int) -> Size:
    """Return a chain a few sites shorter."""
    return replace(size, sites=size.sites - 2 * (k + 1))


WORKLOAD = Workload(
    version=1,
    title="Ground state of a chain, DMRG",
    inputs=inputs,
    invariants=invariants,
    work=work,
    nearby=nearby,
    sizes={
        "XS": Size("xx", 12, 16, 1e-5),
        "S": Size("ising", 100, 24, 1e-7, field=1.0),
        "M": Size("heisenberg", 100, 128, 1e-7),
        "L": Size("heisenberg", 100, 512, 1e-9),
        "S-xx": Size("xx", 100, 32, 1e-5),
    },
    tolerance={"float64": 1e-9},
    impls=(
        Impl("numpy", "tensors.dmrg_trials:numpy", "numpy"),
        Impl("torch", "tensors.dmrg_torch:sweeps", "torch", devices=("cpu", "gpu")),
    ),
    repeat="trials",
    takes_s=lambda size, device: 5.0,
    metrics=(Metric("wall_s"), Metric("sweeps"), Metric("discarded_weight")),
    notes=(
        "Two-site DMRG, 6 Lanczos vectors an update, until two sweeps lower the energy by less than 1e-10 of it; real numbers.",
        "Couplings 0.9 to 1.1 by seed; of heisenberg all are the first, for Bethe's ansatz is for equal ones. Ising g = 1.",
        "The energy is variational: under the exact one, it is wrong.",
    ),
)
