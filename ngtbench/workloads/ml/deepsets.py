"""DeepSets inference on jets as sets of constituents: products of small matrices, and a mean over the set."""

from collections.abc import Mapping

from ngtbench.model.workload import Array
from ngtbench.physics.networks.deepsets import DeepSets
from ngtbench.physics.samples import constituents
from ngtbench.workloads.ml import _tape
from ngtbench.workloads.ml._tape import Value
from ngtbench.workloads.ml._task import Size, Task, inference


def forward(network: DeepSets, parameters: Mapping[str, Value], inputs: Mapping[str, Array]) -> Value:
    """Return logits (batch, classes) of x (batch, constituents, features); slots where mask is False do not count."""
    h, mask = Value(inputs["x"]), inputs["mask"]
    for layer in range(1, network.layers + 1):
        h = _tape.relu(h @ parameters[f"w_phi{layer}"] + parameters[f"b_phi{layer}"])
    pooled = _tape.total(h * mask[:, :, None], axis=1) / network.constituents
    hidden = _tape.relu(pooled @ parameters["w_rho1"] + parameters["b_rho1"])
    return hidden @ parameters["w_rho2"] + parameters["b_rho2"]


def task(sample: constituents.Size, **network: int) -> Task:
    """Return the task of telling the wider jets of such samples."""

    def draw(events: int, seed: int, first: int) -> dict[str, Array]:
        x, mask, label = constituents.draw(sample, events, seed, first)
        return {"x": x, "mask": mask, "label": label}

    of = DeepSets(constituents=sample.most, features=sample.features, **network)
    return Task(
        network=of,
        draw=draw,
        forward=forward,
        optimum=lambda: constituents.optimum(sample),
        best=lambda arrays: constituents.log_ratio(sample, arrays["x"], arrays["mask"]),
    )


JETS = task(constituents.Size(32, 64, 16, 1.08))  # 32 to 64 constituents of 16 features each: an area of 0.855
WORKLOAD = inference(
    "DeepSets inference, 64 constituents of 16 features",
    sizes={
        "XS": Size(1, JETS),
        "S": Size(64, JETS),
        "S-b256": Size(256, JETS),
        "M": Size(4096, JETS),
        "L": Size(65536, JETS),
    },
    live=("x", "mask"),
    quick_gpu=("S",),
    notes=("phi 16-64-64-64, sum over the 32 to 64 constituents, rho 64-64-2, ReLU between. Output: logits; no softmax.",),
)
