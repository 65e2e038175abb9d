"""The smallest call through PyTorch: an eager addition, and on a GPU the wait for it."""

import torch

from ngtbench.model.workload import Arrays, Run, Setup


def eager(setup: Setup, x: torch.Tensor) -> Run:
    """Call `torch.add` once per launch."""
    y, more, wait = torch.empty_like(x), range(setup.size.launches - 1), setup.backend.synchronise

    def run() -> Arrays:
        torch.add(x, 1, out=y)
        for _ in more:
            torch.add(y, 1, out=y)
        wait()
        return {"y": y}

    return run
