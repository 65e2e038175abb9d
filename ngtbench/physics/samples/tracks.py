"""Tracks in a plane with noise, as graphs of hits: which candidate edges join successive hits of a track.

An event is a road: layers 0, 1, ... one unit apart, across them y on a circle of circumference 1. One track starts anywhere,
goes straight but for scattering, and leaves a hit a layer: y_l+1 = y_l + s_l, s_0 = `slope` g_0, s_l = s_l-1 + `kink` g_l, g
normal. The other hits of a layer are uniform noise; hits are in order of y. Candidates are pairs of hits in successive layers
with |step| below `window`, in order of layer, inner hit, outer hit. A graph of many hits is made of many events.

An edge alone has log LR = ln N(step; 0, slope^2 + l kink^2) less that of noise, which is flat. The whole road tells more:
its tracks are chains of hits, of which each triplet has the weight N(s_l - s_l-1; 0, kink^2), so that the exact probability of
an edge comes from sums forward and backward along the layers (L. R. Rabiner, Proc. IEEE 77 (1989) 257), the edges being the
states. Networks that look at an edge alone are bounded by the first, all by the second.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates
from ngtbench.physics.samples.optimum import ROUNDING, Optimum

START, STEP, NOISE = range(3)  # streams
_FEWEST_SIGMA = 6.0  # from no slope to half the circle, beyond which a step would be mistaken
_TRIPLETS = 1 << 17  # weighed at once
_SUBSETS = 50  # of a draw, for the error


@dataclass(frozen=True)
class Size:
    """Layers, hits of each in a road, and in units of its circumference: slope, scattering and largest step of an edge."""

    layers: int = 10
    hits: int = 20
    slope: float = 0.06
    kink: float = 0.015
    window: float = 0.25

    def __post_init__(self) -> None:
        if self.layers < 2 or self.hits < 2:
            raise BadInput(f"{self.layers} layers of {self.hits} hits: a road has two layers or more, of two hits or more")
        if not (self.slope > 0 and self.kink > 0 and self.sigma(self.layers - 2) * _FEWEST_SIGMA < 0.5):
            raise BadInput(
                f"slope {self.slope:g}, kink {self.kink:g}: must be above 0, and 6 standard deviations of the last step, "
                f"{_FEWEST_SIGMA * self.sigma(self.layers - 2):g}, below half the circle"
            )
        if not 0 < self.window <= 0.5:
            raise BadInput(f"window {self.window:g}: must be above 0 and at most half the circle, 0.5")

    def sigma(self, layer: int) -> float:
        """Return the standard deviation of a track's step from this layer to the next."""
        return math.hypot(self.slope, math.sqrt(layer) * self.kink)


@dataclass(frozen=True)
class Graph:
    """Candidate edges of a batch: flat numbers of inner and outer hits, shape (2, edges), their steps in y, and which are true.

    `at` has the place of each: event, layer, and inner and outer hit within their layers.
    """

    edges: Array
    steps: Array  # float32, in [-window, window]
    truth: Array
    at: tuple[Array, ...]


def draw(size: Size, events: int, seed: int, first: int = 0) -> tuple[Array, Array]:
    """Return y of hits in [0, 1], float32, and which are of the track, both of shape (events, layers, hits)."""
    parts = deviates.parts(events, first, size.layers * size.hits)
    shape = (events, size.layers, size.hits)
    y, on_track = np.empty(shape, np.float32), np.empty(shape, np.bool_)
    for rows, these in parts:
        found = deviates.uniform(seed, NOISE, these, size.layers * size.hits).reshape(-1, *shape[1:])
        track = deviates.uniform(seed, START, these, 1)[:, 0]
        normal = deviates.normal(seed, STEP, these, size.layers - 1)
        step = np.zeros(len(track))
        for layer in range(size.layers):
            found[:, layer, 0] = track - np.floor(track)
            if layer < size.layers - 1:
                step = step + (size.kink if layer else size.slope) * normal[:, layer]
                track = track + step
        order = np.argsort(found, axis=2, kind="stable")
        y[rows], on_track[rows] = np.take_along_axis(found, order, axis=2), order == 0
    return y, on_track


def graph(size: Size, y: Array, on_track: Array) -> Graph:
    """Return the candidate edges of a batch, those of an event together; hits count through (events, layers, hits)."""
    found = []
    for start, steps in _steps(size, y):
        event, *place = np.nonzero(np.abs(steps) < size.window)
        found.append((event + start, *place, steps[(event, *place)].astype(np.float32)))
    event, layer, inner, outer, step = (np.concatenate(column) for column in zip(*found, strict=True))
    source = (event * size.layers + layer) * size.hits + inner
    target = (event * size.layers + layer + 1) * size.hits + outer
    truth = on_track.reshape(-1)[source] & on_track.reshape(-1)[target]
    return Graph(np.stack((source, target)), step, truth, (event, layer, inner, outer))


