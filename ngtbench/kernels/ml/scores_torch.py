"""Losses and scores of outputs on their device, as the oracle counts them."""

from typing import Any

import torch
from torch.nn.functional import cross_entropy

Tensors = dict[str, torch.Tensor]


def loss(task: Any, outputs: torch.Tensor, samples: Tensors) -> torch.Tensor:
    """Return the mean loss in float32: labels below 0 are not counted."""
    target = samples[task.target]
    if task.loss == "elbo":
        mean, spread, back = _parts(outputs.float(), target)
        divergence = 0.5 * torch.sum(torch.square(mean) + torch.exp(spread) - spread - 1)
        return (torch.sum(torch.square(back - target)) + divergence) / len(target)
    if task.loss == "mean_square":
        return torch.mean(torch.square(outputs.float() - target))
    return cross_entropy(outputs.reshape(-1, outputs.shape[-1]).float(), target.reshape(-1), ignore_index=-1)


def score(task: Any, outputs: torch.Tensor, samples: Tensors) -> float:
    """Return the score of outputs."""
    if task.score == "loss":
        return float(loss(task, outputs.double(), samples))
    label = samples["label"].reshape(-1)
    if task.loss == "elbo":
        return _area(torch.square(_parts(outputs, samples[task.target])[0]).sum(1), label)
    if task.score == "anomaly":
        return _area(torch.square(outputs - samples[task.target]).flatten(1).mean(1), label)
    known = label >= 0
    logits, label = outputs.reshape(-1, outputs.shape[-1])[known], label[known]
    if task.score == "auc":
        return _area(logits[:, 1] - logits[:, 0], label)
    return float((logits.argmax(1) == label).double().mean())


def _parts(outputs: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """Return means, logarithms of variances, and what is reconstructed."""
    latent = (outputs.shape[1] - target.shape[1]) // 2
    return torch.split(outputs, [latent, latent, target.shape[1]], dim=1)


def _area(scores: torch.Tensor, label: torch.Tensor) -> float:
    """Return the area under the ROC curve, ties for half."""
    one, zero = scores[label == 1], torch.sort(scores[label == 0]).values
    below = torch.searchsorted(zero, one, right=False) + torch.searchsorted(zero, one, right=True)
    return float(below.double().mean() / (2 * len(zero)))
