"""Triad on all cores: the traced kernel, whose result goes past the caches, on arrays near the threads that use them."""

import numpy as np

from ngtbench.codegen import compiler, native, place
from ngtbench.codegen.grid import Grid
from ngtbench.kernels.system.triad import kernel
from ngtbench.model.workload import Array, Arrays, Run, Setup

TRIAD = kernel(1)  # rows of more registers were measured: 5 % slower
_APART_B = 1088  # between the starts of arrays modulo a page, so that loads do not wait for stores of other arrays


def streaming(setup: Setup, b: Array, c: Array, s: Array) -> Run:
    """Copy b and c row by row, and compile; rows are filled up with zeros."""
    host = compiler.find()
    lanes = native.lanes(host, setup.dtype)
    rows = -(-b.size // lanes)
    arrays = {
        name: place.near(values, rows, lanes, setup.threads, host, _APART_B * k)
        for k, (name, values) in enumerate({"b": b, "c": c, "a": b[:0]}.items())
    }
    made = native.built(TRIAD, setup.dtype, Grid((rows * lanes,), (lanes,)), host, streams=("a",))
    table = np.broadcast_to(np.int32(0), (rows + 1, 1))  # of a kernel that streams only the length counts
    blocks = {name: array.reshape(rows, 1, 1, lanes) for name, array in arrays.items()}
    bound = native.bind(made, TRIAD, table, blocks, threads=setup.threads)
    bound.scalars[:] = float(s)
    setup.say(f"{host.description}, {setup.threads} threads, streaming stores, 2 MB pages where the kernel grants them")
    result = {"a": arrays["a"][: b.size]}

    def run() -> Arrays:
        bound()
        return result

    return run
