"""Two small real data sets, handwritten digits and tumours: unlike what is generated, their best possible score is unknown.

They show that a network trains on what nature made, not how near to the optimum it gets. data/NOTICE.txt has sources and licence.
A logistic regression, fitted to four fifths of the events and scored on the rest, has an accuracy of about 0.97 on either.
"""

import zlib
from collections.abc import Mapping
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from ngtbench.errors import BadInput, NgtBenchError
from ngtbench.model.workload import Array
from ngtbench.physics.samples import deviates

TRAINING = 0.8  # share of each class
_HERE = Path(__file__).parent / "data"
_ORDER = 0  # stream


def digits() -> tuple[Array, Array]:
    """Return images x, float32, shape (1797, 64), 0 to 1 in sixteenths, and digits, int64."""
    held = _held("digits.npz", {"pixels": (1797, 64), "label": (1797,)})
    return (held["pixels"] / 16).astype(np.float32), held["label"].astype(np.int64)


def breast_cancer() -> tuple[Array, Array]:
    """Return x, float32, shape (569, 30), each feature over its largest value, and classes, int64: 0 malignant, 1 benign."""
    held = _held("breast_cancer.npz", {"features": (569, 30), "label": (569,)})
    features = held["features"]
    return (features / np.max(features, axis=0)).astype(np.float32), held["label"].astype(np.int64)


def split(label: Array, seed: int = 0, training: float = TRAINING) -> Array:
    """Return which events are to train on, bool: this share of each class, rounded, the others being to score on.

    They are those with the smallest numbers of the counter, so that a seed always means the same events.
    """
    if label.ndim != 1 or not 0 < training < 1:
        raise BadInput(f"labels of shape {label.shape}, training {training:g}: name classes, and a share between 0 and 1")
    numbers = deviates.uniform(seed, _ORDER, range(len(label)), 1)[:, 0]
    chosen = np.zeros(len(label), np.bool_)
    for kind in np.unique(label):
        events = np.nonzero(label == kind)[0]
        order = np.argsort(numbers[events], kind="stable")
        chosen[events[order[: round(training * len(events))]]] = True
    return chosen


def _held(name: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Array]:
    path = _HERE / name
    try:
        with np.load(path, allow_pickle=False) as file:
            held = {key: file[key] for key in shapes}
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error) as error:  # what NumPy says of a foreign file
        raise NgtBenchError(f"{path}: cannot be read ({error}): install ngtbench again") from error
    for key, shape in shapes.items():
        if held[key].shape != shape:
            raise NgtBenchError(f"{path}: {key} has shape {held[key].shape}, not {shape}: install ngtbench again")
    return held
