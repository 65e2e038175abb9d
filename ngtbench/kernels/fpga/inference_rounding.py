"""Integers from one fixed-point type to another by shifts and masks: the same lines for NumPy and torch."""

from collections.abc import Callable
from typing import Any

from ngtbench.errors import BadInput
from ngtbench.physics.fpga.fixed_point import Fixed

Step = Callable[[Any], Any]
MOST = 1 << 62  # what an int64 may reach here: adding a half to it is still no overflow
NARROW = 1 << 30  # the same for int32, which processors shift and clip twice as fast


def most(of: Fixed) -> int:
    """Return the largest magnitude of a type's integers."""
    return max(-of.lowest, of.highest)


def check(name: str, reach: int) -> int:
    """Return the reach; raise BadInput where a layer's integers may leave 64 bits."""
    if reach >= MOST:
        raise BadInput(f"layer {name!r}: its sums may need {reach.bit_length() + 1} bits, and 63 are to be had: take fewer bits")
    return reach


def storage(fraction: int, reach: int, to: Fixed) -> str:
    """Return the narrowest dtype in which `requantiser` may be given such integers."""
    drop = fraction - to.fraction
    widest = max(reach << max(0, -drop), 1 << max(0, drop), 1 << to.bits)
    return "int32" if widest <= NARROW else "int64"


def requantiser(name: str, fraction: int, reach: int, to: Fixed) -> Step:
    """Return what takes integers k of values k 2^-fraction, |k| <= reach, to integers of a type.

    Steps that cannot change any such number are left out. Raises BadInput where 64 bits do not suffice.
    """
    drop = fraction - to.fraction
    rounded = _rounder(min(drop, MOST.bit_length()), to.rounding, check(name, reach).bit_length()) if drop > 0 else None
    reach = check(name, (reach >> min(drop, 64)) + 1 if drop > 0 else reach << -drop)
    fitted = _fitter(to) if reach > to.highest or -reach < to.lowest else None
    steps = [step for step in (rounded or _shifter(-drop), fitted) if step is not None]

    def apply(k: Any) -> Any:
        for step in steps:
            k = step(k)
        return k

    return apply


def divider(name: str, fraction: int, reach: int, divisor: int, to: Fixed) -> Step:
    """Return what takes k to the type's integer of k 2^-fraction / divisor, rounded once."""
    up = max(0, to.fraction - fraction) + 1  # one bit more, and one that tells whether anything is left: all modes need no more
    check(name, reach << up)

    def split(k: Any) -> Any:
        shifted = k << up
        quotient = shifted // divisor
        return (quotient << 1) | (shifted != quotient * divisor)

    after = requantiser(name, fraction + up + 1, ((reach << up) // divisor + 1) * 2 + 1, to)
    return lambda k: after(split(k))


def _shifter(up: int) -> Step | None:
    return None if up == 0 else lambda k: k << up


def _rounder(drop: int, mode: str, wide: int) -> Step:
    """Return the rounding that cuts off `drop` bits: what is added before the shift decides how ties and negatives go.

    Numbers have `wide` bits and a sign, so that k >> wide is -1 of a negative one and 0 of the others.
    """
    half, below = 1 << (drop - 1), (1 << (drop - 1)) - 1
    modes: dict[str, Step] = {
        "TRN": lambda k: k >> drop,
        "TRN_ZERO": lambda k: (k - (k >> wide) * ((1 << drop) - 1)) >> drop,
        "RND": lambda k: (k + half) >> drop,
        "RND_MIN_INF": lambda k: (k + below) >> drop,
        "RND_ZERO": lambda k: (k + below - (k >> wide)) >> drop,
        "RND_INF": lambda k: (k + half + (k >> wide)) >> drop,
        "RND_CONV": lambda k: (k + below + ((k >> drop) & 1)) >> drop,
    }
    return modes[mode]


def _fitter(to: Fixed) -> Step:
    """Return what brings integers into the type."""
    low, high = to.lowest, to.highest
    if to.overflow == "WRAP":
        base, mask = (1 << (to.bits - 1)) * to.signed, (1 << to.bits) - 1
        return lambda k: ((k + base) & mask) - base
    if to.overflow == "SAT_ZERO":
        return lambda k: k * ((k >= low) & (k <= high))
    return lambda k: k.clip(low, high)
