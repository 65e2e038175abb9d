"""Showers in a calorimeter as images of energies, a Gaussian mixture of known density, and anomalies: showers that lean.

The image of a kind k is sum of its mean mu_k, noise of each cell and noise that all cells share,
x = mu_k + sigma g + tau g_0, so that ln p(x | k) = -(r^2 - s^2) / (2 sigma^2) - s^2 / (2 (sigma^2 + n tau^2)) + constant with
r = x - mu_k, s = sum r / sqrt(n) for n cells. Energies are in GeV, the pedestal subtracted: they can be below zero.
mu_k falls along the rows, about a depth, and across the columns, about the middle, as the square of a Breit-Wigner.

An anomaly leans to one side or the other, at random: +- lean sigma a is added, with a the change of a mean image that moves
along the columns, normalised. a is odd and all mu_k are even across the columns: so t = a.x / sigma is normal about 0, or
about +- lean, whatever the kind, and log LR = ln cosh(lean t) - lean^2 / 2. That is the bound also for what is trained on
plain showers alone.
"""

import math
from dataclasses import dataclass

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates
from ngtbench.physics.samples.optimum import ROUNDING, Optimum

KIND, CELL, SHARED, LEANS = range(4)  # streams
SHARES = (0.4, 0.3, 0.2, 0.1)
_ENERGIES_GEV = (10.0, 15.0, 20.0, 30.0)
_DEPTHS = (0.25, 0.35, 0.45, 0.6)  # of the rows
_LONG, _WIDE = 0.2, 0.1  # half widths, of the rows and columns


@dataclass(frozen=True)
class Size:
    """Rows (depth) and columns of cells, noise of a cell and of all together in GeV, and how far anomalies lean, in sigma."""

    rows: int = 18
    columns: int = 14
    noise_gev: float = 0.5
    shared_gev: float = 0.05
    lean: float = 2.0

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 2:
            raise BadInput(f"{self.rows} rows of {self.columns} columns: an image has a row or more, of two columns or more")
        if not (0 < self.noise_gev < math.inf and 0 <= self.shared_gev < math.inf and 0 < self.lean < math.inf):
            raise BadInput(
                f"noise_gev {self.noise_gev:g}, lean {self.lean:g}: must be above 0; shared_gev {self.shared_gev:g}: from 0"
            )

    @property
    def cells(self) -> int:
        """Count the cells of an image."""
        return self.rows * self.columns


def draw(size: Size, events: int, seed: int, first: int = 0, anomalies: float = 0.0) -> tuple[Array, Array, Array]:
    """Return images, float32, shape (events, rows, columns), their kinds, int64, and which lean, int64: this share of all.

    An event is the same shower whatever the share, and leans or not.
    """
    parts = deviates.parts(events, first, size.cells)
    if not 0 <= anomalies <= 1:
        raise BadInput(f"anomalies {anomalies:g}: must be a share of the events, from 0 to 1")
    x, kind = np.empty((events, size.cells), np.float32), np.empty(events, np.int64)
    label, mean, odd = np.empty(events, np.int64), means(size), leaning(size)
    for rows, these in parts:
        kind[rows] = np.searchsorted(np.cumsum(SHARES[:-1]), deviates.uniform(seed, KIND, these, 1)[:, 0], side="right")
        chance = deviates.uniform(seed, LEANS, these, 2)
        label[rows] = chance[:, 0] < anomalies
        lean = label[rows] * np.where(chance[:, 1] < 0.5, -1, 1) * (size.lean * size.noise_gev)
        cells = deviates.normal(seed, CELL, these, size.cells)
        shared = deviates.normal(seed, SHARED, these, 1)
        x[rows] = mean[kind[rows]] + size.noise_gev * cells + size.shared_gev * shared + lean[:, None] * odd
    return x.reshape(events, size.rows, size.columns), kind, label


def means(size: Size) -> Array:
    """Return the mean images of the four kinds in GeV, shape (4, cells); each sums to its energy."""
    across = _fall(_offsets(size), max(_WIDE * size.columns, 1.0))
    images = []
    for energy, depth in zip(_ENERGIES_GEV, _DEPTHS, strict=True):
        along = _fall(np.arange(size.rows) + 0.5 - depth * size.rows, max(_LONG * size.rows, 1.0))
        image = np.ravel(along[:, None] * across)
        images.append(image * (energy / math.fsum(image)))
    return np.array(images)


def log_density(size: Size, x: Array) -> Array:
    """Return ln p(x) of plain showers, shape (events,); energies in GeV."""
    images, mean = x.reshape(-1, size.cells).astype(np.float64), means(size)
    white, shared = size.noise_gev**2, size.noise_gev**2 + size.cells * size.shared_gev**2
    squares, sums = np.empty((2, len(mean), len(images)))
    for kind, center in enumerate(mean):
        squares[kind] = np.sum(np.square(images - center), axis=1)
        sums[kind] = np.sum(images - center, axis=1) ** 2 / size.cells
    exponent = np.log(SHARES)[:, None] - (squares - sums) / (2 * white) - sums / (2 * shared)
    highest = np.max(exponent, axis=0)
    constant = (size.cells - 1) / 2 * math.log(2 * math.pi * white) + math.log(2 * math.pi * shared) / 2
    density: Array = highest + np.log(np.sum(np.exp(exponent - highest), axis=0)) - constant
    return density


def energy_sum(size: Size) -> tuple[Array, Array, float]:
    """Return the distribution of the summed energy: shares and means of normal ones, and their standard deviation, in GeV."""
    sigma = math.sqrt(size.cells) * math.hypot(size.noise_gev, math.sqrt(size.cells) * size.shared_gev)
    return np.array(SHARES), np.array(_ENERGIES_GEV), sigma


def log_ratio(size: Size, x: Array) -> Array:
    """Return ln p(x | leans) / p(x), shape (events,)."""
    t = np.abs(np.sum(x.reshape(-1, size.cells).astype(np.float64) * leaning(size), axis=1)) * (size.lean / size.noise_gev)
    ratio: Array = t + np.log1p(np.exp(-2 * t)) - math.log(2) - size.lean**2 / 2
    return ratio


def optimum(size: Size) -> Optimum:
    """Return the area under the ROC curve of the likelihood ratio: that |t_1| is above |t_0|, Phi^2 + (1 - Phi)^2.

    Phi is of lean / sqrt(2): t_1^2 - t_0^2 is a product of two normal numbers of that mean and width 1, up to 2.
    """
    below = math.erfc(size.lean / 2) / 2
    return Optimum((1 - below) ** 2 + below**2, ROUNDING, "auc", "closed form, error function")


def leaning(size: Size) -> Array:
    """Return the image that leaning adds, shape (cells,): x times the fall of the mean across, odd, of norm 1."""
    offsets = _offsets(size)
    along = _fall(np.arange(size.rows) + 0.5 - 0.4 * size.rows, max(_LONG * size.rows, 1.0))
    image = np.ravel(along[:, None] * (offsets * _fall(offsets, max(_WIDE * size.columns, 1.0))))
    return image / math.sqrt(math.fsum(image**2))


def _offsets(size: Size) -> Array:
    return np.arange(size.columns) - (size.columns - 1) / 2


def _fall(distance: Array, width: float) -> Array:
    reach = np.square(distance / width) + 1
    fall: Array = 1 / (reach * reach)
    return fall
