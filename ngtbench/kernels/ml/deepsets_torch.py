"""DeepSets in torch, as one would write it."""

from collections.abc import Mapping

import torch
from torch.nn.functional import relu

from ngtbench.physics.networks.deepsets import DeepSets


def forward(network: DeepSets, parameters: Mapping[str, torch.Tensor], x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return logits (batch, classes)."""
    h = x
    for layer in range(1, network.layers + 1):
        h = relu(h @ parameters[f"w_phi{layer}"] + parameters[f"b_phi{layer}"])
    filled = mask.to(h.dtype)
    pooled = (filled[:, None] @ h)[:, 0] / network.constituents
    hidden = relu(pooled @ parameters["w_rho1"] + parameters["b_rho1"])
    return hidden @ parameters["w_rho2"] + parameters["b_rho2"]
