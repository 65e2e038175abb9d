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
    return _run(setup, given)


def mixed(setup: Setup, **given: cupy.ndarray) -> Run:
    """Sum over all helicities: currents in double, colour sums and results in single precision."""
    return _run(setup, given, single=True)


def rtc_sampled(setup: Setup, momenta: cupy.ndarray, states: cupy.ndarray) -> Run:
    """Compute one state of each event."""

    def numbers() -> Array:
        return traced.with_states(setup.backend.get(momenta), setup.backend.get(states))

    return traced.of_any(setup, lambda events: _given(setup, Model(), numbers, events, sampled=True))


def _run(setup: Setup, given: Mapping[str, cupy.ndarray], single: bool = False) -> Run:
    model = traced.model_of(setup.size)
    if setup.size.chain:
        return traced.of_any(setup, lambda events: _chain(setup, model, given, events, single))
    return traced.of_any(setup, lambda events: _given(setup, model, lambda: setup.backend.get(given["momenta"]), events, single))


def _chain(setup: Setup, model: Model, given: Mapping[str, cupy.ndarray], events: int, single: bool) -> Run:
    """Return a run that makes momenta first, and brings results to the host."""
    momenta, squared, apply = _bound(setup, model, events, single=single)
    made = traced.generated(setup, given, "cupy", momenta, events)
    stored = cupy.empty(events, np.float32) if single else squared.reshape(-1)[:events]
    outputs = {"squared": stored, "weights": made.weights.reshape(-1)[:events]}
    hosts = {name: _pinned(array) for name, array in outputs.items()}
    setup.say(f"momenta: {made.said}")

    def pack() -> None:
        nonlocal made
        made = traced.generated(setup, given, "cupy", momenta, events)
        outputs["weights"] = made.weights.reshape(-1)[:events]

    setup.packs(pack)

    def run() -> Arrays:
        made()
        apply()
        if single:
            stored[...] = squared.reshape(-1)[:events]
        for name, array in outputs.items():
            array.get(out=hosts[name])
        return outputs

    return run


def _given(setup: Setup, model: Model, numbers: traced.Numbers, events: int, single: bool = False, sampled: bool = False) -> Run:
    """Return a run on numbers of events, again from the first where there are too few, that are packed before it."""
    blocks, squared, apply = _bound(setup, model, events, sampled, single)
    packed = pages.empty(blocks.shape, setup.dtype)

    def pack() -> None:
        compiled.fill(packed, traced.repeated(numbers(), events))
        blocks.set(packed)

    pack()
    setup.packs(pack)
    stored = cupy.empty(events, np.float32) if single else squared.reshape(-1)[:events]

    def run() -> Arrays:
        apply()
        if single:
            stored[...] = squared.reshape(-1)[:events]
        return {"squared": stored}

    return run


def _bound(
    setup: Setup, model: Model, events: int, sampled: bool = False, single: bool = False
) -> tuple[cupy.ndarray, cupy.ndarray, tape_rtc.Bound]:
    """Return blocks of momenta, results, and the call that computes them."""
    process = processes.parse(setup.size.process)
    tape = compiled.tape(process, model.top_width > 0, sampled, tape_launch.COLUMNS)
    made = tape_rtc.built(tape, setup.dtype, single)
    setup.compiled(made.compile_s)
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
