"""Batches of singular value decompositions in PyTorch; on GPUs cuSOLVER's drivers are measured when a case is built."""

import time
from collections.abc import Callable

import torch

from ngtbench.kernels.tensors import splits, svd
from ngtbench.kernels.tensors.library_torch import drivers, library
from ngtbench.kernels.tensors.svd import Decompose
from ngtbench.model.workload import Arrays, Setup, Trial, Watch

_ALLOWED = 8.0  # roundings times sqrt(n) that a driver's factors may be off by


def measured(setup: Setup, matrices: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Decompose by the quickest right driver; on processors by MKL, a matrix per thread."""
    a = torch.view_as_complex(matrices)
    if a.device.type == "cpu":
        return svd.trials(setup, svd.over_threads(library(a.device, setup.threads), a))
    told, quickest, best = list[str](), float("inf"), _batched(a, None)
    for driver in (None, *drivers()):  # None: what PyTorch chooses
        decompose = _batched(a, driver)
        for _ in range(2):  # the first warms up
            setup.backend.synchronise()
            start = time.perf_counter()
            found, _ = decompose()
            setup.backend.synchronise()
            took_s = time.perf_counter() - start
        right = _off(a, found) < _ALLOWED * torch.finfo(a.dtype).eps * a.shape[1] ** 0.5
        told.append(f"{driver or 'default'} {took_s * 1e3:.3g} ms" + ("" if right else ", wrong: not taken"))
        if right and took_s < quickest:
            quickest, best = took_s, decompose
    setup.say("; ".join(told))
    return svd.trials(setup, best)


def _batched(a: torch.Tensor, driver: str | None) -> Decompose:
    here = library(a.device, driver=driver)

    def decompose() -> tuple[Arrays, str]:
        u, s, vh, how = splits.decomposed(here, a)
        return {"u": u, "s": s, "vh": vh.contiguous()}, f"{driver or 'default'}, {how}"

    return decompose


def _off(a: torch.Tensor, found: Arrays) -> float:
    """Return how far the factors are from the matrices, and from being orthonormal."""
    u, s, vh = found["u"], found["s"], found["vh"]
    one = torch.eye(a.shape[1], dtype=a.dtype, device=a.device)
    off = [(a - (u * s[:, None]) @ vh).abs().amax() / s.amax(), (u.mH @ u - one).abs().amax(), (vh @ vh.mH - one).abs().amax()]
    return float(torch.stack(off).amax())
