"""Bond updates of a matrix product state whose bonds are full: what simulating a chain of O(100) sites in real time costs.

One Strang step of the XX chain on a state of random phases, truncated to the same bond dimension. The oracle keeps density
matrices where implementations keep Schmidt values: it needs neither their bases nor their phases.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Inputs, Uniform, Workload
from ngtbench.physics.tensors import chains, random_state

D = 2
_REACH = 3  # sites that three layers and a look at two sites reach to
_LAYERS = ((0, 0.5), (1, 1.0), (0, 0.5))


@dataclass(frozen=True)
class Size:
    """A chain, the most Schmidt values a bond keeps, and the length of the step."""

    sites: int
    chi: int
    step: float = 0.05

    def bond(self, place: int) -> int:
        """Return the bond dimension left of a site."""
        return random_state.bond(place, self.sites, D, self.chi)

    @property
    def updates(self) -> int:
        """Return the number of bond updates of a step."""
        return sum(len(range(parity, self.sites - 1, 2)) for parity, _ in _LAYERS)


def inputs(size: Size, seed: int) -> Inputs:
    """Return phases[site, d chi] in turns, that `physics.tensors.random_state` makes a state of."""
    return {"phases": Uniform((size.sites, D * size.chi), seed, 0, 0.0, 1.0)}


def reference(size: Size, phases: Array) -> dict[str, Array]:
    """Return <Sz> per site, and the Schmidt values of each bond, descending, zeros where there are fewer."""
    densities, tensors = _window(size, phases, 0, size.sites)
    schmidt = np.zeros((size.sites - 1, size.chi))
    for i in range(1, size.sites):
        schmidt[i - 1, : len(densities[i])] = _values(densities[i])
    found = [_expectation(density, tensor) for density, tensor in zip(densities, tensors, strict=False)]
    return {"magnetisation": np.array(found), "schmidt": schmidt}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Compare the two sites and the bond in the middle, which no more than a few sites next to them act on."""
    middle = size.sites // 2
    first, last = max(0, middle - 1 - _REACH), min(size.sites, middle + 1 + _REACH)
    phases = inputs["phases"][np.arange(size.sites * D * size.chi)].reshape(size.sites, -1)
    densities, tensors = _window(size, phases, first, last)
    want = [_expectation(densities[i - first], tensors[i - first]) for i in (middle - 1, middle)]
    values = _values(densities[middle - first])
    got = outputs["magnetisation"][np.array([middle - 1, middle])]
    schmidt = outputs["schmidt"][(middle - 1) * size.chi + np.arange(size.chi)]
    outputs["schmidt"][np.array([(size.sites - 1) * size.chi - 1])]  # the last number is there, or IndexError
    outputs["magnetisation"][np.array([size.sites - 1])]
    return np.concatenate((got, schmidt)), np.concatenate((want, values, np.zeros(size.chi - len(values))))


def _window(size: Size, phases: Array, first: int, last: int) -> tuple[list[Array], list[Array]]:
    """Return the densities left of, and the tensors of, sites first to last - 1 after a step; nothing beyond is updated."""
    density = np.ones((1, 1), complex)
    for i in range(first):
        density = _through(density, random_state.tensor(phases, i, D, size.chi))
    tensors = [random_state.tensor(phases, i, D, size.chi) for i in range(first, last)]
    densities = [density]
    for tensor in tensors[:-1]:
        densities.append(_through(densities[-1], tensor))
    levels, modes = np.linalg.eigh(chains.bonds("xx", 2)[0])
    for parity, share in _LAYERS:
        gate = (modes * np.exp(-1j * size.step * share * levels)) @ modes.conj().T
        for k in range((parity - first) % 2, last - first - 1, 2):
            tensors[k], tensors[k + 1], densities[k + 1] = _updated(gate, densities[k], tensors[k], tensors[k + 1], size.chi)
    return densities, tensors


