"""Wilson hopping term in NumPy: spin-projected, sites last, in blocks of sites that stay in cache."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.lattice.spin import hops
from ngtbench.model.workload import Array, Arrays, Run, Setup

# Below half of NumPy's 8192-element buffer, broadcast operands are copied into it first: 4096 sites ran twice as fast as 2048.
_BLOCK = 4096


def wilson_dslash(links: Array, spinor: Array, *, boundary: Sequence[complex] = (1, 1, 1, -1)) -> Array:
    """Return D psi(x) = sum_mu [(1 - g_mu) U_mu(x) psi(x+mu) + (1 + g_mu) U_mu(x-mu)^+ psi(x-mu)].

    links[mu, x, y, z, t, a, b] transport from x+mu to x, spinor[x, y, z, t, spin, colour], DeGrand-Rossi basis; both
    complex128, or both complex64, and so is the result. `boundary` is the phase of a fermion crossing each edge, a factor on
    U_mu at the last site of direction mu. The Wilson matrix is 1 - kappa D.
    Raises BadInput for another shape, dtype or boundary.
    """
    check(links, spinor, boundary)
    run, out = _prepare(links, spinor, boundary)
    run()
    return np.ascontiguousarray(_canonical(out, spinor.shape))


def projected(setup: Setup, links: Array, spinor: Array) -> Run:
    """Pack links (both directions, phases in) and spinor with sites last; apply D block by block."""
    apply, out = _prepare(links, spinor, setup.size.boundary)
    setup.say(f"spin-projected, sites last, blocks of {_BLOCK}")
    result = _canonical(out, spinor.shape)

    def run() -> Arrays:
        apply()
        return {"out": result}

    return run


def check(links: Array, spinor: Array, boundary: Sequence[complex]) -> None:
    """Raise BadInput unless these are links, a spinor and phases of one lattice."""
    for name, array in (("links", links), ("spinor", spinor)):
        if not isinstance(array, np.ndarray) or array.dtype not in (np.complex128, np.complex64):
            kind = f"dtype {array.dtype}" if isinstance(array, np.ndarray) else type(array).__name__
            raise BadInput(f"wilson_dslash: {name} has {kind}: give a NumPy array of complex128 or complex64")
    if links.dtype != spinor.dtype:
        raise BadInput(f"wilson_dslash: links are {links.dtype}, spinor is {spinor.dtype}: convert one of them")
    if spinor.ndim != 6 or spinor.shape[4:] != (4, 3) or 0 in spinor.shape:
        raise BadInput(f"wilson_dslash: spinor has shape {spinor.shape}: give (x, y, z, t, 4 spins, 3 colours)")
    wanted = (4, *spinor.shape[:4], 3, 3)
    if links.shape != wanted:
        raise BadInput(f"wilson_dslash: links have shape {links.shape}: a spinor of shape {spinor.shape} needs {wanted}")
    if len(boundary) != 4 or any(not abs(abs(phase) - 1) < 1e-6 for phase in boundary):
        raise BadInput(f"wilson_dslash: boundary is {boundary!r}: give four phases of modulus 1, for x, y, z, t")


def pack(links: Array, boundary: Sequence[complex]) -> Array:
    """Return links[hop, a, b, site]: U_mu(x) and U_mu(x-mu)^+ in turns, boundary phases multiplied in."""
    shape = links.shape[1:5]
    packed = np.empty((8, 3, 3, *shape), dtype=links.dtype)
    for mu, phase in enumerate(boundary):
        ahead = packed[2 * mu]
        ahead[...] = np.moveaxis(links[mu], (-2, -1), (0, 1))
        ahead[(slice(None),) * (2 + mu) + (-1,)] *= phase
        packed[2 * mu + 1] = np.roll(ahead.conj().swapaxes(0, 1), 1, axis=2 + mu)
    return packed.reshape(8, 3, 3, -1)


def neighbours(shape: tuple[int, ...]) -> Array:
    """Return the site each hop fetches from, shape (8, sites)."""
    sites = np.arange(int(np.prod(shape))).reshape(shape)
    return np.stack([np.roll(sites, hop.step, axis=hop.mu).ravel() for hop in hops()])


def _prepare(links: Array, spinor: Array, boundary: Sequence[complex]) -> tuple[Callable[[], None], Array]:
    """Return a function that fills `out`, and `out`, shape (4, 3, sites)."""
    packed, table = pack(links, boundary), neighbours(spinor.shape[:4])
    psi = np.ascontiguousarray(spinor.reshape(-1, 4, 3).transpose(1, 2, 0))
    out = np.empty_like(psi)
    count = psi.shape[2]
    edges = np.linspace(0, count, max(1, count // _BLOCK) + 1).astype(int).tolist()
    parts = [slice(start, stop) for start, stop in pairwise(edges)]
    work = {n: _Workspace(n, psi.dtype) for n in {part.stop - part.start for part in parts}}

    def apply() -> None:
        for part in parts:
            work[part.stop - part.start].apply(psi, packed[..., part], table[:, part], out[..., part])

    return apply, out


class _Workspace:
    """Buffers of one block length."""

    def __init__(self, sites: int, dtype: Any) -> None:
        self._near = np.empty((4, 3, sites), dtype)
        self._half, self._product, self._term = (np.empty((2, 3, sites), dtype) for _ in range(3))
        self._hops = [(hop.order, np.array(hop.phases, dtype)[:, None, None]) for hop in hops()]

    def apply(self, psi: Array, links: Array, table: Array, out: Array) -> None:
        """Sum the eight hops into one block of the output."""
        near, half, product, term = self._near, self._half, self._product, self._term
        upper = out[:2]
        out[...] = 0
        for u, neighbour, (order, phases) in zip(links, table, self._hops, strict=True):
            np.take(psi, neighbour, axis=2, out=near, mode="clip")  # "raise" would go through a copy
            np.multiply(near[2:][order], phases, out=term)
            np.add(near[:2], term, out=half)
            np.multiply(u[:, 0], half[:, None, 0], out=product)
            for b in (1, 2):
                np.multiply(u[:, b], half[:, None, b], out=term)
                np.add(product, term, out=product)
            np.add(upper, product, out=upper)
            lower = out[2:][order]
            np.multiply(product, phases.conj(), out=term)
            np.add(lower, term, out=lower)


def _canonical(out: Array, shape: tuple[int, ...]) -> Array:
    """Return a view shaped as a spinor."""
    return out.transpose(2, 0, 1).reshape(shape)
