"""Circuits put together: copies of one, one after another, one beside another, and wires."""

from dataclasses import replace

from ngtbench.kernels.fpga.estimate import DenseEstimate, exact, latest


def copies(one: DenseEstimate, count: int) -> DenseEstimate:
    """Return so many circuits that work at the same time."""
    return replace(
        one, dsp=one.dsp.times(count), lut=one.lut.times(count), ff=one.ff.times(count), bram18=one.bram18.times(count)
    )


def chain(one: DenseEstimate, then: DenseEstimate) -> DenseEstimate:
    """Return two circuits, one after the other."""
    ii = latest((one.ii, then.ii))
    return DenseEstimate(
        one.dsp + then.dsp, one.lut + then.lut, one.ff + then.ff, one.bram18 + then.bram18, one.cycles + then.cycles, ii
    )


def beside(one: DenseEstimate, other: DenseEstimate) -> DenseEstimate:
    """Return two circuits that work at the same time."""
    return replace(chain(one, other), cycles=latest((one.cycles, other.cycles)))


def wires() -> DenseEstimate:
    """Return what takes nothing."""
    nothing = exact(0, "wires")
    return DenseEstimate(nothing, nothing, nothing, nothing, nothing, exact(1, "wires"))
