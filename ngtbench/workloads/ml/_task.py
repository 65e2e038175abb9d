"""What a network is asked: the data it is given, what it should answer, and how well anything could; and its inference."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from ngtbench.model.case import Impl, Work
from ngtbench.model.workload import Array, Inputs, Workload
from ngtbench.physics.networks import parameters
from ngtbench.physics.networks.parameters import Network
from ngtbench.physics.samples.optimum import Optimum
from ngtbench.workloads.ml._tape import Value

LABEL = "label"
TOLERANCE = {"float32": 2e-5, "tf32": 1e-2, "bfloat16": 8e-2, "float16": 1e-2}
_SPOTTED = 32

IMPLS = (
    Impl("torch", "ml.engines_torch:eager", "torch", devices=("cpu", "gpu")),
    Impl("torch-compile", "ml.engines_torch:compiled", "torch", devices=("cpu", "gpu"), dtypes=("float32", "bfloat16")),
    Impl("torch-script", "ml.engines_torch:scripted", "torch", dtypes=("float32",)),
    Impl("torch-aoti", "ml.engines_torch:exported", "torch", devices=("cpu", "gpu"), dtypes=("float32",)),
    Impl("onnx", "ml.engines_onnx:host", "onnx", dtypes=("float32",), needs=("torch", "onnxscript")),
    Impl("onnx-cuda", "ml.engines_onnx:cuda", "torch", ("cuda",), ("float32",), needs=("onnxruntime", "onnxscript")),
    Impl("onnx-rocm", "ml.engines_onnx:rocm", "torch", ("rocm",), ("float32",), needs=("onnxruntime", "onnxscript")),
    Impl("onnx-tensorrt", "ml.engines_onnx:tensorrt", "torch", ("cuda",), ("float32",), needs=("onnxruntime", "onnxscript")),
    Impl("onnx-migraphx", "ml.engines_onnx:migraphx", "torch", ("rocm",), ("float32",), needs=("onnxruntime", "onnxscript")),
)


@dataclass(frozen=True)
class Task:
    """A network, its data, and the oracle of its forward pass.

    `draw(events, seed, first)` returns arrays by name, the first axis of each being samples, among them "label".
    `forward(network, parameters, inputs)` returns outputs (samples, ...) of all but the label. The loss is of outputs and the
    array named `target`. Scores: the share of right classes; the area of one class above the other; the area of the square
    distance from the target (of a variational network: of its means from 0); the loss itself. `chance` is that of a network
    that learned nothing.
    `best(arrays)` is the answer that reaches the optimum: the logarithm of a likelihood ratio, or of probabilities of classes.
    """

    network: Network
    draw: Callable[[int, int, int], Mapping[str, Array]]
    forward: Callable[[Any, Mapping[str, Value], Mapping[str, Array]], Value]
    loss: Literal["cross_entropy", "mean_square", "elbo"] = "cross_entropy"
    score: Literal["accuracy", "auc", "anomaly", "loss"] = "auc"
    target: str = LABEL
    optimum: Callable[[], Optimum] | None = None
    best: Callable[[Mapping[str, Array]], Array] | None = None
    chance: float = 0.5


@dataclass(frozen=True)
class Size:
    """How many samples one call takes, of which task, and how many of a large batch the oracle computes."""

    batch: int
    task: Task
    spotted: int = _SPOTTED

    @property
    def network(self) -> Network:
        """Return the network."""
        return self.task.network


def inputs(size: Size, seed: int) -> Inputs:
    """Return the samples of the batch without labels, and initial parameters, which do not depend on the batch."""
    drawn = {name: array for name, array in size.task.draw(size.batch, seed, 0).items() if name != LABEL}
    return drawn | parameters.initial(size.network, seed)


def reference(size: Size, **arrays: Array) -> dict[str, Array]:
    """Return the outputs by the oracle."""
    return {"outputs": _forward(size.task, arrays)}


def spot(size: Size, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> tuple[Array, Array]:
    """Return what was computed and what is right of some samples, spread over the batch."""
    rows = np.unique(np.linspace(0, size.batch - 1, size.spotted).astype(np.int64))
    shapes: dict[str, tuple[int, ...]] = {name: (1, *shape) for name, shape in size.network.shapes().items()}
    drawn = {name: array.shape for name, array in size.task.draw(1, 0, 0).items() if name != LABEL}
    arrays = {name: _rows(inputs[name], np.arange(1), shape)[0] for name, shape in shapes.items()}
    arrays |= {name: _rows(inputs[name], rows, shape) for name, shape in drawn.items()}
    want = _forward(size.task, arrays)
    return _rows(outputs["outputs"], rows, want.shape), want


def work(size: Size, item_b: int) -> Work:
    """Count the FLOP of matrix products and convolutions; samples and parameters read once, outputs not counted."""
    sample_b = sum(array[0].nbytes for name, array in size.task.draw(1, 0, 0).items() if name != LABEL)
    moved_b = item_b * parameters.count(size.network) + sample_b * size.batch
    return Work(size.network.flop() * size.batch, moved_b, moved_b, size.batch, "sample")


def nearby(size: Size, k: int) -> Size:
    """Return a batch a little larger, or a little smaller; of one sample none is smaller."""
    return replace(size, batch=size.batch + 1 + size.batch // 50 if k == 0 else max(1, size.batch - 1 - size.batch // 50))


def inference(
    title: str,
    sizes: Mapping[str, Size],
    live: tuple[str, ...],
    notes: tuple[str, ...],
    tolerance: Mapping[str, float] = TOLERANCE,
    quick_gpu: tuple[str, ...] = (),
    full: tuple[str, ...] = ("S", "L"),
    **more: Any,
) -> Workload:
    """Return the workload that times a forward pass."""
    return Workload(
        version=1,
        title=title,
        inputs=inputs,
        reference=reference,
        spot=spot,
        work=work,
        nearby=nearby,
        live=live,
        sizes=sizes,
        tolerance=tolerance,
        quick=(),  # engines by networks are many; the tagger and trainings stand for them
        quick_gpu=quick_gpu,
        full=full,
        impls=IMPLS,
        notes=(
            *notes,
            "FLOP: multiply-adds of matrix products and convolutions; what else is computed is not counted.",
            "Samples lie on the device; copies to and from the host are not timed. Parameters are not trained.",
        ),
        **more,
    )


def _forward(task: Task, arrays: Mapping[str, Array]) -> Array:
    names = task.network.shapes()
    weights = {name: Value(arrays[name]) for name in names}
    return task.forward(task.network, weights, {name: array for name, array in arrays.items() if name not in names}).data


def _rows(array: Any, rows: Array, shape: tuple[int, ...]) -> Array:
    """Return rows of an array that is indexed by flat indices; `shape` is that of an array of any number of rows."""
    each = int(np.prod(shape[1:], dtype=np.int64))
    found: Array = array[(rows[:, None] * each + np.arange(each)).reshape(-1)]
    return found.reshape(len(rows), *shape[1:])
