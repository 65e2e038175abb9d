"""Matrix product states in time: layers of two-site gates on even and odd bonds (TEBD), in array operations.

A state is kept as right-orthonormal tensors B and the Schmidt weights w left of each. A gate on sites i, i+1 makes
C = gate (B_i B_i+1) and theta = w C; the right singular vectors V of theta, truncated, are the new B_i+1, and C V^+ is the new
B_i: nothing is divided by small weights (Hastings, J. Math. Phys. 50 (2009) 095207). Bonds of a layer do not touch each other:
threads take one each, a GPU those of equal shape at once.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.tensors import splits
from ngtbench.kernels.tensors.library import Library
from ngtbench.kernels.tensors.splits import Split
from ngtbench.model.workload import Array

_SECOND = ((0, 0.5), (1, 1.0), (0, 0.5))
_A1, _A2, _B1, _B2 = 0.09584850274120368, -0.07811115892163792, 0.42652466131587616, -0.12039526945509727
_HALF = ((0, _A1), (1, _B1), (0, _A2), (1, _B2), (0, 0.5 - _A1 - _A2))
# Barthel and Zhang, Annals Phys. 418 (2020) 168165, eq. 30a: as many layers as Suzuki's, with a far smaller error.
_FOURTH = (*_HALF, (1, 1 - 2 * (_B1 + _B2)), *_HALF[::-1])
ORDERS = {2: _SECOND, 4: _FOURTH}
_WIDE = 48  # Schmidt values from which on threads pay: an interpreter runs one at a time between matrix operations


@dataclass
class State:
    """Tensors (left, d, right) per site, and the Schmidt weights left of each."""

    tensors: list[Any]
    weights: list[Any]


@dataclass
class Tally:
    """What an evolution did: weight discarded, relative, summed over all updates; updates by how they were split."""

    discarded_weight: float = 0.0
    splits: dict[str, int] = field(default_factory=dict)

    @property
    def updates(self) -> int:
        """Return the number of two-site updates."""
        return sum(self.splits.values())

    def add(self, how: str, discarded: float) -> None:
        """Count an update."""
        self.discarded_weight += discarded
        self.splits[how] = self.splits.get(how, 0) + 1


def layers(order: int, steps: int) -> Iterator[tuple[int, float]]:
    """Yield (parity of bonds, share of a step) of each layer; layers that meet between steps are one."""
    one = ORDERS[order]
    for step in range(steps):
        yield from one[:1] if step == 0 else ((one[0][0], one[0][1] + one[-1][1]),)
        yield from one[1:-1]
    if steps:
        yield one[-1]


def gates(library: Library, terms: Sequence[Array], dtype: Any) -> Callable[[float], list[Any]]:
    """Return what makes exp(-i h tau) of each bond's term; of each tau once."""
    levels, modes = np.linalg.eigh(np.stack(terms))
    made: dict[float, list[Any]] = {}

    def at(tau: float) -> list[Any]:
        if tau not in made:
            whole = (modes * np.exp(-1j * tau * levels)[:, None, :]) @ modes.conj().swapaxes(1, 2)
            made[tau] = [library.put(one) for one in whole.astype(dtype)]
        return made[tau]

    return at


def evolve(
    library: Library,
    state: State,
    gate: Callable[[float], list[Any]],
    sequence: Iterable[tuple[int, float]],
    most: int,
    split: Split = splits.gram,
) -> Tally:
    """Apply layers of (parity, tau) to a state, in place, keeping at most so many weights a bond."""

    def update(bonds: list[int], tau: float) -> list[tuple[str, float]]:
        return _update(library, state, bonds, gate(tau), most, split)

    return sweep(library, state, sequence, update)


def sweep(
    library: Library,
    state: State,
    sequence: Iterable[tuple[int, float]],
    update: Callable[[list[int], float], list[tuple[str, float]]],
) -> Tally:
    """Update the bonds of each layer, which do not touch each other, by threads where they are large enough."""
    tally = Tally()
    with library.alone() if library.threads > 1 else nullcontext(), ThreadPoolExecutor(library.threads) as pool:
        for parity, tau in sequence:
            wide = library.threads > 1 and max(map(len, state.weights)) >= _WIDE
            for told in (pool.map if wide else map)(update, groups(library, state, parity), repeat(tau)):
                for how, discarded in told:
                    tally.add(how, discarded)
    return tally


def groups(library: Library, state: State, parity: int) -> list[list[int]]:
    """Return the bonds of a layer to be updated together, the largest first: each alone, or those of equal shape."""
    bonds = range(parity, len(state.tensors) - 1, 2)
    if not library.grouped:
        return sorted(([i] for i in bonds), key=lambda one: -state.tensors[one[0]].shape[2])
    found: dict[tuple[int, ...], list[int]] = {}
    for i in bonds:
        found.setdefault((*state.tensors[i].shape, state.tensors[i + 1].shape[2]), []).append(i)
    return list(found.values())


