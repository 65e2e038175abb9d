"""Uniform and normal numbers of events on any device of torch: bit for bit those of `physics.samples.deviates`.

Each operation is a kernel of its own, so that no product and sum are fused and rounded but once; and only tensors are divided
by, for on a GPU torch divides by a Python number by multiplying with its reciprocal.
"""

import numpy as np
import torch

from ngtbench.physics import counter
from ngtbench.physics.samples.deviates import CENTRE, FAR, FAR_TAIL, LN_2, MIDDLE, ROOT_HALF, SERIES, TAIL


def uniform(seed: int, stream: int, these: range, each: int, place: torch.device) -> torch.Tensor:
    """Return numbers in [0, 1) of these events, float64, shape (events, each): multiples of 2^-53."""
    z = torch.arange(len(these) * each, dtype=torch.int64, device=place)
    z.mul_(_signed(counter.GAMMA)).add_(_signed(these.start * each * counter.GAMMA + counter.key(seed, stream)))
    z.bitwise_xor_(_shifted(z, 30)).mul_(_signed(counter.MIX_1))
    z.bitwise_xor_(_shifted(z, 27)).mul_(_signed(counter.MIX_2))
    z.bitwise_xor_(_shifted(z, 31))
    return _shifted(z, 11).to(torch.float64).mul_(2.0**-53).reshape(len(these), each)


def whole(seed: int, stream: int, these: range, low: int, high: int, place: torch.device) -> torch.Tensor:
    """Return a whole number of each of these events, from low to high, all alike probable."""
    return uniform(seed, stream, these, 1, place)[:, 0].mul_(high - low + 1).to(torch.int64).add_(low)


def normal(seed: int, stream: int, these: range, each: int, place: torch.device) -> torch.Tensor:
    """Return normal deviates of these events, float64, shape (events, each)."""
    return quantile(uniform(seed, stream, these, each, place).sub_(0.5).add_(2.0**-54))


def quantile(centred: torch.Tensor) -> torch.Tensor:
    """Return x with Phi(x) = 1/2 + centred, |centred| < 1/2."""
    deviates = centred * _ratio(MIDDLE, CENTRE**2 - centred * centred)
    outside = torch.nonzero(torch.abs(centred) > CENTRE, as_tuple=True)
    depth = _root(-log(0.5 - torch.abs(centred[outside])))
    tail = torch.where(depth <= FAR, _ratio(TAIL, depth - 1.6), _ratio(FAR_TAIL, depth - FAR))
    deviates[outside] = torch.copysign(tail, centred[outside])
    return deviates


def log(values: torch.Tensor) -> torch.Tensor:
    """Return the natural logarithm of normal positive numbers."""
    mantissa, exponent = torch.frexp(values)
    low = mantissa < ROOT_HALF
    mantissa = torch.where(low, 2 * mantissa, mantissa)
    power = (exponent - low.to(torch.int32)).to(torch.float64)  # times a Python number, int32 would become float32
    s = (mantissa - 1) / (mantissa + 1)
    return power * LN_2 + s * _polynomial(SERIES, s * s)


def _root(x: torch.Tensor) -> torch.Tensor:
    """Return the square root as IEEE 754 rounds it; on x86 processors that of torch 2.13 is off by a digit at 1 number in 110."""
    return torch.from_numpy(np.sqrt(x.numpy())) if x.device.type == "cpu" else torch.sqrt(x)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: torch.Tensor) -> torch.Tensor:
    return _polynomial(coefficients[0], x) / _polynomial(coefficients[1], x)


def _polynomial(coefficients: tuple[float, ...], x: torch.Tensor) -> torch.Tensor:
    value = torch.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value.mul_(x).add_(coefficient)
    return value


def _signed(constant: int) -> int:
    """Return the int64 of the same 64 bits: multiplication and addition wrap alike."""
    bits = constant & counter.MASK
    return bits - (1 << 64) if bits >> 63 else bits


def _shifted(z: torch.Tensor, bits: int) -> torch.Tensor:
    """Shift right filling with zeros; int64 by itself fills with the sign."""
    return (z >> bits).bitwise_and_((1 << (64 - bits)) - 1)
