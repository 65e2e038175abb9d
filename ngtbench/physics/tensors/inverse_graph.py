"""The network of tensors on the graph of inverses modulo a prime: an expander of degree 3, without a seed.

Vertex x is joined to x + 1 and to its inverse; 0, 1 and p - 1 have two neighbours, and double edges stay.
"""

import math

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import hash

_APART = 4096  # entries of a tensor before the numbers of the next one begin


def edges(p: int) -> list[tuple[int, int]]:
    """Return the edges in order: x to x + 1 modulo p, then x to its inverse.

    Raises BadInput unless p is a prime of 5 or more.
    """
    if p < 5 or any(p % divisor == 0 for divisor in range(2, math.isqrt(p) + 1)):
        raise BadInput(f"IG(p = {p}): give a prime of 5 or more")
    around = [(x, (x + 1) % p) for x in range(p)]
    return around + [(x, pow(x, -1, p)) for x in range(2, p - 1) if x < pow(x, -1, p)]


def legs(p: int) -> list[tuple[int, ...]]:
    """Return the numbers of the edges of each vertex, ascending."""
    found: list[list[int]] = [[] for _ in range(p)]
    for number, ends in enumerate(edges(p)):
        for vertex in ends:
            found[vertex].append(number)
    return [tuple(own) for own in found]


def tensors(p: int, bond: int, stream: int) -> list[Array]:
    """Return the tensor of each vertex, axes as in `legs`: sqrt(3) (2 u(stream, 4096 v + k) - 1) bond^(-degree / 4).

    The square of the network's value has the mean 1. Raises BadInput for bonds below 1 or above 16, where numbers would repeat.
    """
    if not 1 <= bond <= 16:
        raise BadInput(f"IG(D = {bond}): give a bond from 1 to 16")
    found = []
    for vertex, own in enumerate(legs(p)):
        k = _APART * vertex + np.arange(bond ** len(own))
        flat = math.sqrt(3) * (2 * hash.u(stream, k) - 1) * bond ** (-len(own) / 4)
        found.append(flat.reshape((bond,) * len(own)))
    return found
