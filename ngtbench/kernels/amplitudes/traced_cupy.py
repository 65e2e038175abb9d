"""Matrix elements on a GPU: tapes as kernels that are compiled where they run."""

from collections.abc import Mapping

import cupy
import numpy as np

from ngtbench.codegen import pages, tape_launch, tape_rtc
from ngtbench.kernels.amplitudes import compiled, traced
from ngtbench.kernels.amplitudes.compiled import Model
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics import processes


def rtc(setup: Setup, **given: cupy.ndarray) -> Run:
    """Sum over all helicities."""
    model = traced.model_of(setup.size)
    if setup.size.chain:
        return traced.of_any(setup, lambda events: _chain(setup, model, given, events))
    momenta = setup.backend.get(given["momenta"])
    return traced.of_any(setup, lambda events: _given(setup, model, momenta, events))


def rtc_sampled(setup: Setup, momenta: cupy.ndarray, states: cupy.ndarray) -> Run:
    """Compute one state of each event."""
    numbers = traced.with_states(setup.backend.get(momenta), setup.backend.get(states))
    return traced.of_any(setup, lambda events: _given(setup, Model(), numbers, events, sampled=True))


def _chain(setup: Setup, model: Model, given: Mapping[str, cupy.ndarray], events: int) -> Run:
    """Return a run that makes momenta first, and brings results to the host."""
    momenta, squared, apply = _bound(setup, model, events)
    made = traced.generated(setup, given, "cupy", momenta, events)
    outputs = {"squared": squared.reshape(-1)[:events], "weights": made.weights.reshape(-1)[:events]}
    hosts = {name: _pinned(array) for name, array in outputs.items()}
    setup.say(f"momenta: {made.said}")

    def run() -> Arrays:
        made()
        apply()
        for name, array in outputs.items():
            array.get(out=hosts[name])
        return outputs

    return run


def _given(setup: Setup, model: Model, numbers: Array, events: int, sampled: bool = False) -> Run:
    """Return a run on numbers of events, again from the first where there are too few, that are packed before it."""
    blocks, squared, apply = _bound(setup, model, events, sampled)
    packed = pages.empty(blocks.shape, setup.dtype)
    compiled.fill(packed, traced.repeated(numbers, events))
    blocks.set(packed)
    outputs = {"squared": squared.reshape(-1)[:events]}

    def run() -> Arrays:
        apply()
        return outputs

    return run


def _bound(setup: Setup, model: Model, events: int, sampled: bool = False) -> tuple[cupy.ndarray, cupy.ndarray, tape_rtc.Bound]:
    """Return blocks of momenta, results, and the call that computes them."""
    process = processes.parse(setup.size.process)
    tape = compiled.tape(process, model.top_width > 0, sampled, tape_launch.COLUMNS)
    made = tape_rtc.built(tape, setup.dtype)
    blocks = -(-events // made.lanes)
    momenta, squared = (
        cupy.zeros((blocks, tape.inputs, made.lanes), setup.dtype),
        cupy.empty((blocks, made.lanes), setup.dtype),
    )
    apply = tape_rtc.bind(made, momenta, squared, model.scalars, factor=model.coupling(process))
    setup.say(f"{made.said()}, {apply.events} events in memory at once, {apply.launches} launches, {events} events in a call")
    return momenta, squared, apply


def _pinned(like: cupy.ndarray) -> Array:
    """Return host memory that a GPU copies to by itself."""
    memory = cupy.cuda.alloc_pinned_memory(like.nbytes)
    pinned: Array = np.frombuffer(memory, like.dtype, like.size)
    return pinned
