"""The autoencoder of calorimeter images in torch, as one would write it."""

from collections.abc import Mapping

import torch
from torch.nn.functional import conv2d, conv_transpose2d, relu

from ngtbench.physics.networks.calo_ae import CaloAe


def forward(network: CaloAe, parameters: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return the images (batch, rows, columns) reconstructed."""
    p = parameters
    h = relu(conv2d(x[:, None], p["w_down1"], p["b_down1"], stride=2, padding=1))
    h = relu(conv2d(h, p["w_down2"], p["b_down2"], stride=2, padding=1))
    code = h.flatten(1) @ p["w_code1"] + p["b_code1"]
    h = relu(code @ p["w_spread1"] + p["b_spread1"]).reshape(h.shape)
    h = relu(conv_transpose2d(h, p["w_up1"], p["b_up1"], stride=2, padding=1))
    return conv_transpose2d(h, p["w_up2"], p["b_up2"], stride=2, padding=1)[:, 0]
