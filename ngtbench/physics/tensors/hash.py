"""Numbers made by formula: the same on every machine, and not from any library's generator."""

import numpy as np

from ngtbench.model.workload import Array

_GAMMA, _MIX_1, _MIX_2 = (np.uint64(word) for word in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_MASK = (1 << 64) - 1


def splitmix64(x: Array) -> Array:
    """Return the hash of integers of 64 bits (Steele, Lea and Flood, OOPSLA 2014)."""
    x = x + _GAMMA
    x = (x ^ (x >> np.uint64(30))) * _MIX_1
    x = (x ^ (x >> np.uint64(27))) * _MIX_2
    mixed: Array = x ^ (x >> np.uint64(31))
    return mixed


def words(stream: int, k: Array) -> Array:
    """Return splitmix64((stream << 32) + k), modulo 2^64, for an array of whole numbers k."""
    return splitmix64(np.asarray(k).astype(np.uint64) + np.uint64((stream << 32) & _MASK))


def u(stream: int, k: Array) -> Array:
    """Return numbers in [0, 1): the upper 53 bits of `words`."""
    return (words(stream, k) >> np.uint64(11)).astype(np.float64) * 2.0**-53
