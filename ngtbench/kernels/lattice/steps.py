"""What Krylov solvers do to vectors between two applications of the operator, each in one pass."""

from collections.abc import Callable
from typing import Any

from ngtbench.codegen.kernel import Field, Kernel, Reals
from ngtbench.kernels.lattice.su3 import Complex, flat, overlap, pairs, plus, squared, times

Read = Callable[..., Reals]


def descend(x: Read, p: Read, r: Read, alpha: Any, beta: Any) -> dict[str, Any]:
    """Conjugate gradients, the end of an iteration: x + alpha p, then r + beta p."""
    return {
        "x": [a + alpha * b for a, b in zip(x(), p(), strict=True)],
        "p": [a + beta * b for a, b in zip(r(), p(), strict=True)],
    }


def advance(x: Read, p: Read, alpha: Any) -> dict[str, Any]:
    """Return x + alpha p."""
    return {"x": [a + alpha * b for a, b in zip(x(), p(), strict=True)]}


def lessen(r: Read, v: Read, re: Any, im: Any) -> dict[str, Any]:
    """Return r - alpha v."""
    return {"r": flat([plus(a, times((-re, -im), b)) for a, b in zip(pairs(r()), pairs(v()), strict=True)])}


def gain(
    x: Read, r: Read, p: Read, t: Read, shadow: Read, alpha_re: Any, alpha_im: Any, omega_re: Any, omega_im: Any
) -> dict[str, Any]:
    """BiCGStab, the end of an iteration: x + alpha p + omega r, then r - omega t, its squared norm and <shadow, r>."""
    alpha, omega = (alpha_re, alpha_im), (omega_re, omega_im)
    old = pairs(r())
    found: list[Complex] = [plus(a, times(alpha, b)) for a, b in zip(pairs(x()), pairs(p()), strict=True)]
    new = [plus(a, times((-omega_re, -omega_im), b)) for a, b in zip(old, pairs(t()), strict=True)]
    re, im = overlap(pairs(shadow()), new)
    return {
        "x": flat([plus(a, times(omega, b)) for a, b in zip(found, old, strict=True)]),
        "r": flat(new),
        "norm": squared(new),
        "re": re,
        "im": im,
    }


def turn(p: Read, r: Read, v: Read, beta_re: Any, beta_im: Any, omega_re: Any, omega_im: Any) -> dict[str, Any]:
    """BiCGStab, the next direction: r + beta (p - omega v)."""
    straight = [plus(a, times((-omega_re, -omega_im), b)) for a, b in zip(pairs(p()), pairs(v()), strict=True)]
    return {"p": flat([plus(a, times((beta_re, beta_im), b)) for a, b in zip(pairs(r()), straight, strict=True)])}


def _vector(name: str, access: Any = "in") -> Field:
    return Field(name, 24, access)


DESCEND = Kernel("cg-descend", descend, (_vector("x", "inout"), _vector("p", "inout"), _vector("r")), scalars=("alpha", "beta"))
ADVANCE = Kernel("cg-advance", advance, (_vector("x", "inout"), _vector("p")), scalars=("alpha",))
LESSEN = Kernel("bicgstab-lessen", lessen, (_vector("r", "inout"), _vector("v")), scalars=("re", "im"))
GAIN = Kernel(
    "bicgstab-gain",
    gain,
    (_vector("x", "inout"), _vector("r", "inout"), _vector("p"), _vector("t"), _vector("shadow")),
    scalars=("alpha_re", "alpha_im", "omega_re", "omega_im"),
    sums=("norm", "re", "im"),
)
TURN = Kernel(
    "bicgstab-turn",
    turn,
    (_vector("p", "inout"), _vector("r"), _vector("v")),
    scalars=("beta_re", "beta_im", "omega_re", "omega_im"),
)
KERNELS = (DESCEND, ADVANCE, LESSEN, GAIN, TURN)
