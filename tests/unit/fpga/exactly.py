"""Fixed-point networks in fractions, number by number and from the definitions: what inference is held against."""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np

from ngtbench.kernels.fpga.network import Layer, Network
from ngtbench.kernels.fpga.varied import Varied
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed, parse

Numbers = Array  # of Fractions


def becomes(value: Fraction, to: Fixed) -> Fraction:
    """The value that a number takes in a type."""
    scaled = value * Fraction(2) ** to.fraction
    low = math.floor(scaled)
    rest = scaled - low
    up = {
        "TRN": False,
        "TRN_ZERO": rest > 0 and scaled < 0,
        "RND": rest >= Fraction(1, 2),
        "RND_ZERO": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and scaled < 0),
        "RND_INF": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and scaled > 0),
        "RND_MIN_INF": rest > Fraction(1, 2),
        "RND_CONV": rest > Fraction(1, 2) or (rest == Fraction(1, 2) and low % 2 == 1),
    }[to.rounding]
    k = low + int(up)
    least = -(2 ** (to.bits - 1)) if to.signed else 0
    most = 2 ** (to.bits - 1) - 1 if to.signed else 2**to.bits - 1
    if to.overflow == "WRAP":
        k = (k - least) % 2**to.bits + least
    elif to.overflow == "SAT_ZERO":
        k = k if least <= k <= most else 0
    else:
        k = min(most, max(k, -most if to.overflow == "SAT_SYM" and to.signed else least))
    return Fraction(k) / Fraction(2) ** to.fraction


def all_become(numbers: Any, to: Fixed) -> Numbers:
    if isinstance(to, Varied):
        rows = np.asarray(numbers, object).reshape(-1, len(to.each))
        made = [
            [Fraction(0) if of is None else becomes(Fraction(one), of) for one, of in zip(row, to.each, strict=True)]
            for row in rows
        ]
        return np.array(made, object).reshape(np.shape(numbers))
    return np.asarray(np.vectorize(lambda one: becomes(Fraction(one), to), otypes=[object])(np.asarray(numbers, object)))


def network_exactly(network: Network, sample: Array) -> Numbers:
    """The outputs of one sample of integers."""
    made: dict[str, Numbers] = {
        "input": np.vectorize(lambda k: Fraction(int(k)) / Fraction(2) ** network.type.fraction, otypes=[object])(sample)
    }
    for layer in network.layers:
        step = {"conv1d": _conv, "conv2d": _conv}.get(layer.kind) or globals()[f"_{layer.kind}"]
        made[layer.name] = all_become(step(layer, network.types(layer), *(made[name] for name in layer.inputs)), layer.result)
    return made[layer.name]


def _weights(layer: Layer, name: str) -> Numbers | None:
    return all_become(layer.arrays[name], layer.weight) if name in layer.arrays and layer.weight else None


def _sum(layer: Layer, x: Numbers, kernel: Numbers, bias: Fraction | None) -> Fraction:
    """The sum of products, in the accumulator where there is one."""
    cast = (lambda one: becomes(one, layer.total)) if layer.total else (lambda one: one)
    done = cast(bias or Fraction(0))
    for one, weight in zip(x, kernel, strict=True):
        done = cast(done + cast(one * weight))
    return done


def _dense(layer: Layer, types: Any, x: Numbers, kernel: str = "kernel", bias: str = "bias") -> Numbers:
    weights, added = _weights(layer, kernel), _weights(layer, bias)
    assert weights is not None
    rows = x.reshape(-1, x.shape[-1])
    made = [
        [_sum(layer, row, weights[:, o], None if added is None else added[o]) for o in range(weights.shape[1])] for row in rows
    ]
    return np.array(made, object).reshape(*x.shape[:-1], -1)


