"""A network in torch under load, on the processor: eager, compiled, scripted, and compiled ahead of time."""

import time
from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch

from ngtbench.kernels.ml import engines_torch
from ngtbench.kernels.ml.engines_torch import forward_of, parted
from ngtbench.kernels.ml.infer import Engine, Trials, buffers, trials
from ngtbench.kernels.ml.jet_mlp_torch import compiler
from ngtbench.model.workload import Arrays, Run, Setup

Forward = Callable[..., torch.Tensor]


def eager(setup: Setup, **arrays: torch.Tensor) -> Trials:
    """Serve operator by operator."""
    return _served(setup, arrays, lambda forward: forward)


def compiled(setup: Setup, **arrays: torch.Tensor) -> Trials:
    """Serve compiled for each batch; raise Unavailable where TorchInductor finds no compiler."""
    setup.say(f"inductor with {compiler('cpu')}, static shapes")
    torch.compiler.reset()
    start = time.perf_counter()

    def graph(forward: Any) -> Forward:
        # of one code object only eight shapes may be compiled, and each call looks through them all
        return torch.compile(FunctionType(forward.__code__.replace(), forward.__globals__), fullgraph=True, dynamic=False)

    made = _served(setup, arrays, graph)
    setup.compiled(time.perf_counter() - start)
    return made


def scripted(setup: Setup, **arrays: torch.Tensor) -> Trials:
    """Serve traced to TorchScript and frozen, one graph a batch."""
    return _built(setup, arrays, engines_torch.scripted)


def exported(setup: Setup, **arrays: torch.Tensor) -> Trials:
    """Serve compiled ahead of time by AOTInductor, one package a batch; raise Unavailable where there is no compiler."""
    start = time.perf_counter()
    made = _built(setup, arrays, engines_torch.exported)
    setup.compiled(time.perf_counter() - start)
    return made


def _built(setup: Setup, arrays: dict[str, torch.Tensor], build: Callable[..., Run]) -> Trials:
    """Serve by what `ml/<network>` builds for a batch."""
    weights = {name: arrays.pop(name) for name in setup.size.network.shapes()}
    pool = {name: tensor.numpy() for name, tensor in arrays.items()}

    def engine(batch: int) -> Engine:
        own = buffers(setup, batch, pool)
        run = build(setup, **{name: torch.from_numpy(array) for name, array in own.items()}, **weights)
        return Engine(own, lambda: {"outputs": run()["outputs"].numpy()})

    return trials(setup, engine, pool)


def _served(setup: Setup, arrays: dict[str, torch.Tensor], made: Callable[[Forward], Forward]) -> Trials:
    net, _ = parted(setup, arrays)
    network, parameters = setup.size.network, dict(net.named_buffers())  # a module looks its own up at each call
    pool = {name: tensor.numpy() for name, tensor in arrays.items() if name not in parameters}

    def engine(batch: int) -> Engine:
        own, forward = buffers(setup, batch, pool), made(forward_of(network))
        given = [torch.from_numpy(array) for array in own.values()]

        def run() -> Arrays:
            with torch.inference_mode():
                return {"outputs": forward(network, parameters, *given).numpy()}

        run()
        return Engine(own, run)

    return trials(setup, engine, pool)
