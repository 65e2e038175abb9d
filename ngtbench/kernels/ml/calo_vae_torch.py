"""The variational autoencoder of trigger objects in torch, as one would write it."""

from collections.abc import Mapping

import torch
from torch.nn.functional import relu

from ngtbench.physics.networks.calo_vae import CaloVae


def forward(network: CaloVae, parameters: Mapping[str, torch.Tensor], x: torch.Tensor, *noise: torch.Tensor) -> torch.Tensor:
    """Return means (batch, latent); from the whole network means, logarithms of variances, and features reconstructed."""
    p, last = parameters, len(network.widths) - 1
    h = x
    for layer in range(1, last):
        h = relu(h @ p[f"w_mean{layer}"] + p[f"b_mean{layer}"])
    mean = h @ p[f"w_mean{last}"] + p[f"b_mean{last}"]
    if not network.whole:
        return mean
    spread = h @ p["w_spread1"] + p["b_spread1"]
    h = mean + (spread / 2).exp() * noise[0]
    for layer in range(1, last):
        h = relu(h @ p[f"w_back{layer}"] + p[f"b_back{layer}"])
    return torch.cat((mean, spread, h @ p[f"w_back{last}"] + p[f"b_back{last}"]), 1)
