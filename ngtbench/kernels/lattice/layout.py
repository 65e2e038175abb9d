"""Links and spinors as traced kernels keep them: real numbers per site, links in 18, 12 or 8 of them."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ngtbench.codegen.grid import Grid, Part
from ngtbench.errors import Unavailable
from ngtbench.kernels.lattice.hopping import WHOLE
from ngtbench.kernels.lattice.su3 import flat, rebuilt_8
from ngtbench.model.workload import Array, Blocked

_LARGEST = 1e15  # tan(angle / 2) at an angle of pi; its square is a float32


def links(numbers: Array, boundary: Sequence[complex], kept: int) -> dict[str, Array]:
    """Return the fields `links`, and `edge` where fewer than 18 reals of a link are kept: factors of the steps to t+1 and t-1.

    Raises Unavailable where these links or these boundary phases cannot be kept so.
    """
    factors = _phases(numbers.shape[1:5], boundary)
    if kept == 18:
        return {"links": reals(_by_site(numbers, factors), 72)}
    if np.any(factors[:3] != 1):
        raise Unavailable(f"links in {kept} reals take boundary phases (1, 1, 1, +-1), not {tuple(boundary)}", "keep 18 reals")
    return {"links": _few(numbers, kept), "edge": _steps(factors[3:], (3,), kept, boundary)}


def staggered_links(numbers: Array, boundary: Sequence[complex], kept: int) -> dict[str, Array]:
    """Return `links` times eta / 2, or links and `edge` where fewer than 18 reals are kept: the factors of the eight hops.

    eta_mu(x) = (-1)^(x_0 + ... + x_(mu-1)). Raises Unavailable as `links` does.
    """
    shape = numbers.shape[1:5]
    before = np.cumsum(np.indices(shape), axis=0)
    eta = np.stack([np.ones(shape), *(1 - 2 * (before[:3] % 2))])
    factors = _phases(shape, boundary) * eta / 2
    if kept == 18:
        return {"links": reals(_by_site(numbers, factors), 72)}
    return {"links": _few(numbers, kept), "edge": _steps(factors, range(4), kept, boundary)}


def eight(numbers: Array) -> Array:
    """Return (sites, 32) reals: of each link tan(arg a1 / 2), tan(arg c1 / 2), a2, a3, b1 of its rows a, b, c.

    Raises Unavailable where a link cannot be rebuilt from them: its first row is nearly (a1, 0, 0).
    """
    real = np.float32 if numbers.dtype == np.complex64 else np.float64
    angles = np.clip(np.tan(np.angle(numbers[..., [0, 2], [0, 0]]) / 2), -_LARGEST, _LARGEST)
    rest = np.ascontiguousarray(numbers[..., [0, 0, 1], [1, 2, 0]]).view(real)
    few = np.concatenate((angles.astype(real), rest), axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        rebuilt = np.stack(flat([z for row in rebuilt_8(list(np.moveaxis(few, -1, 0))) for z in row]), axis=-1)
    worst = float(np.max(np.abs(rebuilt - np.ascontiguousarray(numbers).reshape(*numbers.shape[:-2], 9).view(real))))
    bound = float(8 * np.sqrt(np.finfo(real).eps))
    if not worst <= bound:
        raise Unavailable(f"a link rebuilt from 8 reals is off by {worst:.2g}, more than {bound:.2g}", "keep 12 or 18 reals")
    return few.reshape(-1, 32)


def reals(numbers: Array, components: int) -> Array:
    """Return complex numbers as (sites, components) or, with a leading source axis, (sources, sites, components) reals."""
    real = np.float32 if numbers.dtype == np.complex64 else np.float64
    return np.ascontiguousarray(numbers).view(real).reshape(-1, components)


def term(blocks: Array) -> Array:
    """Return two Hermitian 6x6 blocks per site, (x, y, z, t, 2, 6, 6), as the 72 reals that `hopping.pairs_of` reads."""
    real = np.float32 if blocks.dtype == np.complex64 else np.float64
    rows, columns = np.tril_indices(6, -1)
    below = np.ascontiguousarray(blocks[..., rows, columns]).view(real)
    diagonal = np.diagonal(blocks, axis1=-2, axis2=-1).real
    return np.concatenate((diagonal, below), axis=-1).reshape(-1, 72)


def units(numbers: Array) -> Array:
    """Return reals of magnitude 1 or less as whole numbers of 16 bits, in units of 1/32767; Unavailable for larger ones."""
    rounded = np.rint(numbers * WHOLE)
    if not np.all(np.abs(rounded) <= WHOLE):
        raise Unavailable(f"links in 16 bits have elements up to 1, not {np.max(np.abs(numbers)):.3g}", "keep 18 reals")
    return rounded.astype(np.int16)


def whole(numbers: Array) -> tuple[Array, Array]:
    """Return (sources, sites, components) reals as whole numbers of 16 bits, and their unit at each site, one component."""
    scale = np.maximum(np.max(np.abs(numbers), axis=-1, keepdims=True), 1e-30) / WHOLE
    return np.rint(numbers / scale).astype(np.int16), scale.astype(numbers.dtype)


def blocked(grid: Grid, array: Any, shape: tuple[int, ...], part: Part = "all", scale: Any = None) -> Blocked:
    """Return an output of a part of the lattice, whose sites the oracle lists in C order."""
    sites = grid.sites[grid.range(part)]
    return Blocked(array, np.unique(sites, return_inverse=True)[1].reshape(sites.shape), shape, scale=scale)


def _phases(shape: tuple[int, ...], boundary: Sequence[complex]) -> Array:
    """Return (4, *shape): the boundary phase of each link."""
    factors = np.ones((4, *shape), dtype=np.complex128)
    for mu, phase in enumerate(boundary):
        np.moveaxis(factors[mu], mu, 0)[-1] = phase
    return factors


def _by_site(numbers: Array, factors: Array) -> Array:
    """Return (x, y, z, t, mu, a, b), each link times its factor."""
    return np.moveaxis(numbers * factors.astype(numbers.dtype)[..., None, None], 0, 4)


def _few(numbers: Array, kept: int) -> Array:
    by_site = np.moveaxis(numbers, 0, 4)
    return reals(by_site[..., :2, :], 48) if kept == 12 else eight(by_site)


def _steps(factors: Array, axes: Iterable[int], kept: int, boundary: Sequence[complex]) -> Array:
    """Return (sites, 2 axes) real factors: of the link ahead, and of the one behind."""
    if np.any(factors.imag != 0):
        raise Unavailable(f"links in {kept} reals take real boundary phases, not {tuple(boundary)}", "keep 18 reals")
    both = [step for mu, own in zip(axes, factors.real, strict=True) for step in (own, np.roll(own, 1, axis=mu))]
    return np.stack(both, axis=-1).reshape(-1, len(both))
