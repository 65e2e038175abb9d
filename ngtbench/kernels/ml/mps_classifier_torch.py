"""The matrix-product classifier in torch: both halves of the chain are one product of matrices a step."""

import math
from collections.abc import Mapping

import torch

from ngtbench.physics.networks.mps_classifier import MpsClassifier

EVERY = 8  # sites between rescalings: a site may make a vector 30 000 times as long before float32 overflows


def forward(network: MpsClassifier, parameters: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return logits (batch, classes)."""
    half, chi, batch = network.sites // 2, network.bond, len(x)
    angle = (math.pi / 2) * (0.5 + (x - network.middle) / (2 * network.reach)).clamp(0, 1)
    angle = angle.repeat_interleave(network.copies, 1)
    angle = torch.stack((angle[:, :half].T, angle.flip(1)[:, :half].T), 1)[..., None]  # (half, 2, batch, 1)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    unit = torch.eye(chi, dtype=x.dtype, device=x.device)
    tensors = torch.cat((unit, unit)) / math.sqrt(2) + network.spread * parameters["w_sites"]
    v = unit[0].expand(2, batch, chi)
    for k in range(half):
        v = torch.cat((v * cosine[k], v * sine[k]), -1) @ tensors[k]
        if k % EVERY == EVERY - 1 or k == half - 1:
            v = v / torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    label = unit + network.spread * parameters["w_label"]
    across = (v[0] @ label.transpose(0, 1).reshape(chi, -1)).view(batch, network.classes, chi)
    return network.gain * (across @ v[1][:, :, None])[..., 0]
