"""Cold calls and replayed graphs: taken apart from the samples, or missing with the reason."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ngtbench.backends.numpy import HostBackend
from ngtbench.errors import Unavailable
from ngtbench.harness import beside
from ngtbench.harness.beside import Beside, Stopped
from ngtbench.harness.measure import measure
from ngtbench.harness.stopping import LEAST_SAMPLES
from ngtbench.model.workload import Run, Timing
from tests.fakes.timing import FakeClock, FakeTime, NoProbe, prepared


class Device(HostBackend):
    """Calls take 1 ms warm and 5 ms after a flush; a replayed graph takes a quarter of that, by the device's own clock."""

    def __init__(self, replay: Callable[[Run], Run | None] = lambda run: None) -> None:
        super().__init__("numpy", "cpu:0")
        self.clock = self
        self.resolution_s = 1e-7
        self.flushed: list[int] = []
        self.cold = False
        self.graph = replay

    def flush(self, size_b: int) -> None:
        self.flushed.append(size_b)
        self.cold = True

    def replay(self, run: Run) -> Run | None:
        return self.graph(run)

    def time(self, run: Callable[[], Any], calls: int) -> Timing:
        wall_s, self.cold = (5e-3 if self.cold else 1e-3) * calls, False
        return Timing(wall_s=wall_s, device_s=wall_s / 4, outputs=run())


def extras(device: Device, sampled_s: float = 1.0, calls: int = 1) -> Beside:
    return Beside(Stopped(device), replace(prepared(), backend=device), sampled_s, calls)


def test_cold_calls_are_single_and_each_comes_after_a_flush() -> None:
    device = Device()
    extra = extras(device, calls=7)
    extra.cold(12345, warm_s=1e-3)
    assert extra.series["cold_s"] == (5e-3,) * len(device.flushed)
    assert set(device.flushed) == {12345}
    assert len(device.flushed) == beside.COLD_SAMPLES


def test_cold_calls_keep_to_their_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "time", FakeTime(tick_s=0.02))
    extra = extras(Device(), sampled_s=1.0)
    extra.cold(1, warm_s=1e-3)
    assert LEAST_SAMPLES < len(extra.series["cold_s"]) <= LEAST_SAMPLES + beside.COLD_SHARE / 0.02
    extra = extras(Device(), sampled_s=1e-6)
    extra.cold(1, warm_s=1e-3)
    assert len(extra.series["cold_s"]) == LEAST_SAMPLES


def test_the_first_flush_touches_new_memory_on_no_cases_account(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, device = FakeTime(), Device()
    monkeypatch.setattr(beside, "time", clock)
    monkeypatch.setattr(device, "flush", lambda size_b: setattr(clock, "now_s", 100.0))  # long past the limit, once
    extra = extras(device)
    extra.cold(1, warm_s=1e-3)
    assert len(extra.series["cold_s"]) == beside.COLD_SAMPLES


@pytest.mark.parametrize(
    ("flush_b", "warm_s", "words"), [(None, 1e-3, "last-level cache"), (1, 0.9e-4, "shorter than 1000 timer steps")]
)
def test_why_there_are_no_cold_calls_is_said(flush_b: int | None, warm_s: float, words: str) -> None:
    device = Device()
    extra = extras(device)
    extra.cold(flush_b, warm_s)
    assert extra.series == {}
    assert words in extra.missing["cold_s"]
    assert device.flushed == []


def test_a_graph_is_replayed_and_timed_by_the_device() -> None:
    extra = extras(Device(lambda run: run), sampled_s=0.01, calls=3)
    extra.replay()
    assert extra.series["replay_s"] == pytest.approx((0.25e-3,) * len(extra.series["replay_s"]))
    assert len(extra.series["replay_s"]) >= LEAST_SAMPLES
    assert extra.missing == {}


def test_without_a_device_clock_a_replay_is_timed_by_the_wall() -> None:
    device = Device(lambda run: run)
    device.clock = FakeClock(lambda: 2e-3)
    extra = Beside(Stopped(device.clock), replace(prepared(), backend=device), 0.01, 1)
    extra.replay()
    assert set(extra.series["replay_s"]) == {2e-3}


def test_a_graph_that_does_not_compute_the_result_is_no_figure() -> None:
    def captured(run: Run) -> Run:
        kept = run()
        return lambda: kept  # the work was done outside the capture

    extra = extras(Device(captured), sampled_s=0.01)
    extra.replay()
    assert extra.series == {}
    assert extra.missing["replay_s"].startswith("the captured graph does not compute the result: a[")


def test_what_cannot_be_captured_is_missing_with_the_reason() -> None:
    def refuses(run: Run) -> Run:
        raise Unavailable("the work cannot be captured as a graph: it allocates")

    extra = extras(Device(refuses))
    extra.replay()
    assert extra.missing == {"replay_s": "the work cannot be captured as a graph: it allocates"}


def test_a_device_without_graphs_misses_nothing() -> None:
    extra = extras(Device())
    extra.replay()
    assert (extra.series, extra.missing) == ({}, {})


def test_warm_and_cold_are_two_metrics_and_the_flush_is_recorded() -> None:
    found, _ = measure(replace(prepared(), backend=Device(lambda run: run)), 0.01, NoProbe(), flush_b=777)
    assert set(found.series) == {"wall_s", "device_s", "cold_s", "replay_s"}
    assert (set(found.series["wall_s"]), set(found.series["cold_s"]), found.flush_b) == ({1e-3}, {5e-3}, 777)
    found, _ = measure(replace(prepared(), backend=Device()), 0.01, NoProbe())
    assert ("cold_s" in found.series, found.flush_b) == (False, None)
