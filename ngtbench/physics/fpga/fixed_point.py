"""Fixed-point types as in ap_fixed, and quantisation to them: every rounding and overflow mode, exact."""

import re
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array

Rounding = Literal["TRN", "TRN_ZERO", "RND", "RND_ZERO", "RND_INF", "RND_MIN_INF", "RND_CONV"]
Overflow = Literal["WRAP", "SAT", "SAT_ZERO", "SAT_SYM"]
_LEAST, _MOST = 2.0**-200, 2.0**200
MOST_BITS = 62  # int64 holds every value, and its negative
_TEXT = re.compile(r"ap_(u?)fixed<(-?\d{1,3}),(-?\d{1,3})(?:,(?:AP_)?(\w+))?(?:,(?:AP_)?(\w+))?>")


@dataclass(frozen=True)
class Fixed:
    """The numbers k 2^-fraction of `bits` bits, `integer` of which (sign included) stand before the point.

    Rounding: TRN down, TRN_ZERO to zero; RND to nearest, ties up, _ZERO to zero, _INF away from it, _MIN_INF down, _CONV to even.
    Overflow: WRAP modulo 2^bits; SAT to the nearest end; SAT_ZERO to zero; SAT_SYM to the nearest of +-highest.
    Raises BadInput for a type that does not exist, or of more than 62 bits.
    """

    signed: bool
    bits: int
    integer: int
    rounding: Rounding = "TRN"
    overflow: Overflow = "WRAP"

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= MOST_BITS:
            raise BadInput(f"a fixed-point type of {self.bits} bits: give 1 to {MOST_BITS}")
        if self.rounding not in get_args(Rounding):
            raise BadInput(f"rounding mode {self.rounding!r}: give one of {', '.join(get_args(Rounding))}")
        if self.overflow not in get_args(Overflow):
            raise BadInput(f"overflow mode {self.overflow!r}: give one of {', '.join(get_args(Overflow))}")

    @property
    def fraction(self) -> int:
        """Bits behind the point; may be negative."""
        return self.bits - self.integer

    @property
    def lowest(self) -> int:
        """The smallest integer that `quantise` returns."""
        if not self.signed:
            return 0
        return -(1 << (self.bits - 1)) + (self.overflow == "SAT_SYM")

    @property
    def highest(self) -> int:
        """The largest integer that `quantise` returns."""
        return (1 << (self.bits - self.signed)) - 1

    def __str__(self) -> str:
        return f"ap_{'' if self.signed else 'u'}fixed<{self.bits},{self.integer},{self.rounding},{self.overflow}>"


def parse(text: str) -> Fixed:
    """Return the type that is written "ap_fixed<8,2>", "ap_ufixed<8,2,RND,SAT>" or "ap_fixed<8,2,AP_RND,AP_SAT>".

    Raises BadInput for anything else.
    """
    found = _TEXT.fullmatch(text.replace(" ", ""))
    if not found:
        raise BadInput(f"{text!r} is no fixed-point type: write as ap_fixed<8,2> or ap_ufixed<8,2,RND,SAT>")
    unsigned, bits, integer, rounding, overflow = found.groups()
    return Fixed(not unsigned, int(bits), int(integer), rounding or "TRN", overflow or "WRAP")  # type: ignore[arg-type]


def quantise(x: Array, to: Fixed) -> Array:
    """Return the int64 numbers k of the values k 2^-fraction that real numbers become; exact for every float64.

    Raises BadInput for NaN and infinity.
    """
    x = np.asarray(x, np.float64)
    if not np.all(np.isfinite(x)):
        raise BadInput(f"NaN or infinity cannot become {to}")
    with np.errstate(over="ignore", under="ignore"):
        scaled = np.clip(np.ldexp(x, to.fraction), -_MOST, _MOST)  # what is cut wraps to zero, as multiples of 2^62 do
    if to.fraction < 0:  # what rounds to nothing must keep its sign
        scaled = np.where((x != 0) & (np.abs(scaled) < _LEAST), np.copysign(_LEAST, x), scaled)
    rounded = _rounded(scaled, to.rounding)
    large = np.abs(rounded) >= 2.0**MOST_BITS
    if not np.any(large):
        k = rounded.astype(np.int64)
        return _fit(k, k > to.highest, k < to.lowest, to)
    k = np.where(large, np.fmod(rounded, 2.0**to.bits), rounded).astype(np.int64)
    over, under = np.where(large, rounded > 0, k > to.highest), np.where(large, rounded < 0, k < to.lowest)
    return _fit(k, over, under, to)


