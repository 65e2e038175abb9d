"""A quantum-inspired classifier, forward: chains of small matrix products, of jets, digits, and long chains."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ngtbench.model.case import Impl
from ngtbench.model.workload import Array
from ngtbench.physics.networks.mps_classifier import MpsClassifier
from ngtbench.physics.networks.ttn_classifier import TtnClassifier
from ngtbench.physics.samples import constituents, jets, real
from ngtbench.physics.samples.optimum import ROUNDING, Optimum
from ngtbench.physics.samples.order import rows
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference


def forward(network: MpsClassifier, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return logits (batch, classes); each half is contracted by itself, site by site, and set to length 1 after each."""
    half, unit = network.sites // 2, np.eye(network.bond)
    cosine, sine = features(network, inputs["x"])
    ends = []
    for side in range(2):
        v = Value(np.tile(unit[0], (len(cosine), 1)))
        for k in range(half):
            site = k if side == 0 else network.sites - 1 - k
            pair = network.spread * parameters["w_sites"][k, side] + np.concatenate((unit, unit)) / math.sqrt(2)
            v = (v * cosine[:, site, None]) @ pair[: network.bond] + (v * sine[:, site, None]) @ pair[network.bond :]
            v = v / _tape.sqrt(_tape.total(_tape.square(v), -1, keepdims=True))
        ends.append(v)
    logits = []
    for c in range(network.classes):
        across = ends[0] @ (network.spread * parameters["w_label"][c] + unit)
        logits.append(network.gain * _tape.total(across * ends[1], -1, keepdims=True))
    return _tape.concatenate(logits)


def tree(network: TtnClassifier, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return logits (batch, classes) of a tree, node by node."""
    cosine, sine = features(network, inputs["x"])
    turned = ((cosine + sine) / math.sqrt(2), (sine - cosine) / math.sqrt(2))
    branches = [Value(np.stack((turned[0][:, k], turned[1][:, k]), -1)) for k in range(network.sites)]
    for level in range(1, network.levels + 1):
        joined = []
        for k in range(len(branches) // 2):
            a, b = branches[2 * k], branches[2 * k + 1]
            rows, below = a.shape
            pair = _tape.reshape(_tape.reshape(a, (rows, below, 1)) * _tape.reshape(b, (rows, 1, below)), (rows, below**2))
            v = pair @ (network.spread * parameters[f"w_level{level}"][k] + network.passed(level))
            last = level == network.levels
            joined.append(v if last else v / _tape.sqrt(_tape.total(_tape.square(v), -1, keepdims=True)))
        branches = joined
    return network.gain * branches[0]


def features(network: MpsClassifier | TtnClassifier, x: Array) -> tuple[Array, Array]:
    """Return cosine and sine of each site, (batch, sites)."""
    t = np.clip(0.5 + (np.asarray(x, np.float64) - network.middle) / (2 * network.reach), 0, 1)
    angle = np.repeat(t * (math.pi / 2), network.copies, axis=1)
    return np.cos(angle), np.sin(angle)


def of_jets(classifier: Callable[..., Any] = MpsClassifier, read: Callable[..., Value] = forward, **network: Any) -> Task:
    """Return the task of the five classes of jets."""
    sample = jets.Size()

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        return dict(zip(("x", "label"), jets.draw(sample, events, seed, first), strict=True))

    def best(arrays: Mapping[str, Array]) -> Array:
        return jets.log_posterior(sample, arrays["x"])

    net = classifier(features=jets.FEATURES, classes=jets.CLASSES, **network)
    return Task(net, draw, read, score="accuracy", optimum=lambda: jets.optimum(sample), best=best, chance=1 / jets.CLASSES)


def _digits(events: int, seed: int, first: int) -> dict[str, Array]:
    """Draw images in the order of the seed; after the last comes the first again."""
    x, label = real.digits()
    chosen = rows(len(x), seed, 0)[np.arange(first, first + events) % len(x)]
    return {"x": x[chosen], "label": label[chosen]}


def of_digits(classifier: Callable[..., Any] = MpsClassifier, read: Callable[..., Value] = forward, **network: Any) -> Task:
    """Return the task of the ten digits, a pixel a site; what is best is not known, so all right stands for it."""
    net = classifier(features=64, classes=10, middle=0.5, reach=0.5, spread=0.2, **network)
    top = Optimum(1.0, ROUNDING, "accuracy", "all images right: no more than a bound")
    return Task(net, _digits, read, score="accuracy", optimum=lambda: top, chance=0.1)


def _long(**network: Any) -> Task:
    """Return the task of 64 constituents of 4 features in a row: 256 sites."""
    sample = constituents.Size(features=4)

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        x, _, label = constituents.draw(sample, events, seed, first)
        return {"x": x.reshape(events, -1), "label": label}

    net = MpsClassifier(features=sample.most * sample.features, classes=2, spread=0.1, **network)
    return Task(net, draw, forward, optimum=lambda: constituents.optimum(sample))


IMPLS = (
    Impl("numpy", "tensors.mps_classifier:blocked", "numpy", dtypes=("float32",)),
    Impl("torch", "ml.engines_torch:eager", "torch", devices=("cpu", "gpu")),
    Impl("torch-compile", "ml.engines_torch:compiled", "torch", devices=("cpu", "gpu"), dtypes=("float32",)),
)
WORKLOAD = replace(
    inference(
        "Matrix-product classifier, forward",
        sizes={
            "XS": Size(256, of_jets(bond=8)),
            "S": Size(8192, of_digits(bond=16)),
            "S-jets": Size(8192, of_jets(bond=32, copies=2)),
            "S-tree": Size(8192, of_digits(TtnClassifier, tree, bond=16)),
            "M": Size(8192, _long(bond=64)),
            "L": Size(65_536, _long(bond=256)),
        },
        live=("x",),
        tolerance={"float32": 2e-5, "tf32": 1e-2},
        quick_gpu=("M",),
        full=("S", "M"),
        notes=(
            "Sites, bond, batch: XS 16, 8, 256; S 64, 16, 8192; S-jets 32, 32, 8192; "
            "S-tree, a tree of 64 leaves, 16, 8192; M 256, 64, 8192; L 256, 256, 65536.",
            "Features are squashed linearly to [0, 1], cut off at 4 (pixels as they are), then mapped to (cos, sin)(pi t / 2).",
            "Vectors of both halves are set to length 1 every 8 sites and in the end: logits are of their directions.",
        ),
    ),
    impls=IMPLS,
    quick=("XS",),
)
