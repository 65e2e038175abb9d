"""Kernels that are wrong in every way we could think of."""

import contextlib
import ctypes
import os
import signal
import threading
import time
from typing import Any

import numpy as np

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array, Arrays, Run, Setup


def right(setup: Setup, x: Array) -> Run:
    return lambda: {"y": 2 * x}


def percent(setup: Setup, x: Array) -> Run:
    def run() -> Arrays:
        y = 2 * x
        y[x.size // 2] *= 1.01
        return {"y": y}

    return run


def zeros(setup: Setup, x: Array) -> Run:
    return lambda: {"y": np.zeros_like(x)}


def nan(setup: Setup, x: Array) -> Run:
    return lambda: {"y": np.full_like(x, np.nan)}


def cached(setup: Setup, x: Array) -> Run:
    """Compute once in build, then hand the same array out again: fast, and right only once."""
    y = 2 * x
    return lambda: {"y": y}


def late(setup: Setup, x: Array) -> Run:
    """Be right the first time and wrong from then on."""
    calls = [0]

    def run() -> Arrays:
        calls[0] += 1
        return {"y": 2 * x if calls[0] == 1 else 2 * x + 1e-3}

    return run


def shape(setup: Setup, x: Array) -> Run:
    return lambda: {"y": 2 * x[:-1]}


def unnamed(setup: Setup, x: Array) -> Run:
    return lambda: 2 * x  # type: ignore[return-value]  # the fault under test


def raises(setup: Setup, x: Array) -> Run:
    raise ZeroDivisionError("built wrongly")


def prints(setup: Setup, x: Array) -> Run:
    """Print on stdout, from Python and from C: the answers must not be disturbed."""
    print('{"outcome": "stolen"}')
    ctypes.CDLL(None).puts(b'{"ready": 1}')
    return lambda: {"y": 2 * x}


def hangs(setup: Setup, x: Array) -> Run:
    time.sleep(3600)
    return right(setup, x)


def killed(setup: Setup, x: Array) -> Run:
    os.kill(os.getpid(), signal.SIGKILL)
    return right(setup, x)


def exits(setup: Setup, x: Array) -> Run:
    os._exit(7)


def hungry(setup: Setup, x: Array) -> Run:
    """Ask for more memory than any machine has."""
    return lambda: {"y": 2 * x + np.ones(1 << 50)[0]}


def greedy(setup: Setup, x: Array) -> Run:
    """Leave a child behind that holds the worker's standard streams."""
    if os.fork() == 0:
        time.sleep(3600)
    return lambda: {"y": 2 * x}


def absent(setup: Setup, x: Array) -> Run:
    raise Unavailable("no quantum coprocessor", "buy one")


def forges(setup: Setup, x: Array) -> Run:
    """Write on every open descriptor, the one for answers among them."""
    for descriptor in range(3, 20):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"garbage\n")
    return lambda: {"y": 2 * x}


def surrogate(setup: Setup, x: Array) -> Run:
    """Fail with words that UTF-8 cannot hold."""
    raise ValueError("\ud800")


def inplace(setup: Setup, x: Array) -> Run:
    """Eat the input: right once."""
    return lambda: {"y": np.multiply(x, 2, out=x)}


def skips(setup: Setup, x: Array) -> Run:
    """Work in every second call only."""
    calls, y = [0], np.zeros_like(x)

    def run() -> Arrays:
        calls[0] += 1
        return {"y": np.multiply(x, 2, out=y) if calls[0] % 2 else y}

    return run


def tires(setup: Setup, x: Array) -> Run:
    """Work in the first thousand calls only."""
    calls, y = [0], np.zeros_like(x)

    def run() -> Arrays:
        calls[0] += 1
        return {"y": np.multiply(x, 2, out=y) if calls[0] <= 1000 else y}

    return run


def frozen(setup: Setup, x: Array) -> Run:
    """Hand out one answer that cannot be overwritten."""
    y = 2 * x
    y.flags.writeable = False
    return lambda: {"y": y}


class _Promise(np.ndarray[Any, Any]):
    """Would multiply when it is looked at."""


def promise(setup: Setup, x: Array) -> Run:
    """Hand out what is yet to be computed."""
    return lambda: {"y": x.view(_Promise)}


def leaves(setup: Setup, x: Array) -> Run:
    """Leave the work to a thread, and return."""
    y = np.zeros_like(x)

    def work() -> None:
        time.sleep(0.001)
        np.multiply(x, 2, out=y)

    def run() -> Arrays:
        threading.Thread(target=work).start()
        return {"y": y}

    threading.Thread(target=work).start()
    time.sleep(0.01)
    return run


def stale(setup: Setup, x: Array) -> Run:
    """Compute once in build, and hand out copies."""
    y = 2 * x
    return lambda: {"y": y.copy()}


def vanishes(setup: Setup, x: Array) -> Run:
    """Lose the device in the midst of it, as a GPU does: nothing works afterwards."""
    calls = [0]

    def lost() -> None:
        raise RuntimeError("CUDA error: unspecified launch failure")

    def run() -> Arrays:
        calls[0] += 1
        if calls[0] > 500:
            setup.backend.release = lost  # type: ignore[method-assign]
            lost()
        return {"y": 2 * x}

    return run


def tuned(setup: Setup, x: Array) -> Run:
    """Be fast at the declared size alone."""
    turns = 1 if x.size == 1000 else 50

    def run() -> Arrays:
        for _ in range(turns):
            y = 2 * x
        return {"y": y}

    return run


def learnt(setup: Setup, x: Array) -> Run:
    """Be right for the first seed alone."""
    return lambda: {"y": 2 * x if setup.seed == 1 else 3 * x}
