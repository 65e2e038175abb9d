"""What lies between the sums and the results of a circuit of adders: bits to which constants are added, and bits chosen among."""

import numpy as np

from ngtbench.kernels.fpga.ranges import NOTHING, Ends, kept, places, rectified, whole
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed

_CUTS = ("TRN", "TRN_ZERO")  # roundings that add no half


def constant_bits(sums: Ends, added: Array, to: Fixed) -> int:
    """Count the bits of sums, constants included, from the lowest one on that a bias or the half of a rounding changes."""
    half = np.where(_rounded(sums, to), _point(sums, to) + 1, NOTHING)
    lowest = np.maximum(places(added), half)
    return int(sums._replace(fraction=lowest).bits[lowest > NOTHING].sum())


def chosen_bits(sums: Ends, to: Fixed, relu: Fixed | None) -> int:
    """Count the bits of results that saturation or a ReLU behind it chooses, and of the sums that are compared with the highest.

    A ReLU and saturation before it choose in one go.
    """
    found, (under, over) = final(sums, to, relu), _leaves(sums, to)
    if relu is None:
        compared = sums._replace(fraction=np.minimum(sums.fraction, _point(sums, to))).bits
        return int(found.bits[under | over].sum() + compared[over].sum())
    before = kept(to, sums)
    return int(found.bits[(before.least < 0) | over | _leaves(rectified(before), relu)[1]].sum())


def leaving(sums: Ends, to: Fixed) -> float:
    """Return the share of sums that lose bits as they wrap."""
    under, over = _outside(sums, to)
    return float(np.mean(under | over)) if under.size and to.overflow == "WRAP" else 0.0


def comparisons(sums: Ends, to: Fixed) -> Array:
    """Return with how many ends of a type each sum is compared: zero is none, for that is its sign."""
    under, over = _leaves(sums, to)
    return np.array((under & (whole(to, len(under)).least < 0)).astype(int) + over)


def final(sums: Ends, to: Fixed, relu: Fixed | None) -> Ends:
    """Return the ranges of results, behind a ReLU where there is one."""
    found = kept(to, sums)
    return kept(relu, rectified(found)) if relu else found


def _point(sums: Ends, to: Fixed) -> Array:
    return whole(to, len(sums.least)).fraction


def _rounded(sums: Ends, to: Fixed) -> Array:
    return (sums.fraction > _point(sums, to)) & (to.rounding not in _CUTS)


def _leaves(sums: Ends, to: Fixed) -> tuple[Array, Array]:
    """Return which channels can go below a type that does not wrap, and which above."""
    under, over = _outside(sums, to)
    saturates = to.overflow != "WRAP"
    return under & saturates, over & saturates


def _outside(sums: Ends, to: Fixed) -> tuple[Array, Array]:
    """Return which channels can go below a type once they are rounded, and which above."""
    half, room = np.where(_rounded(sums, to), 0.5, 0.0), whole(to, len(sums.least))
    low, high = (np.floor(np.ldexp(end, room.fraction) + half) for end in (sums.least, sums.most))
    lowest, highest = (np.ldexp(end, room.fraction) for end in (room.least, room.most))
    return low < lowest, high > highest
