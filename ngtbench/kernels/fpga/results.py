"""What lies between the sums and the results of a circuit of adders: the bias, and saturation, in LUT as yosys maps them."""

import numpy as np

from ngtbench.kernels.fpga.estimate import Estimate, exact
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed

_BIAS = (0.9, 1.3, 2.0)  # LUT per bit of a sum from the bias' lowest bit on: measured on layers with and without
_CHOICE = (1.0, 1.5, 2.0)  # LUT per bit that a saturating result keeps: the least where registers choose
_CHECK = 2  # LUT per bit cut off on top, and one more


def bias(given: Array, fraction: int, least: Array, most: Array) -> Estimate:
    """Estimate adding a bias (outputs,) of so many bits behind the point to sums whose real values lie in [least, most]."""
    reach = np.maximum(np.abs(least), np.abs(most))[np.asarray(given) != 0]
    bits = float((np.ceil(np.log2(np.maximum(np.ldexp(reach, fraction), 1))) + 1).sum())
    low, value, high = (bits * per for per in _BIAS)
    return Estimate(value, low, high, "bias: 0.9 to 2 LUT per bit") if bits else exact(0, "no bias")


def saturation(to: Fixed, least: Array, most: Array) -> Estimate:
    """Estimate bringing real values that lie in [least, most] into a type.

    It is none where nothing can overflow, and where results wrap. A half that rounding adds rides on a carry chain without LUT.
    """
    if to.overflow == "WRAP":
        return exact(0, "results wrap")
    step = np.ldexp(1.0, -to.fraction)
    half = 0.0 if to.rounding in ("TRN", "TRN_ZERO") else step / 2
    above = (np.asarray(most) + half) / (step * (to.highest + 1))
    below = -np.asarray(least) / (step * max(-to.lowest, 1))
    over = (above >= 1) | (below > to.signed)
    cut = np.ceil(np.log2(np.maximum(np.maximum(above, below if to.signed else 0), 1)[over]))
    checks = float((_CHECK * cut + 1 + (below[over] > 0) * (not to.signed)).sum())
    low, value, high = (to.bits * float(over.sum()) * per + checks for per in _CHOICE)
    return Estimate(value, low, high, "saturation: 1 to 2 LUT per bit, 2 per bit cut off") if high else exact(0, "in range")
