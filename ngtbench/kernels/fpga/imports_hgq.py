"""Import a Keras Sequential of HGQ2's layers into a fixed-point network, without importing Keras."""

from typing import Any

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import INPUT, Builder, Types
from ngtbench.kernels.fpga.imports_quantised import data_type, host, weight_type
from ngtbench.kernels.fpga.network import Network

_SKIPPED = ("InputLayer", "Dropout", "Identity")
_KINDS = {2: "dense", 3: "conv1d", 4: "conv2d"}  # axes of a kernel
_LINEAR = ("linear", None)


def from_hgq(model: Any, types: Types) -> Network:
    """Return the network of a Sequential of QDense, QConv1D, QConv2D with plain or ReLU activations, Flatten and ReLU.

    Raises BadInput naming a layer that is none of them.
    """
    builder, before = Builder(tuple(int(size) for size in model.input_shape[1:]), types), INPUT
    for layer in model.layers:
        kind = type(layer).__name__
        if kind in _SKIPPED:
            continue
        if hasattr(layer, "qkernel"):
            before = _weighted(builder, layer, before)
        elif kind == "Flatten":
            before = builder.add("flatten", layer.name, (before,))
        elif kind == "ReLU" or (kind == "Activation" and _function(layer) == "relu"):
            before = builder.add("activation", layer.name, (before,), function="relu")
        else:
            raise BadInput(f"layer {layer.name!r}: no import of {kind}: rewrite it as QDense, QConv, Flatten or ReLU")
        if getattr(layer, "enable_oq", False):
            before = builder.quantise(before, data_type(layer.name, layer.oq, builder.shape_of(before)))
    return builder.network()


def _weighted(builder: Builder, layer: Any, before: str) -> str:
    """Add a layer with a kernel, and its activation."""
    function, kernel, name = _function(layer), host(layer.qkernel), layer.name
    if kernel.ndim not in _KINDS or function not in (*_LINEAR, "relu"):
        raise BadInput(f"layer {name!r}: a kernel of {kernel.ndim} axes, activation {function}: it knows dense, conv and ReLU")
    if getattr(layer, "enable_iq", False):
        before = builder.quantise(before, data_type(name, layer.iq, builder.shape_of(before)))
    arrays, quantisers, options = {"kernel": kernel}, [layer.kq], {}
    if layer.bias is not None:
        arrays["bias"], quantisers = host(layer.qbias), [layer.kq, layer.bq]
    if kernel.ndim > 2:
        strides = {int(one) for one in layer.strides}
        if len(strides) != 1 or set(layer.dilation_rate) != {1} or layer.groups != 1:
            raise BadInput(f"layer {name!r}: strides that differ, dilation or groups have no import")
        options = {"stride": strides.pop(), "padding": layer.padding}
    made = builder.add(_KINDS[kernel.ndim], name, (before,), arrays, weight_type(name, *quantisers), **options)
    return made if function in _LINEAR else builder.add("activation", f"{name}_relu", (made,), function="relu")


def _function(layer: Any) -> str | None:
    return getattr(layer.activation, "__name__", None)
