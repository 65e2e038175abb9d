"""Jet tagger inference by ONNX Runtime: a graph made in memory, inputs and outputs bound once and never copied."""

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from ngtbench.model.workload import Array, Arrays, Run, Setup

_PROVIDER = "CPUExecutionProvider"
_LEVEL = "ORT_ENABLE_ALL"
_OPSET, _IR = 17, 8  # of 2022: known to every runtime that is still in use


def bound(setup: Setup, x: Array, **parameters: Array) -> Run:
    """Open a session for this batch on the CPU; x is read where it lies."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = setup.threads, 1
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, _LEVEL)
    session = onnxruntime.InferenceSession(graph(len(x), parameters), options, providers=[_PROVIDER])
    (provider,) = session.get_providers()
    setup.say(
        f"ONNX Runtime {onnxruntime.__version__}, {provider}, {setup.threads} threads, {_LEVEL}, static shapes, bound arrays"
    )
    logits = np.empty((len(x), parameters["b4"].size), x.dtype)
    binding = session.io_binding()
    binding.bind_input("x", "cpu", 0, x.dtype, x.shape, x.ctypes.data)
    binding.bind_output("logits", "cpu", 0, logits.dtype, logits.shape, logits.ctypes.data)
    result = {"logits": logits}

    def run(kept: Any = x) -> Arrays:  # the binding knows but its address
        session.run_with_iobinding(binding)
        return result

    return run


def graph(batch: int, parameters: dict[str, Array]) -> bytes:
    """Return the model: a Gemm with bias for each layer, a Relu after all but the last; its weights are constants."""
    nodes, h, depth = [], "x", len(parameters) // 2
    for layer in range(1, depth + 1):
        z = "logits" if layer == depth else f"z{layer}"
        nodes.append(helper.make_node("Gemm", [h, f"w{layer}", f"b{layer}"], [z]))
        if layer < depth:
            h = f"h{layer}"
            nodes.append(helper.make_node("Relu", [z], [h]))
    sides = {"x": parameters["w1"].shape[0], "logits": parameters[f"b{depth}"].size}
    x, logits = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, wide]) for name, wide in sides.items())
    weights = [numpy_helper.from_array(array, name) for name, array in parameters.items()]
    made = helper.make_graph(nodes, "jet_mlp", [x], [logits], weights)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
    serialised: bytes = model.SerializeToString()
    return serialised
