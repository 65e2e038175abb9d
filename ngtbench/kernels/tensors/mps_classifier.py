"""The matrix-product classifier in NumPy: both halves of the chain as one BLAS product a step, samples in blocks."""

import math

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array, Arrays, Run, Setup

EVERY = 8  # sites between rescalings, as in torch
_BLOCK = 1024  # samples whose vectors stay in cache


def blocked(setup: Setup, x: Array, w_sites: Array | None = None, w_label: Array | None = None, **tree: Array) -> Run:
    """Make the tensors once. Raises Unavailable for a tree."""
    network = setup.size.network
    if w_sites is None or w_label is None:
        raise Unavailable("trees are served by torch alone", "take torch")
    half, chi, classes = network.sites // 2, network.bond, network.classes
    unit = np.eye(chi, dtype=x.dtype)
    tensors = np.concatenate((unit, unit)) / x.dtype.type(math.sqrt(2)) + x.dtype.type(network.spread) * w_sites
    label = unit + x.dtype.type(network.spread) * w_label
    label = np.ascontiguousarray(label.transpose(1, 0, 2).reshape(chi, -1))
    outputs = np.empty((len(x), classes), x.dtype)

    def block(rows: slice) -> None:
        t = np.clip(0.5 + (x[rows] - network.middle) / (2 * network.reach), 0, 1).astype(x.dtype)
        angle = np.repeat(t * x.dtype.type(math.pi / 2), network.copies, axis=1)
        angle = np.stack((angle[:, :half].T, angle[:, ::-1][:, :half].T), axis=1)[..., None]
        cosine, sine, n = np.cos(angle), np.sin(angle), len(t)
        both, v = np.empty((2, n, 2 * chi), x.dtype), np.zeros((2, n, chi), x.dtype)
        v[:, :, 0] = 1
        for k in range(half):
            np.multiply(v, cosine[k], out=both[..., :chi])
            np.multiply(v, sine[k], out=both[..., chi:])
            np.matmul(both, tensors[k], out=v)
            if k % EVERY == EVERY - 1 or k == half - 1:
                v /= np.sqrt(np.einsum("hnc,hnc->hn", v, v))[..., None]
        across = (v[0] @ label).reshape(n, classes, chi)
        outputs[rows] = network.gain * np.matmul(across, v[1][:, :, None])[..., 0]

    def run() -> Arrays:
        for start in range(0, len(x), _BLOCK):
            block(slice(start, start + _BLOCK))
        return {"outputs": outputs}

    return run
