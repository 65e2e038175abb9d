"""What multiplying by constants costs before any circuit is drawn: signed digits, shared products, EBOPs, BOPs."""

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array

_MOST = 1 << 61  # three times as much is still an int64


def whole(k: Array | int) -> Array:
    """Return integers as int64.

    Raises BadInput for numbers that are none, or lie beyond 2^61.
    """
    k = np.asarray(k)
    if k.dtype.kind not in "biu" or (k.size and not -_MOST <= int(k.min()) <= int(k.max()) <= _MOST):
        raise BadInput(f"numbers of type {k.dtype} where integers within 2^61 are wanted: quantise them first")
    return k.astype(np.int64, copy=False)


def csd(k: Array) -> Array:
    """Return the canonical signed digits (..., bits) of integers, -1, 0 or 1, lowest first: no two neighbours are non-zero."""
    k = whole(k)
    size, tripled = np.abs(k), 3 * np.abs(k)  # bits in which 3k and k differ are the digits, one place up
    places = np.arange(max(1, int(tripled.max(initial=0)).bit_length() - 1)) + 1
    plus, minus = (tripled & ~size)[..., None] >> places & 1, (size & ~tripled)[..., None] >> places & 1
    return np.asarray((plus - minus) * np.sign(k)[..., None], np.int8)


def csd_count(k: Array) -> Array:
    """Return how many canonical signed digits of each integer are not zero."""
    size = np.abs(whole(k))
    return _ones((3 * size) ^ size)


def shared_products(k: Array, least: int) -> Array:
    """Return how many different values of at least so many signed digits each input meets, summed over inputs.

    k is (..., n_in, n_out): a layer, or a stack of layers. Equal weights on one input share a multiplier.
    """
    ordered = np.sort(whole(k), axis=-1)
    first = np.ones(ordered.shape, bool)
    first[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    return np.asarray((first & (csd_count(ordered) >= least)).sum(axis=(-2, -1)))


def spans(k: Array) -> Array:
    """Return the bits between the outermost non-zero bits of each |k|, both counted; 0 of 0."""
    size = np.abs(whole(k))
    odd = size // np.maximum(size & -size, 1)
    return np.asarray(np.frexp(odd.astype(np.float64))[1])


def ebops(k: Array, input_bits: Array | int) -> Array:
    """Return the effective bit operations of layers (..., n_in, n_out): sum of weight span times input bits (arXiv 2405.00645).

    input_bits is a number, or one per input.
    """
    return np.asarray((spans(k) * np.reshape(np.asarray(input_bits), (-1, 1))).sum(axis=(-2, -1)))


def bops(k: Array, weight_bits: int, input_bits: int) -> float:
    """Return the bit operations of a layer (n_in, n_out): n m ((1 - f) b_a b_w + b_a + b_w + log2 n) (arXiv 2103.05579).

    f is the share of zeros. Raises BadInput for another shape.
    """
    if np.ndim(k) != 2 or not np.size(k):
        raise BadInput(f"weights of shape {list(np.shape(k))}: give (inputs, outputs)")
    n, m = np.shape(k)
    dense = np.count_nonzero(whole(k)) / (n * m)
    return float(n * m * (dense * input_bits * weight_bits + input_bits + weight_bits + np.log2(n)))


def _ones(k: Array) -> Array:
    """Count the ones of non-negative int64 numbers, pairs of bits at a time, then nibbles, then bytes."""
    k = k - (k >> 1 & 0x5555555555555555)
    k = (k & 0x3333333333333333) + (k >> 2 & 0x3333333333333333)
    k = k + (k >> 4) & 0x0F0F0F0F0F0F0F0F
    return np.asarray(k * 0x0101010101010101 >> 56)
