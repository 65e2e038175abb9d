"""Training to a known optimum: time until a network is within a stated fraction of what anything could reach."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from ngtbench.errors import WorkloadError
from ngtbench.model.case import Impl, Metric, Work
from ngtbench.model.workload import Array, Bounds, Inputs, Workload
from ngtbench.physics.networks import parameters
from ngtbench.physics.networks.parameters import Network
from ngtbench.physics.samples import constituents, pairs, tokens, tracks
from ngtbench.physics.samples.optimum import Optimum
from ngtbench.workloads.ml import (
    _training,
    calo_ae,
    calo_flow,
    calo_vae,
    deepsets,
    gpt,
    interaction_net,
    jet_mlp,
    part,
    particle_net,
    tagger,
    track_gnn,
)
from ngtbench.workloads.ml._task import LABEL, TOLERANCE, Task

TEST = "test_"
SIGMAS = 4.0  # above the optimum no score lies further by chance
SEEDS = 5
_AROUND_S = 2.5  # of a trial: the order of samples, looks, and the check
_STEPS = {"float32": 1e-5, "tf32": 3e-3, "bfloat16": 2e-2, "float16": 4e-3}  # of losses, relative
# Of a gradient's elements, over their rms: a sample that rounding puts on the other side of a kink is up to 1/20 of it.
_SLOPES = {"float32": 0.08, "tf32": 0.3, "bfloat16": 0.7, "float16": 0.3}
_MOVED = {"float32": 0.1, "tf32": 0.3, "bfloat16": 0.6, "float16": 0.3}  # of the way of the first steps: slopes near 0
_SEEN = {"float32": 0.01, "tf32": 0.05, "bfloat16": 0.08, "float16": 0.05}  # a tenth of an error that is certainly seen


@dataclass(frozen=True)
class Size:
    """A task and its recipe: samples, epochs, batch, Adam's rate, falling linearly to 0, and what counts as reached.

    `fraction` is of the way from chance to the optimum. `only` names the class that is trained on, where it is one. The score
    is looked at `looks` times an epoch until it is reached, and in the end. The oracle repeats `steps` and the answers to
    `checked` test samples. `float32_only` is said of networks whose first steps in half precision are beyond what is checked.
    """

    task: Task
    events: int
    tests: int
    epochs: int = 5
    batch: int = 1024
    rate: float = 5e-3
    fraction: float = 0.9
    looks: int = 8
    only: int | None = None
    steps: int = 3
    checked: int = 256
    float32_only: bool = False

    @property
    def network(self) -> Network:
        """Return the network."""
        return self.task.network

    def best(self, arrays: Mapping[str, Array]) -> float | None:
        """Return the score of the best answer to these samples; None where there is no formula for it."""
        return _training.best(self.task, arrays)

    @property
    def optimum(self) -> Optimum:
        """Return the best score there is."""
        return _optimum(self.task)

    @property
    def target(self) -> float:
        """Return the score to be reached."""
        return self.optimum.value - (1 - self.fraction) * (self.optimum.value - self.task.chance)


def inputs(size: Size, seed: int) -> Inputs:
    """Return training samples by name, and test samples, which come after them in the same draw, by "test_" and name."""
    taught = size.task.draw(size.events, seed, 0)
    if size.only is not None:
        taught = {name: array[taught[LABEL] == size.only] for name, array in taught.items()}
    asked = size.task.draw(size.tests, seed, size.events)
    return {**taught, **{TEST + name: array for name, array in asked.items()}}


def invariants(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any], dtype: str) -> Bounds:
    """Judge a training by float64: its first steps, its last parameters' answers, and its score.

    `first_losses`, `first_gradient`, `first_weights`: of the first steps, beside the same steps in float64. `answers`: of test
    samples, beside float64 with the last parameters. `told_score`: beside that of the answers. `above_optimum`: in standard
    deviations; beyond 4 there is a leak. `short_of_target`: above 0 where the score that was asked for was not reached.
    """
    found = {name: outputs[name].whole() for name in ("seed", "gradient", "losses", "weights", "trained", "answers", "score")}
    count = parameters.count(size.network)
    shapes = {
        "seed": (1,),
        "gradient": (count,),
        "losses": (size.steps,),
        "weights": (count,),
        "trained": (count,),
        "score": (1,),
    }
    wrong = [name for name, shape in shapes.items() if found[name].shape != shape]
    taught, asked = _arrays(size, inputs, ""), _arrays(size, inputs, TEST)
    if wrong or len(found["answers"]) != size.tests or found["answers"].ndim < 2:
        return {"shapes": (1.0, 0.0)}
    seed, tolerance = int(found["seed"][0]), TOLERANCE[dtype]
    start = parameters.values(size.network, seed)
    want = _training.reference(size.task, start, taught, size.batch, seed, size.steps)
    chance = np.random.default_rng()  # unseeded: nothing that only answers the samples looked at can know them
    rows = np.sort(chance.choice(size.tests, min(size.checked, size.tests), replace=False))
    answers = _training.outputs(size.task, found["trained"], {name: array[rows] for name, array in asked.items()})
    score, sigma = _training.score(size.task, found["answers"], asked)
    bounds = {
        "first_losses": (float(np.max(np.abs(found["losses"] / want.losses - 1))), _STEPS[dtype]),
        "first_gradient": (_off(found["gradient"], want.gradient), _SLOPES[dtype]),
        "first_weights": (_beside(found["weights"], want.weights, parameters.flat(start)), _MOVED[dtype]),
        "answers": (_off(found["answers"][rows], answers) if answers.shape[1:] == found["answers"].shape[1:] else 9.9, tolerance),
        "told_score": (abs(float(found["score"][0]) - score), 2e-4),
    }
    best, way = size.optimum, math.copysign(1.0, size.optimum.value - size.task.chance)
    bounds["above_optimum"] = (max(0.0, way * (score - best.value) / math.hypot(sigma, best.error)), SIGMAS)
    bounds["short_of_target"] = (max(0.0, way * (size.target - score)), 0.0)
    return bounds


def work(size: Size, item_b: int) -> Work:
    """Count three forward passes a sample, one of which is for gradients of inputs and one for those of parameters."""
    drawn = size.task.draw(1, 0, 0)
    sample_b = sum(array.nbytes for array in drawn.values())
    taught = size.events if size.only is None else size.events // 2  # of two classes, as probable
    seen = size.epochs * (taught // size.batch) * size.batch
    count = parameters.count(size.network)
    return Work(
        flop=3 * size.network.flop() * seen,
        bytes=sample_b * seen + item_b * count,
        memory_b=sample_b * (size.events + size.tests) + 16 * count,
        events=seen,
        event="sample",
    )


def takes_s(size: Size, kind: str) -> float:
    """Guess the seconds of a training, from some TFLOP/s of a GPU, some GFLOP/s of a processor, and what a small step takes."""
    done, steps = work(size, 4), size.epochs * (size.events // size.batch)
    return max(done.flop / (5e12 if kind == "gpu" else 5e10), steps * (6e-4 if kind == "gpu" else 1e-3)) + _AROUND_S


@cache
def _optimum(task: Task) -> Optimum:
    if task.optimum is None:
        raise WorkloadError(f"{type(task.network).__name__}: a training needs a task whose optimum is known")
    return task.optimum()


def _arrays(size: Size, inputs: Mapping[str, Any], prefix: str) -> dict[str, Array]:
    """Return whole arrays of samples."""
    names = {name: array.shape[1:] for name, array in size.task.draw(1, 0, 0).items()}
    return {name: inputs[prefix + name][...].reshape(-1, *shape) for name, shape in names.items()}


def _off(got: Array, want: Array) -> float:
    """Return the largest difference over the rms of what is wanted."""
    rms = float(np.sqrt(np.mean(want**2)))
    return float(np.max(np.abs(got - want))) / rms if rms > 0 else np.inf


def _beside(got: Array, want: Array, start: Array) -> float:
    """Return how far parameters end from where they should, over the way they should have gone."""
    return float(np.linalg.norm(got - want) / np.linalg.norm(want - start))


JETS = jet_mlp.TASK
PAIRS = pairs.Size(16, 1, 0.5)
LITE = particle_net.task(constituents.Size(16, 32, 3, 1.3), neighbours=7, widths=(32, 64), head=128)
SMALL_PART = part.task(PAIRS, width=32, layers=2, heads=4, pair_width=16)
ROADS = track_gnn.task(tracks.Size(5, 6, 0.05, 0.03), width=32, passes=4)
TEXT = gpt.task(tokens.Size(32, 32), width=64, layers=2, heads=4)
SETS = deepsets.task(constituents.Size(32, 64, 3, 1.25), width=32, layers=2)
SIZES = {
    "XS": Size(JETS, events=20_480, tests=4096, epochs=3, batch=512, rate=1e-2, fraction=0.75, checked=4096),
    "S": Size(JETS, events=300_032, tests=200_000, batch=512, rate=1e-2, looks=32, fraction=0.99),
    "S-deepsets": Size(SETS, events=131_072, tests=65_536, epochs=4, batch=256, rate=1e-2, looks=32, fraction=0.97),
    "S-interaction_net": Size(interaction_net.task(PAIRS), 65_536, 32_768, epochs=3, batch=256, float32_only=True),
    "S-part": Size(SMALL_PART, 131_072, 32_768, epochs=3, batch=128, rate=1e-3),
    "S-particle_net": Size(LITE, 51_200, 16_384, epochs=1, batch=64, float32_only=True),
    "S-track_gnn": Size(ROADS, 38_400, 4096, epochs=1, batch=16, rate=1e-2, float32_only=True),
    "S-tagger": Size(tagger.GRU, 65_536, 32_768, epochs=3, batch=256, looks=32, fraction=0.97),
    "S-calo_ae": Size(calo_ae.SHOWERS, 65_536, 16_384, epochs=3, batch=256, rate=2e-3, only=0),
    "S-calo_vae": Size(calo_vae.WHOLE, 131_072, 32_768, epochs=4, batch=256, looks=32, only=0, fraction=0.8, float32_only=True),
    "S-calo_flow": Size(calo_flow.FLOW, 65_536, 8192, epochs=5, batch=256, rate=2e-3, fraction=0.93),
    "S-gpt": Size(TEXT, 32_768, 2048, epochs=3, batch=64, rate=3e-3, fraction=0.95),
    "M": Size(JETS, events=3_000_320, tests=200_000, batch=8192),
    "L": Size(JETS, events=30_000_128, tests=200_000, batch=65_536),
}
WORKLOAD = Workload(
    version=1,
    title="Training to a known optimum",
    inputs=inputs,
    invariants=invariants,
    work=work,
    sizes=SIZES,
    tolerance=_SEEN,
    impls=(
        Impl("torch", "ml.train_torch:eager", "torch", devices=("cpu", "gpu")),
        Impl("torch-compile", "ml.train_torch:compiled", "torch", devices=("cpu", "gpu"), dtypes=("float32", "bfloat16")),
        Impl("torch-graphs", "ml.train_torch:graphed", "torch", devices=("gpu",), dtypes=("float32",)),
        Impl("torch-checkpoint", "ml.train_torch:checkpointed", "torch", devices=("cpu", "gpu"), dtypes=("bfloat16",)),
    ),
    repeat="trials",
    least=SEEDS,
    takes_s=takes_s,
    metrics=(
        Metric("to_target_s"),
        Metric("wall_s"),
        Metric("samples_per_s", "higher"),
        Metric("epochs_to_target"),
        Metric("reached_ratio", "higher"),
        Metric("below_optimum"),
        Metric("peak_memory_b"),
    ),
    quick=("XS",),
    full=("S", "S-deepsets", "S-part", "S-track_gnn", "S-calo_ae", "S-gpt"),
    quick_gpu=("S",),
    notes=(
        "A trial is a training from another seed: initial parameters and order of samples; the samples are the same.",
        "below_optimum: beside what the likelihood ratio scores on the same test samples, so that their chance is not in it.",
        "Timed: batches gathered on the device, forward, backward, Adam. Not timed: the order of samples, looks at the score.",
    ),
)
