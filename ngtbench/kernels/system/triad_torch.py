"""Triad in PyTorch: one fused call."""

import torch

from ngtbench.model.workload import Arrays, Run, Setup


def fused(setup: Setup, b: torch.Tensor, c: torch.Tensor, s: torch.Tensor) -> Run:
    """Use `torch.add` with alpha, which reads b and c once and writes a once."""
    if setup.device.startswith("cpu"):
        b, c = b.clone(), c.clone()  # by PyTorch's threads: pages near those that read them
    a = torch.zeros_like(b)
    scale = float(s)

    def run() -> Arrays:
        torch.add(b, c, alpha=scale, out=a)
        return {"a": a}

    run()
    return run
