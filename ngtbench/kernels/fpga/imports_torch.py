"""Import a torch.nn.Sequential, PQuantML's layers among its own, into a fixed-point network; channels go last."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga.imports import INPUT, Builder, Types, padding, rows_channels_last
from ngtbench.kernels.fpga.imports_quantised import data_type, host, weight_type
from ngtbench.kernels.fpga.network import Network, Shape
from ngtbench.model.workload import Array
from ngtbench.physics.fpga.fixed_point import Fixed

_SKIPPED = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d)
_FUNCTIONS: dict[type, str] = {nn.ReLU: "relu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh", nn.Softmax: "softmax"}
_POOLS: dict[type, str] = {nn.MaxPool1d: "max", nn.MaxPool2d: "max", nn.AvgPool1d: "average", nn.AvgPool2d: "average"}


def from_torch(model: nn.Module, shape: Shape, types: Types) -> Network:
    """Return the network of a Sequential, nested or not, on inputs of a shape without the batch, channels last.

    Raises BadInput naming a module that is none of Linear, Conv1d, Conv2d, BatchNorm, ReLU, Sigmoid, Tanh, Softmax, MaxPool,
    AvgPool, Flatten. PQuantML's layers give types; `types` gives those of the rest.
    """
    builder, before, unfolded = Builder(shape, types), INPUT, tuple[int, ...]()
    for name, module in _leaves(model):
        if isinstance(module, _SKIPPED):
            continue
        if isinstance(module, nn.Flatten):
            unfolded = builder.shape_of(before)  # torch counts channels first there
        before = _quantised(builder, name, module, "input", before, unfolded)
        before = _added(builder, name, module, before, unfolded)
        if isinstance(module, nn.Linear):
            unfolded = ()
        before = _quantised(builder, name, module, "output", before, unfolded)
    return builder.network()


def _leaves(model: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(model, nn.Sequential):
        yield prefix or type(model).__name__.lower(), model
        return
    for name, module in model.named_children():
        yield from _leaves(module, f"{prefix}.{name}" if prefix else name)


def _quantised(builder: Builder, name: str, module: nn.Module, end: str, tensor: str, unfolded: Shape) -> str:
    """Give a tensor the type of PQuantML's quantiser at this end of a layer, where there is one."""
    if not (getattr(module, f"quantize_{end}", False) and getattr(module, "enable_quantization", False)):
        return tensor
    if end == "input" and getattr(module, "use_multiplier", False):
        tensor = _shifted(builder, name, module, tensor)
    quantiser = getattr(module, f"{end}_quantizer", None)
    if quantiser is None:
        raise BadInput(f"layer {name!r}: its quantisers are not there before it has seen an input: run the model once")
    return builder.quantise(tensor, data_type(name, quantiser, builder.shape_of(tensor), unfolded))


def _shifted(builder: Builder, name: str, module: Any, tensor: str) -> str:
    """Return what PQuantML's ReLU reads: its input times a power of two."""
    if module.activation_name != "relu" or module.use_hgq:
        return tensor
    power, count = int(torch.round(module.multiplier).item()), builder.shape_of(tensor)[-1]
    one = Fixed(False, 1, 1 + power)
    arrays = {"scale": np.full(count, 2.0**power), "shift": np.zeros(count)}
    return builder.add("batchnorm", f"{name}_times", (tensor,), arrays, one)


def _weight(builder: Builder, name: str, module: Any) -> Fixed:
    """Return the type of a layer's weights: that of its own quantisers, or the one that was given."""
    if not hasattr(module, "weight_quantizer"):
        return builder.types.of_weights(name)
    return weight_type(name, *(module.weight_quantizer, *((module.bias_quantizer,) if module.bias is not None else ())))


def _added(builder: Builder, name: str, module: nn.Module, before: str, unfolded: Shape) -> str:
    inputs = (before,)
    if isinstance(module, nn.Linear):
        arrays = {"kernel": rows_channels_last(host(module.weight).T, unfolded), **_bias(module)}
        return builder.add("dense", name, inputs, arrays, _weight(builder, name, module))
    if isinstance(module, (nn.Conv1d, nn.Conv2d)):
        return _convolution(builder, name, module, before)
    if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
        arrays = {key: rows_channels_last(array, unfolded) for key, array in _batchnorm(name, module).items()}
        return builder.add("batchnorm", name, inputs, arrays, _weight(builder, name, module))
    function = getattr(module, "activation_name", None) or next(
        (_FUNCTIONS[of] for of in _FUNCTIONS if isinstance(module, of)), None
    )
    if function in _FUNCTIONS.values():
        return builder.add("activation", name, inputs, function=function)
    pooled = next((_POOLS[of] for of in _POOLS if isinstance(module, of)), None)
    if pooled is not None:
        size, stride = (_one(name, getattr(module, of)) for of in ("kernel_size", "stride"))
        if _one(name, module.padding) or getattr(module, "ceil_mode", False):
            raise BadInput(f"layer {name!r}: pooling with zeros at its ends or half windows: give it none")
        return builder.add("pool", name, inputs, of=pooled, size=size, stride=stride)
    if isinstance(module, nn.Flatten):
        return builder.add("flatten", name, inputs) if len(builder.shape_of(before)) > 1 else before
    raise BadInput(f"layer {name!r}: no import of {type(module).__name__}: rewrite it as Linear, Conv, BatchNorm, ReLU ..")


def _convolution(builder: Builder, name: str, module: nn.Conv1d | nn.Conv2d, before: str) -> str:
    if module.groups != 1 or any(one != 1 for one in module.dilation) or module.padding_mode != "zeros":
        raise BadInput(f"layer {name!r}: groups, dilation or padding that is not of zeros have no import")
    kernel = host(module.weight).transpose(*range(2, 2 + len(module.kernel_size)), 1, 0)
    stride, sizes, window = _one(name, module.stride), builder.shape_of(before)[:-1], kernel.shape[:-2]
    if module.padding == "same":
        short = [wide - 1 for wide in window]
        ends = tuple(one // 2 for one in short), tuple(one - one // 2 for one in short)
    else:
        # torch types padding as a word or numbers; "same" and "valid" are the only words, and taken here
        ends = ((0,) * len(window),) * 2 if module.padding == "valid" else (tuple(module.padding),) * 2  # type: ignore[arg-type]
    found = padding(name, sizes, window, stride, *ends)
    arrays = {"kernel": kernel, **_bias(module)}
    return builder.add(
        f"conv{len(window)}d", name, (before,), arrays, _weight(builder, name, module), stride=stride, padding=found
    )


def _batchnorm(name: str, module: nn.BatchNorm1d | nn.BatchNorm2d) -> dict[str, Array]:
    if module.running_mean is None or module.running_var is None:
        raise BadInput(f"layer {name!r}: it keeps no running mean and variance, so inference has none")
    scale = torch.rsqrt(module.running_var.double() + module.eps)
    if module.affine:
        scale = scale * module.weight.double()
    shift = -module.running_mean.double() * scale + (module.bias.double() if module.affine else 0)
    return {"scale": host(scale), "shift": host(shift)}


def _bias(module: Any) -> dict[str, Array]:
    return {} if module.bias is None else {"bias": host(module.bias)}


def _one(name: str, value: Any) -> int:
    """Return what all axes have in common."""
    values = set(value) if isinstance(value, tuple) else {value}
    if len(values) != 1:
        raise BadInput(f"layer {name!r}: {value}: give all axes the same")
    return int(values.pop())
