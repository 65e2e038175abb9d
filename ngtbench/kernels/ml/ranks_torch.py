"""Ranks of torchrun that train one network: each takes its part of a batch, and all take the same step."""

import torch
from torch import distributed

from ngtbench.errors import BadInput


def ranks() -> int:
    """Return how many ranks there are: 1 where torch.distributed was not begun."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def part(numbers: torch.Tensor) -> torch.Tensor:
    """Return what this rank takes of the samples of a batch.

    Raises BadInput where ranks do not share it evenly: means over parts would not be the mean over all.
    """
    if len(numbers) % ranks():
        raise BadInput(f"a batch of {len(numbers)} is not shared evenly by {ranks()} ranks: choose a multiple")
    return numbers if ranks() == 1 else numbers.chunk(ranks())[distributed.get_rank()]


def average(tensors: list[torch.Tensor]) -> None:
    """Replace each by its mean over the ranks, in one message."""
    if ranks() == 1:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    distributed.all_reduce(flat)
    end = 0
    for tensor in tensors:
        start, end = end, end + tensor.numel()
        tensor.copy_(flat[start:end].view_as(tensor) / ranks())
