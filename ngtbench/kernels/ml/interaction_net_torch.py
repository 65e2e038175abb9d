"""The interaction network in torch, as one would write it."""

from collections.abc import Mapping

import torch
from torch.nn.functional import relu

from ngtbench.physics.networks.interaction_net import InteractionNet

Parameters = Mapping[str, torch.Tensor]


def forward(network: InteractionNet, parameters: Parameters, x: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """Return logits (batch, classes)."""
    n = network.constituents
    sender = (torch.arange(n, device=x.device)[:, None] + torch.arange(1, n, device=x.device)) % n  # (receiver, n - 1)
    same = (pairs[:, :, None] == pairs[:, sender]).to(x.dtype)
    edges = torch.cat((x[:, :, None].expand(-1, -1, n - 1, -1), x[:, sender], same), 3)
    received = _layers(parameters, "edge", edges).sum(2)
    nodes = _layers(parameters, "node", torch.cat((x, received), 2))
    hidden = _layers(parameters, "jet", nodes.mean(1))
    return hidden @ parameters["w_jet3"] + parameters["b_jet3"]


def _layers(parameters: Parameters, name: str, h: torch.Tensor) -> torch.Tensor:
    for layer in (1, 2):
        h = relu(h @ parameters[f"w_{name}{layer}"] + parameters[f"b_{name}{layer}"])
    return h
