"""The flow for showers in torch, as one would write it."""

import math
from collections.abc import Mapping

import torch
from torch.nn.functional import silu

from ngtbench.physics.networks.calo_flow import CaloFlow

Parameters = Mapping[str, torch.Tensor]


def forward(network: CaloFlow, parameters: Parameters, x: torch.Tensor, t: torch.Tensor | None = None) -> torch.Tensor:
    """Return velocities at these points and times, else the showers to which noise goes in Euler steps.

    Of 16-bit numbers the sum over steps is in float32: a step would be lost in the rounding of what it is added to.
    """
    if t is not None:
        return _velocity(network, parameters, x, *_timed(network, parameters, t))
    times = torch.arange(network.steps, device=x.device, dtype=torch.float64) / network.steps
    shifts, gates = _timed(network, parameters, times)
    sum_type = torch.promote_types(x.dtype, torch.float32)
    shower = x.to(sum_type)
    for step in range(network.steps):
        shower = (
            shower + _velocity(network, parameters, shower.to(x.dtype), shifts[step], gates[step]).to(sum_type) / network.steps
        )
    return shower.to(x.dtype)


def _timed(network: CaloFlow, p: Parameters, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return what times add to the first layer, and their gates."""
    wide = t.to(torch.promote_types(t.dtype, torch.float32))
    angles = math.pi * wide[:, None] * torch.arange(1, network.harmonics + 1, device=t.device, dtype=wide.dtype)
    waves = torch.cat((torch.cos(angles), torch.sin(angles)), 1).to(p["w_time"].dtype)
    return waves @ p["w_time"], waves @ p["w_gate"] + p["b_gate"]


def _velocity(network: CaloFlow, p: Parameters, x: torch.Tensor, shift: torch.Tensor, gate: torch.Tensor) -> torch.Tensor:
    h = silu(x @ p["w_layer1"] + p["b_layer1"] + shift)
    for layer in range(2, network.layers + 1):
        h = silu(h @ p[f"w_layer{layer}"] + p[f"b_layer{layer}"])
    last = network.layers + 1
    return h @ p[f"w_layer{last}"] + p[f"b_layer{last}"] + x * gate
