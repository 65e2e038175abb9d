"""Triad on all cores with streaming stores: whole lines go to memory without being read first."""

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, prange, types
from numba.extending import intrinsic

from ngtbench.kernels.system.triad_native import LINE_B, placed
from ngtbench.model.workload import Array, Arrays, Run, Setup


def lines(setup: Setup, b: Array, c: Array, s: Array) -> Run:
    """Place the arrays as `triad_native` does and compile for this dtype."""
    a, near_b, near_c = placed(b, c)
    scale = b.dtype.type(s)
    _triad(a, near_b, near_c, scale)
    setup.say(f"numba prange, {setup.threads} threads, streaming stores, 2 MB pages where the kernel grants them")

    def run() -> Arrays:
        _triad(a, near_b, near_c, scale)
        return {"a": a}

    return run


@intrinsic  # type: ignore[untyped-decorator] # numba has no types
def _store_line(typing: Any, a: Any, b: Any, c: Any, s: Any, first: Any) -> Any:
    """Compute one aligned line of a = b + s c and store it past the caches.

    The barrier that ends a parallel loop holds an atomic operation, behind which x86 makes such stores visible.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        real = context.get_data_type(signature.args[0].dtype)
        lanes = LINE_B * 8 // signature.args[0].dtype.bitwidth
        line = ir.VectorType(real, lanes)

        def at(which: int) -> Any:
            array = context.make_array(signature.args[which])(context, builder, arguments[which])
            return builder.bitcast(builder.gep(array.data, [arguments[4]]), line.as_pointer())

        scales = ir.Constant(line, ir.Undefined)
        for lane in range(lanes):
            scales = builder.insert_element(scales, arguments[3], ir.Constant(ir.IntType(32), lane))
        product = builder.fmul(scales, builder.load(at(2), align=LINE_B))
        stored = builder.store(builder.fadd(builder.load(at(1), align=LINE_B), product), at(0), align=LINE_B)
        stored.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        return context.get_dummy_value()

    return types.void(a, b, c, s, first), generate


@njit(parallel=True)
def _triad(a: Array, b: Array, c: Array, s: Any) -> None:
    width = LINE_B // a.itemsize
    whole = a.size // width
    for k in prange(whole):
        _store_line(a, b, c, s, k * width)  # type: ignore[call-arg] # numba passes the context
    for i in range(whole * width, a.size):
        a[i] = b[i] + s * c[i]
