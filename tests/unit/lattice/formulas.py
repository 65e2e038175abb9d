"""What the lattice kernels must write, by formulas that share no text with them: the workloads' oracles, and NumPy."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ngtbench.codegen.kernel import Kernel
from ngtbench.kernels.lattice import hopping, layout, staggering, steps
from ngtbench.model.workload import Array
from ngtbench.physics import gamma, lattice
from ngtbench.physics.lattice import Shape
from ngtbench.workloads.lattice import _wilson, staggered_dslash

TOLERANCE = {"float64": 1e-12, "float32": 3e-6}  # of the rms: what the workloads ask for
ANTIPERIODIC, PERIODIC, TWISTED = (1, 1, 1, -1), (1, 1, 1, 1), (1j, -1, np.exp(0.3j), -1)
G5 = np.diag(gamma.five()).real[:, None]


@dataclass(frozen=True)
class Problem:
    """A kernel, its fields (sites, reals) and scalars, and what it must write and sum up."""

    kernel: Kernel
    fields: dict[str, Array]
    want: dict[str, Array]
    scalars: dict[str, float] = field(default_factory=dict)
    sums: dict[str, float] = field(default_factory=dict)
    eight: bool = False


Make = Callable[[Shape, str], Problem]


def random(shape: Shape, seed: int, dtype: str, inner: tuple[int, ...] = (4, 3)) -> Array:
    """Return a complex field, rounded to a precision and widened again."""
    made = lattice.random_spinor(shape, seed) if inner == (4, 3) else lattice.random_field(shape, seed)
    return made.astype(np.result_type(dtype, np.complex64)).astype(np.complex128)


def links_of(shape: Shape, dtype: str) -> Array:
    return lattice.random_links(shape, 3).astype(np.result_type(dtype, np.complex64))


def real(numbers: Array) -> Array:
    """Return complex numbers as (sites, reals); (..., a, b) is one site's."""
    return np.stack((numbers.real, numbers.imag), axis=-1).reshape(int(np.prod(numbers.shape[:4])), -1)


def hopped(links: Array, psi: Array, boundary: Any, dagger: bool = False) -> Array:
    """Return D psi by the oracle; D^+ is g5 D g5."""
    signs = G5 if dagger else np.ones((4, 1))
    return np.asarray(signs * _wilson.hopping(_wilson.phased(links.astype(complex), boundary), signs * psi))


def wilson(kept: int, boundary: Any) -> Make:
    def make(shape: Shape, dtype: str) -> Problem:
        links, psi = links_of(shape, dtype), random(shape, 1, dtype)
        kernel = {18: hopping.WILSON, 12: hopping.WILSON_12, 8: hopping.WILSON_8}[kept]
        fields = {**layout.links(links, boundary, kept), "psi": real(psi)}
        return Problem(kernel, fields, {"out": real(hopped(links, psi, boundary))}, eight=kept == 8)

    return make


def staggered(kept: int, boundary: Any) -> Make:
    def make(shape: Shape, dtype: str) -> Problem:
        links, chi = links_of(shape, dtype), random(shape, 1, dtype, (3,))
        want = staggered_dslash.hopping(_wilson.phased(links.astype(complex), boundary), chi, np.arange(shape[0]))
        fields = {**layout.staggered_links(links, boundary, kept), "psi": real(chi)}
        return Problem(staggering.STAGGERED[kept], fields, {"out": real(want)}, eight=kept == 8)

    return make


def hermitian(shape: Shape, dtype: str) -> tuple[Array, Callable[[Array], Array]]:
    """Return two Hermitian 6 x 6 blocks a site, unlike each other, and their product with a spinor."""
    rng = np.random.default_rng(4)
    half = (rng.normal(size=(*shape, 2, 6, 6)) + 1j * rng.normal(size=(*shape, 2, 6, 6))) / 4
    rounded = half.astype(np.result_type(dtype, np.complex64)).astype(complex)
    blocks = rounded + rounded.conj().swapaxes(-1, -2)
    blocks = blocks.astype(np.result_type(dtype, np.complex64)).astype(complex)
    return blocks, lambda psi: np.einsum("...cij,...cj->...ci", blocks, psi.reshape(*shape, 2, 6)).reshape(psi.shape)


def clover(kept: int, boundary: Any) -> Make:
    def make(shape: Shape, dtype: str) -> Problem:
        blocks, times = hermitian(shape, dtype)
        links, psi = links_of(shape, dtype), random(shape, 1, dtype)
        fields = {**layout.links(links, boundary, kept), "term": layout.term(blocks), "psi": real(psi)}
        want = {"out": real(times(psi) - 0.125 * hopped(links, psi, boundary))}
        return Problem(hopping.CLOVER[kept], fields, want, {"minus_kappa": -0.125}, eight=kept == 8)

    return make


def chiral(shape: Shape, dtype: str) -> Problem:
    blocks, times = hermitian(shape, dtype)
    psi = random(shape, 1, dtype)
    return Problem(hopping.CHIRAL, {"term": layout.term(blocks), "own": real(psi)}, {"out": real(times(psi))})


