"""A loader built on jets of a seed, and the judge of what comes out of a trial."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ngtbench import backends
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.prepare import Stopwatch
from ngtbench.harness.validate import Checker
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Arrays, Setup, Trial
from ngtbench.workloads.ml import loader

W = loader.WORKLOAD
IMPLS = {impl.name: impl for impl in W.impls}


class Loading:
    """One implementation at one size."""

    def __init__(self, name: str, size: loader.Size, seed: int = 1) -> None:
        impl = IMPLS[name]
        if lacking := backends.missing(impl.backend, impl.needs):
            pytest.skip(f"package {lacking} is not installed: {backends.remedy(lacking)}")
        self.size, self.said = size, list[str]()
        self.backend = backends.load("numpy", "cpu:0", 1)
        self.inputs = HostInputs(W.inputs(size, seed), "float32")
        setup = Setup(size, "float32", "cpu:0", 1, seed, self.backend, say=self.said.append)
        self._trial: Callable[[int, Any], Trial] = build(impl.entry)(setup, **self.inputs.on(self.backend))

    def trial(self, k: int) -> Trial:
        return self._trial(k, Stopwatch(self.backend))

    def judge(self, outputs: Arrays) -> Verdict:
        here = replace(W, sizes={"S-here": self.size})
        return Checker(here, "S-here", self.inputs, self.backend).check(outputs)


def build(entry: str) -> Any:
    module, _, function = entry.partition(":")
    return getattr(importlib.import_module(f"ngtbench.kernels.{module}"), function)
