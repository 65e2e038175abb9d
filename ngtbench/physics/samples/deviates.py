"""Uniform and normal numbers of events from the counter: those of event e depend on (seed, stream, e) alone.

Only +, -, *, /, square roots and powers of two are used, which IEEE 754 rounds alike everywhere: no library's logarithm.
"""

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array, Uniform
from ngtbench.physics import counter

PART = 1 << 15  # numbers made at once: stays in cache
LN_2 = 0.6931471805599453
ROOT_HALF = 0.7071067811865476
SERIES = tuple(2 / (2 * k + 1) for k in range(13))  # log((1 + s) / (1 - s)) / s in powers of s^2 < 0.03: the next is below 1e-20
CENTRE, FAR = 0.425, 5.0  # where one approximation ends and the next begins
# fmt: off
MIDDLE = (
    (3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
     4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4, 5.2264952788528545610e3),
)
TAIL = (
    (1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0, 3.64784832476320460504e0,
     1.27045825245236838258e0, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4, 1.05075007164441684324e-9),
)
FAR_TAIL = (
    (6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0, 2.96560571828504891230e-1,
     2.65321895265761230930e-2, 1.24266094738807843860e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7, 2.04426310338993978564e-15),
)
# fmt: on


def parts(events: int, first: int, each: int) -> list[tuple[slice, range]]:
    """Return the rows of an array of events, a part at a time, and which events they are; `each` numbers are made of one.

    Raises BadInput where these are no counts, or where there are not so many numbers in a stream.
    """
    if events < 0 or first < 0 or each * (events + first) > counter.MASK:
        raise BadInput(f"events {events} from {first} on: must be counts from 0, with less than 2^64 random numbers in all")
    step = max(1, PART // each)
    bounds = [(start, min(start + step, events)) for start in range(0, events, step)]
    return [(slice(start, stop), range(first + start, first + stop)) for start, stop in bounds]


def uniform(seed: int, stream: int, these: range, each: int) -> Array:
    """Return numbers in [0, 1) of these events, float64, shape (events, each): multiples of 2^-53."""
    start = np.arange(these.start, these.stop, dtype=np.uint64) * np.uint64(each)
    return counter.at(Uniform((), seed, stream, 0.0, 1.0), start[:, None] + np.arange(each, dtype=np.uint64))


def whole(seed: int, stream: int, these: range, low: int, high: int) -> Array:
    """Return a whole number of each of these events, from low to high, all alike probable."""
    numbers: Array = low + (uniform(seed, stream, these, 1)[:, 0] * (high - low + 1)).astype(np.int64)
    return numbers


def normal(seed: int, stream: int, these: range, each: int) -> Array:
    """Return normal deviates of these events, float64, shape (events, each)."""
    return quantile(uniform(seed, stream, these, each) - 0.5 + 2.0**-54)  # exact, and symmetric about 0


def quantile(centred: Array) -> Array:
    """Return x with Phi(x) = 1/2 + centred, |centred| < 1/2; relative error below 1e-15.

    M. J. Wichura, Algorithm AS 241 (PPND16), Applied Statistics 37 (1988) 477.
    """
    deviates = centred * _ratio(MIDDLE, CENTRE**2 - centred * centred)
    outside = np.nonzero(np.abs(centred) > CENTRE)
    depth = np.sqrt(-log(0.5 - np.abs(centred[outside])))
    tail = np.where(depth <= FAR, _ratio(TAIL, depth - 1.6), _ratio(FAR_TAIL, depth - FAR))
    deviates[outside] = np.copysign(tail, centred[outside])
    return deviates


def log(values: Array) -> Array:
    """Return the natural logarithm of normal positive numbers, to 1 unit in the last place or 2."""
    mantissa, exponent = np.frexp(values)
    low = mantissa < ROOT_HALF
    mantissa, exponent = np.where(low, 2 * mantissa, mantissa), exponent - low
    s = (mantissa - 1) / (mantissa + 1)
    found: Array = exponent * LN_2 + s * _polynomial(SERIES, s * s)
    return found


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Array) -> Array:
    return _polynomial(coefficients[0], x) / _polynomial(coefficients[1], x)


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    value = np.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value *= x
        value += coefficient
    return value
