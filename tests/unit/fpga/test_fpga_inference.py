import itertools
import math
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import tagger
from ngtbench.kernels.fpga.inference import compiled, infer, infer_integers
from ngtbench.kernels.fpga.inference_numpy import NumpyEngine
from ngtbench.kernels.fpga.inference_product import product
from ngtbench.kernels.fpga.inference_rounding import divider, requantiser
from ngtbench.kernels.fpga.inference_torch import TorchEngine
from ngtbench.kernels.fpga.network import CHOICES, Kind, Layer, Network
from ngtbench.kernels.fpga.varied import quantise_each, varied
from ngtbench.physics.fpga.fixed_point import Fixed, Overflow, Rounding, parse, values
from ngtbench.workloads.fpga import fixed_point_inference as workload
from tests.unit.fpga.exactly import becomes, network_exactly

torch = pytest.importorskip("torch")
MODES = list(itertools.product(get_args(Rounding), get_args(Overflow)))
BATCH = 3


@st.composite
def types(draw: Any, bits: int = 12) -> Fixed:
    rounding, overflow = draw(st.sampled_from(MODES))
    wide = draw(st.integers(2, bits))
    return Fixed(draw(st.booleans()), wide, draw(st.integers(-2, wide + 2)), rounding, overflow)


@pytest.mark.parametrize(("rounding", "overflow"), MODES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_every_rounding_and_overflow_is_that_of_fractions(rounding: Rounding, overflow: Overflow, data: Any) -> None:
    fraction, drop, bits = data.draw(st.integers(-3, 30)), data.draw(st.integers(-4, 12)), data.draw(st.integers(1, 40))
    to = Fixed(data.draw(st.booleans()), bits, bits - fraction + drop, rounding, overflow)
    divisor, reach = data.draw(st.sampled_from((1, 3, 9, 12))), 1 << data.draw(st.integers(2, 30))
    edges = [k * 2**d + e for k in range(-3, 4) for d in (0, max(0, drop - 1)) for e in (-1, 0, 1)]  # ties are odd halves
    drawn = data.draw(st.lists(st.integers(-reach, reach), min_size=1, max_size=20))
    numbers = [k for k in (*edges, *drawn) if abs(k) <= reach]
    wanted = [int(becomes(Fraction(k) / Fraction(2) ** fraction, to) * Fraction(2) ** to.fraction) for k in numbers]
    means = [int(becomes(Fraction(k, divisor) / Fraction(2) ** fraction, to) * Fraction(2) ** to.fraction) for k in numbers]
    steps = requantiser("x", fraction, reach, to), divider("x", fraction, reach, divisor, to)
    for host in (np.array(numbers), torch.tensor(numbers)):
        assert steps[0](host).tolist() == wanted
        assert steps[1](host).tolist() == means


@st.composite
def tensor_types(draw: Any, shape: tuple[int, ...], bits: int = 12) -> Fixed:
    """A type for all, or one for each number of some of the last axes; some have no bits."""
    one, last = draw(types(bits)), shape[len(shape) - draw(st.integers(0, len(shape))) :]
    each = np.empty(math.prod(last), object)
    each[:] = [
        None if wide == 0 else replace(one, signed=signed, bits=wide, integer=one.integer + move)
        for wide, move, signed in draw(
            st.lists(st.tuples(st.integers(0, bits), st.integers(-4, 4), st.booleans()), min_size=each.size, max_size=each.size)
        )
    ]
    return varied(each.reshape(last)) if last else one


def drawn_layer(kind: Any, draw: Any, seed: int) -> tuple[tuple[int, ...], Layer]:
    """A layer of this kind with numbers of a size that rounds, saturates and wraps some of them, and the shape it takes."""
    random = np.random.default_rng(seed)
    options: dict[str, Any] = {}
    shape: tuple[int, ...] = (3,)
    of: dict[str, dict[str, tuple[int, ...]]] = {
        "dense": {"kernel": (3, 4), "bias": (4,)},
        "batchnorm": {"scale": (3,), "shift": (3,)},
    }
    arrays = of.get(kind, {})
    if kind in ("conv1d", "conv2d"):
        axes = 1 if kind == "conv1d" else 2
        shape, arrays = (*(5, 4)[:axes], 2), {"kernel": (*(3, 2)[:axes], 2, 3), "bias": (3,)}
        options = {"stride": draw(st.integers(1, 2)), "padding": draw(st.sampled_from(("same", "valid")))}
    elif kind == "pool":
        shape, options = (
            (5, 4, 2),
            {"of": draw(st.sampled_from(("max", "average"))), "size": draw(st.integers(1, 3)), "stride": 2},
        )
    elif kind in ("gru", "lstm"):
        gates = 3 if kind == "gru" else 4
        shape, arrays = (3, 2), {"kernel": (2, 2 * gates), "recurrent": (2, 2 * gates), "bias": (2 * gates,)}
        arrays |= {"recurrent_bias": (6,)} if kind == "gru" else {}
        options = {"sequence": draw(st.booleans()), "table_size": 64, "table_type": "ap_fixed<10,2,RND,SAT>"}
    elif kind in CHOICES["function"]:
        kind, function = "activation", kind
        options = {
            "function": function,
            "table_size": 64,
            "table_type": draw(st.sampled_from(("ap_fixed<12,4>", "ap_ufixed<12,4,RND,SAT>"))),
        }
    elif kind == "flatten":
        shape = (2, 2)
    weight = draw(types(8)) if arrays else None
    total = draw(st.none() | types(14)) if kind in ("dense", "conv1d", "lstm") else None
    made = {name: random.normal(0, 2.0 ** (weight.integer - 2), size) for name, size in arrays.items() if weight}
    return shape, Layer("x", kind, ("input",) * (1 + (kind == "add")), draw(types()), weight, total, made, options)


@pytest.mark.parametrize("kind", sorted({*get_args(Kind), *CHOICES["function"]} - {"activation"}))
@pytest.mark.parametrize("own", [False, True])
@settings(max_examples=8, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6))
def test_every_layer_is_that_of_fractions(kind: str, own: bool, data: Any, seed: int) -> None:
    shape, layer = drawn_layer(kind, data.draw, seed)
    network = Network(shape, data.draw(types(8)), (layer,))
    k = np.random.default_rng(seed).integers(network.type.lowest, network.type.highest, (BATCH, *shape), endpoint=True)
    k[0] = network.type.lowest
    if own:
        held = network.shapes()["x"][-1:] if kind in ("gru", "lstm") else network.shapes()["x"]
        layer = replace(layer, result=data.draw(tensor_types(held)))
        network = replace(network, type=data.draw(tensor_types(shape, 8)), layers=(layer,))
        k = quantise_each(values(k, network.type), network.type)
    got = infer_integers(network, k)
    wanted = np.array([network_exactly(network, sample) for sample in k], object) * Fraction(2) ** layer.result.fraction
    assert np.array_equal(got.astype(object), wanted)
    assert got.shape[1:] == network.shapes()["x"]
    by_torch = compiled(network, TorchEngine(torch.device("cpu")))(torch.from_numpy(k))
    assert np.array_equal(by_torch.numpy(), got)


