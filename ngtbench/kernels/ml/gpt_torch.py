"""The decoder in torch, as one would write it."""

from collections.abc import Mapping

import torch
from torch.nn.functional import embedding, gelu, layer_norm, scaled_dot_product_attention

from ngtbench.physics.networks.gpt import Gpt


def forward(network: Gpt, parameters: Mapping[str, torch.Tensor], tokens: torch.Tensor) -> torch.Tensor:
    """Return logits (batch, length, vocabulary)."""
    p = parameters
    h = embedding(tokens, p["w_token"]) + p["w_place"]
    for block in range(1, network.layers + 1):
        seen = layer_norm(h, (network.width,), p[f"g_in{block}"], p[f"b_in{block}"])
        h = h + _attention(network, seen @ p[f"w_qkv{block}"]) @ p[f"w_out{block}"] + p[f"b_out{block}"]
        seen = layer_norm(h, (network.width,), p[f"g_mid{block}"], p[f"b_mid{block}"])
        wide = gelu(seen @ p[f"w_mlp{block}_1"] + p[f"b_mlp{block}_1"], approximate="tanh")
        h = h + wide @ p[f"w_mlp{block}_2"] + p[f"b_mlp{block}_2"]
    return layer_norm(h, (network.width,), p["g_end"], p["b_end"]) @ p["w_token"].T


def _attention(network: Gpt, qkv: torch.Tensor) -> torch.Tensor:
    batch, n, each = qkv.shape[0], network.length, network.width // network.heads
    q, k, v = qkv.reshape(batch, n, 3, network.heads, each).permute(2, 0, 3, 1, 4).unbind(0)
    gathered = scaled_dot_product_attention(q, k, v, is_causal=True)
    return gathered.transpose(1, 2).reshape(batch, n, network.width)
