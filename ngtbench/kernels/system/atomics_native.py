"""Atomic additions by all threads of a processor."""

import numpy as np

from ngtbench.codegen import compiler, pages, raw
from ngtbench.kernels.system.atomics import CLEAR, plan
from ngtbench.model.workload import Array, Arrays, Run, Setup


def added(setup: Setup, step: Array, key: Array, odd: Array) -> Run:
    """Compile; every run begins with counters at zero."""
    host, how = compiler.find(), plan(setup.size, int(step), int(key), int(odd))
    counters = pages.empty(how.words, np.int64)
    counts = (counters, setup.size.slots, how.apart)
    clear = raw.called(raw.built(CLEAR, "float64", 1, host), CLEAR, setup.threads, *counts)
    add = raw.called(raw.built(how.text, "float64", 1, host), how.text, setup.threads, counters, *how.given)
    setup.say(f"{host.description}, {setup.threads} threads")
    result = {"counters": counters[:: how.apart]}

    def run() -> Arrays:
        clear()
        add()
        return result

    return run
