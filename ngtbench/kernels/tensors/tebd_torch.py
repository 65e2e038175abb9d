"""TEBD in PyTorch; how matrices are split is measured when a case is built, for GPUs differ most in that."""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from ngtbench.kernels.tensors import splits, tebd, tebd_trials
from ngtbench.kernels.tensors.library import Library
from ngtbench.kernels.tensors.library_torch import drivers, library
from ngtbench.kernels.tensors.splits import Piece, Split
from ngtbench.kernels.tensors.tebd import State
from ngtbench.model.workload import Array, Setup, Trial, Watch
from ngtbench.physics.tensors import chains

_MORE = 16  # vectors more than wanted that a randomised split finds
_POWERS = 2
_EXCESS = 1e-6  # share by which a route may discard more than the first one does


def measured(setup: Setup, phases: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Split by the quickest route that discards no more than an SVD."""
    host = setup.backend.get(phases)
    plain = library(phases.device, setup.threads)
    first = tebd_trials.start(setup, plain, host)
    best, split, told = chosen(setup, first, phases.device)
    setup.say(told)
    return tebd_trials.build(setup, best, first, split)


def routes(place: torch.device, threads: int) -> Iterator[tuple[str, Library, Split]]:
    """Yield every way to split there is here, the plainest first."""
    yield "svd", library(place, threads), splits.svd
    if place.type != "cpu":
        for driver in drivers():
            yield driver, library(place, threads, driver), splits.svd
        yield "randomised", library(place, threads), randomised
    yield "gram", library(place, threads), splits.gram


def chosen(setup: Setup, state: State, place: torch.device) -> tuple[Library, Split, str]:
    """Return the quickest route for the largest bonds of a state, and what was measured in words."""
    best, told, floor, quickest = None, list[str](), 0.0, float("inf")
    for name, here, split in routes(place, setup.threads):
        theta, last = _layer(setup, here, state)
        for _ in range(2):  # the first warms up
            setup.backend.synchronise()
            start = time.perf_counter()
            pieces = split(here, theta, setup.size.chi, last)
            setup.backend.synchronise()
            took_s = time.perf_counter() - start
        lost = sum(piece.discarded for piece in pieces)
        floor = floor or lost
        fits = lost <= floor * (1 + _EXCESS) + 1e-12
        told.append(f"{name} {took_s * 1e3:.3g} ms" + ("" if fits else f", discards {lost / floor:.3g} times as much: not taken"))
        if fits and took_s < quickest:
            best, quickest = (here, split, name), took_s
    assert best is not None
    return best[0], best[1], f"splits by {best[2]}: {'; '.join(told)}"


def randomised(here: Library, theta: torch.Tensor, most: int, last: Array) -> list[Piece]:
    """Split by a randomised range finder with power iterations and QR, then an SVD of what is left (Halko et al., 2011)."""
    total, wide = (abs(theta) ** 2).sum((1, 2)), min(most + _MORE, theta.shape[1], theta.shape[2])
    made = torch.Generator(theta.device).manual_seed(1)
    probe = torch.randn(theta.shape[2], wide, dtype=theta.dtype, device=theta.device, generator=made)
    q, _ = torch.linalg.qr(theta @ probe)
    for _ in range(_POWERS):
        q, _ = torch.linalg.qr(theta @ (theta.mH @ q))
    pieces = splits.svd(here, q.mH @ theta, most, last)
    found = []
    for k, piece in enumerate(pieces):
        kept = float((abs(theta[k] @ piece.v) ** 2).sum() / total[k])
        found.append(Piece(piece.v, "randomised", max(0.0, 1 - kept)))
    return found


def _layer(setup: Setup, here: Library, state: State) -> tuple[Any, Array]:
    """Return theta of the full bonds of a layer after gates, a batch where the library takes one, and their last weights."""
    sites, chi = len(state.tensors), setup.size.chi
    full = [i for i in range(0, sites - 1, 2) if all(len(state.tensors[i + k]) == chi for k in (0, 1, 2) if i + k < sites)]
    bonds = (full or [sites // 2 - 1])[: None if here.grouped else 1]
    gate = tebd.gates(here, chains.bonds("xx", sites), tebd_trials.COMPLEX[setup.dtype])(setup.size.step)
    _, theta, _ = tebd.two_sites(here, state, bonds, gate)
    last = np.stack([here.get(state.weights[i + 1]) for i in bonds])
    return theta, last
