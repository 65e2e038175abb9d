"""Generated data on a device of torch are those of NumPy, bit for bit, and the workload that draws them sees any other."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ngtbench import backends
from ngtbench.errors import WorkloadError
from ngtbench.harness.inputs import HostInputs
from ngtbench.harness.prepare import prepare
from ngtbench.harness.validate import Checker
from ngtbench.model.case import Case, Resources
from ngtbench.model.workload import Array
from ngtbench.physics.samples import constituents, deviates, jets, mixtures, objects, pairs, showers, tokens, tracks
from ngtbench.physics.samples.draws import Sample, draw
from ngtbench.workloads.ml import draw as workload

torch = pytest.importorskip("torch", reason="package torch is not installed: pip install 'ngtbench[torch]'")
draws_torch = pytest.importorskip("ngtbench.kernels.ml.draws_torch")
deviates_torch = pytest.importorskip("ngtbench.kernels.ml.deviates_torch")

W = workload.WORKLOAD
SAMPLES: tuple[Sample, ...] = (
    jets.Size(),
    jets.Size(3.0),
    constituents.Size(),
    constituents.Size(5, 9, 4),
    pairs.Size(),
    pairs.Size(12, 3),
    showers.Size(),
    showers.Size(6, 5),
    objects.Size(),
    objects.Size(4, 30, 3.0),
    tracks.Size(),
    tracks.Size(5, 6),
    mixtures.Size(40),
    mixtures.Size(5, 3),
    tokens.Size(length=20),
    tokens.Size(12, 6, 2, 4),
)
SAMPLE = pytest.mark.parametrize("sample", SAMPLES, ids=lambda size: f"{type(size).__module__.rpartition('.')[2]}-{size}")
PLACES = [
    "cpu",
    pytest.param(
        "cuda",
        marks=(pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")),
    ),
]
PLACE = pytest.mark.parametrize("place", PLACES)


def same(sample: Sample, events: int, seed: int, first: int, place: str) -> bool:
    want = draw(sample, events, seed, first, 0.3)
    got = draws_torch.draw(sample, events, seed, torch.device(place), first, 0.3)
    assert list(got) == list(want)
    host = {name: array.cpu().numpy() for name, array in got.items()}
    assert all(host[name].dtype == array.dtype and host[name].shape == array.shape for name, array in want.items())
    return all(host[name].tobytes() == array.tobytes() for name, array in want.items())


@PLACE
@SAMPLE
def test_the_bits_are_those_of_numpy(sample: Sample, place: str) -> None:
    each = 3 * draws_torch.numbers(sample)
    for events, seed, first in ((4000, 1, 0), (700, 12345, 999), (1, 2, 5), (200, 3, (1 << 63) // each), (0, 1, 0)):
        assert same(sample, events, seed, first, place)


@PLACE
def test_deviates_are_those_of_numpy_to_the_ends(place: str) -> None:
    tails = np.concatenate((np.logspace(-16.2, -0.31, 100_000), np.linspace(0.06, 0.09, 10_000), [2.0**-54, 2.0**-37]))
    centred = np.concatenate((tails - 0.5, 0.5 - tails))
    centred = centred[np.abs(centred) < 0.5]
    for ours, theirs, values in (
        (deviates.quantile, deviates_torch.quantile, centred),
        (deviates.log, deviates_torch.log, np.concatenate((np.logspace(-300, 300, 50_000), tails, [1.0, 0.5, 2.0]))),
    ):
        assert np.array_equal(ours(values), theirs(torch.from_numpy(values).to(place)).cpu().numpy())


@PLACE
@pytest.mark.parametrize("start", [0, 17, (1 << 63) // 7 - 50, (1 << 64) // 7 - 100])
def test_counters_wrap_alike(start: int, place: str) -> None:
    these, device = range(start, start + 100), torch.device(place)
    for seed, stream in ((0, 0), (1, 3), ((1 << 62) + 1, 1 << 40)):
        got = deviates_torch.uniform(seed, stream, these, 7, device).cpu().numpy()
        assert np.array_equal(got, deviates.uniform(seed, stream, these, 7))
    got = deviates_torch.whole(5, 1, these, 4, 12, device).cpu().numpy()
    assert np.array_equal(got, deviates.whole(5, 1, these, 4, 12))


def test_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws_torch, "_PART_CPU", 100)
    assert all(same(sample, 333, 4, 0, "cpu") for sample in SAMPLES)


def ready(impl: str, size: str, threads: int = 1) -> Any:
    return prepare(Case("ml/draw", 1, size, impl, "float32"), Resources("cpu:0", threads, False), 1)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("size", [name for name in W.sizes if name.startswith("XS")])
@pytest.mark.parametrize("impl", [impl.name for impl in W.impls])
def test_every_kind_is_drawn_anew_for_each_seed(impl: str, size: str, threads: int) -> None:
    """And is given in other arrays, or computed again: poisoned outputs are made right by the next call."""
    before = torch.get_num_threads()
    try:
        prepared = ready(impl, size, threads)
        assert prepared.verdict.passed, prepared.verdict.reason
        assert prepared.verdict.error == 0
        for array in (outputs := prepared.run()).values():
            prepared.backend.poison(array)
        assert not prepared.check(outputs).passed
        assert prepared.check(prepared.run()).passed
        other = prepared.changed()
        assert other(prepared.run()).passed
        assert not prepared.check(prepared.run()).passed
    finally:
        torch.set_num_threads(before)


def spotted(outputs: dict[str, Array], size: workload.Size) -> bool:
    backend = backends.load("numpy", "cpu:0", 1)
    inputs = HostInputs(W.inputs(size, 1), "float32")
    return Checker(replace(W, sizes={"M": size}), "M", inputs, backend).check(outputs).passed


@pytest.mark.parametrize("events", [7, 5000])
@SAMPLE
def test_samples_of_many_events_are_looked_at(sample: Sample, events: int) -> None:
    size = workload.Size(events, sample)
    right = draw(sample, events, 1, 0, size.anomalies)
    assert spotted(right, size)
    for name, array in right.items():
        last, first = array.copy(), array.copy()
        last[-1:].view(np.uint8).flat[0] ^= 1
        first[:1].view(np.uint8).flat[0] ^= 1
        shifted = np.roll(array, 1, axis=0)
        wrong = [one for one in (last, first, shifted) if one.tobytes() != array.tobytes()]  # masks may be all ones
        assert len(wrong) >= 2
        assert not any(spotted({**right, name: one}, size) for one in wrong)
    assert not spotted(draw(sample, events, 2, 0, size.anomalies), size)


def test_one_last_bit_is_too_much() -> None:
    prepared = ready("numpy", "XS")
    right = prepared.run()
    wrong = right["x"].copy()
    wrong.view(np.uint32)[100, 3] ^= 1
    assert prepared.check(right).passed
    assert not prepared.check({**right, "x": wrong}).passed


def test_bytes_are_those_written() -> None:
    for size in (W.sizes[name] for name in W.sizes if name.startswith("XS")):
        arrays = draw(size.sample, size.events, 1)
        assert W.work(size, 4).bytes == sum(array.nbytes for array in arrays.values())
        assert W.work(size, 4).events == size.events == len(next(iter(arrays.values())))


def test_sizes_without_sense() -> None:
    with pytest.raises(WorkloadError, match="0 events"):
        workload.Size(0)


def test_sizes_nearby_are_other_numbers_of_events() -> None:
    nearby: Callable[[Any, int], Any] | None = W.nearby
    assert nearby is not None
    assert [nearby(workload.Size(1000), k).events for k in (0, 1)] == [1021, 979]
    assert [nearby(workload.Size(1), k).events for k in (0, 1)] == [2, 1]
