"""Every generator makes the same bits, whatever the split into batches, and refuses sizes that make no sense."""

import hashlib
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import constituents, jets, objects, pairs, showers, tracks

Draw = Callable[..., tuple[Array, ...]]
DRAWS: dict[str, tuple[Draw, str]] = {
    "jets": (partial(jets.draw, jets.Size()), "04d75bb8a067589b"),
    "constituents": (partial(constituents.draw, constituents.Size(5, 9, 4)), "f0506efd9d20850f"),
    "pairs": (partial(pairs.draw, pairs.Size(12, 3)), "19a6b7a9060403ba"),
    "tracks": (partial(tracks.draw, tracks.Size(5, 6)), "257ab0458ad9a028"),
    "showers": (partial(showers.draw, showers.Size(6, 5), anomalies=0.5), "aaa067f1f20d72e6"),
    "objects": (partial(objects.draw, objects.Size()), "94bce35a2057380a"),
}
NAMES = pytest.mark.parametrize("name", DRAWS)


@NAMES
def test_known_bits(name: str) -> None:
    """Pin the bits: a change would change every score, and every version of every workload with it."""
    draw, wanted = DRAWS[name]
    arrays = draw(events=500, seed=11)
    assert hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()[:16] == wanted


@NAMES
def test_same_bits_whatever_the_split(name: str) -> None:
    draw, _ = DRAWS[name]
    whole = draw(events=3000, seed=2)
    for cuts in ([0, 1, 2, 1500, 2999, 3000], [0, 777, 3000]):
        split = [draw(events=stop - first, seed=2, first=first) for first, stop in pairwise(cuts)]
        for array, *batches in zip(whole, *split, strict=True):
            assert array.tobytes() == np.concatenate(batches).tobytes()


@NAMES
def test_other_seeds_and_events_are_others(name: str) -> None:
    draw, _ = DRAWS[name]
    x = draw(events=200, seed=2)[0]
    assert x.dtype == np.float32
    for other in (draw(events=200, seed=3)[0], draw(events=200, seed=2, first=200)[0]):
        assert np.mean(x[x != 0] == other[x != 0]) < 0.01


@NAMES
@pytest.mark.parametrize(("events", "first"), [(-1, 0), (1, -1), (1, 2**62)])
def test_no_number_of_events(name: str, events: int, first: int) -> None:
    with pytest.raises(BadInput, match="events"):
        DRAWS[name][0](events=events, seed=1, first=first)


@NAMES
def test_no_events_are_empty_arrays(name: str) -> None:
    draw, _ = DRAWS[name]
    assert [array.shape[1:] for array in draw(events=0, seed=1)] == [array.shape[1:] for array in draw(events=3, seed=1)]


@pytest.mark.parametrize(
    ("size", "name"),
    [
        (partial(jets.Size, 1.0), "variance"),
        (partial(jets.Size, float("nan")), "variance"),
        (partial(jets.Size, float("inf")), "variance"),
        (partial(constituents.Size, 0, 5), "constituents"),
        (partial(constituents.Size, 6, 5), "constituents"),
        (partial(constituents.Size, 5, 5, 0), "constituents"),
        (partial(constituents.Size, 5, 6, 1), "constituents"),
        (partial(constituents.Size, variance=1.0), "variance"),
        (partial(pairs.Size, 30), "constituents"),
        (partial(pairs.Size, 0), "constituents"),
        (partial(pairs.Size, 8, 0), "constituents"),
        (partial(pairs.Size, correlation=0.0), "correlation"),
        (partial(pairs.Size, correlation=1.0), "correlation"),
        (partial(tracks.Size, layers=1), "layers"),
        (partial(tracks.Size, hits=1), "hits"),
        (partial(tracks.Size, slope=0.0), "slope"),
        (partial(tracks.Size, kink=0.0), "kink"),
        (partial(tracks.Size, slope=0.1), "half the circle"),
        (partial(tracks.Size, window=0.0), "window"),
        (partial(tracks.Size, window=0.6), "window"),
        (partial(showers.Size, rows=0), "rows"),
        (partial(showers.Size, columns=1), "columns"),
        (partial(showers.Size, noise_gev=0.0), "noise_gev"),
        (partial(showers.Size, shared_gev=-1.0), "shared_gev"),
        (partial(showers.Size, lean=0.0), "lean"),
        (partial(objects.Size, 2, 3), "objects"),
        (partial(objects.Size, 5, 4), "objects"),
        (partial(objects.Size, hardness=1.0), "hardness"),
    ],
)
def test_sizes_without_sense(size: Callable[[], object], name: str) -> None:
    with pytest.raises(BadInput, match=name):
        size()


def test_share_of_anomalies() -> None:
    with pytest.raises(BadInput, match="anomalies"):
        showers.draw(showers.Size(), 1, 1, anomalies=1.5)
