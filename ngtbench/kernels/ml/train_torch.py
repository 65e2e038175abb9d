"""Training in PyTorch: forward, backward, Adam; operator by operator, compiled, as one graph, or with activations made twice."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from ngtbench.errors import NgtBenchError, Unavailable
from ngtbench.kernels.ml import ranks_torch, scores_torch
from ngtbench.kernels.ml.engines_torch import choose, forward_of
from ngtbench.kernels.ml.jet_mlp_torch import compiler
from ngtbench.kernels.ml.memory_torch import Peak
from ngtbench.model.workload import Setup, Trial, Watch
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples.order import rows

Tensors = dict[str, torch.Tensor]
Loss = Callable[[Tensors, Tensors], torch.Tensor]
_EPSILON, _PROBE_RATE = 1e-6, 1e-3  # as the oracle's
_HALF = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_SCALE = 1024.0  # of losses in float16 at first: the usual 65536 overflows, and the first steps would be left out
_SEEDS = 1000  # trials of a run, at most, before they meet those of the next


def eager(setup: Setup, **arrays: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Train operator by operator."""
    return _trial(setup, Training(setup, arrays))


def compiled(setup: Setup, **arrays: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Compile forward and backward for this batch; Adam is the fused one."""
    training = Training(setup, arrays)
    setup.say(f"inductor with {compiler(training.place.type)}, static shapes")
    torch.compiler.reset()
    training.loss = torch.compile(training.loss, fullgraph=True, dynamic=False)
    return _trial(setup, training)


def checkpointed(setup: Setup, **arrays: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Keep no activation of the forward pass; the backward pass makes them again."""
    training = Training(setup, arrays)
    plain = training.loss
    training.loss = lambda weights, samples: checkpoint(plain, weights, samples, use_reentrant=False)
    return _trial(setup, training)


def graphed(setup: Setup, **arrays: torch.Tensor) -> Callable[[int, Watch], Trial]:
    """Replay one CUDA or HIP graph a step: forward, backward and Adam."""
    return _trial(setup, Training(setup, arrays, captured=True))


class Training:
    """Samples on their device, parameters, and what a step does to them.

    A step takes the numbers of its samples; ranks of torchrun take a part of them each, and average gradients and losses.
    """

    def __init__(self, setup: Setup, arrays: Tensors, *, captured: bool = False) -> None:
        if setup.size.float32_only and setup.dtype in _HALF:
            raise Unavailable(
                f"{type(setup.size.network).__name__} is not trained in {setup.dtype}: its first steps are too inexact",
                "take float32",
            )
        choose(setup, next(iter(arrays.values())))
        self.task, self.network, self._captured = setup.size.task, setup.size.network, captured
        wide = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in arrays.items()}
        self.samples = {name: tensor for name, tensor in wide.items() if not name.startswith("test_")}
        self.tests = {name.removeprefix("test_"): tensor for name, tensor in wide.items() if name.startswith("test_")}
        self.place, self._half = next(iter(wide.values())).device, _HALF.get(setup.dtype)
        self.batch, self.number = setup.size.batch, len(next(iter(self.samples.values())))
        self.loss: Loss = self._loss
        self._forward = forward_of(self.network)
        self.best = setup.size.best({name: tensor.cpu().numpy() for name, tensor in self.tests.items()})
        self._graph: Any = None

    def start(self, seed: int, rate: float) -> None:
        """Begin from the parameters of this seed, and forget all moments."""
        made = {name: torch.from_numpy(values).to(self.place) for name, values in parameters.values(self.network, seed).items()}
        if self._graph is not None:  # which knows where parameters and moments lie
            self._set(made)
            return
        self.weights = {name: tensor.requires_grad_() for name, tensor in made.items()}
        self._rate = torch.tensor(rate, device=self.place) if self._captured else rate
        given: Any = {"lr": self._rate, "eps": _EPSILON, "fused": True, "capturable": self._captured}
        self._adam = torch.optim.Adam(list(self.weights.values()), **given)
        scaled = self._half is torch.float16
        self._scaler = torch.amp.GradScaler(self.place.type, init_scale=_SCALE, enabled=scaled)

    def order(self, seed: int, epoch: int) -> torch.Tensor:
        """Return the numbers of samples in the order of an epoch, a batch a row; what fills no batch is left out."""
        full = self.number // self.batch * self.batch
        return torch.from_numpy(rows(self.number, seed, epoch)[:full]).reshape(-1, self.batch).to(self.place)

    def step(self, numbers: torch.Tensor, rate: float) -> torch.Tensor:
        """Take a step on these samples; return the loss before it."""
        if self._captured:
            return self._replayed(numbers, rate)
        for group in self._adam.param_groups:
            group["lr"] = rate
        return self._step(numbers)

    def slopes(self) -> torch.Tensor:
        """Return the gradient of the last step, in one row; the fused Adam has left it without the scale of float16."""
        return torch.cat([tensor.grad.reshape(-1) for tensor in self.weights.values() if tensor.grad is not None])

    def row(self) -> torch.Tensor:
        """Return a copy of all parameters in one row."""
        return torch.cat([tensor.detach().reshape(-1) for tensor in self.weights.values()])

    def answers(self) -> torch.Tensor:
        """Return the outputs of all test samples, float32."""
        found = []
        with torch.no_grad():
            for start in range(0, len(self.tests["label"]), self.batch):
                found.append(
                    self._outputs(self.weights, {n: t[start : start + self.batch] for n, t in self.tests.items()}).float()
                )
        return torch.cat(found)

    def _step(self, numbers: torch.Tensor) -> torch.Tensor:
        own = ranks_torch.part(numbers)
        samples = {name: tensor[own] for name, tensor in self.samples.items()}
        loss = self.loss(self.weights, samples)
        self._adam.zero_grad(set_to_none=not self._captured)
        scaled: Any = self._scaler.scale(loss)
        scaled.backward()
        told = loss.detach()
        ranks_torch.average([told, *(tensor.grad for tensor in self.weights.values() if tensor.grad is not None)])
        self._scaler.step(self._adam)
        self._scaler.update()
        return told

    def _replayed(self, numbers: torch.Tensor, rate: float) -> torch.Tensor:
        """Capture a step once, after three on a stream of their own as capture wants it; their effect is undone by the caller."""
        if self._graph is None:
            self._capture(numbers)
        self._numbers.copy_(numbers)
        self._rate.fill_(rate)  # type: ignore[union-attr]  # a tensor where steps are captured
        self._graph.replay()
        return self._kept.clone()

    def _capture(self, numbers: torch.Tensor) -> None:
        before = {name: tensor.detach().clone() for name, tensor in self.weights.items()}
        self._numbers = numbers.clone()
        made: Any = torch.cuda.Stream
        stream = made(self.place)
        stream.wait_stream(torch.cuda.current_stream(self.place))
        with torch.cuda.stream(stream):
            for _ in range(3):
                self._step(self._numbers)
        torch.cuda.current_stream(self.place).wait_stream(stream)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._kept = self._step(self._numbers)
        self._set(before)

    def _set(self, values: Tensors) -> None:
        """Give parameters these values where they lie, and forget all moments."""
        with torch.no_grad():
            for name, tensor in self.weights.items():
                tensor.copy_(values[name])
                for moment in self._adam.state[tensor].values():
                    moment.zero_()

    def _outputs(self, weights: Tensors, samples: Tensors) -> torch.Tensor:
        given = [tensor for name, tensor in samples.items() if name != "label"]
        with torch.autocast(self.place.type, self._half, enabled=self._half is not None):
            return self._forward(self.network, weights, *given)

    def _loss(self, weights: Tensors, samples: Tensors) -> torch.Tensor:
        return scores_torch.loss(self.task, self._outputs(weights, samples), samples)


