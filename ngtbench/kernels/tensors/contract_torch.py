"""Contraction in PyTorch, on processors and GPUs: its matrix products, and its copies."""

from collections.abc import Sequence
from functools import reduce

import torch

from ngtbench.kernels.tensors.contract_arrays import Library, bound
from ngtbench.kernels.tensors.contract_memory import host_b
from ngtbench.kernels.tensors.contract_plan import Plan

_SHARE = 0.9  # of what is free on a GPU


def library(like: torch.Tensor) -> Library:
    """Return PyTorch, making tensors beside `like`."""
    return Library(
        zeros=lambda shape: torch.empty(tuple(shape), dtype=like.dtype, device=like.device),
        multiply=_multiplied,
        copy=lambda to, source: to.copy_(source),
        turned=lambda array, axes: array.permute(tuple(axes)),
    )


def contracted(planned: Plan, arrays: Sequence[torch.Tensor]) -> torch.Tensor:
    """Contract once."""
    with torch.inference_mode():
        value: torch.Tensor = bound(planned, arrays, library(arrays[0]))()
    return value.clone()


def zeros(shape: tuple[int, ...], like: torch.Tensor) -> torch.Tensor:
    """Return zeros: the value where an index has no values."""
    return like.new_zeros(shape)


def widened(arrays: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return all in the widest dtype among them."""
    dtype = reduce(torch.promote_types, (array.dtype for array in arrays))
    return [array.to(dtype) for array in arrays]


def free_b(like: torch.Tensor) -> int:
    """Return how much memory of its device a contraction may take."""
    if like.device.type == "cpu":
        return host_b()
    return int(_SHARE * torch.cuda.mem_get_info(like.device)[0])


def _multiplied(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor) -> None:
    if len(out) == 1:  # one product needs no batch, for which libraries have other kernels
        torch.mm(left[0], right[0], out=out[0])
    else:
        torch.bmm(left, right, out=out)
