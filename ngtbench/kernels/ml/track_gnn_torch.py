"""The edge classifier in torch: gathers from hits to edges, sums scattered from edges to hits, and layers for both."""

from collections.abc import Mapping

import torch
from torch.nn.functional import layer_norm, relu

from ngtbench.physics.networks.track_gnn import TrackGnn


def forward(
    network: TrackGnn,
    parameters: Mapping[str, torch.Tensor],
    x: torch.Tensor,
    step: torch.Tensor,
    inner: torch.Tensor,
    outer: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """Return logits (roads, edges, classes), zero where there is no edge."""

    def layers(name: str, values: torch.Tensor) -> torch.Tensor:
        w1, b1, w2, b2 = (parameters[f"{kind}_{name}_{layer}"] for layer in (1, 2) for kind in "wb")
        gain = parameters.get(f"g_{name}_1")
        hidden = values @ w1 + b1 if gain is None else layer_norm(values @ w1, gain.shape, gain, b1)
        return relu(hidden) @ w2 + b2

    start = torch.arange(x.shape[0], device=x.device)[:, None] * network.hits
    source, target = (inner + start).flatten(), (outer + start).flatten()
    filled = mask.flatten()[:, None].to(x.dtype)
    hats = relu(1 - (_places(network, step) - torch.arange(network.hats, device=x.device)).abs()).to(x.dtype)
    hit, edge = layers("hit0", x.flatten(0, 1)), layers("edge0", hats)
    zeros = torch.zeros_like(hit)
    for k in range(1, network.passes + 1):
        edge = edge + layers(f"edge{k}", torch.cat((hit.index_select(0, source), hit.index_select(0, target), edge), 1))
        sent = edge * filled
        into, out = zeros.index_add(0, target, sent), zeros.index_add(0, source, sent)
        hit = hit + layers(f"hit{k}", torch.cat((hit, into, out), 1))
    logits = layers("tell", torch.cat((hit.index_select(0, source), hit.index_select(0, target), edge), 1)) * filled
    return logits.reshape(*mask.shape, network.classes)


def _places(network: TrackGnn, step: torch.Tensor) -> torch.Tensor:
    """Return where steps lie among the hats, a column, at least in float32: half precision has no digits left there."""
    wide = step.to(torch.promote_types(step.dtype, torch.float32))
    return (wide.flatten()[:, None] + network.window) * ((network.hats - 1) / (2 * network.window))
