"""Trainings as the oracle sees them: losses and scores of outputs, the order of samples, and the first steps in float64."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import optimum
from ngtbench.physics.samples.order import rows
from ngtbench.workloads.ml import _adam, _tape
from ngtbench.workloads.ml._tape import Value, leaf
from ngtbench.workloads.ml._task import LABEL, Task

EPSILON = 1e-6  # of Adam: far above what rounding leaves of a gradient that is 0, which 1e-8 would blow up to a full step
PROBE_RATE = 1e-3  # of the steps that the oracle repeats


@dataclass(frozen=True)
class Reference:
    """First steps of a training in float64: its gradient before the first, losses before each, parameters after the last."""

    gradient: Array
    losses: Array
    weights: Array


def loss(task: Task, outputs: Value, arrays: Mapping[str, Array]) -> Value:
    """Return the mean loss: cross entropy of labels from 0 up, others not counted; the mean square off the target; or elbo.

    That is the sum of squares off the target, and of the divergence of what is drawn from normal numbers (Kingma and Welling
    2014, arXiv 1312.6114, appendix B), outputs being means, logarithms of variances, and what is reconstructed.
    """
    target = arrays[task.target]
    if task.loss == "elbo":
        latent = (outputs.shape[1] - target.shape[1]) // 2
        mean, spread, back = outputs[:, :latent], outputs[:, latent : 2 * latent], outputs[:, 2 * latent :]
        divergence = 0.5 * _tape.total(_tape.square(mean) + _tape.exp(spread) - spread - 1)
        return (_tape.total(_tape.square(back - target)) + divergence) / len(target)
    if task.loss == "mean_square":
        return _tape.mean_square(outputs, target)
    known = np.flatnonzero(target.reshape(-1) >= 0)
    logits = _tape.take(_tape.reshape(outputs, (-1, outputs.shape[-1])), known)
    return _tape.cross_entropy(logits, target.reshape(-1)[known])


def score(task: Task, outputs: Array, arrays: Mapping[str, Array]) -> tuple[float, float]:
    """Return the score of outputs, and its standard deviation by chance of the samples."""
    target = arrays[task.target]
    if task.score == "loss":
        return _mean(_losses(task, outputs, target))
    label = arrays[LABEL].reshape(-1)
    known = label >= 0
    if task.loss == "elbo":
        latent = (outputs.shape[1] - target.shape[1]) // 2
        return optimum.auc(np.sum(outputs[:, :latent] ** 2, axis=1), label)
    if task.score == "anomaly":
        return optimum.auc(np.mean((outputs - target).reshape(len(label), -1) ** 2, axis=1), label)
    logits = outputs.reshape(-1, outputs.shape[-1])[known]
    if task.score == "auc":
        return optimum.auc(logits[:, 1] - logits[:, 0], label[known])
    return _mean(np.argmax(logits, axis=1) == label[known])


def best(task: Task, arrays: Mapping[str, Array]) -> float | None:
    """Return the score that the best answer has on these samples: by chance above or below the optimum, as a network's is."""
    if task.best is None:
        return None
    found = task.best(arrays)
    if task.score == "accuracy":
        return _mean(np.argmax(found, axis=1) == arrays[LABEL])[0]
    return optimum.auc(found, arrays[LABEL])[0]


def reference(
    task: Task, start: Mapping[str, Array], arrays: Mapping[str, Array], batch: int, seed: int, steps: int
) -> Reference:
    """Return the first steps of a training from these parameters, on the batches that this seed takes first."""
    number = len(arrays[LABEL])
    order = rows(number, seed, 0)
    batches = [{name: array[order[k * batch : (k + 1) * batch]] for name, array in arrays.items()} for k in range(steps)]

    def loss_of(weights: Mapping[str, Value], these: Mapping[str, Array]) -> Value:
        return loss(task, task.forward(task.network, weights, {n: a for n, a in these.items() if n != LABEL}), these)

    leaves = {name: leaf(array) for name, array in start.items()}
    gradient = _tape.gradients(loss_of(leaves, batches[0]), list(leaves.values()))
    losses, last = _adam.steps(loss_of, start, batches, _adam.Adam(PROBE_RATE, epsilon=EPSILON))
    flat = np.concatenate([array.reshape(-1) for array in gradient])
    return Reference(flat, np.array(losses), parameters.flat(last))


def outputs(task: Task, row: Array, arrays: Mapping[str, Array]) -> Array:
    """Return what the network with these parameters, in one row, answers."""
    weights = {name: Value(array) for name, array in parameters.named(task.network, row).items()}
    return task.forward(task.network, weights, {name: array for name, array in arrays.items() if name != LABEL}).data


def _losses(task: Task, outputs: Array, target: Array) -> Array:
    """Return the loss of each sample, or of each labelled part of one."""
    if task.loss == "mean_square":
        squares: Array = np.mean((outputs - target).reshape(len(target), -1) ** 2, axis=1)
        return squares
    label = target.reshape(-1)
    known = np.flatnonzero(label >= 0)
    logs = _tape.log_softmax(outputs.reshape(-1, outputs.shape[-1])[known]).data
    found: Array = -np.take_along_axis(logs, label[known, None], axis=1)[:, 0]
    return found


def _mean(values: Any) -> tuple[float, float]:
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))
