"""Quenches of spin chains and of a gauge theory: the time until a chain of O(100) sites has moved on by t, at a fixed error.

What counts is that time, whatever steps and truncations reach the error. Couplings differ a little from 1 and from seed to seed.
"xx" and "ising" are judged by free fermions at any length; short chains of the others by diagonalisation; long ones by that of
the sites near the middle, from which no others are seen yet, and by what their dynamics conserve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Uniform, Workload
from ngtbench.physics.tensors import chains, free_fermions
from ngtbench.physics.tensors.chains import Initial, Model

_WHOLE = 1024  # states of a chain that is diagonalised
_NEAR = 5  # sites on each side of the middle, beyond which nothing matters there yet
_WINDOW = 10.0  # errors that the middle may be off by, for they matter a little


@dataclass(frozen=True)
class Size:
    """A chain, its start, how long and by what steps it evolves, and how far off results may be."""

    model: Model
    sites: int
    time: float
    step: float
    chi: int
    initial: Initial
    order: int = 2
    field: float | None = None
    error: float = 1e-3  # of <Sz>; entropies may be off by three times that

    def terms(self, couplings: Array | None) -> list[Array]:
        """Return the Hamiltonian per bond."""
        return chains.bonds(self.model, self.sites, self.field, couplings)

    @property
    def d(self) -> int:
        """Return the number of states of a site."""
        return chains.dimension(self.model)


def inputs(size: Size, seed: int) -> Inputs:
    """Return the couplings of the bonds."""
    return {"couplings": Uniform((size.sites - 1,), seed, 0, 0.9, 1.1)}


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Return how far the results are from exact ones, or from what is conserved, and how far they may be."""
    found: dict[str, Array] = {}
    for name, count in (("magnetisation", size.sites), ("entropy_nats", size.sites - 1)):
        try:
            found[name] = np.asarray(outputs[name][np.arange(count)])
        except (KeyError, IndexError):
            found[name] = np.full(count, np.inf)
    want = exact(size, inputs["couplings"][np.arange(size.sites - 1)])
    if want is not None:
        return {
            "magnetisation": (_off(found["magnetisation"], want[0]), size.error),
            "entropy": (_off(found["entropy_nats"], want[1]), 3 * size.error),
        }
    total = chains.observable(size.model)[chains.start(size.model, size.initial, size.sites)].sum()
    entropy, half = float(np.min(found["entropy_nats"])), size.sites // 2
    sz, between = middle(size, inputs["couplings"][np.arange(size.sites - 1)])
    return {
        "middle": (_off(found["magnetisation"][half - 1 : half + 1], sz), _WINDOW * size.error),
        "middle_entropy": (_off(found["entropy_nats"][half - 1 : half], between), _WINDOW * size.error),
        "total_sz": (float(found["magnetisation"].sum() - total), size.error),
        "negative_entropy": (min(0.0, entropy) if np.isfinite(entropy) else np.inf, 1e-12),
    }


def exact(size: Size, couplings: Array) -> tuple[Array, Array] | None:
    """Return <Sz> per site and the entropy per bond, or None where neither free fermions nor diagonalisation give them."""
    places = chains.start(size.model, size.initial, size.sites)
    if size.model in ("xx", "ising"):
        free = free_fermions.evolved(size.model, places, size.time, size.field or 0.0, couplings)
        return free.magnetisation, free.entropy_nats
    if size.d**size.sites > _WHOLE:
        return None
    return _diagonalised(size.terms(couplings), places, size)


def middle(size: Size, couplings: Array) -> tuple[Array, Array]:
    """Return <Sz> of the two sites in the middle and the entropy between them, from the sites so near that they matter."""
    half, first = size.sites // 2, max(0, size.sites // 2 - _NEAR)
    places = chains.start(size.model, size.initial, size.sites)[first : half + _NEAR]
    sz, entropy = _diagonalised(size.terms(couplings)[first : first + len(places) - 1], places, size)
    at = half - first
    return sz[at - 1 : at + 1], entropy[at - 1 : at]


