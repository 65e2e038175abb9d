"""Matrix elements of given momenta, and of momenta that are made beside them: what the workloads time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ngtbench.kernels.amplitudes import compiled, rambo
from ngtbench.kernels.amplitudes.compiled import MIXED, Evaluator, Model
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics import processes


def arrays(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities in array operations."""
    size = setup.size
    process, model = processes.parse(size.process), model_of(size)

    def made(events: int) -> Run:
        on = compiled.on_arrays(process, model, events, setup.dtype)
        return _chain(setup, on, "numpy", given, events) if size.chain else _given(setup, on, given["momenta"], events)

    return of_any(setup, made)


def native(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities, compiled for the processor."""
    return _native(setup, setup.dtype, given)


def mixed(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities: currents in double, colour sums and results in single precision."""
    return _native(setup, MIXED, given)


def arrays_sampled(setup: Setup, momenta: Array, states: Array) -> Run:
    """Compute one state of each event in array operations."""
    process, numbers = processes.parse(setup.size.process), with_states(momenta, states)

    def made(events: int) -> Run:
        return _given(setup, compiled.on_arrays(process, Model(), events, setup.dtype, sampled=True), numbers, events)

    return of_any(setup, made)


def native_sampled(setup: Setup, momenta: Array, states: Array) -> Run:
    """Compute one state of each event, compiled for the processor."""
    process, numbers = processes.parse(setup.size.process), with_states(momenta, states)

    def made(events: int) -> Run:
        on = compiled.on_processor(process, Model(), events, setup.dtype, setup.threads, sampled=True)
        return _given(setup, on, numbers, events)

    return of_any(setup, made)


def of_any(setup: Setup, made: Callable[[int], Run]) -> Run:
    """Return the run of a case, and tell how runs of other numbers of events are made."""
    run = made(setup.size.events)
    setup.batches(made)
    return run


def model_of(size: Any) -> Model:
    """Return the parameters of a size."""
    return Model(top_width=size.top_width)


def with_states(momenta: Array, states: Array) -> Array:
    """Return the numbers of events, (events, 5 particles): momenta, then states."""
    return np.concatenate((momenta.reshape(len(momenta), -1), states.astype(momenta.dtype)), axis=1)


def generated(setup: Setup, given: Mapping[str, Any], backend: str, into: Any, events: int) -> rambo.Generator:
    """Return the generator of a chain's momenta."""
    size = setup.size
    model, process = model_of(size), processes.parse(size.process)
    energy_gev, seed = (setup.backend.get(given[name])[0] for name in ("energy_gev", "stream"))
    return rambo.generate(
        process.masses(model.top_mass)[2:],
        float(energy_gev),
        events,
        seed=int(seed),
        dtype=str(into.dtype),
        backend=backend,
        lanes=into.shape[2],
        threads=setup.threads,
        into=into,
    )


def _native(setup: Setup, precision: str, given: Mapping[str, Array]) -> Run:
    size, single = setup.size, precision == MIXED
    process, model = processes.parse(size.process), model_of(size)

    def made(events: int) -> Run:
        on = compiled.on_processor(process, model, events, precision, setup.threads)
        if size.chain:
            return _chain(setup, on, "native", given, events, single)
        return _given(setup, on, given["momenta"], events, single)

    return of_any(setup, made)


def _given(setup: Setup, on: Evaluator, numbers: Array, events: int, single: bool = False) -> Run:
    """Return a run on numbers of events, again from the first where there are too few, that are packed before it."""
    compiled.fill(on.momenta, repeated(numbers, events))
    squared = on.out.reshape(-1)[:events]
    stored = np.empty(events, np.float32) if single else squared
    setup.say(_said(on, events))

    def run() -> Arrays:
        on.run()
        if single:
            np.copyto(stored, squared)
        return {"squared": stored}

    return run


def _chain(setup: Setup, on: Evaluator, backend: str, given: Mapping[str, Array], events: int, single: bool = False) -> Run:
    """Return a run that makes momenta first."""
    made = generated(setup, given, backend, on.momenta, events)
    squared, weights = on.out.reshape(-1)[:events], made.weights.reshape(-1)[:events]
    stored = np.empty(events, np.float32) if single else squared
    setup.say(f"{_said(on, events)}; momenta: {made.said}")

    def run() -> Arrays:
        made()
        on.run()
        if single:
            np.copyto(stored, squared)
        return {"squared": stored, "weights": weights}

    return run


def repeated(numbers: Array, events: int) -> Array:
    """Return (events, numbers of one) of given events, again from the first where there are too few."""
    return numbers.reshape(len(numbers), -1)[np.arange(events) % len(numbers)]


def _said(on: Evaluator, events: int) -> str:
    lanes, tape = on.momenta.shape[2], on.tape
    return f"{on.said}, {lanes} events at once, {events} in a call, {tape.size} numbers of an event in memory"
