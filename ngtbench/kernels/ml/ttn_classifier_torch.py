"""The tree-tensor-network classifier in torch: all nodes of a level are one product of matrices."""

import math
from collections.abc import Mapping

import torch

from ngtbench.physics.networks.ttn_classifier import TtnClassifier


def forward(network: TtnClassifier, parameters: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return logits (batch, classes)."""
    t = ((x - network.middle) / (2 * network.reach)).clamp(-0.5, 0.5).T
    angle = (math.pi / 2) * t.repeat_interleave(network.copies, 0)
    v = torch.stack((torch.cos(angle), torch.sin(angle)), -1)  # (branches, batch, numbers)
    for level in range(1, network.levels + 1):
        weights = parameters[f"w_level{level}"]
        node = network.spread * weights
        if level < network.levels:
            node = node + _passed(math.isqrt(weights.shape[1]), weights)
        pair = v[::2, :, :, None] * v[1::2, :, None, :]
        v = pair.flatten(2) @ node
        if level < network.levels:
            v = v / torch.linalg.vector_norm(v, dim=-1, keepdim=True)
    return network.gain * v[0]


def _passed(below: int, weights: torch.Tensor) -> torch.Tensor:
    """Return what a node does before it has learned, on the device: a copy from the host cannot be in a graph."""
    same = torch.eye(below, weights.shape[2], dtype=weights.dtype, device=weights.device)
    first = torch.eye(below, 1, dtype=weights.dtype, device=weights.device)
    both = first[:, :, None] * same + first[None, :, 0, None] * same[:, None]
    return both.clamp(max=1).flatten(0, 1)