def half(with_term: bool, dagger: bool, which: str) -> Make:
    def make(shape: Shape, dtype: str) -> Problem:
        blocks, product = hermitian(shape, dtype)
        times = product if with_term else lambda x: x
        links, boundary = links_of(shape, dtype), ANTIPERIODIC
        psi, own, other = (random(shape, seed, dtype) for seed in (1, 2, 3))
        spinors = {"psi": real(psi), "own": real(own)}
        shared = layout.links(links, boundary, 18) | ({"term": layout.term(blocks)} if with_term else {})
        kernel, d = getattr(hopping.HALVES[with_term, dagger], which), hopped(links, psi, boundary, dagger)
        if which == "to_odd":
            return Problem(kernel, shared | {"psi": real(psi)}, {"out": real(times(d))})
        schur = times(own) - 0.0625 * d
        if which == "to_even":
            return Problem(kernel, shared | spinors, {"out": real(schur)}, {"factor": -0.0625}, {"norm": norm2(schur)})
        if not dagger:
            sums = {"norm": norm2(schur)} | parts("re", "im", np.vdot(other, schur))
            return Problem(kernel, shared | spinors | {"shadow": real(other)}, {"out": real(schur)}, {"factor": -0.0625}, sums)
        new, scalars = other - 0.75 * schur, {"factor": -0.0625, "step": -0.75}
        return Problem(kernel, shared | spinors | {"r": real(other)}, {"r": real(new)}, scalars, {"norm": norm2(new)})

    return make


def norm2(numbers: Array) -> float:
    return float(np.vdot(numbers, numbers).real)


def parts(re: str, im: str, number: Any) -> dict[str, float]:
    return {re: float(number.real), im: float(number.imag)}


ALPHA, BETA, OMEGA = 0.5 - 1.25j, -0.75 + 0.375j, 1.5 + 0.25j


def step(kernel: Kernel) -> Make:
    def make(shape: Shape, dtype: str) -> Problem:
        given = {one.name: random(shape, seed, dtype) for seed, one in enumerate(kernel.fields, start=1)}
        v = {name: given.get(name, np.zeros((*shape, 4, 3))) for name in ("x", "p", "r", "v", "t", "shadow")}
        alpha, beta, omega = ALPHA, BETA, OMEGA
        new = v["r"] - omega * v["t"]
        known: dict[str, tuple[dict[str, Array], dict[str, float]]] = {
            "cg-descend": ({"x": v["x"] + 0.5 * v["p"], "p": v["r"] - 0.75 * v["p"]}, {"alpha": 0.5, "beta": -0.75}),
            "cg-advance": ({"x": v["x"] + 0.5 * v["p"]}, {"alpha": 0.5}),
            "bicgstab-lessen": ({"r": v["r"] - alpha * v["v"]}, parts("re", "im", alpha)),
            "bicgstab-gain": (
                {"x": v["x"] + alpha * v["p"] + omega * v["r"], "r": new},
                parts("alpha_re", "alpha_im", alpha) | parts("omega_re", "omega_im", omega),
            ),
            "bicgstab-turn": (
                {"p": v["r"] + beta * (v["p"] - omega * v["v"])},
                parts("beta_re", "beta_im", beta) | parts("omega_re", "omega_im", omega),
            ),
        }
        want, scalars = known[kernel.name]
        sums = {"norm": norm2(new)} | parts("re", "im", np.vdot(v["shadow"], new)) if kernel.sums else {}
        fields = {name: real(one) for name, one in given.items()}
        return Problem(kernel, fields, {name: real(one) for name, one in want.items()}, scalars, sums)

    return make


MAKE: dict[str, Make] = {
    **{f"wilson-18 {boundary}": wilson(18, boundary) for boundary in (ANTIPERIODIC, PERIODIC, TWISTED)},
    **{f"wilson-{kept} {boundary}": wilson(kept, boundary) for kept in (12, 8) for boundary in (ANTIPERIODIC, PERIODIC)},
    **{f"staggered-18 {boundary}": staggered(18, boundary) for boundary in (ANTIPERIODIC, PERIODIC, TWISTED)},
    **{f"staggered-{kept} {bc}": staggered(kept, bc) for kept in (12, 8) for bc in (ANTIPERIODIC, PERIODIC, (-1, 1, -1, 1))},
    **{f"clover-{kept}": clover(kept, boundary) for kept, boundary in ((18, TWISTED), (12, ANTIPERIODIC), (8, ANTIPERIODIC))},
    "clover-term": chiral,
    **{
        f"{getattr(hopping.HALVES[term, dagger], which).name}": half(term, dagger, which)
        for term in (False, True)
        for dagger in (False, True)
        for which in ("to_odd", "to_even", "fused")
    },
    **{kernel.name: step(kernel) for kernel in steps.KERNELS},
}
