"""Hold a network against a circuit of it: its resources by synthesis, its outputs bit for bit by simulation."""

from dataclasses import dataclass, replace
from math import prod
from typing import Literal

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.circuit import circuit
from ngtbench.kernels.fpga.estimate import Estimate
from ngtbench.kernels.fpga.inference import infer_integers
from ngtbench.kernels.fpga.inference_layers import Place
from ngtbench.kernels.fpga.inference_numpy import NumpyEngine
from ngtbench.kernels.fpga.multiplexed import multiplexed
from ngtbench.kernels.fpga.network import Network
from ngtbench.kernels.fpga.network_estimate import estimate_network
from ngtbench.kernels.fpga.synthesis import Design, Resources, simulate, synthesise
from ngtbench.kernels.fpga.variants import styled
from ngtbench.kernels.fpga.varied import Varied, every
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import MOST_BITS

LEAST_OUTPUTS = 6400  # numbers that are compared


@dataclass(frozen=True)
class Verified:
    """What was found for one circuit: `part` is the layer or "network", `by` what wrote the Verilog.

    `cost` is the compiler's own figure in LUT, None where there is none; `register_bits` likewise. `estimate` is ours of the
    resource that such a circuit is made of: LUT of adder graphs, DSP of multipliers that are reused.
    """

    part: str
    by: str
    resources: Resources | None
    cost: float | None
    register_bits: int | None
    estimate: Estimate
    estimated: Literal["lut", "dsp"]
    outputs: int
    unequal: int


def verify(
    network: Network,
    *,
    outputs: int = LEAST_OUTPUTS,
    seed: int = 1,
    stage_depth: int = 0,
    compiler: str | None = None,
    synthesis: bool = True,
    limit_s: float = 600.0,
) -> list[Verified]:
    """Build, synthesise and simulate a network: as one adder graph, or layer by layer where one reuses multipliers.

    Inputs are uniform random integers of the type, all lowest, all highest and all zero. A layer that stands alone is given those
    of its own input and what the layers before it make of the network's: where no output differs, none of the network's would.
    Raises Unavailable where a tool is missing or needs longer than `limit_s`, BadInput for a layer that has no circuit.
    """
    found, whole = [], drawn(network, -(-outputs // prod(network.shapes()[network.layers[-1].name])), seed)
    for part in parts(network):
        layer = part.layers[0]
        alone = len(part.layers) < len(network.layers)
        estimated: Literal["lut", "dsp"] = "dsp" if layer.reuse_factor > 1 else "lut"
        total = estimate_network(styled(part, "da" if layer.reuse_factor == 1 else "resource")).total
        if layer.reuse_factor > 1:
            by, cost, bits, design = "ngtbench", None, None, reused(part)
        else:
            made = circuit(part, stage_depth=stage_depth, name=compiler)
            by, cost, bits, design = made.compiler, made.cost, made.register_bits, made.design
        vectors = whole
        if alone:
            own = drawn(part, -(-outputs // len(design.output_bits)), seed)
            vectors = np.concatenate([own, _reaching(network, layer.name, whole)])
        unequal = compared(part, design, vectors, limit_s)
        name = layer.name if alone else "network"
        resources = synthesise(design, limit_s) if synthesis else None
        count = len(vectors) * len(design.output_bits)
        found.append(Verified(name, by, resources, cost, bits, getattr(total, estimated), estimated, count, unequal))
    return found


def parts(network: Network) -> list[Network]:
    """Return the network itself, or each layer as one where a layer reuses multipliers."""
    if all(layer.reuse_factor == 1 for layer in network.layers):
        return [network]
    shapes = network.shapes()
    made = []
    for layer in network.layers:
        if len(layer.inputs) == 1:  # a sum of two layers costs an adder for each number, and reuses none
            alone = replace(layer, inputs=("input",))
            made.append(Network(shapes[layer.inputs[0]], network.types(layer)[0], (alone,)))
    return made


def _reaching(network: Network, name: str, whole: Array) -> Array:
    """Return the integers that a layer of one input is given where the network is given these."""
    place = next(k for k, layer in enumerate(network.layers) if layer.name == name)
    source = network.layers[place].inputs[0]
    until = next((k for k, layer in enumerate(network.layers) if layer.name == source), None)
    return whole if until is None else infer_integers(replace(network, layers=network.layers[: until + 1]), whole)


def drawn(network: Network, count: int, seed: int) -> Array:
    """Return input integers (count, ..): random ones behind the lowest, the highest and zero, each of its own type."""
    of, shape = network.type, network.shape
    low, high = every(of, shape, lambda one: one.lowest), every(of, shape, lambda one: one.highest)
    made = np.random.default_rng(seed).integers(low, high, (max(count, 3), *shape), endpoint=True)
    made[0], made[1], made[2] = low, high, 0
    return made << every(of, shape, lambda one: of.fraction - one.fraction)


def compared(network: Network, design: Design, vectors: Array, limit_s: float) -> int:
    """Return how many outputs of the simulation differ from inference; a point that lies elsewhere is allowed for."""
    got = simulate(design, _rows(network, design, vectors), limit_s)
    wanted = infer_integers(network, vectors).reshape(len(vectors), -1).tolist()
    fraction = network.layers[-1].result.fraction
    finest = max(fraction, *design.output_fraction)
    ups = [finest - one for one in design.output_fraction]
    return sum(
        one << up != want << (finest - fraction)
        for row, wants in zip(got, wanted, strict=True)
        for one, up, want in zip(row, ups, wants, strict=True)
    )


def _rows(network: Network, design: Design, vectors: Array) -> list[list[int]]:
    """Return vectors as a design takes them, each number with its own point."""
    drop = network.type.fraction - np.array(design.input_fraction)
    rows: list[list[int]] = (vectors.reshape(len(vectors), -1) >> drop.clip(0, MOST_BITS)).tolist()
    return rows


def reused(network: Network) -> Design:
    """Return the design of a network of one dense layer that reuses its multipliers.

    Raises BadInput for another layer, or an accumulator that rounds or overflows.
    """
    (layer,) = network.layers
    if layer.kind != "dense" or len(network.shape) != 1:
        raise BadInput(f"layer {layer.name!r} ({layer.kind}): a circuit that reuses multipliers is written for dense layers only")
    affine = Place(NumpyEngine(), layer, network.types(layer), network.shape).affine()
    if not affine.kept(layer.total):
        raise BadInput(
            f"layer {layer.name!r}: an accumulator {layer.total} that rounds or overflows has no circuit: leave it out"
        )
    kernel, bias = affine.integers
    own = layer.result.each if isinstance(layer.result, Varied) else (layer.result,)
    up = max(0, -network.type.fraction)  # bits that the kernel's integers have got in front
    return multiplexed(
        kernel.astype(np.int64),
        bias,
        weight=replace(affine.weight, bits=affine.weight.bits + up, integer=affine.weight.integer + up),
        given=network.type,
        results=own * (kernel.shape[1] // len(own)),
        reuse_factor=layer.reuse_factor,
        name=layer.name,
    )
