"""Calls of other numbers of events: until more make no event cheaper, and only if they compute the same."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench.harness import saturation
from ngtbench.harness.measure import measure
from ngtbench.harness.prepare import prepare
from ngtbench.model.case import Case, Resources
from ngtbench.model.workload import Run, Timing
from tests.fakes.timing import FakeTime, NoProbe, prepared

EVENTS = 64
SQUARED = np.arange(1.0, EVENTS + 1)


class Saturating:
    """A call of n events takes 1 us, and 10 ns an event beyond `full`."""

    name, resolution_s = "fake", 1e-12

    def __init__(self, full: int) -> None:
        self.full = full

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        outputs = run()
        return Timing(calls * 1e-6 * max(1.0, len(outputs["squared"]) / self.full if outputs else 0.0), None, outputs)


def made(events: int) -> Run:
    return lambda: {"squared": SQUARED[np.arange(events) % EVENTS]}


def taken(
    full: int, make: Callable[[int], Run] = made, sampled_s: float = 1.0
) -> tuple[dict[int, tuple[float, ...]], str | None]:
    clock = Saturating(full)
    return saturation.batches(clock, replace(prepared(), run=made(EVENTS), batches=make), sampled_s)


def test_doublings_end_when_two_of_them_gain_nothing() -> None:
    batches, why = taken(full=256)
    assert list(batches) == [16, 32, 64, 128, 256, 512, 1024]
    assert batches[1024] == pytest.approx([4e-6] * saturation.SAMPLES)
    assert why is None


def test_no_batch_is_larger_than_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saturation, "MOST", 128)
    assert list(taken(full=1 << 30)[0]) == [16, 32, 64, 128]


def test_time_that_runs_out_is_said_and_one_batch_there_always_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saturation, "time", FakeTime(tick_s=0.1))
    assert taken(full=1 << 30, sampled_s=1e-9) == ({16: (1e-6,) * 5}, "time ran out at 32 events")
    assert list(taken(full=1 << 30, sampled_s=1.0)[0]) == [16, 32, 64]


@pytest.mark.parametrize("wrong", [lambda x: 0 * x, lambda x: np.where(x == 16, 16.1, x), lambda x: x * np.nan, lambda x: x[:0]])
def test_a_batch_that_computes_something_else_leaves_none(wrong: Callable[[Any], Any]) -> None:
    make: Callable[[int], Run] = lambda events: lambda: {"squared": wrong(made(events)()["squared"])}  # noqa: E731
    assert taken(256, make) == ({}, "a call of 16 events computes something else")


def test_no_memory_ends_them_with_what_there_is() -> None:
    def make(events: int) -> Run:
        if events > 32:
            raise MemoryError("too many")
        return made(events)

    batches, why = taken(256, make)
    assert list(batches) == [16, 32]
    assert why == "no memory for 64 events: too many"


def test_a_record_holds_them_and_a_workload_without_them_lacks_nothing() -> None:
    found, _ = measure(
        replace(prepared(clock=Saturating(256)), run=made(EVENTS), batches=made, check=right, glance=right), 0.01, NoProbe()
    )
    assert list(found.batch_s)[:2] == [16, 32]
    plain, _ = measure(prepared(), 0.01, NoProbe())
    assert plain.batch_s == {}
    assert "batch_s" not in plain.missing


@pytest.mark.parametrize("size", ["XS", "S-ggttx"])
@pytest.mark.parametrize("impl", ["numpy", "native"])
def test_matrix_elements_of_any_number_of_events_are_those_of_the_case(size: str, impl: str) -> None:
    ready = prepare(Case("generators/matrix_element", 2, size, impl, "float64"), Resources("cpu:0", 1, False), 1)
    assert ready.batches is not None
    wanted = np.array(ready.run()["squared"])
    for events in (1, 16, 3 * len(wanted) + 1):
        assert np.allclose(ready.batches(events)()["squared"], wanted[np.arange(events) % len(wanted)], rtol=1e-12)


def right(outputs: Any) -> Any:
    return prepared().verdict
