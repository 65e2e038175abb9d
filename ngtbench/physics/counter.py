"""Counter-based uniform numbers: element i depends on (seed, stream, i) alone, so any device makes the same bits.

The mixing function is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014, doi 10.1145/2660193.2660195), applied
to a key and a Weyl sequence; only multiplication, xor and shifts of 64-bit integers, which wrap alike everywhere.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ngtbench.model.workload import Array, Uniform

GAMMA = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
MASK = 0xFFFFFFFFFFFFFFFF
_CHUNK = 1 << 15  # elements mixed at once: stays in cache
_PART = 1 << 20  # elements a thread takes at once
_THREADS = 8  # more wait for memory


def key(seed: int, stream: int) -> int:
    """Return the 64-bit key of a stream, mixed on the host in exact integers."""
    return _mix(_mix((seed + GAMMA) & MASK) ^ _mix((stream * GAMMA + 1) & MASK))


def uniform(spec: Uniform, rounded: Callable[[Array], Array] = lambda values: values) -> Array:
    """Return the whole array in float64, or as `rounded` makes it of any part, shape `spec.shape`."""
    count = int(np.prod(spec.shape, dtype=np.int64))
    values = np.empty(count, rounded(np.empty(0)).dtype)  # never whole in float64: memory is slow to be had

    def part(first: int) -> None:
        for start in range(first, min(first + _PART, count), _CHUNK):
            stop = min(start + _CHUNK, first + _PART, count)
            values[start:stop] = rounded(at(spec, np.arange(start, stop, dtype=np.uint64)))

    if count <= _PART:
        part(0)
    else:
        with ThreadPoolExecutor(min(_THREADS, len(os.sched_getaffinity(0)))) as pool:
            list(pool.map(part, range(0, count, _PART)))
    return values.reshape(spec.shape)


def at(spec: Uniform, index: Array) -> Array:
    """Return the elements at flat indices in float64, shape of `index`."""
    z = index.astype(np.uint64)
    with np.errstate(over="ignore"):
        z *= np.uint64(GAMMA)
        z += np.uint64(key(spec.seed, spec.stream))
        z ^= z >> np.uint64(30)
        z *= np.uint64(MIX_1)
        z ^= z >> np.uint64(27)
        z *= np.uint64(MIX_2)
        z ^= z >> np.uint64(31)
    z >>= np.uint64(11)
    values: Array = z.astype(np.float64)  # 53 bits: exact
    values *= (spec.high - spec.low) * 2.0**-53
    values += spec.low
    return values


def _mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * MIX_1) & MASK
    z = ((z ^ (z >> 27)) * MIX_2) & MASK
    return z ^ (z >> 31)
