"""Jet tagger inference, compiled: a register holds neurons, and a tile of samples goes through all layers at once.

Weights and activations of a tile stay in the first cache at any batch. Registers that hold samples were measured too: no faster,
even on inputs that had been turned round for them.
"""

import ctypes
import math
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np

from ngtbench.codegen import compiler, native, pages, raw
from ngtbench.codegen.cache import library
from ngtbench.model.workload import Array, Arrays, Run, Setup

_TILE = 8  # samples: by two registers of neurons 16 sums, enough to hide their latency
_TILE_FEW = 4  # where there are 16 registers
_FEW = ("AVX2", "AVX", "SSE2", "scalar")
_PARTS = 4  # of each sum of a sample that is alone: else every multiply-add waits for the one before
_LEAST = 128  # samples of a thread: 7 us, four times what it takes to hand them over
_RELU = "inline_body V positive(V x) { return x < 0 ? V{} : x; }  // NaN stays NaN\n"
_ALONE = """
extern "C" void jet_mlp_alone(const U *const at)
{
  jet_mlp_body(0, 1, at[0], (const T *)at[1], (const T *)at[2], (T *)at[3]);
}
"""


@dataclass(frozen=True)
class Layer:
    """A layer, whose neurons are computed in groups of `vectors` registers."""

    fan_in: int
    fan_out: int
    lanes: int

    @property
    def vectors(self) -> int:
        """Registers of a group."""
        return min(2, -(-self.fan_out // self.lanes))

    @property
    def groups(self) -> int:
        """How many there are; the last is filled up with neurons of weight 0."""
        return -(-self.fan_out // (self.vectors * self.lanes))

    def packed(self, weights: Array, biases: Array) -> Array:
        """Return [group][biases, then a row per input][neuron of the group]."""
        rows = np.zeros((1 + self.fan_in, self.groups * self.vectors * self.lanes), weights.dtype)
        rows[0, : self.fan_out], rows[1:, : self.fan_out] = biases, weights
        return rows.reshape(len(rows), self.groups, -1).swapaxes(0, 1).reshape(-1)


def compiled(setup: Setup, x: Array, **parameters: Array) -> Run:
    """Repack the weights and compile; x is read where it lies.

    Raises Unavailable where there is no compiler.
    """
    host = compiler.find()
    lanes, tile = native.lanes(host, setup.dtype), _TILE_FEW if host.isa in _FEW else _TILE
    weights, biases = ([parameters[f"{kind}{k}"] for k in range(1, 1 + len(parameters) // 2)] for kind in "wb")
    layers = [Layer(*widths, lanes) for widths in pairwise((x.shape[1], *(b.size for b in biases)))]
    packed = _aligned([layer.packed(w, b) for layer, w, b in zip(layers, weights, biases, strict=True)])
    logits, threads = np.empty((len(x), layers[-1].fan_out), x.dtype), max(1, min(setup.threads, len(x) // _LEAST))
    program = text(layers, tile)
    made = library(program.name, raw.host(program, setup.dtype, lanes) + _ALONE, host)
    setup.compiled(made.took_s)
    setup.say(f"{host.description}, {threads} threads, {lanes} neurons of {tile} samples at once")
    call = raw.called(made, program, threads, len(x), x, packed, logits)
    if threads == 1:  # of the 0.8 us of a call OpenMP would take 0.3, and five arguments 0.2 more than one
        addresses = np.array([len(x), *(array.ctypes.data for array in (x, packed, logits))], np.uint64)
        call = partial(made.cdll.jet_mlp_alone, ctypes.c_void_p(addresses.ctypes.data))
        call.__dict__["kept"] = (addresses, x, packed)
    result = {"logits": logits}

    def run() -> Arrays:
        call()
        return result

    return run


def text(layers: list[Layer], tile: int) -> raw.Text:
    """Return the loop over tiles of so many samples, and over the samples that are left, one by one."""
    wide, narrow = layers[0].fan_in, layers[-1].fan_out
    body = f"""\
  each(t, batch / {tile}) tile_{tile}(x + {wide * tile} * t, (const V *)w, y + {narrow * tile} * t);
  if (worker + 1 == workers)
    for (U n = batch / {tile} * {tile}; n < batch; ++n) tile_1(x + {wide} * n, (const V *)w, y + {narrow} * n);"""
    functions = f"{_RELU}{_tile(layers, tile, 1)}\n{_tile(layers, 1, _PARTS)}"
    return raw.Text("jet_mlp", (("U", "batch"), ("const T *", "x"), ("const T *", "w"), ("T *", "y")), body, functions)


def _aligned(parts: list[Array]) -> Array:
    """Return all numbers, one after the other, at the start of a line of the cache."""
    flat = np.concatenate(parts)
    made = pages.empty(flat.size, flat.dtype)
    made[:] = flat
    return made


def _tile(layers: list[Layer], samples: int, parts: int) -> str:
    """Write a function that takes so many samples through all layers."""
    lines, source, row, last = [], "x", layers[0].fan_in, layers[-1].fan_out
    for k, layer in enumerate(layers):
        wide, relu = layer.groups * layer.vectors, k + 1 < len(layers)
        lines += [f"V h{k}[{samples * wide}];"]
        lines += _layer(layer, samples, math.gcd(parts, layer.fan_in), source, row, f"h{k}", relu)
        source, row = f"((const T *)h{k})", wide * layer.lanes
    lines.append(f"for (U s = 0; s < {samples}; ++s) __builtin_memcpy(y + {last} * s, {source} + {row} * s, {last} * sizeof(T));")
    body = "\n".join(f"  {line}" for line in lines)
    return f"inline_body void tile_{samples}(const T *x, const V *w, T *y)\n{{\n{body}\n}}"


def _layer(layer: Layer, samples: int, parts: int, source: str, row: int, target: str, relu: bool) -> list[str]:
    """Write one layer, from rows of so many numbers to registers; `w` moves on to the next layer's."""
    step, every = range(layer.vectors), range(parts)
    sums = [f"a{s}_{v}_{p} = {f'w[{v}]' if p == 0 else 'V{}'}" for s in range(samples) for v in step for p in every]
    lines = [f"for (U g = 0; g < {layer.groups}; ++g, w += {layer.vectors * (1 + layer.fan_in)}) {{"]
    lines += [f"  V {', '.join(sums)};", f"  for (U i = 0; i < {layer.fan_in}; i += {parts}) {{"]
    for p in every:
        lines += [f"    const V w{v}_{p} = w[{layer.vectors} * (i + {p + 1}) + {v}];" for v in step]
        for s in range(samples):
            terms = " ".join(f"a{s}_{v}_{p} += w{v}_{p} * x{s}_{p};" for v in step)
            lines.append(f"    const T x{s}_{p} = {source}[{row * s} + i + {p}]; {terms}")
    lines.append("  }")
    for s in range(samples):
        for v in step:
            total = " + ".join(f"a{s}_{v}_{p}" for p in every)
            at = f"{target}[{layer.groups * layer.vectors * s} + {layer.vectors} * g + {v}]"
            lines.append(f"  {at} = {f'positive({total})' if relu else total};")
    return [*lines, "}"]
