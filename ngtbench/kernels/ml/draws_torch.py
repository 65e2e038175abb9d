"""Generated data for machine learning on any device of torch: bit for bit what `physics.samples` draws, a generator each."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ngtbench.kernels.ml.deviates_torch import log, normal, uniform, whole
from ngtbench.model.workload import Arrays, Run, Setup
from ngtbench.physics.samples import constituents, jets, mixtures, objects, pairs, showers, tokens, tracks
from ngtbench.physics.samples.draws import Sample

_PART_CPU = 1 << 15  # numbers made at once: stays in cache
_PART_GPU = 1 << 22  # fills the device; temporaries take some 32 MiB each

Drawn = dict[str, torch.Tensor]


def eager(setup: Setup, seed: Any) -> Run:
    """Draw the events of the seed, which is read at each call; each operator is a kernel."""
    place = seed.device

    def run() -> Arrays:
        with torch.inference_mode():
            return draw(setup.size.sample, setup.size.events, int(seed), place, share=setup.size.anomalies)

    return run


def draw(sample: Sample, events: int, seed: int, place: torch.device, first: int = 0, share: float = 0.0) -> Drawn:
    """Return the arrays that the module of this size draws, by name; `share` of showers are anomalies."""
    make, each = _MAKERS[type(sample)], numbers(sample)
    step = max(1, (_PART_CPU if place.type == "cpu" else _PART_GPU) // each)
    made: Drawn = {}
    for start in range(0, max(events, 1), step):
        stop = min(start + step, events)
        part = make(sample, seed, range(first + start, first + stop), place, share)
        if not made:
            made = {name: torch.empty((events, *a.shape[1:]), dtype=a.dtype, device=place) for name, a in part.items()}
        for name, array in part.items():
            made[name][start:stop] = array
    return made


def numbers(sample: Sample) -> int:
    """Return about how many random numbers an event takes."""
    if isinstance(sample, jets.Size):
        return jets.FEATURES
    if isinstance(sample, constituents.Size):
        return sample.most * sample.features
    if isinstance(sample, pairs.Size):
        return sample.constituents * sample.features
    if isinstance(sample, showers.Size):
        return sample.cells
    if isinstance(sample, mixtures.Size):
        return sample.features
    if isinstance(sample, tokens.Size):
        return sample.length + 1
    return 3 * sample.most if isinstance(sample, objects.Size) else sample.layers * sample.hits


def _jets(size: jets.Size, seed: int, these: range, place: torch.device, share: float) -> Drawn:
    label = whole(seed, jets.CLASS, these, 0, jets.CLASSES - 1, place)
    z = normal(seed, jets.Z, these, jets.FEATURES, place)
    wider = torch.arange(jets.FEATURES, device=place) // jets.BLOCK == label[:, None]
    x = torch.where(wider, math.sqrt(size.variance) * z, z)
    return {"x": _reflected(_reflected(x, 0), 1).to(torch.float32), "label": label}


def _reflected(x: torch.Tensor, k: int) -> torch.Tensor:
    v = np.rint(2.0**20 * np.cos(0.7310585 * np.arange(jets.FEATURES) ** 2 * (k + 1)))
    along = torch.zeros(len(x), dtype=torch.float64, device=x.device)
    for feature, component in enumerate(v.tolist()):
        along += component * x[:, feature]
    return x - (along * (2 / float(np.sum(v * v))))[:, None] * _table(v, x.device)


def _constituents(size: constituents.Size, seed: int, these: range, place: torch.device, share: float) -> Drawn:
    label = whole(seed, constituents.CLASS, these, 0, 1, place)
    count = whole(seed, constituents.COUNT, these, size.fewest, size.most, place)
    mask = torch.arange(size.most, device=place) < count[:, None]
    width = mask * _table((1.0, math.sqrt(size.variance)), place)[label][:, None]
    numbers = normal(seed, constituents.FEATURE, these, size.most * size.features, place)
    x = width[:, :, None] * numbers.reshape(-1, size.most, size.features) + 0.0  # no -0 in empty slots
    return {"x": x.to(torch.float32), "mask": mask.view(torch.uint8), "label": label}


def _pairs(size: pairs.Size, seed: int, these: range, place: torch.device, share: float) -> Drawn:
    n, k = size.constituents, size.features
    label = whole(seed, pairs.CLASS, these, 0, 1, place)
    four = normal(seed, pairs.FEATURE, these, n * k, place).reshape(-1, n // pairs.FOUR, 2, 2, k)
    rest = math.sqrt((1 - size.correlation) * (1 + size.correlation))
    four[:, :, :, 1] = size.correlation * four[:, :, :, 0] + rest * four[:, :, :, 1]
    turned = torch.where(label[:, None, None, None, None] != 0, four, four.transpose(2, 3)).reshape(-1, n, k)
    order = torch.argsort(uniform(seed, pairs.ORDER, these, n, place), dim=1, stable=True)
    numbers = 2 * (np.arange(n) // pairs.FOUR) + np.array((pairs.VERTEX, pairs.CLUSTER))[:, np.arange(n) % pairs.FOUR]
    x = torch.gather(turned, 1, order[:, :, None].expand(-1, -1, k))
    return {"x": x.to(torch.float32), "pairs": torch.from_numpy(numbers.T.copy()).to(place)[order], "label": label}


def _showers(size: showers.Size, seed: int, these: range, place: torch.device, share: float) -> Drawn:
    bounds = _table(np.cumsum(showers.SHARES[:-1]), place)
    kind = torch.searchsorted(bounds, uniform(seed, showers.KIND, these, 1, place)[:, 0].contiguous(), right=True)
    chance = uniform(seed, showers.LEANS, these, 2, place)
    label = (chance[:, 0] < share).to(torch.int64)
    side = label * (1 - 2 * (chance[:, 1] < 0.5).to(torch.int64))
    lean = side.to(torch.float64) * (size.lean * size.noise_gev)
    x = _table(showers.means(size), place)[kind] + size.noise_gev * normal(seed, showers.CELL, these, size.cells, place)
    x = x + size.shared_gev * normal(seed, showers.SHARED, these, 1, place)
    x = x + lean[:, None] * _table(showers.leaning(size), place)
    return {"x": x.to(torch.float32).reshape(-1, size.rows, size.columns), "kind": kind, "label": label}


def _objects(size: objects.Size, seed: int, these: range, place: torch.device, share: float) -> Drawn:
    label = whole(seed, objects.CLASS, these, 0, 1, place)
    count = whole(seed, objects.COUNT, these, size.fewest, size.most, place)
    mask = torch.arange(size.most, device=place) < count[:, None]
    u = uniform(seed, objects.OBJECT, these, 3 * size.most, place).reshape(-1, 3, size.most)
    scale = _table((objects.SCALE_GEV, objects.SCALE_GEV * size.hardness), place)[label]
    above = -log(1 - u[:, 0]) * scale[:, None]
    pt = -torch.sort(torch.where(mask, -above - objects.THRESHOLD_GEV, 0.0), dim=1).values
    eta, phi = objects.LARGEST_ETA * (2 * u[:, 1] - 1), math.pi * (2 * u[:, 2] - 1)
    x = torch.where(mask[:, :, None], torch.stack((pt, eta, phi), dim=-1), 0.0)
    return {"x": x.to(torch.float32), "mask": mask.view(torch.uint8), "label": label}


def _tracks(size: tracks.Size, seed: int, these: range, place: torch.device, share: float) -> Drawn:
    found = uniform(seed, tracks.NOISE, these, size.layers * size.hits, place).reshape(-1, size.layers, size.hits)
    track = uniform(seed, tracks.START, these, 1, place)[:, 0]
    bends = normal(seed, tracks.STEP, these, size.layers - 1, place)
    step = torch.zeros_like(track)
    for layer in range(size.layers):
        found[:, layer, 0] = track - torch.floor(track)
        if layer < size.layers - 1:
            step = step + (size.kink if layer else size.slope) * bends[:, layer]
            track = track + step
    order = torch.argsort(found, dim=2, stable=True)
    return {"y": torch.gather(found, 2, order).to(torch.float32), "on_track": (order == 0).view(torch.uint8)}


def _mixtures(size: mixtures.Size, seed: int, these: range, place: torch.device, share: float) -> Drawn:
    kind = whole(seed, mixtures.KIND, these, 0, size.kinds - 1, place)
    shower = _table(mixtures.means(size), place)[kind] + size.width * normal(seed, mixtures.VOXEL, these, size.features, place)
    start = normal(seed, mixtures.NOISE, these, size.features, place)
    t = (uniform(seed, mixtures.TIME, these, 1, place)[:, 0] * (1 - 2.0**-24)).to(torch.float32)
    time = t[:, None].to(torch.float64)
    x = (1 - time) * start + time * shower
    return {"x": x.to(torch.float32), "t": t, "v": (shower - start).to(torch.float32)}


def _tokens(size: tokens.Size, seed: int, these: range, place: torch.device, share: float) -> Drawn:
    numbers = uniform(seed, tokens.TOKEN, these, size.length + 1, place)
    some = (numbers * size.branches).to(torch.int64)
    some[:, :2] = (numbers[:, :2] * size.vocabulary).to(torch.int64)
    order = torch.from_numpy(tokens.orders(size)).to(place)
    for at in range(2, size.length + 1):
        before, last = some[:, at - 2], some[:, at - 1]
        some[:, at] = order[before % size.classes, (last + some[:, at]) % size.vocabulary]
    label = some[:, 1:].clone()
    label[:, 0] = -1
    return {"tokens": some[:, :-1].contiguous(), "label": label}


def _table(values: Any, place: torch.device) -> torch.Tensor:
    """Return numbers of the host in float64; torch's own default is float32."""
    return torch.tensor(np.asarray(values), dtype=torch.float64, device=place)


_MAKERS: dict[type, Callable[..., Drawn]] = {
    jets.Size: _jets,
    constituents.Size: _constituents,
    pairs.Size: _pairs,
    showers.Size: _showers,
    objects.Size: _objects,
    tracks.Size: _tracks,
    mixtures.Size: _mixtures,
    tokens.Size: _tokens,
}
