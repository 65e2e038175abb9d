"""Matrix elements of given momenta, and of momenta that are made beside them: what the workloads time."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ngtbench.kernels.amplitudes import compiled, rambo
from ngtbench.kernels.amplitudes.compiled import MIXED, Evaluator, Model
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.physics import processes


def arrays(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities in array operations."""
    size = setup.size
    on = compiled.on_arrays(processes.parse(size.process), model_of(size), size.events, setup.dtype)
    return _chain(setup, on, "numpy", given) if size.chain else _given(setup, on, given["momenta"])


def native(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities, compiled for the processor."""
    return _native(setup, setup.dtype, given)


def mixed(setup: Setup, **given: Array) -> Run:
    """Sum over all helicities: currents in double, colour sums and results in single precision."""
    return _native(setup, MIXED, given)


def arrays_sampled(setup: Setup, momenta: Array, states: Array) -> Run:
    """Compute one state of each event in array operations."""
    size = setup.size
    on = compiled.on_arrays(processes.parse(size.process), Model(), size.events, setup.dtype, sampled=True)
    return _given(setup, on, with_states(momenta, states))


def native_sampled(setup: Setup, momenta: Array, states: Array) -> Run:
    """Compute one state of each event, compiled for the processor."""
    size = setup.size
    on = compiled.on_processor(processes.parse(size.process), Model(), size.events, setup.dtype, setup.threads, sampled=True)
    return _given(setup, on, with_states(momenta, states))


def model_of(size: Any) -> Model:
    """Return the parameters of a size."""
    return Model(top_width=size.top_width)


def with_states(momenta: Array, states: Array) -> Array:
    """Return the numbers of events, (events, 5 particles): momenta, then states."""
    return np.concatenate((momenta.reshape(len(momenta), -1), states.astype(momenta.dtype)), axis=1)


def generated(setup: Setup, given: Mapping[str, Any], backend: str, into: Any, lanes: int) -> rambo.Generator:
    """Return the generator of a chain's momenta."""
    size = setup.size
    model, process = model_of(size), processes.parse(size.process)
    energy_gev, seed = (setup.backend.get(given[name])[0] for name in ("energy_gev", "stream"))
    return rambo.generate(
        process.masses(model.top_mass)[2:],
        float(energy_gev),
        size.events,
        seed=int(seed),
        dtype=str(into.dtype),
        backend=backend,
        lanes=lanes,
        threads=setup.threads,
        into=into,
    )


def _native(setup: Setup, precision: str, given: Mapping[str, Array]) -> Run:
    size = setup.size
    on = compiled.on_processor(processes.parse(size.process), model_of(size), size.events, precision, setup.threads)
    single = precision == MIXED
    return _chain(setup, on, "native", given, single) if size.chain else _given(setup, on, given["momenta"], single)


def _given(setup: Setup, on: Evaluator, numbers: Array, single: bool = False) -> Run:
    """Return a run on numbers of events that are packed before it."""
    events = len(numbers)
    compiled.fill(on.momenta, numbers.reshape(events, -1))
    squared = on.out.reshape(-1)[:events]
    stored = np.empty(events, np.float32) if single else squared
    setup.say(_said(setup, on))

    def run() -> Arrays:
        on.run()
        if single:
            np.copyto(stored, squared)
        return {"squared": stored}

    return run


def _chain(setup: Setup, on: Evaluator, backend: str, given: Mapping[str, Array], single: bool = False) -> Run:
    """Return a run that makes momenta first."""
    events = setup.size.events
    made = generated(setup, given, backend, on.momenta, on.momenta.shape[2])
    squared, weights = on.out.reshape(-1)[:events], made.weights.reshape(-1)[:events]
    stored = np.empty(events, np.float32) if single else squared
    setup.say(f"{_said(setup, on)}; momenta: {made.said}")

    def run() -> Arrays:
        made()
        on.run()
        if single:
            np.copyto(stored, squared)
        return {"squared": stored, "weights": weights}

    return run


def _said(setup: Setup, on: Evaluator) -> str:
    lanes, tape = on.momenta.shape[2], on.tape
    return f"{on.said}, {lanes} events at once, {setup.size.events} in a call, {tape.size} numbers of an event in memory"
