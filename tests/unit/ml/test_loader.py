"""Loading beside computing: every jet once, with its bits, in another order each time, ahead by threads; faults are seen."""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import WorkloadError
from ngtbench.kernels.ml import loader as kernel
from ngtbench.kernels.ml.loader_file import RECORD, Samples
from ngtbench.model.workload import Array, Timing
from ngtbench.workloads.ml import jet_mlp, loader
from tests.unit.ml.loaders import IMPLS, Loading, W

ODD = loader.Size(1003, block=100, batch=64, together=3)  # a short last block, short last batches of windows


@pytest.mark.parametrize("ahead", [0, 1, 4])
@pytest.mark.parametrize("name", IMPLS)
def test_every_jet_arrives_once_with_its_bits(name: str, ahead: int) -> None:
    loading = Loading(name, loader.Size(1003, block=100, batch=64, together=3, ahead=ahead))
    for k in (0, 1):
        trial = loading.trial(k)
        verdict = loading.judge(trial.outputs)
        assert verdict.passed, verdict.reason
        assert set(trial.metrics) == {metric.name for metric in W.metrics}
        assert trial.metrics["wall_per_sample_s"] == trial.metrics["wall_s"] / 1003
    assert f"{ahead} threads ahead, page cache warm" in loading.said[0]


def test_the_network_and_its_work_are_those_of_the_tagger() -> None:
    loading = Loading("memmap", ODD)
    outputs = loading.trial(0).outputs
    x = loading.inputs.wide()["x"][outputs["event"]]
    weights = {name: array for name, array in loading.inputs.wide().items() if name not in ("x", "label")}
    want = jet_mlp.reference(jet_mlp.Size(len(x)), x, **weights)["logits"]
    assert np.max(np.abs(outputs["logits"] - want)) < 1e-5 * np.sqrt(np.mean(want**2))
    work = W.work(ODD, 4)
    assert (work.flop, work.bytes, work.events) == (8512 * 1003, 80 * 1003, 1003)
    assert RECORD.itemsize == loader.RECORD_B == 80


def test_orders_are_those_of_seed_and_trial() -> None:
    first, again, other = (Loading("memmap", ODD, seed) for seed in (1, 1, 2))
    orders = [loading.trial(k).outputs["event"] for loading, k in ((first, 0), (again, 0), (first, 1), (other, 0))]
    assert np.array_equal(orders[0], orders[1])
    for order in orders[2:]:
        assert np.mean(order == orders[0]) < 0.05


