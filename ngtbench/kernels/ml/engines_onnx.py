"""Networks by ONNX Runtime: on the processor, or by the providers for GPUs, inputs and outputs bound once, never copied."""

from typing import Any

import numpy as np
import onnxruntime

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array, Arrays, Run, Setup

_LEVEL = "ORT_ENABLE_ALL"


def host(setup: Setup, **arrays: Array) -> Run:
    """Open a session for this batch on the processor; samples are read where they lie."""
    import torch  # only to write the graph

    model, samples = _model(setup, {name: torch.from_numpy(array) for name, array in arrays.items()})
    session = _session(setup, model, "CPUExecutionProvider", {})
    outputs = np.empty(session.get_outputs()[0].shape, np.float32)
    binding = session.io_binding()
    for place, sample in enumerate(samples):
        own: Array = sample.numpy()
        binding.bind_input(f"x{place}", "cpu", 0, own.dtype, own.shape, own.ctypes.data)
    binding.bind_output("outputs", "cpu", 0, outputs.dtype, outputs.shape, outputs.ctypes.data)
    result = {"outputs": outputs}

    def run(kept: Any = samples) -> Arrays:  # the binding knows but their addresses
        session.run_with_iobinding(binding)
        return result

    return run


def cuda(setup: Setup, **arrays: Any) -> Run:
    """Run by the provider for CUDA."""
    return _device(setup, arrays, "CUDAExecutionProvider", {"use_tf32": 0})


def rocm(setup: Setup, **arrays: Any) -> Run:
    """Run by the provider for ROCm."""
    return _device(setup, arrays, "ROCMExecutionProvider", {})


def tensorrt(setup: Setup, **arrays: Any) -> Run:
    """Run by TensorRT."""
    return _device(setup, arrays, "TensorrtExecutionProvider", {})


def migraphx(setup: Setup, **arrays: Any) -> Run:
    """Run by MIGraphX."""
    return _device(setup, arrays, "MIGraphXExecutionProvider", {})


def _device(setup: Setup, arrays: dict[str, Any], provider: str, options: dict[str, Any]) -> Run:
    """Run on tensors where they lie on a GPU; nothing may fall back to the processor."""
    import torch

    number = setup.device.partition(":")[2]
    model, samples = _model(setup, arrays)
    session = _session(setup, model, provider, options | {"device_id": int(number)})
    outputs = torch.empty(session.get_outputs()[0].shape, device=samples[0].device)
    binding, place_of = session.io_binding(), "cuda"  # what ONNX Runtime calls memory of ROCm too
    for place, sample in enumerate(samples):
        kind_of = np.dtype(str(sample.dtype).rpartition(".")[2])
        binding.bind_input(f"x{place}", place_of, int(number), kind_of, tuple(sample.shape), sample.data_ptr())
    binding.bind_output("outputs", place_of, int(number), np.dtype(np.float32), tuple(outputs.shape), outputs.data_ptr())
    result = {"outputs": outputs}

    def run(kept: Any = samples) -> Arrays:
        session.run_with_iobinding(binding)
        return result

    return run


def _model(setup: Setup, arrays: dict[str, Any]) -> tuple[bytes, tuple[Any, ...]]:
    from ngtbench.kernels.ml import onnx_torch

    names = setup.size.network.shapes()
    samples = tuple(tensor for name, tensor in arrays.items() if name not in names)
    return onnx_torch.graph(setup.size.network, {name: arrays[name] for name in names}, samples), samples


def _session(setup: Setup, model: bytes, provider: str, options: dict[str, Any]) -> Any:
    """Open a session that runs wholly by one provider.

    Raises Unavailable where this ONNX Runtime has no such provider, or it cannot run all of the graph.
    """
    there = onnxruntime.get_available_providers()
    if provider not in there:
        raise Unavailable(
            f"ONNX Runtime {onnxruntime.__version__} has no {provider}, only {', '.join(there)}",
            "install the build of ONNX Runtime for it (onnxruntime-gpu, onnxruntime-rocm, onnxruntime-migraphx)",
        )
    own = onnxruntime.SessionOptions()
    own.intra_op_num_threads, own.inter_op_num_threads = setup.threads, 1
    own.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, _LEVEL)
    if provider != "CPUExecutionProvider":
        own.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        session = onnxruntime.InferenceSession(model, own, providers=[(provider, options)])
    except Exception as error:  # its own kinds of errors share no other base
        if provider == "CPUExecutionProvider":
            raise
        raise Unavailable(f"{provider} does not open the network: {str(error).splitlines()[0]}") from error
    opened = session.get_providers()[0]
    if opened != provider:  # it goes on with another where libraries are missing
        raise Unavailable(f"{provider} did not open, {opened} would run instead: its libraries are missing")
    setup.say(
        f"ONNX Runtime {onnxruntime.__version__}, {provider}, {setup.threads} threads, {_LEVEL}, static shapes, bound arrays"
    )
    return session
