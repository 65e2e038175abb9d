"""Batch normalisation folded into the layer before it, as synthesis tools do."""

from dataclasses import replace

import numpy as np

from ngtbench.kernels.fpga.network import Layer, Network

_TAKES = ("dense", "conv1d", "conv2d")


def folded(network: Network) -> Network:
    """Return the network without those batch normalisations that a dense or convolutional layer can take in.

    The layer keeps its weights' type, in which the product is quantised anew, and gets the result type of the normalisation.
    """
    layers = list[Layer]()
    names = dict[str, str]()  # of a layer that is gone -> of the one that took it in
    for layer in network.layers:
        inputs = tuple(names.get(name, name) for name in layer.inputs)
        before = next((one for one in layers if one.name == inputs[0]), None)
        users = sum(layer.inputs[0] in other.inputs for other in network.layers)
        if layer.kind != "batchnorm" or before is None or before.kind not in _TAKES or users > 1:
            layers.append(replace(layer, inputs=inputs))
            continue
        scale, shift = layer.arrays["scale"], layer.arrays["shift"]
        bias = before.arrays.get("bias", np.zeros_like(shift)) * scale + shift
        taken = replace(before, arrays={"kernel": before.arrays["kernel"] * scale, "bias": bias}, result=layer.result)
        layers[layers.index(before)] = taken
        names[layer.name] = before.name
    return replace(network, layers=tuple(layers))


def joined(network: Network) -> dict[str, Layer]:
    """Return the ReLU of adders that is one circuit with a layer, by both their names: it alone takes that layer's result."""
    found = dict[str, Layer]()
    for layer in network.layers:
        readers = [other for other in network.layers if layer.name in other.inputs]
        relu = readers[0] if len(readers) == 1 and readers[0].kind == "activation" else None
        if relu is None or relu.option("function") != "relu" or {layer.style, relu.style} != {"da"}:
            continue
        if layer.kind in (*_TAKES, "batchnorm"):
            found |= {layer.name: relu, relu.name: relu}
    return found
