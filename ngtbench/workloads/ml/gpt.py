"""GPT inference: logits of the next token at every place of a sequence; nearly all of it is products of large matrices."""

import math
from collections.abc import Mapping

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks.gpt import Gpt
from ngtbench.physics.samples import tokens
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import TOLERANCE, Size, Task, inference


def forward(network: Gpt, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return logits (batch, length, vocabulary) of tokens (batch, length); none depends on later tokens."""
    p = parameters
    h = _tape.take(p["w_token"], inputs["tokens"].astype(np.int64)) + p["w_place"]
    for block in range(1, network.layers + 1):
        seen = _tape.layer_norm(h, p[f"g_in{block}"], p[f"b_in{block}"])
        h = h + _attention(network, seen @ p[f"w_qkv{block}"]) @ p[f"w_out{block}"] + p[f"b_out{block}"]
        seen = _tape.layer_norm(h, p[f"g_mid{block}"], p[f"b_mid{block}"])
        wide = _tape.gelu(seen @ p[f"w_mlp{block}_1"] + p[f"b_mlp{block}_1"])
        h = h + wide @ p[f"w_mlp{block}_2"] + p[f"b_mlp{block}_2"]
    return _tape.layer_norm(h, p["g_end"], p["b_end"]) @ _tape.transpose(p["w_token"], (1, 0))


def _attention(network: Gpt, qkv: Value) -> Value:
    """Return for each token what the heads gather from it and those before; a row has all queries, keys, then values."""
    batch, n, each = qkv.shape[0], network.length, network.width // network.heads
    q, k, v = (
        _tape.transpose(_tape.reshape(part, (batch, n, network.heads, each)), (0, 2, 1, 3))
        for part in (qkv[:, :, at : at + network.width] for at in range(0, 3 * network.width, network.width))
    )
    logits = q @ _tape.transpose(k, (0, 1, 3, 2)) / math.sqrt(each)
    weights = _tape.softmax(_tape.where(np.tri(n, dtype=np.bool_), logits, -np.inf))
    return _tape.reshape(_tape.transpose(weights @ v, (0, 2, 1, 3)), (batch, n, network.width))


def task(sample: tokens.Size, **network: int) -> Task:
    """Return the task of telling the next token of such sequences."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        some, label = tokens.draw(sample, events, seed, first)
        return {"tokens": some, "label": label}

    of = Gpt(sample.vocabulary, sample.length, **network)
    return Task(of, draw, forward, score="loss", optimum=lambda: tokens.optimum(sample), chance=tokens.chance(sample))


TINY = task(tokens.Size(32, 16), width=32, layers=2, heads=2)
SMALL = task(tokens.Size(64, 64), width=64, layers=2, heads=4)
MIDDLE = task(tokens.Size(512, 256), width=256, layers=6, heads=8)
LARGE = task(tokens.Size(512, 1024), width=768, layers=12, heads=12)
WORKLOAD = inference(
    "GPT inference, 256 or 1024 tokens",
    sizes={
        "XS": Size(1, TINY),
        "S": Size(4, MIDDLE, spotted=2),
        "M": Size(8, LARGE, spotted=1),
        "L": Size(64, LARGE, spotted=1),
    },
    live=("tokens",),
    notes=(
        "S: 6 blocks of width 256, 8 heads, 256 tokens; M, L: 12 blocks of width 768, 12 heads, 1024 tokens; vocabulary of 512.",
        "Parameters 4 931 072 and 86 208 000; FLOP of a sequence 2.886e9 and 2.134e11, attention counted as the whole square.",
        "Embeddings of tokens serve as the last layer too. Attention is PyTorch's fused one, of which the exporters write what "
        "each engine has. Outputs: logits at every place, no softmax.",
        "Tolerance: in 16 bits the errors of 12 blocks have an rms of 0.013 (bfloat16) and 0.0017 (float16) of the logits' rms; "
        "7 of those: of the half million logits of a sequence the largest was off by 5.2.",
    ),
    tolerance=TOLERANCE | {"bfloat16": 9.5e-2, "float16": 1.2e-2},
)
