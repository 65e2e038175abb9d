"""Tensors of a chain in PyTorch: matrices of equal shape in batches on GPUs, threads over them on processors."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch

from ngtbench.kernels.tensors.library import Library
from ngtbench.kernels.tensors.library import gesvd as lapack
from ngtbench.model.workload import Array


def library(place: torch.device, threads: int = 1, driver: str | None = None) -> Library:
    """Return PyTorch on a device; `driver` is cuSOLVER's: gesvdj, gesvda, gesvd, or None for PyTorch's choice."""
    on_cpu = place.type == "cpu"

    def svd(matrix: torch.Tensor) -> tuple[Any, Any, Any]:
        u, s, vh = torch.linalg.svd(matrix, full_matrices=False, driver=None if on_cpu else driver)
        return u, s, vh

    def gesvd(matrix: torch.Tensor) -> tuple[Any, Any, Any]:
        if place.type == "cuda" and "gesvd" in drivers():
            u, s, vh = torch.linalg.svd(matrix, full_matrices=False, driver="gesvd")
        else:
            u, s, vh = (torch.from_numpy(part).to(place) for part in lapack(_host(matrix)))
        return u, s, vh

    return Library(
        torch,
        lambda host: torch.as_tensor(host).to(place),
        _host,
        svd,
        gesvd,
        torch.einsum,
        grouped=not on_cpu,
        threads=threads if on_cpu else 1,
        alone=_alone if on_cpu else _nothing,
    )


def drivers() -> tuple[str, ...]:
    """Return the names of cuSOLVER's ways to decompose; PyTorch for ROCm takes none."""
    return () if torch.version.hip else ("gesvdj", "gesvda", "gesvd")


def _host(array: Any) -> Array:
    host: Array = array.resolve_conj().cpu().numpy()
    return host


@contextmanager
def _alone() -> Iterator[None]:
    """Hold PyTorch at one thread of its own in each of ours."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


_nothing: Callable[[], AbstractContextManager[Any]] = nullcontext
