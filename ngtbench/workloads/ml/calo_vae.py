"""Inference of a variational autoencoder on lists of trigger objects: the encoder alone, as a trigger runs it, and all of it."""

from collections.abc import Mapping

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks.calo_vae import CaloVae
from ngtbench.physics.samples import deviates, objects
from ngtbench.workloads.ml import _objects, _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference

_NOISE = 50  # stream, beside those of the objects


def forward(network: CaloVae, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return means (batch, latent); from the whole network means, logarithms of variances, and features reconstructed."""
    p, last, h = parameters, len(network.widths) - 1, Value(inputs["x"])
    for layer in range(1, last):
        h = _tape.relu(h @ p[f"w_mean{layer}"] + p[f"b_mean{layer}"])
    mean = h @ p[f"w_mean{last}"] + p[f"b_mean{last}"]
    if not network.whole:
        return mean
    spread = h @ p["w_spread1"] + p["b_spread1"]
    h = mean + _tape.exp(spread * 0.5) * inputs["noise"]
    for layer in range(1, last):
        h = _tape.relu(h @ p[f"w_back{layer}"] + p[f"b_back{layer}"])
    return _tape.concatenate((mean, spread, h @ p[f"w_back{last}"] + p[f"b_back{last}"]))


def task(sample: objects.Size, hidden: tuple[int, ...] = (32, 16), latent: int = 3, whole: bool = True) -> Task:
    """Return the task of reconstructing such lists; the harder ones, half of those drawn, are not to be trained on.

    Its loss is a sum of squares off the features and of the Kullback-Leibler divergence; its score, of the means' squares.
    """

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        made = _objects.drawn(sample, events, seed, first)
        noise = deviates.normal(seed, _NOISE, range(first, first + events), latent).astype(np.float32)
        x = {"x": made["x"].reshape(events, -1)}
        return x | ({"noise": noise} if whole else {}) | {"label": made["label"]}

    def best(arrays: Mapping[str, Array]) -> Array:
        return _objects.log_ratio(sample, arrays["x"])

    of = CaloVae((3 * sample.most, *hidden, latent), whole)
    return Task(of, draw, forward, "elbo", "anomaly", "x", lambda: objects.optimum(sample), best)


_LISTS = objects.Size(12, 19, 1.8)
ENCODER = task(_LISTS, whole=False)
WHOLE = task(_LISTS)
WORKLOAD = inference(
    "Variational autoencoder inference, lists of 12 to 19 objects",
    sizes={
        "XS": Size(1, ENCODER),
        "XS-whole": Size(1, WHOLE),
        "S": Size(64, ENCODER),
        "S-whole": Size(64, WHOLE),
        "M": Size(4096, ENCODER),
        "L": Size(65536, ENCODER),
    },
    live=("x",),
    notes=(
        "57-32-16-3, ReLU between: 2 435 parameters, 4 768 FLOP a sample. Output: the means; a trigger cuts on their square.",
        "Whole: log variances, a deviate given per latent number, and 3-16-32-57 back: 4 975 parameters, 9 632 FLOP a sample.",
    ),
)
