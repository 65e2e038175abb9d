"""ParticleNet in torch: all distances within a jet, top-k, a gather, and layers for every pair of neighbours."""

from collections.abc import Mapping

import torch
from torch.nn.functional import relu

from ngtbench.physics.networks.particle_net import FAR, ParticleNet

_TINY = 1e-12


def forward(network: ParticleNet, parameters: Mapping[str, torch.Tensor], x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return logits (batch, classes)."""
    filled = mask[..., None].to(x.dtype)
    slots = torch.arange(mask.shape[1], device=x.device)
    barred = ~mask[:, None] | (slots[:, None] == slots)
    start = torch.arange(mask.shape[0], device=x.device)[:, None, None] * mask.shape[1]
    h = torch.where(mask[..., None], x, 0)
    for block in range(1, len(network.widths) + 1):
        index, weight = _near(h, barred, network.neighbours)
        heard = h.flatten(0, 1).index_select(0, (index + start).flatten()).reshape(*index.shape, -1)
        own = h[:, :, None]
        message = torch.cat((own.expand_as(heard), heard - own), -1)
        for layer in range(1, network.layers + 1):
            message = relu(message @ parameters[f"w_pair{block}_{layer}"] + parameters[f"b_pair{block}_{layer}"])
        past = h @ parameters[f"w_past{block}"] + parameters[f"b_past{block}"]
        h = relu((message * weight[..., None]).sum(2) + past)
    pooled = (h * filled).sum(1) / filled.sum(1)
    hidden = relu(pooled @ parameters["w_head1"] + parameters["b_head1"])
    return hidden @ parameters["w_head2"] + parameters["b_head2"]


def _near(h: torch.Tensor, barred: torch.Tensor, neighbours: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return places and weights of the nearest, (batch, constituents, neighbours); distances are at least in float32."""
    wide = h.to(torch.promote_types(h.dtype, torch.float32))
    squares = wide.square().sum(-1)
    distance = squares[:, :, None] + squares[:, None] - 2 * (wide @ wide.mT)
    found = torch.topk(distance.masked_fill(barred, FAR), neighbours + 1, largest=False)
    weight = 1 - found.values[..., :-1] / (found.values[..., -1:] + _TINY)
    return found.indices[..., :-1], (weight / (weight.sum(-1, keepdim=True) + _TINY)).to(h.dtype)
