"""An implementation of the jet tagger built on inputs of this workload, and the judge of what it returns."""

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ngtbench import backends
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.validate import Checker
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.workloads.ml import jet_mlp

W = jet_mlp.WORKLOAD
BATCHES = (1, 2, 3, 7, 8, 17, 64, 1000, 1025)


class Engine:
    """One implementation at one batch; `spoil` changes what it is built with, not what it is judged by."""

    def __init__(
        self, name: str, batch: int, threads: int = 1, spoil: Callable[[dict[str, Array]], object] = lambda arrays: None
    ) -> None:
        (impl,) = (impl for impl in W.impls if impl.name == name)
        module, _, function = impl.entry.partition(":")
        self.size, self.said = jet_mlp.Size(batch), list[str]()
        self.backend = backends.load(impl.backend, "cpu:0", threads)
        self.inputs = HostInputs(W.inputs(self.size, 1), "float32")
        self.arrays: dict[str, Any] = self.inputs.on(self.backend)
        spoil(self.arrays)
        setup = Setup(self.size, "float32", "cpu:0", threads, 1, self.backend, say=self.said.append)
        self.run: Run = getattr(importlib.import_module(f"ngtbench.kernels.{module}"), function)(setup, **self.arrays)

    def judged(self, seed: int = 1) -> Verdict:
        """Call it on poisoned outputs, and judge it by the oracle on the live inputs of a seed."""
        self.backend.poison(self.run()["logits"])
        return self.judge(self.run(), seed)

    def judge(self, outputs: Arrays, seed: int = 1) -> Verdict:
        other = HostInputs(W.inputs(self.size, seed), "float32")
        here = replace(W, sizes={"S-here": self.size})
        return Checker(here, "S-here", self.inputs.with_others(other, W.live), self.backend).check(outputs)

    def change(self, seed: int) -> None:
        """Write the live inputs of another seed where those of the first lay."""
        np.copyto(self.arrays["x"], HostInputs(W.inputs(self.size, seed), "float32").on(self.backend, W.live)["x"])


def _forgotten(layer: int) -> Callable[[dict[str, Array]], object]:
    return lambda arrays: arrays[f"b{layer}"].fill(0)


def _turned(arrays: dict[str, Array]) -> None:
    arrays["w3"] = np.ascontiguousarray(arrays["w3"].T)


def _swapped(arrays: dict[str, Array]) -> None:
    arrays["w1"][:, [0, 63]] = arrays["w1"][:, [63, 0]]


def _slightly(arrays: dict[str, Array]) -> None:
    arrays["w1"][15] *= 1.01


FAULTS = {f"no b{layer}": _forgotten(layer) for layer in range(1, 5)} | {
    "w3 turned": _turned,
    "neurons swapped": _swapped,
    "one input by 1 %": _slightly,
}
