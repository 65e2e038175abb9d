"""Reverse-mode differentiation of NumPy float64 arrays: what trainings and gradients of networks are judged by.

Every function takes Values, arrays and numbers alike; shapes broadcast, and gradients are summed back to the operands' shapes.
"""

import math
from collections.abc import Sequence

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.workloads.ml._value import Operand, array, result, scattered
from ngtbench.workloads.ml._value import Value as Value
from ngtbench.workloads.ml._value import gradients as gradients
from ngtbench.workloads.ml._value import leaf as leaf

Axis = int | tuple[int, ...] | None  # None: all


def relu(x: Operand) -> Value:
    """Return max(x, 0), of slope 0 at 0."""
    return where(array(x) > 0, x, 0.0)


def exp(x: Operand) -> Value:
    """Return e^x."""
    y = np.exp(array(x))
    return result(y, (x, lambda g: g * y))


def log(x: Operand) -> Value:
    """Return the natural logarithm."""
    return result(np.log(array(x)), (x, lambda g: g / array(x)))


def square(x: Operand) -> Value:
    """Return x^2."""
    return result(array(x) ** 2, (x, lambda g: 2 * g * array(x)))


def sqrt(x: Operand) -> Value:
    """Return the square root."""
    y = np.sqrt(array(x))
    return result(y, (x, lambda g: g / (2 * y)))


def tanh(x: Operand) -> Value:
    """Return the hyperbolic tangent."""
    y = np.tanh(array(x))
    return result(y, (x, lambda g: g * (1 - y**2)))


def softplus(x: Operand) -> Value:
    """Return ln(1 + e^x)."""
    return result(np.logaddexp(0, array(x)), (x, lambda g: g * _logistic(array(x))))


def sigmoid(x: Operand) -> Value:
    """Return 1 / (1 + e^-x)."""
    y = _logistic(array(x))
    return result(y, (x, lambda g: g * y * (1 - y)))


def silu(x: Operand) -> Value:
    """Return x sigmoid(x)."""
    return sigmoid(x) * x


def gelu(x: Operand) -> Value:
    """Return x times the normal distribution's CDF in its tanh form, Hendrycks and Gimpel 2016, arXiv 1606.08415."""
    cubic = 0.044715 * square(x) * x + x
    return 0.5 * (tanh(math.sqrt(2 / math.pi) * cubic) + 1) * x


def total(x: Operand, axis: Axis = None, keepdims: bool = False) -> Value:
    """Return the sum along axes."""
    data = array(x)
    return result(data.sum(axis=axis, keepdims=keepdims), (x, lambda g: _widened(g, data, axis, keepdims)))


def mean(x: Operand, axis: Axis = None, keepdims: bool = False) -> Value:
    """Return the mean along axes."""
    summed = total(x, axis, keepdims)
    return summed * (summed.data.size / array(x).size)


def largest(x: Operand, axis: Axis = None, keepdims: bool = False) -> Value:
    """Return the maximum along axes; its gradient is split evenly among equal maxima, as torch.amax splits it."""
    data = array(x)
    top = data.max(axis=axis, keepdims=True)
    share = (data == top) / (data == top).sum(axis=axis, keepdims=True)
    y = data.max(axis=axis, keepdims=keepdims)
    return result(y, (x, lambda g: _widened(g, data, axis, keepdims) * share))


def softmax(x: Operand, axis: int = -1) -> Value:
    """Return e^x / sum e^x along an axis."""
    y = np.exp(log_softmax(array(x), axis).data)
    return result(y, (x, lambda g: y * (g - (g * y).sum(axis=axis, keepdims=True))))


def log_softmax(x: Operand, axis: int = -1) -> Value:
    """Return x - ln sum e^x along an axis."""
    shifted = array(x) - array(x).max(axis=axis, keepdims=True)
    y = shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True))
    return result(y, (x, lambda g: g - np.exp(y) * g.sum(axis=axis, keepdims=True)))


def layer_norm(x: Operand, gain: Operand, bias: Operand, epsilon: float = 1e-5) -> Value:
    """Return x at mean 0 and variance 1 along its last axis (biased variance, epsilon added), times gain plus bias."""
    centred = x - mean(x, -1, keepdims=True)
    return centred / sqrt(mean(square(centred), -1, keepdims=True) + epsilon) * gain + bias


def reshape(x: Operand, shape: tuple[int, ...]) -> Value:
    """Return x in another shape, elements in C order."""
    return result(array(x).reshape(shape), (x, lambda g: g.reshape(array(x).shape)))


def transpose(x: Operand, axes: Sequence[int]) -> Value:
    """Return x with its axes in this order."""
    return result(array(x).transpose(axes), (x, lambda g: g.transpose(np.argsort(axes))))


def concatenate(values: Sequence[Operand], axis: int = -1) -> Value:
    """Return the values joined along an axis."""
    stops = np.cumsum([array(x).shape[axis] for x in values])[:-1]
    edges = [(x, lambda g, k=k: np.split(g, stops, axis)[k]) for k, x in enumerate(values)]
    return result(np.concatenate([array(x) for x in values], axis), *edges)


