"""Training of tensor-network classifiers: samples a second, accuracy beside the optimum, and entanglement of bonds."""

from dataclasses import replace

from ngtbench.model.case import Impl, Metric
from ngtbench.physics.networks.ttn_classifier import TtnClassifier
from ngtbench.workloads.ml import train
from ngtbench.workloads.ml.train import Size
from ngtbench.workloads.tensors.mps_classifier import of_digits, of_jets, tree

TWICE = of_jets(bond=32, copies=2)
TREE = of_jets(TtnClassifier, tree, bond=16, copies=2)
DIGIT_TREE = of_digits(TtnClassifier, tree, bond=16)
WORKLOAD = replace(
    train.WORKLOAD,
    title="Training of tensor-network classifiers",
    sizes={
        "XS": Size(of_jets(bond=16), events=20_480, tests=4096, epochs=3, batch=256, rate=1e-2, fraction=0.75, checked=4096),
        "S": Size(TWICE, events=131_072, tests=65_536, epochs=3, batch=256, rate=5e-3, fraction=0.98),
        "S-single": Size(of_jets(bond=32), events=131_072, tests=65_536, epochs=3, batch=256, rate=5e-3, fraction=0.92),
        "S-digits": Size(of_digits(bond=16), events=1408, tests=389, epochs=30, batch=64, rate=5e-3, looks=1),
        "S-tree": Size(TREE, events=131_072, tests=65_536, epochs=3, batch=256, rate=5e-3, fraction=0.94),
        "S-tree-digits": Size(DIGIT_TREE, events=1408, tests=389, epochs=30, batch=64, rate=5e-3, looks=1),
        "M": Size(of_jets(bond=64, copies=2), events=1_048_576, tests=131_072, epochs=3, batch=1024, fraction=0.98),
        "L": Size(of_jets(bond=128, copies=2), events=8_388_608, tests=131_072, epochs=3, batch=8192, fraction=0.98),
    },
    impls=(
        Impl("torch", "tensors.mps_training_torch:eager", "torch", devices=("cpu", "gpu")),
        Impl("torch-compile", "tensors.mps_training_torch:compiled", "torch", devices=("gpu",), dtypes=("float32",)),
        Impl("torch-graphs", "tensors.mps_training_torch:graphed", "torch", devices=("gpu",), dtypes=("float32",)),
    ),
    tolerance={"float32": 0.02, "tf32": 0.05},  # a tenth of an error that is certainly seen
    metrics=(
        *train.WORKLOAD.metrics,
        Metric("largest_entropy_nats", "higher"),
        Metric("middle_entropy_nats", "higher"),
    ),
    quick=("XS",),
    quick_gpu=("S",),
    full=("S", "S-digits"),
    notes=(
        *train.WORKLOAD.notes,
        "Optimum of jets: accuracy 0.868928. One site a feature (XS, S-single) has no square of a feature in its span: energies "
        "without their diagonal reach 0.833. Of digits no optimum is known; 1 stands for it, and 0.91 is the target.",
        "Entropies: of the trained state of all sites and the label, the latter in the middle; more is not better.",
    ),
)