def test_a_residual_network_frees_nothing_that_is_still_read() -> None:
    wide, narrow = parse("ap_fixed<12,6>"), parse("ap_fixed<8,4,RND_CONV,SAT_SYM>")
    kernel = {"kernel": np.eye(3) + 0.25}
    layers = (
        Layer("a", "dense", ("input",), wide, narrow, arrays=kernel),
        Layer("b", "activation", ("a",), narrow),
        Layer("c", "add", ("b", "input"), narrow),
        Layer("d", "add", ("c", "a"), wide),
    )
    network = Network((3,), narrow, layers)
    k = np.arange(-9, 9).reshape(6, 3) * 7
    wanted = np.array([network_exactly(network, sample) for sample in k], object)
    assert np.array_equal(infer(network, k / 2**narrow.fraction).astype(object), wanted)


@pytest.mark.parametrize(("bits", "formats"), [(6, "float32"), (12, "float64"), (20, "float64"), (30, "split")])
def test_products_are_exact_in_the_narrowest_format_that_holds_them(bits: int, formats: str) -> None:
    random, far = np.random.default_rng(bits), 1 << bits
    kernel, x = random.integers(-far, far, (5, 4), endpoint=True), random.integers(-far, far, (7, 5), endpoint=True)
    used: list[str] = []

    class Watched(NumpyEngine):
        def put(self, host: Any) -> Any:
            used.append(host.dtype.name)
            return host

    got = product(Watched(), "x", kernel, far, "int64")(x)
    assert np.array_equal(got.astype(object), x.astype(object) @ kernel.astype(object))
    assert used == ({"split": ["float64"] * len(used)}.get(formats) or [formats])
    assert (len(used) > 1) == (formats == "split")


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_the_workloads_sample_is_of_all_samples(bits: int) -> None:
    size = workload.Size(1000, bits)
    made = {name: np.asarray(array) for name, array in workload.inputs(size, 3).items()}
    logits = tagger.blocked(SimpleNamespace(size=size), **made)()["logits"]  # type: ignore[arg-type]  # a stand-in
    flat = {name: array.reshape(-1) for name, array in made.items()}
    got, wanted = workload.spot(size, flat, {"logits": logits.reshape(-1)})
    assert np.array_equal(got, wanted)
    assert np.array_equal(got[[0, -1]], logits[[0, -1]])
    assert len(got) == 64


def test_negative_zero_and_halves_are_zero_and_halves() -> None:
    for rounding, overflow in MODES:
        to = Fixed(True, 8, 6, rounding, overflow)
        network = Network((1,), to, (Layer("x", "flatten", ("input",), to),))
        assert np.array_equal(np.signbit(infer(network, np.array([[-0.0], [0.0]]))), [[False], [False]])
        values = np.array([[-0.125], [0.125], [-0.375], [0.375]])
        assert infer(network, values)[:, 0].tolist() == [float(becomes(Fraction(one), to)) for (one,) in values]


def test_bad_input_names_the_layer_or_the_numbers() -> None:
    wide = Fixed(True, 40, 20)
    network = Network((4,), wide, (Layer("deep", "dense", ("input",), wide, wide, arrays={"kernel": np.full((4, 1), 5e5)}),))
    with pytest.raises(BadInput, match="layer 'deep': its sums may need"):
        infer(network, np.zeros((1, 4)))
    narrow = Network((2,), parse("ap_fixed<4,4>"), (Layer("f", "flatten", ("input",), wide),))
    with pytest.raises(BadInput, match=r"shape \[1, 3\]: the network takes \(batch, 2\)"):
        infer_integers(narrow, np.zeros((1, 3), int))
    with pytest.raises(BadInput, match="rows of different lengths"):
        infer(narrow, [[0.0], [0.0, 1.0]])  # type: ignore[arg-type]  # ragged
    with pytest.raises(BadInput, match="inputs of complex128"):
        infer(narrow, np.zeros((1, 2), complex))
    with pytest.raises(BadInput, match=r"from 0 to 9 are not all in ap_fixed<4,4"):
        infer_integers(narrow, np.array([[0, 9]]))
    with pytest.raises(BadInput, match="NaN"):
        infer(narrow, np.array([[0.0, np.nan]]))
