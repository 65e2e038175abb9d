"""Any network of a task under load: DeepSets by every engine, each kind by torch, judged; a wrong one rejected."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.errors import Unavailable
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.prepare import Stopwatch, resolve
from ngtbench.harness.validate import Checker
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Setup
from ngtbench.workloads.ml import _task, calo_ae, deepsets, gpt, particle_net, tagger
from ngtbench.workloads.ml import infer as workload
from ngtbench.workloads.ml._task import Task
from ngtbench.workloads.ml.infer import Size

pytest.importorskip("mlperf_loadgen", reason="pip install 'ngtbench[ml]'")

from ngtbench.kernels.ml import loadgen
from tests.unit.ml.serving import W, asks

AOS = Size("Server", 40, largest=4, task=deepsets.JETS)  # the pool is no multiple of what the oracle takes at once
SOA = replace(AOS, layout="soa")
Served = Callable[[str, Size], Verdict]


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Served:
    """Return what serves a size once by the engines of an implementation, in batches of every size, and judges the answers."""

    def once(impl: str, size: Size) -> Verdict:
        monkeypatch.setattr(loadgen, "run", asks())
        declared = next(one for one in W.impls if one.name == impl)
        if lacking := backends.missing(declared.backend, declared.needs):
            pytest.skip(f"package {lacking} is not installed")
        backend, inputs = backends.load(declared.backend, "cpu:0", 1), HostInputs(W.inputs(size, 1), "float32")
        setup = Setup(size, "float32", "cpu:0", 1, 1, backend)
        outputs = resolve(declared.entry, W, None)(setup, **inputs.on(backend))(1, Stopwatch(backend)).outputs
        return Checker(replace(W, sizes={"S-here": size}), "S-here", inputs, backend).check(outputs)

    return once


@pytest.mark.parametrize("size", [AOS, SOA], ids=["aos", "soa"])
@pytest.mark.parametrize("impl", ["torch", "torch-compile", "torch-script", "onnx"])
def test_deepsets_gives_right_answers(impl: str, size: Size, served: Served) -> None:
    verdict = served(impl, size)
    assert verdict.passed, verdict.reason


@pytest.mark.slow  # ten seconds to compile
def test_what_is_compiled_ahead_of_time_gives_right_answers(served: Served) -> None:
    verdict = served("torch-aoti", Size("Offline", 40, largest=8))
    assert verdict.passed, verdict.reason


@pytest.mark.parametrize("impl", ["torch", "torch-script"])
@pytest.mark.parametrize(
    "task", [tagger.GRU, calo_ae.SHOWERS, particle_net.LITE, gpt.TINY], ids=lambda task: type(task.network).__name__
)
def test_networks_of_every_kind_are_served(task: Task, impl: str, served: Served) -> None:
    verdict = served(impl, Size("Offline", 7, largest=3, task=task))
    assert verdict.passed, verdict.reason


def test_a_network_that_counts_empty_slots_is_rejected(monkeypatch: pytest.MonkeyPatch, served: Served) -> None:
    torch = pytest.importorskip("torch")
    from ngtbench.kernels.ml.engines_torch import forward_of

    right = forward_of(AOS.network)
    where = "ngtbench.kernels.ml.infer_torch.forward_of"
    monkeypatch.setattr(where, lambda network: lambda of, parameters, x, mask: right(of, parameters, x, torch.ones_like(mask)))
    assert not served("torch", AOS).passed


@pytest.mark.parametrize("impl", ["numpy", "native"])
def test_engines_of_the_tagger_serve_no_other_network(impl: str, served: Served) -> None:
    with pytest.raises(Unavailable, match="the jet tagger alone"):
        served(impl, AOS)


def test_the_oracle_computes_parts_as_it_does_the_whole() -> None:
    inputs = HostInputs(W.inputs(AOS, 1), "float32").wide()
    whole = deepsets.WORKLOAD.reference
    assert whole is not None
    right = whole(_task.Size(AOS.samples, AOS.task), **inputs)["outputs"]
    np.testing.assert_allclose(workload.reference(AOS, **inputs)["outputs"], right, rtol=0, atol=1e-12)
