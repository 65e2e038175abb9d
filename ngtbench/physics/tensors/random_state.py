"""Matrix product states of full bonds by formula, for timing: what a bond update costs does not depend on where one started.

Of bond dimensions a, b left and right of a site, B[k, c] = exp(2 pi i (g k c / n + phase_c)) / sqrt(n), c = (s, l) < n = d b:
rows of a Fourier matrix, hence orthonormal, with random phases of its columns. g is near 0.618 n and has no factor in common with
it: rows next to each other would be alike on part of the columns.
"""

import math

import numpy as np

from ngtbench.model.workload import Array


def bond(place: int, sites: int, d: int, chi: int) -> int:
    """Return the bond dimension left of a site: full but for the ends."""
    near = min(place, sites - place)
    return chi if d**near >= chi else d**near


def tensor(phases: Array, place: int, d: int, chi: int) -> Array:
    """Return B of a site, (left, d, right), right-orthonormal, from phases[site, d chi] in turns."""
    sites = len(phases)
    a, b = (bond(i, sites, d, chi) for i in (place, place + 1))
    column = np.arange(d * b)
    g = next(g for g in range(int(0.618 * d * b) + 1, 2 * d * b + 2) if math.gcd(g, d * b) == 1)
    turns = np.outer(g * np.arange(a), column) % (d * b) / (d * b) + phases[place, : d * b]
    found: Array = (np.exp(2j * np.pi * turns) / np.sqrt(d * b)).reshape(a, d, b)
    return found
