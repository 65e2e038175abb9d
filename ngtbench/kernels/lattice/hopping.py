"""Wilson and clover operators for every back end: bodies on real numbers, and how they are launched.

`links` keeps 18, 12 or 8 reals of each link. With 18, boundary phases are in the links; with fewer, which only SU(3) matrices
allow, `edge` has the real factors of the steps to t+1 and to t-1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ngtbench.codegen.kernel import HOPS_4D, Field, Kernel, Reals
from ngtbench.codegen.trace import larger, magnitude
from ngtbench.kernels.lattice.spin import Hop, hops
from ngtbench.kernels.lattice.su3 import Complex, flat, link, overlap, pairs, plus, row, scaled, squared, turned

Read = Callable[..., Reals]


def wilson(links: Read, psi: Read, kept: int = 18, edge: Read | None = None, dagger: bool = False) -> dict[str, Any]:
    """Return D psi, or D^+ psi."""
    return {"out": flat(hopped(links, psi, kept, edge, dagger))}


def clover(links: Read, term: Read, psi: Read, minus_kappa: Any, kept: int = 18, edge: Read | None = None) -> dict[str, Any]:
    """Return A psi - kappa D psi, A = 1 + 2 kappa c_sw C in `term`."""
    diagonal, hops_ = blocks(pairs_of(term), pairs(psi())), hopped(links, psi, kept, edge)
    return {"out": flat([plus(a, scaled(minus_kappa, d)) for a, d in zip(diagonal, hops_, strict=True)])}


def inverted(links: Read, term: Read, psi: Read, dagger: bool = False) -> dict[str, Any]:
    """Return A^-1 D psi, with A^-1 in `term`: one half of the even-odd operator."""
    return {"out": flat(blocks(pairs_of(term), hopped(links, psi, dagger=dagger)))}


def chiral(term: Read, own: Read) -> dict[str, Any]:
    """Return A psi."""
    return {"out": flat(blocks(pairs_of(term), pairs(own())))}


def schur(links: Read, psi: Read, own: Read, factor: Any, term: Read | None = None, dagger: bool = False) -> dict[str, Any]:
    """Return own + factor D psi (with clover: A own + factor D psi), and its squared norm."""
    here = pairs(own()) if term is None else blocks(pairs_of(term), pairs(own()))
    out = [plus(a, scaled(factor, d)) for a, d in zip(here, hopped(links, psi, dagger=dagger), strict=True)]
    return {"out": flat(out), "norm": squared(out)}


def overlapping(
    links: Read, psi: Read, own: Read, shadow: Read, factor: Any, term: Read | None = None, dagger: bool = False
) -> dict[str, Any]:
    """Return what `schur` returns, and <shadow, out> in the same pass."""
    found = schur(links, psi, own, factor, term, dagger)
    re, im = overlap(pairs(shadow()), pairs(found["out"]))
    return {**found, "re": re, "im": im}


def residual(
    links: Read, psi: Read, own: Read, r: Read, factor: Any, step: Any, term: Read | None = None, dagger: bool = False
) -> dict[str, Any]:
    """Return r + step (own + factor D psi), as `schur` with an update in the same pass, and its squared norm."""
    applied = pairs(schur(links, psi, own, factor, term, dagger)["out"])
    out = [plus(a, scaled(step, z)) for a, z in zip(pairs(r()), applied, strict=True)]
    return {"r": flat(out), "norm": squared(out)}


def wilson_half(links: Read, psi: Read, scale: Read) -> dict[str, Any]:
    """Return D psi in whole numbers of 16 bits and one real number a site, the largest component over 32767, as psi is given.

    Links are whole numbers too, in units of 1/32767. QUDA calls this half precision. A NaN is not kept.
    """
    total = flat(hopped(links, psi, scale=scale))
    most: Any = 1e-30  # a site of zeros is kept as zeros
    for part in total:
        most = larger(most, magnitude(part))
    return {"out": [part * (WHOLE / most) for part in total], "kept": [most / WHOLE]}


def hopped(
    links: Read, psi: Read, kept: int = 18, edge: Read | None = None, dagger: bool = False, scale: Read | None = None
) -> list[Complex]:
    """Return the 12 components of D psi, or of D^+ psi (the signs of gamma swapped), spin-major.

    Per hop: project to two spins, multiply by the link row by row, add to upper and lower spins. 1320 FLOP with all 18 reals.
    """
    total: list[Complex] = [(0, 0)] * 12
    for hop in hops():
        half, phases = projected(hop, pairs(psi(hop.mu, -hop.step)), dagger)
        ahead = hop.step == -1
        if scale is not None:
            unit = scale(hop.mu, -hop.step)[0] * (1 / WHOLE)
            half = [[scaled(unit, z) for z in spin] for spin in half]
        matrix = link(links() if ahead else links(hop.mu, -1), hop.mu, kept)
        for c in range(3):
            for spin, value in enumerate(row(matrix, c, half, dagger=not ahead)):
                if edge is not None and hop.mu == 3:
                    value = scaled(edge()[0 if ahead else 1], value)
                upper, lower = 3 * spin + c, 3 * (2 + (spin ^ hop.swapped)) + c
                total[upper] = plus(total[upper], value)
                total[lower] = plus(total[lower], turned(phases[spin].conjugate(), value))
    return total


def projected(hop: Hop, spinor: list[Complex], dagger: bool) -> tuple[list[list[Complex]], tuple[complex, complex]]:
    """Return upper + phase x lower, two spins of three colours, and the phases."""
    first, second = (-phase if dagger else phase for phase in hop.phases)
    half = []
    for spin, phase in enumerate((first, second)):
        lower = 2 + (spin ^ hop.swapped)
        half.append([plus(spinor[3 * spin + c], turned(phase, spinor[3 * lower + c])) for c in range(3)])
    return half, (first, second)


Blocks = list[tuple[Reals, list[Complex]]]  # per chirality: diagonal, and the elements below it row by row


def pairs_of(term: Read) -> Blocks:
    """Return two Hermitian 6x6 blocks from 72 reals: 6 of the diagonal, then 15 complex numbers below it, per chirality."""
    reals = term()
    return [(reals[start : start + 6], pairs(reals[start + 6 : start + 36])) for start in (0, 36)]


def blocks(term: Blocks, spinor: list[Complex]) -> list[Complex]:
    """Multiply the upper and the lower spins by their blocks: 504 FLOP."""
    out: list[Complex] = []
    for chirality, (diagonal, below) in enumerate(term):
        half = spinor[6 * chirality : 6 * chirality + 6]
        for i in range(6):
            re, im = scaled(diagonal[i], half[i])
            for j in range(6):
                if i == j:
                    continue
                zr, zi = below[i * (i - 1) // 2 + j] if j < i else below[j * (j - 1) // 2 + i]
                zi = zi if j < i else -zi
                re, im = re + zr * half[j][0] - zi * half[j][1], im + zr * half[j][1] + zi * half[j][0]
            out.append((re, im))
    return out


WHOLE = 32767.0
LINKS, PSI, OUT = Field("links", 72, each=False), Field("psi", 24), Field("out", 24, "out")
TERM, EDGE = Field("term", 72, each=False), Field("edge", 2, each=False)
OWN = Field("own", 24)


def compressed(kept: int) -> Kernel:
    """Return the hopping term with 12 or 8 reals of each link."""
    fields = (Field("links", 4 * kept, each=False), PSI, OUT, EDGE)
    return Kernel(f"wilson-{kept}", wilson, fields, HOPS_4D, options=(("kept", kept),))


def clover_of(kept: int) -> Kernel:
    """Return the clover operator with so many reals of each link."""
    name, edge = ("clover", ()) if kept == 18 else (f"clover-{kept}", (EDGE,))
    fields = (Field("links", 4 * kept, each=False), TERM, PSI, OUT, *edge)
    return Kernel(name, clover, fields, HOPS_4D, ("minus_kappa",), options=(("kept", kept),))


@dataclass(frozen=True)
class Halves:
    """The two halves of the even-odd operator, Mhat = A_ee - kappa^2 D_eo A_oo^-1 D_oe, or of its adjoint.

    `to_odd` is A_oo^-1 D_oe, `to_even` adds factor D_eo to A_ee. `fused` does so and, in the same pass, multiplies the result by
    another vector or, for the adjoint, adds the result, times step, to r.
    """

    to_odd: Kernel
    to_even: Kernel
    fused: Kernel


def halves(clover: bool, dagger: bool) -> Halves:
    """Return the kernels of the operator with or without clover term, or of its adjoint."""
    options, name = (("dagger", dagger),), f"{'clover' if clover else 'wilson'}{'-dagger' if dagger else ''}"
    term = (TERM,) if clover else ()
    own = (LINKS, PSI, OWN, *term)
    overlapped = (*own, Field("shadow", 24), OUT), HOPS_4D, ("factor",), ("norm", "re", "im")
    updated = (*own, Field("r", 24, "inout")), HOPS_4D, ("factor", "step"), ("norm",)
    return Halves(
        Kernel(f"{name}-odd", inverted if clover else wilson, (LINKS, PSI, OUT, *term), HOPS_4D, options=options),
        Kernel(f"{name}-even", schur, (*own, OUT), HOPS_4D, ("factor",), ("norm",), options),
        Kernel(f"{name}-update", residual, *updated, options)
        if dagger
        else Kernel(f"{name}-overlap", overlapping, *overlapped, options),
    )


WILSON = Kernel("wilson", wilson, (LINKS, PSI, OUT), HOPS_4D)
WILSON_12, WILSON_8 = compressed(12), compressed(8)
WILSON_HALF = Kernel(
    "wilson-half",
    wilson_half,
    (
        Field("links", 72, each=False, storage="int16"),
        Field("psi", 24, storage="int16"),
        Field("scale", 1),
        Field("out", 24, "out", storage="int16"),
        Field("kept", 1, "out"),
    ),
    HOPS_4D,
)
CLOVER = {kept: clover_of(kept) for kept in (18, 12, 8)}
CHIRAL = Kernel("clover-term", chiral, (TERM, OWN, OUT))
HALVES = {(clover, dagger): halves(clover, dagger) for clover in (False, True) for dagger in (False, True)}
KERNELS = (
    WILSON,
    WILSON_12,
    WILSON_8,
    WILSON_HALF,
    *CLOVER.values(),
    CHIRAL,
    *(kernel for half in HALVES.values() for kernel in (half.to_odd, half.to_even, half.fused)),
)
