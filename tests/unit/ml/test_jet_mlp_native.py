"""The compiled jet tagger: right at any batch, register width and number of threads, on inputs read at each call."""

import gc
import weakref
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.codegen import compiler, native, pages, raw
from ngtbench.errors import Unavailable
from ngtbench.kernels.ml import jet_mlp_native
from ngtbench.model.workload import Array, Setup
from ngtbench.workloads.ml import jet_mlp
from tests.unit.ml.engines import BATCHES, FAULTS, Engine


@pytest.fixture(autouse=True)
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> compiler.Compiler:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        return compiler.find()
    except Unavailable as error:
        pytest.skip(str(error))


def narrowed(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGTBENCH_ISA", isa)
    try:
        compiler.find()
    except Unavailable as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("isa", ["", "avx512", "avx2", "sse2", "neon", "scalar"])
def test_every_batch_is_right(isa: str, monkeypatch: pytest.MonkeyPatch) -> None:
    narrowed(isa, monkeypatch)
    for batch in BATCHES:
        for threads in (1, 2, 3):
            verdict = Engine("native", batch, threads).judged()
            assert verdict.passed, f"batch {batch}, {threads} threads: {verdict.reason}"


@pytest.mark.parametrize(("batch", "threads"), [(1, 1), (17, 1), (1025, 1), (1025, 3)])
def test_inputs_are_read_at_each_call(batch: int, threads: int) -> None:
    engine = Engine("native", batch, threads)
    assert engine.judged().passed
    engine.change(2)
    assert engine.judged(2).passed
    assert not engine.judged(1).passed


def test_a_batch_is_shared_where_it_is_worth_it() -> None:
    said = {batch: Engine("native", batch, 4).said for batch in (1, 255, 256, 1025)}
    assert [next(word for word in words if "threads" in word).split(", ")[-2] for words in said.values()] == [
        "1 threads", "1 threads", "2 threads", "4 threads",
    ]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_layer_is_rejected(fault: str) -> None:
    for batch in (7, 64):  # of one sample alone, a neuron that is cut off hides its weights
        assert "error" in str(Engine("native", batch, spoil=FAULTS[fault]).judged().reason)


def test_what_is_no_number_stays_in_its_sample() -> None:
    engine = Engine("native", 17)
    engine.arrays["x"][3, 5] = np.nan
    engine.arrays["x"][16, 0] = np.inf
    logits = engine.run()["logits"]
    assert np.isnan(logits[3]).all(), "a ReLU must not make a number of it"
    assert not np.isfinite(logits[16]).all()
    others = np.delete(np.arange(17), [3, 16])
    want = jet_mlp.reference(engine.size, **engine.inputs.wide())["logits"]
    assert np.abs(logits[others] - want[others]).max() < 1e-5


@pytest.mark.parametrize("batch", [1, 7, 8, 17])
def test_nothing_is_written_behind_the_logits(batch: int, host: compiler.Compiler) -> None:
    lanes = native.lanes(host, "float32")
    layers = [jet_mlp_native.Layer(*widths, lanes) for widths in pairwise((16, 64, 32, 32, 5))]
    text = jet_mlp_native.text(layers, 8)
    ones = [(np.ones((layer.fan_in, layer.fan_out), "f"), np.ones(layer.fan_out, "f")) for layer in layers]
    flat = np.concatenate([layer.packed(*pair) for layer, pair in zip(layers, ones, strict=True)])
    packed = pages.empty(flat.size, "float32")
    packed[:] = flat
    y = np.full(batch * 5 + 64, 77, "float32")
    raw.called(raw.built(text, "float32", lanes, host), text, 1, batch, np.zeros((batch, 16), "f"), packed, y)()
    assert (y[: 5 * batch] != 77).all()
    assert (y[5 * batch :] == 77).all()


@pytest.mark.parametrize("widths", [(6, 33, 3), (5, 17, 40, 1), (4, 70, 2, 34)])
def test_layers_that_do_not_fill_registers(widths: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    shapes = list(pairwise(widths))
    given: dict[str, Array] = {f"w{k}": rng.normal(size=shape).astype("f") for k, shape in enumerate(shapes, 1)}
    given |= {f"b{k}": rng.normal(size=shape[1]).astype("f") for k, shape in enumerate(shapes, 1)}
    x = rng.normal(size=(19, widths[0])).astype("f")
    setup = Setup(None, "float32", "cpu:0", 1, 1, backends.load("native", "cpu:0", 1))
    h: Array = x.astype(np.float64)
    for k in range(1, len(widths)):
        h = h @ given[f"w{k}"] + given[f"b{k}"]
        h = h if k == len(shapes) else np.maximum(h, 0)
    got = jet_mlp_native.compiled(setup, x, **given)()["logits"]
    assert got.shape == h.shape
    assert np.abs(got - h).max() < 1e-5 * np.abs(h).max()


@pytest.mark.parametrize("batch", [1, 1025])
def test_arrays_live_as_long_as_the_run(batch: int) -> None:
    engine = Engine("native", batch, threads=2)
    held = weakref.ref(engine.arrays.pop("x"))
    gc.collect()
    assert held() is not None
    assert engine.judged().passed


def test_compile_time_and_variant_are_told() -> None:
    told = list[float]()
    engine = Engine("native", 1)
    setup = Setup(engine.size, "float32", "cpu:0", 1, 1, engine.backend, compiled=told.append)
    jet_mlp_native.compiled(setup, **engine.arrays)
    (compile_s,) = told
    assert compile_s > 0


@pytest.mark.parametrize("named", ["/nowhere/g++", "false"])
def test_without_a_compiler_it_is_unavailable(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NGTBENCH_CXX", named)
    with pytest.raises(Unavailable, match=r"no C\+\+ compiler works") as caught:
        Engine("native", 1)
    assert "install g++" in caught.value.remedy
