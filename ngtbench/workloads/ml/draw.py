"""Drawing the data of the ml family on a device: the same events, bit for bit, wherever they are made.

A call draws jets, sets, pairs, tracks, showers, trigger objects, points on the way of a flow or tokens of physics.samples: 64-bit
counters mixed by multiplication and shifts, their inverse normal distribution in float64, few other operations, rounded once to
float32. IEEE 754 leaves no freedom in any of them, so that every number is compared exactly. Training draws its own data by this,
instead of loading it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics.samples import constituents, jets, mixtures, objects, pairs, showers, tokens, tracks
from ngtbench.physics.samples.draws import Sample, draw

_STRETCHES, _STRETCH = 64, 16  # events in a row that are looked at where there are many
_TEMPORARIES_B = 1 << 30  # of a part on a device, at most


@dataclass(frozen=True)
class Size:
    """How many events a call draws, of what, and which share of showers are anomalies."""

    events: int
    sample: Sample = field(default_factory=jets.Size)
    anomalies: float = 0.5

    def __post_init__(self) -> None:
        if self.events < 1:
            raise WorkloadError(f"{self.events} events: must be 1 or more")


def inputs(size: Size, seed: int) -> Inputs:
    """Return the seed, which is all that events depend on."""
    return {"seed": np.array(seed, np.int64)}


def reference(size: Size, seed: Array) -> Mapping[str, Array]:
    """Return the events by the generator in NumPy."""
    return draw(size.sample, size.events, int(seed), 0, size.anomalies)


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return what some stretches of events, the first and the last among them, hold and should hold."""
    seed, got, want = int(inputs["seed"][np.zeros(1, np.int64)][0]), list[Array](), list[Array]()
    length = min(_STRETCH, size.events)
    for first in np.linspace(0, size.events - length, _STRETCHES).astype(np.int64):
        for name, right in draw(size.sample, length, seed, int(first), size.anomalies).items():
            width = right[0].size
            got.append(outputs[name][np.arange(first * width, (first + length) * width)].astype(np.float64))
            want.append(right.reshape(-1).astype(np.float64))
    return np.concatenate(got), np.concatenate(want)


def work(size: Size, item_b: int) -> Work:
    """Count what is written; FLOP are not counted, for the tails of the normal distribution take more than its middle."""
    written_b = sum(a.nbytes for a in draw(size.sample, 1, 0).values()) * size.events
    return Work(
        flop=0, bytes=written_b, memory_b=written_b + min(_TEMPORARIES_B, 16 * written_b), events=size.events, event="event"
    )


def nearby(size: Size, k: int) -> Size:
    """Return a few per cent more events, or fewer."""
    return replace(size, events=size.events + 1 + size.events // 50 if k == 0 else max(1, size.events - 1 - size.events // 50))


_OTHERS: dict[str, Sample] = {
    "constituents": constituents.Size(),
    "objects": objects.Size(),
    "pairs": pairs.Size(),
    "showers": showers.Size(),
    "tracks": tracks.Size(),
}
_LONG: dict[str, Sample] = {"mixtures": mixtures.Size(), "tokens": tokens.Size()}  # hundreds of numbers an event
_EVENTS_OF_LONG = (("XS", 1 << 6), ("S", 1 << 10), ("M", 1 << 15))

WORKLOAD = Workload(
    version=1,
    title="Drawing training data",
    inputs=inputs,
    reference=reference,
    spot=spot,
    work=work,
    nearby=nearby,
    live=("seed",),
    sizes={"XS": Size(1 << 12), "S": Size(1 << 17), "M": Size(1 << 21), "L": Size(1 << 25)}
    | {f"XS-{name}": Size(1 << 9, sample) for name, sample in _OTHERS.items()}
    | {f"S-{name}": Size(1 << 13, sample) for name, sample in _OTHERS.items()}
    | {f"M-{name}": Size(1 << 18, sample) for name, sample in _OTHERS.items()}
    | {f"{at}-{name}": Size(events, of) for name, of in _LONG.items() for at, events in _EVENTS_OF_LONG},
    tolerance={"float32": 0.0},
    impls=(
        Impl("numpy", "ml.draws:threads", "numpy"),
        Impl("torch", "ml.draws_torch:eager", "torch", devices=("cpu", "gpu")),
    ),
    notes=(
        "Jets of 16 features; -constituents: 64 of 3; -pairs: 64 of 1; -showers: 18 x 14 cells, half anomalies; -objects: up "
        "to 12; -tracks: 10 layers of 20 hits; -mixtures: 368 voxels, a time and velocities; -tokens: 256.",
        "Compared exactly: tolerance 0. The numpy implementation is the generator itself, and so is the oracle: it is the "
        "pace to beat. Its bits are pinned, and its distributions tested, by tests of the generators.",
        "The seed lies on the device and is read at each call: on a GPU, a call waits for it.",
        "FLOP are not counted.",
    ),
)
