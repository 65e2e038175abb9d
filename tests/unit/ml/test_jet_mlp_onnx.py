"""The jet tagger in ONNX Runtime: right at any batch, on inputs read at each call; skipped with a remedy where it is missing."""

import gc
import importlib.util
import weakref
from dataclasses import replace
from typing import Any

import pytest

from ngtbench import backends
from ngtbench.harness.plan import plan
from ngtbench.model.case import Selection
from tests.machines import machine
from tests.unit.ml.engines import BATCHES, FAULTS, Engine

JET = Selection(workloads=("ml/jet_mlp",), impls=("onnx",))
PACKAGES = ("onnx", "onnxruntime")
installed = pytest.mark.skipif(backends.missing("onnx") is not None, reason="pip install 'ngtbench[onnx]'")


@installed
@pytest.mark.parametrize("batch", BATCHES)
def test_every_batch_is_right(batch: int) -> None:
    for threads in (1, 2):
        verdict = Engine("onnx", batch, threads).judged()
        assert verdict.passed, f"{threads} threads: {verdict.reason}"


@installed
@pytest.mark.parametrize("batch", [1, 17, 1025])
def test_inputs_are_read_at_each_call(batch: int) -> None:
    engine = Engine("onnx", batch)
    assert engine.judged().passed
    engine.change(2)
    assert engine.judged(2).passed
    assert not engine.judged(1).passed


@installed
@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_layer_is_rejected(fault: str) -> None:
    engine = Engine("onnx", 64, spoil=FAULTS[fault])
    assert "error" in str(engine.judged().reason)


@installed
def test_outputs_are_never_copied_and_inputs_are_held() -> None:
    engine = Engine("onnx", 7)
    first = engine.run()["logits"]
    held = weakref.ref(engine.arrays.pop("x"))
    gc.collect()
    assert held() is not None
    assert engine.run()["logits"] is first


@installed
def test_the_session_has_the_threads_and_options_that_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    runtime: Any = importlib.import_module("onnxruntime")
    seen, opened = list[Any](), runtime.InferenceSession

    def session(model: bytes, options: Any, **words: Any) -> Any:
        seen.append(options)
        return opened(model, options, **words)

    monkeypatch.setattr(runtime, "InferenceSession", session)
    (said,) = Engine("onnx", 4, threads=3).said
    (options,) = seen
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (3, 1)
    assert options.graph_optimization_level == runtime.GraphOptimizationLevel.ORT_ENABLE_ALL
    for words in (runtime.__version__, "CPUExecutionProvider", "3 threads", "ORT_ENABLE_ALL"):
        assert words in said


@pytest.mark.parametrize("package", PACKAGES)
def test_where_it_is_not_installed_it_is_skipped_with_the_remedy(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == package else found("json"))
    backends.missing.cache_clear()
    try:
        planned = plan(machine(), replace(JET, sizes=("XS",)))
    finally:
        backends.missing.cache_clear()
    (skip,) = planned.skipped
    assert not planned.jobs
    assert (skip.reason, skip.remedy) == (f"package {package} is not installed", "pip install 'ngtbench[onnx]'")