def _diagonalised(terms: Sequence[Array], places: Array, size: Size) -> tuple[Array, Array]:
    """Return <Sz> per site and the entropy per bond, of all the basis states that the first one leads to."""
    states, whole = _reached(terms, places, size.d)
    levels, modes = np.linalg.eigh(whole)
    psi = modes @ (np.exp(-1j * levels * size.time) * modes[0].conj())
    sz = np.abs(psi) ** 2 @ chains.observable(size.model)[states]
    entropies = []
    for cut in range(1, len(places)):
        left, right = (np.unique(part, axis=0, return_inverse=True)[1].reshape(-1) for part in (states[:, :cut], states[:, cut:]))
        both = np.zeros((left.max() + 1, right.max() + 1), complex)
        both[left, right] = psi
        p = np.linalg.svd(both, compute_uv=False) ** 2
        entropies.append(-float(np.sum(p[p > 0] * np.log(p[p > 0]))))
    return sz, np.array(entropies)


def _reached(terms: Sequence[Array], places: Array, d: int) -> tuple[Array, Array]:
    """Return the basis states (count, sites) that a Hamiltonian leads to from one, which is the first, and its matrix there."""
    known, entries = {tuple(places.tolist()): 0}, list[tuple[int, int, complex]]()
    states = list(known)
    for number, state in enumerate(states):  # grows
        for j, term in enumerate(terms):
            column = term[:, state[j] * d + state[j + 1]]
            for row in np.flatnonzero(column).tolist():
                other = (*state[:j], row // d, row % d, *state[j + 2 :])
                if other not in known:
                    known[other] = len(states)
                    states.append(other)
                entries.append((known[other], number, column[row]))
    whole = np.zeros((len(states), len(states)), complex)
    for row, number, value in entries:
        whole[row, number] += value
    return np.array(states), whole


def _off(got: Array, want: Array) -> float:
    return float(np.max(np.abs(got - want)))


def work(size: Size, item_b: int) -> Work:
    """Count bond updates of steps as long as declared; no FLOP, for they depend on how bonds grow."""
    layers = {2: 2, 4: 10}[size.order] * round(size.time / size.step) + 1
    tensors = 2 * item_b * size.sites * size.d * size.chi**2
    updates = layers * (size.sites - 1) // 2 + 1
    return Work(flop=0, bytes=8 * size.sites, memory_b=4 * tensors, events=updates, event="bond update")


def nearby(size: Size, k: int) -> Size:
    """Return a chain a few sites shorter."""
    return replace(size, sites=size.sites - 2 * (k + 1))


WORKLOAD = Workload(
    version=1,
    title="Quench of a chain to a fixed error",
    inputs=inputs,
    invariants=invariants,
    work=work,
    nearby=nearby,
    sizes={
        "XS": Size("xx", 12, 1.0, 0.05, 32, "neel", error=1e-4),
        "S": Size("xx", 100, 1.0, 0.1, 32, "neel", error=2e-4),
        "M": Size("ising", 100, 2.0, 0.05, 64, "all_up", field=1.0),
        "L": Size("ising", 100, 4.0, 0.1, 512, "all_up", order=4, field=1.0),
        "S-ising": Size("ising", 100, 1.0, 0.05, 32, "all_up", field=1.0),
        "S-wall": Size("xx", 100, 5.0, 0.1, 32, "domain_wall", error=2e-3),
        "S-heisenberg": Size("heisenberg", 10, 2.0, 0.05, 64, "neel"),
        "S-string": Size("z2_gauge", 5, 2.0, 0.05, 64, "string", field=0.2),
        "M-heisenberg": Size("heisenberg", 100, 2.0, 0.05, 64, "neel"),
        "M-string": Size("z2_gauge", 60, 3.0, 0.05, 64, "string", field=0.2),
    },
    tolerance={"float64": 1e-3},
    impls=(
        Impl("numpy", "tensors.quench:dense", "numpy"),
        Impl("numpy-charges", "tensors.quench:charged", "numpy"),
        Impl("torch", "tensors.quench_torch:dense", "torch", devices=("cpu", "gpu")),
    ),
    repeat="trials",
    takes_s=lambda size, device: 3.0,
    metrics=(Metric("wall_s"), Metric("wall_per_update_s"), Metric("discarded_weight"), Metric("energy_drift")),
    notes=(
        "Couplings are 0.9 to 1.1 by seed; Ising g = 1, critical.",
        "S-string: Z2 gauge theory with staggered fermions, mass 0.5, h = 0.2, a string between two charges that breaks.",
        "numpy-charges: blocks of Sz, for xx and heisenberg; skipped for the others.",
        "Timed: from a basis state to t; expectation values are taken after it. Order 4: Barthel and Zhang, 11 layers.",
        "energy_drift: |E(t) - E(0)|, of steps and truncation; judged are <Sz> and entropies alone.",
    ),
)