def where(mask: Array, x: Operand, y: Operand) -> Value:
    """Return x where the mask holds, else y; to what is not chosen flows 0, not 0 times the gradient."""
    chosen = np.where(mask, array(x), array(y))
    return result(chosen, (x, lambda g: np.where(mask, g, 0)), (y, lambda g: np.where(mask, 0, g)))


def take(x: Operand, index: Array) -> Value:
    """Return x[index]: rows along axis 0, in the shape of an integer index."""
    return result(array(x)[index], (x, lambda g: scattered(g, index, array(x).shape)))


def scatter_add(x: Operand, index: Array, length: int) -> Value:
    """Return (length, k): row i the sum of those rows of x (edges, k) whose index (edges,) is i."""
    return result(scattered(array(x), index, (length, *array(x).shape[1:])), (x, lambda g: g[index]))


def convolve(x: Operand, w: Operand, stride: int = 1, padding: int = 0) -> Value:
    """Return the cross-correlation of x (n, in, h, w) with w (out, in, kh, kw), as torch's conv2d."""
    data, kernel = array(x), array(w)
    return result(
        _correlated(data, kernel, stride, padding),
        (x, lambda g: _spread(g, kernel, stride, padding, data.shape[2:])),
        (w, lambda g: _kernel_pull(data, g, kernel, stride, padding)),
    )


def unconvolve(x: Operand, w: Operand, stride: int = 1, padding: int = 0) -> Value:
    """Return the adjoint of `convolve` applied to x (n, in, h, w), w (in, out, kh, kw), as torch's conv_transpose2d."""
    data, kernel = array(x), array(w)
    sides = [(n - 1) * stride - 2 * padding + k for n, k in zip(data.shape[2:], kernel.shape[2:], strict=True)]
    return result(
        _spread(data, kernel, stride, padding, sides),
        (x, lambda g: _correlated(g, kernel, stride, padding)),
        (w, lambda g: _kernel_pull(g, data, kernel, stride, padding)),
    )


def cross_entropy(logits: Operand, label: Array) -> Value:
    """Return the mean over samples of -ln softmax(logits)[label]: logits (..., classes), integer labels (...)."""
    classes = array(logits).shape[-1]
    if np.min(label) < 0 or np.max(label) >= classes:
        raise BadInput(f"_tape: labels from {np.min(label)} to {np.max(label)} of {classes} classes; they count from 0")
    one_hot = np.asarray(label)[..., None] == np.arange(classes)
    return -mean(total(log_softmax(logits) * one_hot, -1))


def binary_cross_entropy(logits: Operand, label: Array) -> Value:
    """Return the mean of -ln sigmoid(logit) where the label is 1, of -ln sigmoid(-logit) where it is 0."""
    return mean(softplus(logits) - label * logits)


def mean_square(x: Operand, y: Operand) -> Value:
    """Return the mean of (x - y)^2."""
    return mean(square(x - y))


def _logistic(x: Array) -> Array:
    y: Array = np.exp(-np.logaddexp(0, -x))  # without overflow, and small values with all their digits
    return y


def _widened(g: Array, like: Array, axis: Axis, keepdims: bool) -> Array:
    """Return the gradient of a reduction at every element reduced."""
    axes = tuple(range(like.ndim)) if axis is None else axis
    return np.broadcast_to(g if keepdims else np.expand_dims(g, axes), like.shape)


def _windows(x: Array, kernel: Array, stride: int, padding: int) -> Array:
    """Return what the kernel sees at each place, (n, in, places, places, kh, kw)."""
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    views = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[2:], axis=(2, 3))
    return views[:, :, ::stride, ::stride]


def _correlated(x: Array, kernel: Array, stride: int, padding: int) -> Array:
    return np.moveaxis(np.tensordot(_windows(x, kernel, stride, padding), kernel, ((1, 4, 5), (1, 2, 3))), -1, 1)


def _kernel_pull(x: Array, g: Array, kernel: Array, stride: int, padding: int) -> Array:
    return np.tensordot(g, _windows(x, kernel, stride, padding), ((0, 2, 3), (0, 2, 3)))


def _spread(g: Array, kernel: Array, stride: int, padding: int, sides: Sequence[int]) -> Array:
    """Return the adjoint of `_correlated` in x, whose images have these sides."""
    made = np.zeros((len(g), kernel.shape[1], *(n + 2 * padding for n in sides)))
    down, across = (stride * (n - 1) + 1 for n in g.shape[2:])
    for i, j in np.ndindex(*kernel.shape[2:]):
        made[:, :, i : i + down : stride, j : j + across : stride] += np.einsum(
            "nohw,oc->nchw", g, kernel[:, :, i, j], optimize=True
        )
    return made[:, :, padding : padding + sides[0], padding : padding + sides[1]]
