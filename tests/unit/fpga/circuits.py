"""Small networks of every kind of layer that has a circuit."""

from typing import Any

import numpy as np

from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.kernels.fpga.varied import varied
from ngtbench.physics.fpga.fixed_point import Fixed, parse

OUTPUTS = 300


def layer(name: str, kind: Any, before: str, result: str, *, like: tuple[int, ...] = (), **more: Any) -> Layer:
    random, weight = np.random.default_rng(len(name)), parse("ap_fixed<5,2>") if like else None
    arrays = {"kernel": random.normal(0, 0.6, like), "bias": random.normal(0, 0.4, like[-1])} if like else {}
    return Layer(name, kind, (before,), parse(result), **{"weight": weight, "arrays": arrays, **more})


NETWORKS = {
    "dense": Network(
        (6,),
        parse("ap_fixed<6,3>"),
        (
            layer("d", "dense", "input", "ap_fixed<8,4,RND,SAT>", like=(6, 5)),
            layer("r", "activation", "d", "ap_ufixed<5,3,RND,SAT>"),
            layer("dd", "dense", "r", "ap_fixed<7,3,TRN,WRAP>", like=(5, 3)),
        ),
    ),
    "tables": Network(
        (3,),
        parse("ap_fixed<6,4>"),
        (
            layer("s", "activation", "input", "ap_fixed<6,2>", options={"function": "sigmoid", "table_size": 32}),
            layer("d", "dense", "s", "ap_fixed<5,3,TRN,SAT_SYM>", like=(3, 3)),
            layer("t", "activation", "d", "ap_fixed<6,2,RND,SAT_SYM>", options={"function": "tanh", "table_size": 64}),
        ),
    ),
    "convolution": Network(
        (5, 5, 1),
        parse("ap_fixed<4,2>"),
        (
            layer("c", "conv2d", "input", "ap_fixed<8,4,RND,SAT>", like=(2, 2, 1, 2), options={"padding": "same", "stride": 2}),
            layer("p", "pool", "c", "ap_fixed<7,4,RND,SAT>", options={"of": "average", "size": 2, "stride": 1}),
            layer("m", "pool", "p", "ap_fixed<7,4>", options={"size": 2, "stride": 2}),
            layer("f", "flatten", "m", "ap_fixed<9,4>"),  # two bits that circuits leave out
        ),
    ),
    "own types": Network(
        (5,),
        varied([None, *(Fixed(k % 2 == 0, 3 + k, 2) for k in range(4))]),
        (
            layer("d", "dense", "input", "ap_fixed<14,8>", like=(5, 4)),
            Layer("r", "activation", ("d",), varied([None, *(Fixed(k < 2, 3 + k, k, "RND", "SAT") for k in range(3))])),
            layer("dd", "dense", "r", "ap_fixed<7,3>", like=(4, 3)),
        ),
    ),
    "residual": Network(
        (3,),
        parse("ap_ufixed<5,2>"),
        (
            layer("b", "batchnorm", "input", "ap_fixed<7,4,RND,WRAP>", weight=parse("ap_fixed<5,2>"),
                  arrays={"scale": np.array([0.5, -1.25, 1.5]), "shift": np.array([0.5, -0.25, 1.0])}),
            Layer("a", "add", ("b", "input"), parse("ap_fixed<6,4,TRN,SAT>")),
        ),
    ),
}  # fmt: skip
