"""Matrix elements on a GPU: tapes as kernels that are compiled where they run."""

import cupy
import numpy as np

from ngtbench.codegen import gpu, pages, tape_launch, tape_rtc
from ngtbench.kernels.amplitudes import compiled, traced
from ngtbench.kernels.amplitudes.compiled import Model
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics import processes


def rtc(setup: Setup, **given: cupy.ndarray) -> Run:
    """Sum over all helicities."""
    size, model = setup.size, traced.model_of(setup.size)
    if not size.chain:
        return _given(setup, model, setup.backend.get(given["momenta"]))
    momenta, squared, apply = _bound(setup, model)
    made = traced.generated(setup, given, "cupy", momenta, gpu.LANES)
    outputs = {"squared": squared.reshape(-1)[: size.events], "weights": made.weights.reshape(-1)[: size.events]}
    hosts = {name: _pinned(array) for name, array in outputs.items()}
    setup.say(f"momenta: {made.said}")

    def run() -> Arrays:
        made()
        apply()
        for name, array in outputs.items():
            array.get(out=hosts[name])
        return outputs

    return run


def rtc_sampled(setup: Setup, momenta: cupy.ndarray, states: cupy.ndarray) -> Run:
    """Compute one state of each event."""
    get = setup.backend.get
    return _given(setup, Model(), traced.with_states(get(momenta), get(states)), sampled=True)


def _given(setup: Setup, model: Model, numbers: Array, sampled: bool = False) -> Run:
    """Return a run on numbers of events that are packed before it."""
    events = len(numbers)
    blocks, squared, apply = _bound(setup, model, sampled)
    packed = pages.empty(blocks.shape, setup.dtype)
    compiled.fill(packed, numbers.reshape(events, -1))
    blocks.set(packed)
    outputs = {"squared": squared.reshape(-1)[:events]}

    def run() -> Arrays:
        apply()
        return outputs

    return run


def _bound(setup: Setup, model: Model, sampled: bool = False) -> tuple[cupy.ndarray, cupy.ndarray, tape_rtc.Bound]:
    """Return blocks of momenta, results, and the call that computes them."""
    size, process = setup.size, processes.parse(setup.size.process)
    tape = compiled.tape(process, model.top_width > 0, sampled, tape_launch.COLUMNS)
    made = tape_rtc.built(tape, setup.dtype)
    blocks = -(-size.events // made.lanes)
    momenta, squared = (
        cupy.zeros((blocks, tape.inputs, made.lanes), setup.dtype),
        cupy.empty((blocks, made.lanes), setup.dtype),
    )
    apply = tape_rtc.bind(made, momenta, squared, model.scalars, factor=model.coupling(process))
    setup.say(
        f"{made.said()}, {apply.events} events in memory at once, {apply.launches} launches, {size.events} events in a call"
    )
    return momenta, squared, apply


def _pinned(like: cupy.ndarray) -> Array:
    """Return host memory that a GPU copies to by itself."""
    memory = cupy.cuda.alloc_pinned_memory(like.nbytes)
    pinned: Array = np.frombuffer(memory, like.dtype, like.size)
    return pinned
