"""Adam in float64, and the reference run of a training: others are judged by its losses and last parameters."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ngtbench.model.workload import Array
from ngtbench.workloads.ml._value import Value, gradients, leaf

Parameters = Mapping[str, Array]


@dataclass(frozen=True)
class Moments:
    """Running means of gradients and of their squares, after so many steps."""

    first: Parameters
    second: Parameters
    steps: int


@dataclass(frozen=True)
class Adam:
    """Kingma and Ba 2015, arXiv 1412.6980; decay, decoupled as in Loshchilov and Hutter 2019, arXiv 1711.05101."""

    rate: float
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8  # added to the root, as by torch
    decay: float = 0.0

    def start(self, parameters: Parameters) -> Moments:
        """Return the moments before the first step."""
        zeros = {name: np.zeros(np.shape(values)) for name, values in parameters.items()}
        return Moments(zeros, zeros, 0)

    def step(
        self, parameters: Parameters, slopes: Parameters, moments: Moments, rate: float | None = None
    ) -> tuple[dict[str, Array], Moments]:
        """Return parameters and moments after a step at this learning rate, else at its own."""
        rate, steps = self.rate if rate is None else rate, moments.steps + 1
        first = {name: self.beta1 * m + (1 - self.beta1) * slopes[name] for name, m in moments.first.items()}
        second = {name: self.beta2 * v + (1 - self.beta2) * slopes[name] ** 2 for name, v in moments.second.items()}
        moved = {}
        for name, values in parameters.items():
            spread = np.sqrt(second[name] / (1 - self.beta2**steps)) + self.epsilon
            ahead = first[name] / (1 - self.beta1**steps) / spread
            moved[name] = (1 - rate * self.decay) * np.asarray(values, dtype=np.float64) - rate * ahead
        return moved, Moments(first, second, steps)


def steps(
    loss_of: Callable[[dict[str, Value], Any], Value],
    parameters: Parameters,
    batches: Iterable[Any],
    adam: Adam,
    rates: Sequence[float] | None = None,
) -> tuple[list[float], dict[str, Array]]:
    """Return the loss before each step, and the parameters after a step on each batch at its rate, else at Adam's own."""
    now, moments, losses = dict(parameters), adam.start(parameters), []
    batches = list(batches)
    for batch, rate in zip(batches, [adam.rate] * len(batches) if rates is None else rates, strict=True):
        leaves = {name: leaf(values) for name, values in now.items()}
        loss = loss_of(leaves, batch)
        losses.append(float(loss.data))
        slopes = dict(zip(leaves, gradients(loss, list(leaves.values())), strict=True))
        now, moments = adam.step(now, slopes, moments, rate)
    return losses, now