def _conv(layer: Layer, types: Any, x: Numbers) -> Numbers:
    kernel, bias, stride = _weights(layer, "kernel"), _weights(layer, "bias"), layer.option("stride")
    assert kernel is not None
    window, sizes = kernel.shape[:-2], x.shape[:-1]
    before = [0] * len(sizes)
    moved = [(size - wide) // stride + 1 for size, wide in zip(sizes, window, strict=True)]
    if layer.option("padding") == "same":
        moved = [math.ceil(size / stride) for size in sizes]
        short = [max(0, (steps - 1) * stride + wide - size) for steps, wide, size in zip(moved, window, sizes, strict=True)]
        before = [one // 2 for one in short]
    made = np.empty((*moved, kernel.shape[-1]), object)
    for place in itertools.product(*map(range, moved)):
        taken = []
        for offset in itertools.product(*map(range, window)):
            at = tuple(p * stride + o - b for p, o, b in zip(place, offset, before, strict=True))
            inside = all(0 <= a < size for a, size in zip(at, sizes, strict=True))
            taken += list(x[at]) if inside else [Fraction(0)] * x.shape[-1]
        for f in range(kernel.shape[-1]):
            made[(*place, f)] = _sum(layer, np.array(taken, object), kernel[..., f].ravel(), None if bias is None else bias[f])
    return made


def _pool(layer: Layer, types: Any, x: Numbers) -> Numbers:
    size, stride = layer.option("size"), layer.option("stride")
    moved = [(one - size) // stride + 1 for one in x.shape[:-1]]
    made = np.empty((*moved, x.shape[-1]), object)
    for place in itertools.product(*map(range, moved)):
        block = x[tuple(slice(p * stride, p * stride + size) for p in place)].reshape(-1, x.shape[-1])
        for c in range(x.shape[-1]):
            made[(*place, c)] = max(block[:, c]) if layer.option("of") == "max" else sum(block[:, c]) / Fraction(len(block))
    return made


def _add(layer: Layer, types: Any, x: Numbers, y: Numbers) -> Numbers:
    return x + y


def _batchnorm(layer: Layer, types: Any, x: Numbers) -> Numbers:
    made: Numbers = x * _weights(layer, "scale") + _weights(layer, "shift")
    return made


def _flatten(layer: Layer, types: Any, x: Numbers) -> Numbers:
    return x.ravel()


def _table(layer: Layer, function: str, numbers: Numbers) -> Numbers:
    size, half = layer.option("table_size"), {"sigmoid": 8, "tanh": 4}[function]
    of = {"sigmoid": lambda x: 1 / (1 + math.exp(-x)), "tanh": math.tanh}[function]

    def entry(x: Fraction) -> Fraction:
        at = min(size - 1, max(0, math.trunc(x * size / (2 * half)) + size // 2))
        return becomes(Fraction(of(2 * half * (at - size / 2) / size)), parse(layer.option("table_type")))

    return np.asarray(np.vectorize(entry, otypes=[object])(numbers))


def _activation(layer: Layer, types: Any, x: Numbers) -> Numbers:
    function = layer.option("function")
    if function == "relu":
        return np.asarray(np.vectorize(lambda one: max(one, Fraction(0)), otypes=[object])(x))
    if function != "softmax":
        return _table(layer, function, x)
    (of,), kept, bits = types, parse(layer.option("table_type")), (layer.option("table_size") - 1).bit_length()
    coarse, coarse_sum = Fraction(2) ** (max(0, of.bits - bits) - of.fraction), 2 ** max(0, kept.bits - bits)
    lowest = -(Fraction(2) ** (of.bits - 1 - of.fraction))
    made = []
    for row in x.reshape(-1, x.shape[-1]):
        cut = [math.floor(max(one - max(row), lowest) / coarse) * coarse for one in row]
        parts = [becomes(Fraction(math.exp(one)), kept) for one in cut]
        total = becomes(sum(parts, Fraction(0)), kept) * 2**kept.fraction // coarse_sum * coarse_sum / Fraction(2**kept.fraction)
        inverse = becomes(Fraction(1 / float(total)), kept) if total else Fraction(kept.highest) / 2**kept.fraction
        made.append([one * inverse for one in parts])
    return np.array(made, object).reshape(x.shape)


def _gru(layer: Layer, types: Any, x: Numbers) -> Numbers:
    units = layer.arrays["recurrent"].shape[0]
    h, states = np.array([Fraction(0)] * units, object), []
    for step in x:
        a, b = _dense(layer, types, step), _dense(layer, types, h, "recurrent", "recurrent_bias")
        z, r = (_table(layer, "sigmoid", (a + b)[k * units : (k + 1) * units]) for k in range(2))
        n = _table(layer, "tanh", a[2 * units :] + r * b[2 * units :])
        h = all_become((1 - z) * n + z * h, layer.result)
        states.append(h)
    return np.array(states, object) if layer.option("sequence") else h


def _lstm(layer: Layer, types: Any, x: Numbers) -> Numbers:
    units = layer.arrays["recurrent"].shape[0]
    h = c = np.array([Fraction(0)] * units, object)
    states = []
    for step in x:
        total = _dense(layer, types, step) + _dense(layer, types, h, "recurrent", "recurrent_bias")
        i, f, o = (_table(layer, "sigmoid", total[k * units : (k + 1) * units]) for k in (0, 1, 3))
        g = _table(layer, "tanh", total[2 * units : 3 * units])
        c = all_become(f * c + i * g, layer.result)
        h = all_become(o * _table(layer, "tanh", c), layer.result)
        states.append(h)
    return np.array(states, object) if layer.option("sequence") else h
