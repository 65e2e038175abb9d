"""Jet tagger inference in CuPy: cuBLAS or hipBLAS for products, bias and ReLU in place."""

import cupy as cp

from ngtbench.model.workload import Arrays, Run, Setup


def arrays(setup: Setup, x: cp.ndarray, **parameters: cp.ndarray) -> Run:
    """Allocate activations once; three kernels a layer."""
    weights = [parameters[f"w{layer}"] for layer in range(1, 5)]
    biases = [parameters[f"b{layer}"] for layer in range(1, 5)]
    activations = [x, *(cp.empty((len(x), w.shape[1]), x.dtype) for w in weights)]
    layers = list(zip(activations[:-1], weights, biases, activations[1:], strict=True))
    logits = activations[-1]

    def run() -> Arrays:
        for h, w, b, z in layers:
            cp.matmul(h, w, out=z)
            cp.add(z, b, out=z)
            if z is not logits:
                cp.maximum(z, 0, out=z)
        return {"logits": logits}

    return run