def _updated(gate: Array, density: Array, left: Array, right: Array, chi: int) -> tuple[Array, Array, Array]:
    """Return the tensors of two sites after a gate, and the density between them; the largest weights are kept."""
    a, b = left.shape[0], right.shape[2]
    both = np.tensordot(left, right, axes=1).reshape(a, D * D, b)
    c = np.einsum("xy,ayb->axb", gate, both).reshape(a, D, D * b)
    weights, vectors = np.linalg.eigh(sum(c[:, s].conj().T @ density @ c[:, s] for s in range(D)))
    kept = min(chi, a * D, D * b)
    norm = weights[-kept:].sum()
    v = vectors[:, -kept:]
    return c @ v / np.sqrt(norm), v.conj().T.reshape(kept, D, b), np.diag(weights[-kept:] / norm).astype(complex)


def _through(density: Array, tensor: Array) -> Array:
    """Return the density right of a site."""
    return np.asarray(sum(tensor[:, s].conj().T @ density @ tensor[:, s] for s in range(D)))


def _values(density: Array) -> Array:
    """Return Schmidt values, descending."""
    found: Array = np.sqrt(np.linalg.eigvalsh(density).clip(0)[::-1])
    return found


def _expectation(density: Array, tensor: Array) -> float:
    weights = [float(np.einsum("ab,ac,cb->", tensor[:, s].conj(), density, tensor[:, s], optimize=True).real) for s in range(D)]
    return float(np.dot(weights, chains.observable("xx")))


def work(size: Size, item_b: int) -> Work:
    """Count, per update of matrices of n = 2 chi: theta and the new tensor 8 n^2 chi each, the gate 128 chi^2, an SVD 88 n^3.

    That is what a full SVD costs, whatever an implementation does. Bytes: two tensors read and written an update.
    """
    flop = held = traffic = 0
    for i in range(size.sites - 1):
        a, m, b = (size.bond(i + k) for k in range(3))
        times = sum(i % 2 == parity for parity, _ in _LAYERS)
        flop += times * (16 * D * a * m * D * b + 128 * a * b + 88 * min(D * a, D * b) ** 2 * max(D * a, D * b))
        traffic += times * 2 * 2 * item_b * D * m * (a + b)
        held += 2 * item_b * D * a * m
    return Work(flop=flop, bytes=traffic, memory_b=3 * held, events=size.updates, event="bond update")


def nearby(size: Size, k: int) -> Size:
    """Return 31/32 or 30/32 of the bond dimension."""
    return replace(size, chi=size.chi - (k + 1) * max(1, size.chi // 32))


WORKLOAD = Workload(
    version=1,
    title="Time-evolving block decimation, full bonds",
    inputs=inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=nearby,
    sizes={"XS": Size(20, 16), "S": Size(100, 64), "M": Size(100, 256), "L": Size(100, 1024), "S-128": Size(100, 128)},
    tolerance={"float64": 1e-8, "float32": 1e-3},
    impls=(
        Impl("numpy", "tensors.tebd_trials:gram", "numpy"),
        Impl("numpy-svd", "tensors.tebd_trials:svd", "numpy"),
        Impl("torch", "tensors.tebd_torch:measured", "torch", devices=("cpu", "gpu")),
    ),
    repeat="trials",
    metrics=(Metric("wall_per_update_s"), Metric("wall_s"), Metric("discarded_weight")),
    notes=(
        "XX chain, one second-order step of 0.05: even bonds by half, odd bonds, even bonds by half; complex numbers.",
        "An update: theta = w gate (B B), its largest right singular vectors V, B' = C V / |kept|, w' = |kept values|, rescaled.",
        "FLOP are those of an update with a full SVD; implementations that split by Gram matrices do fewer.",
        "Splits by Gram matrices are used where the least kept value is not lost by squaring; discarded weights are the same.",
        "The state is put into its Schmidt bases before the watch is opened.",
        "Tolerance: where the last value kept and the first dropped are close, rounding mixes their vectors.",
        "M and L are checked at the middle bond and its sites, by all that acts on them.",
    ),
)