def _update(
    library: Library, state: State, bonds: list[int], gate: list[Any], most: int, split: Split
) -> list[tuple[str, float]]:
    """Update bonds of equal shape; return how each was split and the weight it discarded."""
    xp = library.xp
    c, matrices, before = two_sites(library, state, bonds, gate)
    a, r = before.shape[1], state.tensors[bonds[0] + 1].shape[2]
    d = c.shape[2] // r
    last = library.get(library.stacked([state.weights[i + 1] for i in bonds]))
    told = []
    for k, (i, piece) in enumerate(zip(bonds, split(library, matrices, most, last), strict=True)):
        first = c[k] @ piece.v
        weights = xp.linalg.norm((before[k][:, None] * first.reshape(a, -1)).reshape(a * d, -1), axis=0)
        norm = xp.linalg.norm(weights)
        state.tensors[i] = (first / norm).reshape(a, d, -1)
        state.tensors[i + 1] = piece.v.conj().T.reshape(-1, d, r)
        state.weights[i + 1] = weights / norm
        told.append((piece.how, piece.discarded))
    return told


def two_sites(library: Library, state: State, bonds: list[int], gate: list[Any]) -> tuple[Any, Any, Any]:
    """Return C and theta of bonds of equal shape as matrices (left d, d right), and the weights left of them."""
    left, right = (library.stacked([state.tensors[i + k] for i in bonds]) for k in (0, 1))
    n, a, d, m = left.shape
    r = right.shape[3]
    c = left.reshape(n, a * d, m) @ right.reshape(n, m, d * r)
    c = (library.stacked([gate[i] for i in bonds])[:, None] @ c.reshape(n, a, d * d, r)).reshape(n, a * d, d * r)
    before = library.stacked([state.weights[i] for i in bonds])
    return c, (before[:, :, None] * c.reshape(n, a, d * d * r)).reshape(n, a * d, d * r), before


def product(library: Library, places: Array, d: int, dtype: Any) -> State:
    """Return a state of one basis state per site."""
    one = np.eye(d, dtype=dtype)
    tensors = [library.put(one[place].reshape(1, d, 1)) for place in places]
    return State(tensors, [library.put(np.ones(1, one.real.dtype)) for _ in places])


def canonical(library: Library, tensors: Sequence[Any]) -> tuple[State, float]:
    """Return a state of any tensors, normalised, in its Schmidt bases, and the norm it had.

    Raises BadInput for a state of norm zero or with NaN.
    """
    xp, sites = library.xp, len(tensors)
    left: list[Any] = []
    carry, norm = tensors[0][:1, 0, :1] * 0 + 1, 1.0
    for tensor in tensors:
        a, (_, d, r) = len(carry), tensor.shape
        q, carry = xp.linalg.qr((carry @ tensor.reshape(tensor.shape[0], d * r)).reshape(a * d, r))
        left.append(q.reshape(a, d, -1))
        size = float(xp.linalg.norm(carry))
        if not 0 < size < float("inf"):
            raise BadInput(f"a state of norm {size}: there is nothing to evolve")
        carry, norm = carry / size, norm * size
    found = State([None] * sites, [None] * sites)
    for i in reversed(range(sites)):
        a, d, _ = left[i].shape
        block = (left[i].reshape(a * d, -1) @ carry).reshape(a, -1)
        u, s, vh = (part[0] for part in splits.decomposed(library, block[None])[:3])
        kept = max(1, int((s > splits.cutoff(library, s) * s[0]).sum()))
        s = s[:kept] / xp.linalg.norm(s[:kept])
        found.tensors[i], found.weights[i] = vh[:kept].reshape(kept, d, -1), s
        carry = u[:, :kept] * s
    found.tensors[0] = found.tensors[0] * carry[0, 0]
    return found, norm


def expectations(library: Library, state: State, diagonal: Array) -> Array:
    """Return <O_i> of each site, for an operator that is diagonal in its basis."""
    found = [
        library.get((abs(weights[:, None, None] * tensor) ** 2).sum(2).sum(0)) @ diagonal
        for tensor, weights in zip(state.tensors, state.weights, strict=True)
    ]
    return np.array(found)


def energy(library: Library, state: State, terms: Sequence[Array]) -> float:
    """Return the sum of <h_i> over bonds."""
    total = 0.0
    for i, term in enumerate(terms):
        both = library.get(theta(state, i))
        both = both.reshape(len(state.tensors[i]), len(term), -1)
        total += float(np.vdot(both, term @ both).real)
    return total


def theta(state: State, i: int) -> Any:
    """Return the two-site tensor of sites i and i + 1 as a matrix (left d, d right)."""
    first, second = state.tensors[i], state.tensors[i + 1]
    a, d, m = first.shape
    return (state.weights[i][:, None, None] * first).reshape(a * d, m) @ second.reshape(m, -1)


def entropy_nats(library: Library, state: State) -> Array:
    """Return -sum p ln p of each bond's Schmidt weights squared."""
    found = []
    for weights in state.weights[1:]:
        p = library.get(weights).astype(np.float64) ** 2
        found.append(max(0.0, -float(np.sum(p[p > 0] * np.log(p[p > 0])))))
    return np.array(found)