def test_jets_of_a_window_come_from_blocks_all_over_the_file() -> None:
    window = Loading("memmap", loader.Size(1000, block=100, batch=64, together=3)).trial(0).outputs["event"][:300]
    blocks = np.unique(window // 100).tolist()
    assert len(blocks) == 3
    assert blocks != list(range(blocks[0], blocks[0] + 3))
    assert np.mean(np.abs(np.diff(window))) > 50


def changed(name: str, change: Callable[[Array], object]) -> Callable[[dict[str, Array]], None]:
    def spoil(outputs: dict[str, Array]) -> None:
        change(outputs[name])

    return spoil


def twice(outputs: dict[str, Array]) -> None:
    for name in ("event", "label", "logits"):
        outputs[name][7] = outputs[name][8]


def in_order(outputs: dict[str, Array]) -> None:
    order = np.argsort(outputs["event"])
    for name in ("event", "label", "logits"):
        outputs[name][:] = outputs[name][order]


FAULTS: dict[str, tuple[Callable[[dict[str, Array]], None], str]] = {
    "one twice, one never": (twice, "not_once"),
    "a number that is none": (changed("event", lambda a: a.__setitem__(3, 5000)), "not_once"),
    "a number below zero": (changed("event", lambda a: a.__setitem__(3, -1)), "not_once"),
    "labels one off": (changed("label", lambda a: a.__setitem__(slice(None), np.roll(a, 1))), "wrong_labels"),
    "one label": (changed("label", lambda a: a.__setitem__(900, (a[900] + 1) % 5)), "wrong_labels"),
    "one bit": (changed("sums", lambda a: a.__setitem__(15, a[15] + 1)), "wrong_sums"),
    "logits of another jet": (changed("logits", lambda a: a.__setitem__(slice(None), np.roll(a, 1, axis=0))), "logits"),
    "one logit by 1 %": (changed("logits", lambda a: a.__setitem__((500, 2), a[500, 2] + 0.01)), "logits"),
    "not a number": (changed("logits", lambda a: a.__setitem__((0, 0), np.nan)), "logits"),
    "not shuffled": (in_order, "in_file_order"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_seen(fault: str) -> None:
    loading = Loading("memmap", ODD)
    outputs = {name: np.array(array) for name, array in loading.trial(0).outputs.items()}
    spoil, seen = FAULTS[fault]
    assert loading.judge(outputs).passed
    spoil(outputs)
    verdict = loading.judge(outputs)
    assert not verdict.passed
    assert seen in (verdict.reason or "")


@pytest.mark.parametrize("name", ["event", "label", "logits", "sums"])
def test_outputs_that_lack_are_seen(name: str) -> None:
    loading = Loading("memmap", ODD)
    outputs = dict(loading.trial(0).outputs)
    short = outputs | {name: outputs[name].reshape(-1)[:-1]}
    del outputs[name]
    assert not loading.judge(outputs).passed
    assert not loading.judge(short).passed


def test_a_bit_lost_on_the_way_changes_the_sums() -> None:
    x = Loading("memmap", ODD).inputs.on(Loading("memmap", ODD).backend)["x"]
    right = loader.bits(x)
    assert np.array_equal(right, loader.bit_sums(ODD, x.reshape(-1)))
    assert np.array_equal(right, loader.bits(x[::-1].copy()))
    x.view(np.uint32)[1002, 3] ^= 1
    assert np.nonzero(loader.bits(x) != right)[0].tolist() == [3]


class Told:
    """A reader that keeps who asked for which block, and when the consumer was where."""

    def __init__(self) -> None:
        self.read_by, self.started, self.lock = set[int](), 0, threading.Lock()
        self.taken, self.most_ahead, self.together, self.most_together = 0, 0, 0, 0

    def read(self, start: int, into: Samples) -> None:
        with self.lock:
            self.started += 1
            self.together += 1
            self.read_by.add(threading.get_ident())
            self.most_ahead = max(self.most_ahead, self.started - self.taken)
            self.most_together = max(self.most_together, self.together)
        into.event[:] = np.arange(start, start + len(into))
        with self.lock:
            self.together -= 1

    def forget(self) -> None:
        """Hold nothing, so drop nothing."""


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_threads_load_ahead_and_no_further(ahead: int) -> None:
    told, size = Told(), loader.Size(2000, block=10, together=1, ahead=ahead)
    for window in kernel.windows(size, [told] * max(1, ahead), (1, 0)):
        told.taken += len(window) // 10
    assert told.started == told.taken == 200
    assert (threading.get_ident() in told.read_by) == (ahead == 0)
    assert told.most_ahead <= ahead + 1


@pytest.mark.parametrize("ahead", [1, 3])
def test_the_next_window_is_loaded_while_this_one_is_used(ahead: int) -> None:
    """The first window is held until readers are asked for all that may be ahead: without threads this would hang."""
    asked = threading.Semaphore(0)

    class Asked(Told):
        def read(self, start: int, into: Samples) -> None:
            super().read(start, into)
            asked.release()

    size = loader.Size(100, block=10, together=1, ahead=ahead)
    epoch = kernel.windows(size, [Asked() for _ in range(ahead)], (1, 0))
    next(epoch)
    for _ in range(1 + ahead):
        assert asked.acquire(timeout=60)
    epoch.close()  # type: ignore[attr-defined]


def test_a_reader_serves_one_thread_at_a_time() -> None:
    readers = [Told(), Told()]
    size = loader.Size(2000, block=10, together=1, ahead=2)
    assert sum(len(window) for window in kernel.windows(size, list(readers), (1, 0))) == 2000
    assert [told.most_together for told in readers] == [1, 1]


def test_an_error_of_a_thread_reaches_the_caller() -> None:
    class Failing(Told):
        def read(self, start: int, into: Samples) -> None:
            if start == 50:
                raise OSError("Input/output error")

    for ahead in (0, 2):
        size = loader.Size(100, block=10, together=1, ahead=ahead)
        with pytest.raises(OSError, match="Input/output"):
            list(kernel.windows(size, [Failing() for _ in range(max(1, ahead))], (1, 0)))


@pytest.mark.parametrize(("both_s", "hidden"), [(3.0, 0.0), (2.5, 0.5), (2.0, 1.0), (1.9, 1.0), (3.3, 0.0)])
def test_overlap(both_s: float, hidden: float) -> None:
    assert kernel.overlap(1.0, 2.0, both_s) == kernel.overlap(2.0, 1.0, both_s) == hidden


def test_parts_of_a_trial_are_timed_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """With clocks that say 2 s for loading, 1 s for computing and 2.5 s for both."""
    loading = Loading("memmap", ODD)
    said = iter([2.0, 1.0])
    taken = list[Any]()

    def time(run: Callable[[], Any], calls: int) -> Timing:
        taken.append(run())
        return Timing(next(said), None, None)

    monkeypatch.setattr(loading.backend.clock, "time", time)

    class Watch:
        spent_s = 2.5

        def __call__(self) -> "Watch":
            return self

        def __enter__(self) -> None:
            pass

        def __exit__(self, *what: object) -> None:
            pass

    metrics = loading._trial(0, Watch()).metrics
    assert len(taken) == 2
    assert metrics == {
        "wall_per_sample_s": 2.5 / 1003,
        "wall_s": 2.5,
        "load_per_sample_s": 2.0 / 1003,
        "compute_per_sample_s": 1.0 / 1003,
        "overlap_ratio": 0.5,
        "read_b_per_s": 80 * 1003 / 2.0,
    }


def test_computing_alone_takes_as_many_jets_as_an_epoch() -> None:
    window = Samples.empty(300)
    assert [len(part) for part in kernel.repeated(window, 1003)] == [300, 300, 300, 103]


@pytest.mark.parametrize("fields", [{"samples": 0}, {"block": 0}, {"batch": 0}, {"together": 0}, {"ahead": -1}])
def test_sizes_without_sense(fields: dict[str, Any]) -> None:
    with pytest.raises(WorkloadError, match="counts"):
        loader.Size(**({"samples": 10} | fields))


@pytest.mark.parametrize("base", [loader.Size(1), loader.Size(1 << 12, block=256, batch=128)])
@pytest.mark.parametrize("k", [0, 1])
def test_sizes_nearby_run(base: loader.Size, k: int) -> None:
    assert W.nearby is not None
    near = W.nearby(base, k)
    assert near.samples != base.samples or base.samples == 1
    if near.samples > 100:
        loading = Loading("memmap", near)
        assert loading.judge(loading.trial(0).outputs).passed