def log_ratio(size: Size, edges: Graph) -> Array:
    """Return ln p(layer, step | true) / p(layer, step | false) of each candidate, what an edge tells alone."""
    sigma = _sigmas(size)
    kept = sum(math.erf(size.window / (s * math.sqrt(2))) for s in sigma)  # of the true edges, those in the window
    flat = kept / (2 * size.window * len(sigma))
    of_edge = sigma[edges.at[1]]
    ratio: Array = -(np.square(edges.steps.astype(np.float64) / of_edge)) / 2 - np.log(math.sqrt(2 * math.pi) * of_edge * flat)
    return ratio


def probabilities(size: Size, y: Array, edges: Graph) -> Array:
    """Return the probability of each candidate to be true, given all hits of its event."""
    found = np.empty((len(y), size.layers - 1, size.hits, size.hits))
    for start, steps in _steps(size, y):
        found[start : start + len(steps)] = _posterior(size, steps)
    return found[edges.at]


def optimum(size: Size, sees: str = "event", events: int = 2000, seed: int = 1) -> Optimum:
    """Return the area under the ROC curve of all candidates, of what sees an "edge" alone or the whole "event".

    The first is an integral. The second is of so many events drawn: as the probabilities p are exact, it is that of pairs of
    candidates weighed by p and 1 - p, which no chance of the truth spreads; its error is from subsets of the events.
    """
    if sees == "edge":
        value, coarse = _edge_area(size, 40000), _edge_area(size, 20000)
        return Optimum(value, max(abs(value - coarse), ROUNDING), "auc", "integral over the step of a true edge")
    if sees != "event" or events < 2 * _SUBSETS:
        raise BadInput(f"sees {sees!r}, events {events}: name what is seen, edge or event, and {2 * _SUBSETS} events or more")
    y, on_track = draw(size, events, seed)
    edges = graph(size, y, on_track)
    probability = probabilities(size, y, edges)
    starts = np.searchsorted(edges.at[0], np.arange(1, _SUBSETS) * events // _SUBSETS)
    areas = [_weighed_area(subset) for subset in np.split(probability, starts)]
    error = float(np.std(areas, ddof=1)) / math.sqrt(_SUBSETS)
    return Optimum(_weighed_area(probability), error, "auc", f"exact probabilities of the edges of {events} events drawn")


def _sigmas(size: Size) -> Array:
    return np.array([size.sigma(layer) for layer in range(size.layers - 1)])


def _steps(size: Size, y: Array) -> Iterator[tuple[int, Array]]:
    """Yield, a part at a time, the first event and all steps in (-1/2, 1/2), (part, layers - 1, inner hits, outer hits)."""
    part = max(1, _TRIPLETS // size.hits**3)
    for start in range(0, len(y), part):
        here = y[start : start + part].astype(np.float64)
        step = here[:, 1:, None, :] - here[:, :-1, :, None]
        yield start, step - np.rint(step)


def _posterior(size: Size, steps: Array) -> Array:
    """Return the probability of every edge, shape of `steps`; each layer is scaled, so that no product underflows."""
    forward, backward = np.empty_like(steps), np.ones_like(steps)
    bends = [_bends(size, steps, layer) for layer in range(1, steps.shape[1])]
    forward[:, 0] = _scaled(np.exp(-np.square(steps[:, 0] / size.slope) / 2))
    for layer, bend in enumerate(bends):
        forward[:, layer + 1] = _scaled(np.einsum("nij,nijk->njk", forward[:, layer], bend))
    for layer, bend in reversed(list(enumerate(bends))):
        backward[:, layer] = _scaled(np.einsum("njk,nijk->nij", backward[:, layer + 1], bend))
    both = forward * backward
    posterior: Array = both / np.sum(both, axis=(2, 3), keepdims=True)
    return posterior


def _scaled(weights: Array) -> Array:
    scaled: Array = weights / np.max(weights, axis=(1, 2), keepdims=True)
    return scaled


def _bends(size: Size, steps: Array, layer: int) -> Array:
    """Weigh triplets of hits (inner, middle, outer), of which the middle one is in this layer."""
    bend = steps[:, layer, None, :, :] - steps[:, layer - 1, :, :, None]
    weights: Array = np.exp(-np.square(bend / size.kink) / 2)
    return weights


def _weighed_area(probability: Array) -> float:
    order = np.argsort(probability)
    true = probability[order]
    below = np.cumsum(1 - true) - (1 - true) / 2
    return float(np.sum(true * below) / (np.sum(true) * np.sum(1 - true)))


def _edge_area(size: Size, points: int) -> float:
    """Integrate, over the step of a true edge, the share of false ones with a smaller ratio: N falls to the same at their x."""
    sigma = _sigmas(size)[:, None]
    step = (np.arange(points) + 0.5) / points * size.window
    density = np.exp(-np.square(step / sigma) / 2) / sigma
    inverse = np.square(step / sigma)[:, None, :] + 2 * np.log(sigma / sigma[:, :, None]).swapaxes(0, 1)
    x = sigma[None] * np.sqrt(np.maximum(inverse, 0))
    farther = 1 - np.mean(np.minimum(x / size.window, 1), axis=1)
    return float(np.sum(density * farther) / np.sum(density))
