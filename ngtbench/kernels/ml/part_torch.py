"""The Particle Transformer in torch, as one would write it."""

import math
from collections.abc import Mapping

import torch
from torch.nn.functional import gelu, layer_norm, relu

from ngtbench.physics.networks.part import Part

Parameters = Mapping[str, torch.Tensor]


def forward(network: Part, parameters: Parameters, x: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """Return logits (batch, classes)."""
    p, bias = parameters, _bias(parameters, x, pairs)
    h = gelu(x @ p["w_embed1"] + p["b_embed1"], approximate="tanh")
    h = gelu(h @ p["w_embed2"] + p["b_embed2"], approximate="tanh") @ p["w_embed3"] + p["b_embed3"]
    for block in range(1, network.layers + 1):
        seen = layer_norm(h, (network.width,), p[f"g_in{block}"], p[f"b_in{block}"])
        h = h + _attention(network.heads, seen @ p[f"w_qkv{block}"], bias) @ p[f"w_out{block}"] + p[f"b_out{block}"]
        seen = layer_norm(h, (network.width,), p[f"g_mid{block}"], p[f"b_mid{block}"])
        wide = gelu(seen @ p[f"w_mlp{block}_1"] + p[f"b_mlp{block}_1"], approximate="tanh")
        h = h + wide @ p[f"w_mlp{block}_2"] + p[f"b_mlp{block}_2"]
    pooled = layer_norm(h.mean(1), (network.width,), p["g_end"], p["b_end"])
    return pooled @ p["w_head1"] + p["b_head1"]


def _bias(p: Parameters, x: torch.Tensor, pairs: torch.Tensor) -> torch.Tensor:
    """Return what is added to the logits of each pair, (batch, heads, constituents, constituents)."""
    features = x.shape[2]
    product = x @ x.transpose(1, 2) / features
    size = (x * x).mean(2)
    apart = size[:, :, None] + size[:, None, :] - 2 * product
    same = (pairs[:, :, None] == pairs[:, None, :]).to(x.dtype)
    h = torch.cat((same, product[..., None], apart[..., None]), 3)
    h = relu(h @ p["w_pair1"] + p["b_pair1"])
    h = relu(h @ p["w_pair2"] + p["b_pair2"])
    rows = p["w_pair3"].T.contiguous() @ h.reshape(-1, h.shape[3]).T  # heads first: softmax reads rows as they lie
    return rows.reshape(-1, *same.shape[:3]).transpose(0, 1)


def _attention(heads: int, qkv: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    batch, n, width = qkv.shape[0], qkv.shape[1], qkv.shape[2] // 3
    q, k, v = qkv.reshape(batch, n, 3, heads, width // heads).permute(2, 0, 3, 1, 4).unbind(0)
    weights = torch.softmax(q @ k.transpose(2, 3) / math.sqrt(width // heads) + bias, 3)
    return (weights @ v).transpose(1, 2).reshape(batch, n, width)
