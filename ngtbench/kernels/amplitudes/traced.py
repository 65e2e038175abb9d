"""Matrix elements of given momenta, and of momenta that are made beside them: what the workloads time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ngtbench.kernels.amplitudes import compiled, rambo
from ngtbench.kernels.amplitudes.compiled import MIXED, Evaluator, Model
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics import processes

Numbers = Callable[[], Array]  # (events, numbers of one), as the input arrays are now


def arrays(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities in array operations."""
    process, model = processes.parse(setup.size.process), model_of(setup.size)
    return _run(setup, lambda events: compiled.on_arrays(process, model, events, setup.dtype), given)


def native(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities, compiled for the processor."""
    return _native(setup, setup.dtype, given)


def mixed(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities: currents in double, colour sums and results in single precision."""
    return _native(setup, MIXED, given)


def arrays_sampled(setup: Setup, momenta: Array, states: Array) -> Run:
    """Compute one state of each event in array operations."""
    process = processes.parse(setup.size.process)

    def made(events: int) -> Run:
        on = compiled.on_arrays(process, Model(), events, setup.dtype, sampled=True)
        return _given(setup, on, lambda: with_states(momenta, states), events)

    return of_any(setup, made)


def native_sampled(setup: Setup, momenta: Array, states: Array) -> Run:
    """Compute one state of each event, compiled for the processor."""
    process = processes.parse(setup.size.process)

    def made(events: int) -> Run:
        on = compiled.on_processor(process, Model(), events, setup.dtype, setup.threads, sampled=True)
        return _given(setup, on, lambda: with_states(momenta, states), events)

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
    process, model = processes.parse(setup.size.process), model_of(setup.size)
    single = precision == MIXED
    return _run(setup, lambda events: compiled.on_processor(process, model, events, precision, setup.threads), given, single)


def _run(setup: Setup, on: Callable[[int], Evaluator], given: Mapping[str, Array], single: bool = False) -> Run:
    if setup.size.chain:
        return of_any(setup, lambda events: _chain(setup, on(events), given, events, single))
    return of_any(setup, lambda events: _given(setup, on(events), lambda: given["momenta"], events, single))


def _given(setup: Setup, on: Evaluator, numbers: Numbers, events: int, single: bool = False) -> Run:
    """Return a run on numbers of events, again from the first where there are too few, that are packed before it."""

    def pack() -> None:
        compiled.fill(on.momenta, repeated(numbers(), events))

    pack()
    setup.packs(pack)
    squared = on.out.reshape(-1)[:events]
    stored = np.empty(events, np.float32) if single else squared
    _tell(setup, on, _said(on, events))

    def run() -> Arrays:
        on.run()
        if single:
            np.copyto(stored, squared)
        return {"squared": stored}

    return run


def _chain(setup: Setup, on: Evaluator, given: Mapping[str, Array], events: int, single: bool = False) -> Run:
    """Return a run that makes momenta first."""
    backend = "native" if on.compile_s is not None else "numpy"
    made = generated(setup, given, backend, on.momenta, events)
    squared = on.out.reshape(-1)[:events]
    stored = np.empty(events, np.float32) if single else squared
    _tell(setup, on, f"{_said(on, events)}; momenta: {made.said}")

    def pack() -> None:
        nonlocal made
        made = generated(setup, given, backend, on.momenta, events)

    setup.packs(pack)

    def run() -> Arrays:
        made()
        on.run()
        if single:
            np.copyto(stored, squared)
        return {"squared": stored, "weights": made.weights.reshape(-1)[:events]}

    return run


def repeated(numbers: Array, events: int) -> Array:
    """Return (events, numbers of one) of given events, again from the first where there are too few."""
    return numbers.reshape(len(numbers), -1)[np.arange(events) % len(numbers)]


def _tell(setup: Setup, on: Evaluator, words: str) -> None:
    setup.say(words)
    if on.compile_s is not None:
        setup.compiled(on.compile_s)


def _said(on: Evaluator, events: int) -> str:
    lanes, tape = on.momenta.shape[2], on.tape
    together = f", {lanes} events at once" if lanes > 1 else ""
    return f"{on.said}{together}, {events} in a call, {tape.size} numbers of an event in memory"