def requantise(k: Array, fraction: int, to: Fixed) -> Array:
    """Return what the values k 2^-fraction of int64 numbers become, without leaving the integers.

    Raises BadInput where shifting left would leave int64.
    """
    k, drop = np.asarray(k, np.int64), fraction - to.fraction
    if drop <= 0:
        if k.size and max(abs(int(k.min())), abs(int(k.max()))) >= 2 ** max(63 + drop, 0):
            raise BadInput(
                f"integers with {fraction} bits behind the point, of which some leave 64 bits as {to}: take fewer bits"
            )
        rounded = k << -drop
    else:
        if drop > MOST_BITS + 1:  # shifts end at 63: one more leaves a bit that tells ties, anything further the sign
            k, drop = (k >> 1 | k & 1 if drop == MOST_BITS + 2 else np.sign(k)), MOST_BITS + 1
        down = k >> drop
        rest = k - (down << drop)
        half = np.where(rest == 0, -1, np.sign(rest - (np.int64(1) << (drop - 1))))
        rounded = down + _up(to.rounding, down < 0, (down & 1) != 0, rest == 0, half)
    return _fit(rounded, rounded > to.highest, rounded < to.lowest, to)


def values(k: Array, of: Fixed) -> Array:
    """Return the real numbers k 2^-fraction, float64."""
    return np.ldexp(np.asarray(k, np.float64), -of.fraction)


def _rounded(x: Array, mode: Rounding) -> Array:
    """Round real numbers to whole ones; what is left is exact, so that ties are seen."""
    if mode in ("TRN", "TRN_ZERO"):
        return np.asarray(np.floor(x) if mode == "TRN" else np.trunc(x))
    near = np.rint(x)
    if mode == "RND_CONV":
        return np.asarray(near)
    above, below = x - near == 0.5, x - near == -0.5  # ties that went down, and up
    up = {"RND": above, "RND_INF": above & (x > 0), "RND_ZERO": above & (x < 0)}.get(mode, False)
    down = {"RND_MIN_INF": below, "RND_INF": below & (x < 0), "RND_ZERO": below & (x > 0)}.get(mode, False)
    return np.asarray(near + up - down)


def _up(mode: Rounding, negative: Array, odd: Array, exact: Array, half: Array) -> Array:
    """Tell which numbers, rounded down so far, go one up; `half` is the sign of what was cut off minus one half."""
    never = np.zeros_like(negative)
    if mode in ("TRN", "TRN_ZERO"):
        return never if mode == "TRN" else np.logical_and(negative, ~exact)
    tie = {"RND": ~never, "RND_ZERO": negative, "RND_INF": ~negative, "RND_MIN_INF": never, "RND_CONV": odd}[mode]
    return np.asarray(np.logical_or(half > 0, np.logical_and(half == 0, tie)))


def _fit(k: Array, over: Array, under: Array, to: Fixed) -> Array:
    """Bring integers into the type: `over`, `under` tell which are outside."""
    if to.overflow == "WRAP":
        kept = k & ((1 << to.bits) - 1)
        return np.where(kept > to.highest, kept - (1 << to.bits), kept) if to.signed else kept
    ends = (0, 0) if to.overflow == "SAT_ZERO" else (to.highest, to.lowest)
    return np.where(over, ends[0], np.where(under, ends[1], k)).astype(np.int64)
