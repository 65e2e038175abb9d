"""Every generator by its size: what it draws, as named arrays."""

from collections.abc import Callable

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.samples import constituents, jets, mixtures, objects, pairs, showers, tokens, tracks

Sample = jets.Size | constituents.Size | pairs.Size | showers.Size | objects.Size | tracks.Size | mixtures.Size | tokens.Size
_DRAWS: dict[type, tuple[Callable[..., tuple[Array, ...]], tuple[str, ...]]] = {
    jets.Size: (jets.draw, ("x", "label")),
    constituents.Size: (constituents.draw, ("x", "mask", "label")),
    pairs.Size: (pairs.draw, ("x", "pairs", "label")),
    showers.Size: (showers.draw, ("x", "kind", "label")),
    objects.Size: (objects.draw, ("x", "mask", "label")),
    tracks.Size: (tracks.draw, ("y", "on_track")),
    mixtures.Size: (mixtures.draw, ("x", "t", "v")),
    tokens.Size: (tokens.draw, ("tokens", "label")),
}


def draw(sample: Sample, events: int, seed: int, first: int = 0, anomalies: float = 0.0) -> dict[str, Array]:
    """Return the events of a generator, truth values as uint8; this share of showers are anomalies."""
    make, names = _DRAWS[type(sample)]
    arrays = make(sample, events, seed, first, *([anomalies] if isinstance(sample, showers.Size) else []))
    return {name: array.view(np.uint8) if array.dtype == np.bool_ else array for name, array in zip(names, arrays, strict=True)}
