"""The even-odd solvers in torch: the text of `solve`, hopping by gathers on complex tensors."""

from collections.abc import Callable, Sequence

import torch

from ngtbench.kernels.lattice.schur import Hop, Library
from ngtbench.kernels.lattice.solve import build
from ngtbench.kernels.lattice.wilson import Parity
from ngtbench.kernels.lattice.wilson_torch import Hopping
from ngtbench.model.workload import Setup, Trial, Watch


def cg(setup: Setup, links: torch.Tensor, spinor: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Solve by CG in the precision of the case."""
    return build(setup, links, spinor, _library(links), "cg")


def cg_mixed(setup: Setup, links: torch.Tensor, spinor: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Solve by CG in float32 with reliable updates in float64."""
    return build(setup, links, spinor, _library(links), "cg-mixed")


def _library(links: torch.Tensor) -> Library:
    return Library(torch, lambda host: torch.from_numpy(host).to(links.device), _hop)


def _hop(links: torch.Tensor, boundary: Sequence[complex], parity: Parity) -> Hop:
    hopping = Hopping(links, tuple(boundary), parity)

    def hop(psi: torch.Tensor, out: torch.Tensor) -> None:
        out.zero_()
        hopping.add(psi.permute(1, 2, 0, 3), out.permute(1, 2, 0, 3))  # it keeps sources behind spin and colour

    return hop