def _trial(setup: Setup, training: Training) -> Callable[[int, Watch], Trial]:
    """Return the trial; whether the first steps come out alike twice is seen before, and told."""
    first, again = (_first_steps(setup, training, setup.seed * _SEEDS)["weights"] for _ in range(2))
    off = float((first - again).abs().max())
    if off and training.place.type == "cpu":
        raise NgtBenchError(f"the first steps on a processor came out otherwise when repeated, by {off:.1e}")
    setup.say(
        f"PyTorch {torch.__version__}, fused Adam; reruns {'equal to the bit' if not off else f'differ by up to {off:.1e}'}"
    )

    def trial(k: int, watch: Watch) -> Trial:
        seed = setup.seed * _SEEDS + k
        outputs = {"seed": torch.tensor([seed]), **_first_steps(setup, training, seed)}
        with Peak(training.place) as peak:
            metrics, score = _run(setup.size, training, seed, watch)
        answers = training.answers()
        outputs |= {"trained": training.row(), "answers": answers, "score": torch.tensor([score])}
        return Trial(outputs, {**metrics, "peak_memory_b": float(peak.memory_b)})

    return trial


def _first_steps(setup: Setup, training: Training, seed: int) -> Tensors:
    """Return the gradient, the losses and the parameters of the steps that the oracle repeats."""
    training.start(seed, _PROBE_RATE)
    batches, losses, gradient = training.order(seed, 0), [], torch.empty(0)
    for k in range(setup.size.steps):
        losses.append(training.step(batches[k], _PROBE_RATE))
        gradient = training.slopes() if k == 0 else gradient
    return {"gradient": gradient, "losses": torch.stack(losses).float(), "weights": training.row()}


def _run(size: Any, training: Training, seed: int, watch: Watch) -> tuple[dict[str, float], float]:
    """Train by the recipe, looking at the score now and then outside the watch; return what was measured, and the score."""
    training.start(seed, size.rate)
    each = training.number // size.batch
    stops = {each * (k + 1) // size.looks for k in range(size.looks)}
    way = math.copysign(1.0, size.optimum.value - size.task.chance)
    reached_s, reached, score, loss = math.nan, math.nan, math.nan, torch.zeros(())
    for epoch in range(size.epochs):
        order, done = training.order(seed, epoch), 0
        for stop in sorted(stops):
            with watch():
                for k in range(done, stop):
                    loss = training.step(order[k], size.rate * (1 - (epoch * each + k) / (size.epochs * each)))
            done = stop
            if not math.isfinite(float(loss)):
                raise NgtBenchError(f"the loss is {float(loss)} after {epoch * each + done} steps: training diverged")
            if not math.isnan(reached_s) and (epoch, done) != (size.epochs - 1, each):
                continue  # nothing more is to be seen before the end
            score = scores_torch.score(training.task, training.answers(), training.tests)
            if math.isnan(reached_s) and way * (score - size.target) >= 0:
                reached_s, reached = watch.spent_s, epoch + done / each
    best = size.optimum.value if training.best is None else training.best
    return {
        "to_target_s": watch.spent_s if math.isnan(reached_s) else reached_s,
        "wall_s": watch.spent_s,
        "samples_per_s": size.epochs * each * size.batch / watch.spent_s,
        "epochs_to_target": float(size.epochs) if math.isnan(reached) else reached,
        "reached_ratio": (score - size.task.chance) / (best - size.task.chance),
        "below_optimum": way * (best - score),
    }, score
