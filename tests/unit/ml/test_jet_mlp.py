"""Jet tagger inference: the network is the one described, every implementation computes it, and faults are seen."""

import importlib
import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.errors import Unavailable
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.model.case import Impl
from ngtbench.model.workload import Array, Setup
from ngtbench.workloads.ml import jet_mlp

W = jet_mlp.WORKLOAD
IMPLS = {impl.name: impl for impl in W.impls}
TEST = replace(W, sizes={**W.sizes, "XS-b3000": jet_mlp.Size(3000)})  # not a whole number of blocks


def arrays(batch: int, dtype: str = "float32") -> dict[str, Array]:
    return HostInputs(W.inputs(jet_mlp.Size(batch), 1), dtype).wide()


def logits(inputs: dict[str, Array]) -> Array:
    return jet_mlp.reference(jet_mlp.Size(len(inputs["x"])), **inputs)["logits"]


def judge(size: str, dtype: str) -> tuple[Checker, HostInputs]:
    inputs = HostInputs(W.inputs(TEST.sizes[size], 1), dtype)
    return Checker(TEST, size, inputs, backends.load("numpy", "cpu:0", 1)), inputs


def by_hand(x: Array, parameters: dict[str, Array]) -> list[float]:
    """Return one sample's logits, neuron by neuron."""
    values = [float(value) for value in x]
    for layer in range(1, 5):
        w, b = parameters[f"w{layer}"], parameters[f"b{layer}"]
        sums = [sum(value * w[i, o] for i, value in enumerate(values)) + b[o] for o in range(len(b))]
        values = sums if layer == 4 else [max(0.0, value) for value in sums]
    return values


def test_parameters_and_flop_are_counted() -> None:
    inputs = arrays(1)
    assert sum(array.size for name, array in inputs.items() if name != "x") == 4389 == jet_mlp.PARAMETERS
    shapes = [inputs[f"w{layer}"].shape for layer in range(1, 5)]
    assert shapes == [(16, 64), (64, 32), (32, 32), (32, 5)]
    work = W.work(jet_mlp.Size(10), 4)
    assert (work.flop, work.events, work.event) == (85120, 10, "sample")
    assert work.flop == 10 * 2 * sum(rows * columns for rows, columns in shapes)
    assert work.bytes == 4 * (4389 + 10 * (16 + 5))


def test_batches_are_powers_of_four() -> None:
    assert [size.batch for size in W.sizes.values()] == [4**k for k in range(9)]
    assert [W.sizes[name].batch for name in W.quick] == [1, 64, 4096, 65536]


def test_the_oracle_is_the_network() -> None:
    inputs = arrays(3)
    want = [by_hand(x, inputs) for x in inputs["x"]]
    assert np.abs(logits(inputs) - want).max() < 1e-13


def test_activations_keep_their_size_and_relus_cut() -> None:
    inputs = arrays(4096)
    assert np.std(inputs["x"]) == pytest.approx(1, rel=0.02)
    hidden = np.maximum(inputs["x"] @ inputs["w1"] + inputs["b1"], 0)
    assert 0.3 < np.mean(hidden == 0) < 0.7
    assert 0.3 < np.std(logits(inputs)) < 5


def test_weights_do_not_depend_on_the_batch() -> None:
    one, many = arrays(1), arrays(64)
    assert all(np.array_equal(one[name], many[name]) for name in one if name != "x")
    assert np.array_equal(one["x"][0], many["x"][0])


@pytest.mark.parametrize("size", ["XS", "S", "XS-b3000"])
@pytest.mark.parametrize(
    ("name", "dtype"),
    [(n, d) for n in ("numpy", "torch") for d in IMPLS[n].dtypes or W.tolerance],
)
def test_every_implementation_equals_the_oracle(name: str, dtype: str, size: str) -> None:
    impl: Impl = IMPLS[name]
    if lacking := backends.missing(impl.backend):
        pytest.skip(f"package {lacking} is not installed: {backends.remedy(lacking)}")
    backend = backends.load(impl.backend, "cpu:0", 1)
    _, inputs = judge(size, dtype)
    module, _, function = impl.entry.partition(":")
    build = getattr(importlib.import_module(f"ngtbench.kernels.{module}"), function)
    run = build(Setup(TEST.sizes[size], dtype, "cpu:0", 1, 1, backend), **inputs.on(backend))
    checker = Checker(TEST, size, inputs, backend)
    for _ in range(2):
        outputs = run()
        verdict = checker.check(outputs)
        assert verdict.passed, verdict.reason
        backend.poison(outputs["logits"])


def test_cupy_text_on_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the CuPy implementation with NumPy in CuPy's place: it uses only what both have."""
    monkeypatch.setitem(sys.modules, "cupy", np)
    spec = importlib.util.find_spec("ngtbench.kernels.ml.jet_mlp_cupy")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    checker, inputs = judge("S", "float32")
    backend = backends.load("numpy", "cpu:0", 1)
    run = module.arrays(Setup(TEST.sizes["S"], "float32", "cpu:0", 1, 1, backend), **inputs.on(backend))
    run()
    assert checker.check(run()).passed


def without_relu(inputs: dict[str, Array], layer: int) -> Array:
    h = inputs["x"]
    for k in range(1, 5):
        h = h @ inputs[f"w{k}"] + inputs[f"b{k}"]
        h = h if k in (layer, 4) else np.maximum(h, 0)
    return h


@pytest.mark.parametrize("dtype", W.tolerance)
def test_faults_of_the_network_fail_in_every_dtype(dtype: str) -> None:
    checker, inputs = judge("S", dtype)
    wide = inputs.wide()
    right = logits(wide)
    assert checker.check({"logits": right}).passed
    faults = [without_relu(wide, layer) for layer in (1, 2, 3)]
    faults += [logits({**wide, f"b{layer}": np.zeros_like(wide[f"b{layer}"])}) for layer in range(1, 5)]
    faults += [logits({**wide, "w3": wide["w3"].T}), right[:, ::-1], right[::-1], np.maximum(right, 0)]
    faults.append(np.exp(right) / np.exp(right).sum(axis=1, keepdims=True))
    for wrong in faults:
        assert not checker.check({"logits": wrong}).passed


def test_float32_tolerance_is_far_below_a_percent_and_above_what_rounding_does() -> None:
    for seed in (1, 2, 3):
        wide = HostInputs(W.inputs(jet_mlp.Size(4096), seed), "float32").wide()
        want, single = logits(wide), logits({name: array.astype(np.float32) for name, array in wide.items()})
        error = float(np.abs(single - want).max() / np.sqrt(np.mean(want**2)))
        assert W.tolerance["float32"] / 20 < error < W.tolerance["float32"]


def test_compile_is_unavailable_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    kernel: Any = importlib.import_module("ngtbench.kernels.ml.jet_mlp_torch")
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Unavailable, match="no C\\+\\+ compiler") as caught:
        kernel.compiler("cpu")
    assert caught.value.remedy == "install g++"
    with pytest.raises(Unavailable, match="no C compiler"):
        kernel.compiler("cuda")
    monkeypatch.setenv("CXX", "mycc")
    with pytest.raises(Unavailable, match="tried mycc"):
        kernel.compiler("cpu")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    assert kernel.compiler("cpu") == "mycc"
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    with pytest.raises(Unavailable, match=r"Python\.h"):
        kernel.compiler("cpu")
