"""The jet tagger served by NumPy's engines, with faults, and a LoadGen that takes no time."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ngtbench import backends
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.prepare import Stopwatch
from ngtbench.harness.validate import Checker
from ngtbench.kernels.ml import infer, jet_mlp
from ngtbench.kernels.ml.infer import Engine, Pooled
from ngtbench.kernels.ml.loadgen import Load, Result
from ngtbench.kernels.ml.loadgen_serve import System
from ngtbench.model.record import Verdict
from ngtbench.model.workload import Arrays, Setup, Trial
from ngtbench.workloads.ml import infer as workload
from ngtbench.workloads.ml.infer import Size

W = workload.WORKLOAD
SIZES = {
    "SingleStream": Size("SingleStream", 64), "MultiStream": Size("MultiStream", 64, largest=8),
    "Offline": Size("Offline", 64, largest=16), "Server": Size("Server", 64, largest=16),
}  # fmt: skip
Faulty = Callable[[Engine], Engine]


def asks(seed: int = 1, *, bears_hz: float = 500.0, share: float = 1.0) -> Callable[[System, Load, int], Result]:
    """Return a LoadGen that takes no time: it asks for this share of the pool, in batches of every size."""

    def run(system: System, load: Load, largest: int) -> Result:
        order = np.random.default_rng(seed).permutation(system.samples)[: round(share * system.samples)]
        at, step = 0, 1
        while at < len(order):
            n = load.together if load.together > 1 else min(step, largest)
            system.answer(order[at : at + n])
            at, step = at + n, step + 1
        late = "overload" if load.scenario == "Server" and load.rate_hz > bears_hz else ""
        null = 1.0 if isinstance(system, Pooled) else 0.01
        return Result(late, len(order), len(order), 1000.0, 1e-3 * null, 2e-3 * null, 8e-3 * null, 9e-3 * null, "", 1e-6)

    return run


class Served:
    """NumPy's engines on the inputs of a size, each with a fault; a trial, and the judge of it."""

    def __init__(self, size: Size, fault: Faulty = lambda engine: engine, seed: int = 1) -> None:
        self.backend, self.said, self.size = backends.load("numpy", "cpu:0", 1), list[str](), size
        self.inputs = HostInputs(W.inputs(size, seed), "float32")
        arrays = self.inputs.on(self.backend)
        setup = Setup(size, "float32", "cpu:0", 1, seed, self.backend, say=self.said.append)
        pool = {"x": arrays.pop("x")}

        def engine(batch: int) -> Engine:
            buffer = np.zeros((batch, 16), np.float32)
            run = jet_mlp.blocked(setup, buffer, **arrays)
            return fault(Engine({"x": buffer}, lambda: {"outputs": run()["logits"]}))

        self.trials = infer.trials(setup, engine, pool)

    def trial(self, k: int = 1) -> Trial:
        return self.trials(k, Stopwatch(self.backend))

    def judged(self, outputs: Arrays) -> Verdict:
        here = replace(W, sizes={"S-here": self.size})
        return Checker(here, "S-here", self.inputs, self.backend).check(outputs)
