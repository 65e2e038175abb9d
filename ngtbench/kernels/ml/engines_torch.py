"""What runs a network's forward pass in PyTorch: operator by operator, compiled, scripted, or compiled ahead of time."""

import ctypes
import importlib
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from ngtbench.kernels.ml.jet_mlp_torch import compiler
from ngtbench.kernels.system.gemm_torch import check_tf32
from ngtbench.model.workload import Arrays, Run, Setup

Tensors = Mapping[str, torch.Tensor]
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4  # of mallopt, from malloc.h


class Net(torch.nn.Module):
    """A network with its parameters: what is exported and compiled takes the samples alone."""

    def __init__(self, network: Any, parameters: Tensors) -> None:
        super().__init__()
        self._network, self._forward = network, forward_of(network)
        self._names = tuple(parameters)
        for name, tensor in parameters.items():
            self.register_buffer(name, tensor)

    def forward(self, *samples: torch.Tensor) -> torch.Tensor:
        """Return the outputs of the network."""
        outputs: torch.Tensor = self._forward(self._network, {name: getattr(self, name) for name in self._names}, *samples)
        return outputs


def forward_of(network: Any) -> Callable[..., torch.Tensor]:
    """Return the function that computes this network in torch: `forward` of the kernel file named after the network's."""
    name = type(network).__module__.rpartition(".")[2]
    forward: Callable[..., torch.Tensor] = importlib.import_module(f"ngtbench.kernels.ml.{name}_torch").forward
    return forward


def choose(setup: Setup, tensor: torch.Tensor) -> None:
    """Let products of float32 be tf32 where the dtype says so; raise Unavailable where the device has no such units."""
    if setup.dtype == "tf32":
        check_tf32(setup, tensor)
        torch.set_float32_matmul_precision("high")
        torch.backends.cudnn.allow_tf32 = True


def parted(setup: Setup, arrays: Tensors) -> tuple[Net, tuple[torch.Tensor, ...]]:
    """Return the network with its parameters, and the arrays of samples; matrix products round as the dtype says."""
    if setup.device.startswith("cpu") and _keep_memory():
        setup.say("malloc keeps freed memory")
    choose(setup, next(iter(arrays.values())))
    names = setup.size.network.shapes()
    net = Net(setup.size.network, {name: arrays[name] for name in names}).eval()
    return net, tuple(tensor for name, tensor in arrays.items() if name not in names)


def _keep_memory() -> bool:
    """Let malloc keep what tensors free, as ONNX Runtime does; at 64 MB, new pages at each call cost as much as a product."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # of glibc alone
    return bool(mallopt and mallopt(_MMAP_MAX, 0) and mallopt(_TRIM_THRESHOLD, -1))


def eager(setup: Setup, **arrays: torch.Tensor) -> Run:
    """Call operator by operator."""
    net, samples = parted(setup, arrays)
    return _run(net, samples)


def compiled(setup: Setup, **arrays: torch.Tensor) -> Run:
    """Compile for this batch, in one graph; raise Unavailable where TorchInductor finds no compiler."""
    net, samples = parted(setup, arrays)
    setup.say(f"inductor with {compiler(samples[0].device.type)}, static shapes")
    torch.compiler.reset()  # a process may compile one function for eight shapes only
    run = _run(torch.compile(net, fullgraph=True, dynamic=False), samples)
    run()
    return run


def scripted(setup: Setup, **arrays: torch.Tensor) -> Run:
    """Trace to TorchScript and freeze: weights are constants of the graph."""
    net, samples = parted(setup, arrays)
    trace: Any = torch.jit.trace  # untyped in PyTorch
    with torch.inference_mode():
        run = _run(torch.jit.freeze(trace(net, samples, check_trace=False)), samples)
    for _ in range(3):  # it specialises in its first calls
        run()
    return run


def exported(setup: Setup, **arrays: torch.Tensor) -> Run:
    """Export and compile ahead of time (AOTInductor), then load the package; raise Unavailable where there is no compiler."""
    net, samples = parted(setup, arrays)
    setup.say(f"AOTInductor with {compiler(samples[0].device.type)}, static shapes")
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        path = str(Path(folder, "net.pt2"))
        program = torch.export.export(net, samples)
        loaded = torch._inductor.aoti_load_package(torch._inductor.aoti_compile_and_package(program, package_path=path))
    return _run(loaded, samples)


def _run(net: Callable[..., torch.Tensor], samples: tuple[torch.Tensor, ...]) -> Run:
    def run() -> Arrays:
        with torch.inference_mode():
            return {"outputs": net(*samples)}

    return run
