"""Multiply-adds on the registers of every core that is used."""

from ngtbench.codegen import compiler, native, place, raw
from ngtbench.kernels.system import fma
from ngtbench.model.workload import Array, Arrays, Run, Setup

_FEW = ("AVX2", "AVX", "SSE2", "scalar")  # instruction sets with 16 registers or less


def chained(setup: Setup, x: Array, a: Array, b: Array) -> Run:
    """Compile as many chains as this processor's registers hold."""
    host = compiler.find()
    lanes, count = native.lanes(host, setup.dtype), fma.chains(16 if host.isa in _FEW else 32)
    threads = setup.size.threads or setup.threads
    text, groups = fma.text(count), -(-x.size // (count * lanes))
    start, end = (place.near(values, groups, count * lanes, threads, host) for values in (x, x[:0]))
    factors = (x.dtype.type(a), x.dtype.type(b))
    run_all = raw.called(
        raw.built(text, setup.dtype, lanes, host), text, threads, groups, count, 1, setup.size.rounds, *factors, start, end
    )
    setup.say(f"{host.description}, {threads} threads of {count} chains of {lanes} numbers")
    result = {"y": end[: x.size]}

    def run() -> Arrays:
        run_all()
        return result

    return run
