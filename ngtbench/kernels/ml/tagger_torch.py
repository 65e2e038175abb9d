"""The recurrent tagger in torch, by its own GRU and LSTM: cuDNN's or MIOpen's on GPUs, one operator in ONNX."""

from collections.abc import Mapping

import torch
from torch.nn.functional import relu

from ngtbench.physics.networks.tagger import Tagger


def forward(network: Tagger, parameters: Mapping[str, torch.Tensor], x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return logits (batch, classes); filled slots come first, so the state after the last of them is the last state."""
    p, start = parameters, x.new_zeros(1, len(x), network.state)
    weights = [p["w_input"].t(), p["w_state"].t(), p["b_input"], p["b_state"]]
    if network.cell == "gru":
        states = torch.gru(x, start, weights, True, 1, 0.0, False, False, True)[0]
    else:
        states = torch.lstm(x, (start, start), weights, True, 1, 0.0, False, False, True)[0]
    last = mask.sum(1) - 1
    state = states.gather(1, last[:, None, None].expand(-1, 1, network.state))[:, 0]
    hidden = relu(state @ p["w_head1"] + p["b_head1"])
    return hidden @ p["w_head2"] + p["b_head2"]
