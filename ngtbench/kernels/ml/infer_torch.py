"""The jet tagger in torch under load, on the processor: eager, and compiled by TorchInductor."""

import time
from collections.abc import Callable
from types import FunctionType

import numpy as np
import torch

from ngtbench.kernels.ml.infer import Engine, Trials, trials
from ngtbench.kernels.ml.jet_mlp_torch import compiler, logits
from ngtbench.model.workload import Arrays, Setup

Logits = Callable[[torch.Tensor, dict[str, torch.Tensor]], torch.Tensor]


def eager(setup: Setup, x: torch.Tensor, **parameters: torch.Tensor) -> Trials:
    """Serve `ml/jet_mlp` operator by operator."""
    return _served(setup, x, parameters, lambda: logits)


def compiled(setup: Setup, x: torch.Tensor, **parameters: torch.Tensor) -> Trials:
    """Serve `ml/jet_mlp` compiled for each batch; raise Unavailable where TorchInductor finds no compiler."""
    setup.say(f"inductor with {compiler(x.device.type)}, static shapes")
    torch.compiler.reset()
    start = time.perf_counter()

    def graph() -> Logits:
        # of one code object only eight shapes may be compiled, and each call looks through them all
        code = logits.__code__.replace()
        return torch.compile(FunctionType(code, logits.__globals__), fullgraph=True, dynamic=False)

    made = _served(setup, x, parameters, graph)
    setup.compiled(time.perf_counter() - start)
    return made


def _served(setup: Setup, x: torch.Tensor, parameters: dict[str, torch.Tensor], made: Callable[[], Logits]) -> Trials:
    wide = parameters["w1"].shape[0]

    def engine(batch: int) -> Engine:
        buffer, network = np.zeros((batch, wide), x.numpy().dtype), made()
        given = torch.from_numpy(buffer)

        def run() -> Arrays:
            with torch.inference_mode():
                return {"logits": network(given, parameters).numpy()}

        run()
        return Engine({"x": buffer}, run)

    return trials(setup, engine, {"x": x.numpy()})
