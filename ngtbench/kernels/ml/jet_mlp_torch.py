"""Jet tagger inference in torch: eager, and compiled by TorchInductor."""

import os
import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import torch

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Arrays, Run, Setup
from ngtbench.physics.networks.jet_mlp import JetMlp


def logits(x: torch.Tensor, parameters: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return the logits, as one would write it for inference."""
    for layer in (1, 2, 3):
        x = torch.relu_(torch.addmm(parameters[f"b{layer}"], x, parameters[f"w{layer}"]))
    return torch.addmm(parameters["b4"], x, parameters["w4"])


def forward(network: JetMlp, parameters: Mapping[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Return the logits, as one would write it for training."""
    for layer in range(1, len(network.widths) - 1):
        x = torch.relu(torch.addmm(parameters[f"b{layer}"], x, parameters[f"w{layer}"]))
    last = len(network.widths) - 1
    return torch.addmm(parameters[f"b{last}"], x, parameters[f"w{last}"])


def eager(setup: Setup, x: torch.Tensor, **parameters: torch.Tensor) -> Run:
    """Call operator by operator."""

    def run() -> Arrays:
        with torch.inference_mode():
            return {"logits": logits(x, parameters)}

    return run


def compiled(setup: Setup, x: torch.Tensor, **parameters: torch.Tensor) -> Run:
    """Compile for this batch, in one graph; raise Unavailable where TorchInductor finds no compiler."""
    setup.say(f"inductor with {compiler(x.device.type)}, static shapes")
    torch.compiler.reset()  # a process may compile one function for eight shapes only
    graph = torch.compile(logits, fullgraph=True, dynamic=False)

    def run() -> Arrays:
        with torch.inference_mode():
            return {"logits": graph(x, parameters)}

    run()
    return run


def compiler(kind: str) -> str:
    """Return the compiler TorchInductor will call: for C++ on the CPU, for the launcher of its Triton kernels on a GPU.

    Raises Unavailable where there is none, or no Python.h, which the code it writes includes.
    """
    variable, names, package = ("CXX", ("g++", "clang++"), "g++") if kind == "cpu" else ("CC", ("gcc", "clang"), "gcc")
    wanted = (os.environ[variable],) if os.environ.get(variable) else names
    found = next((name for name in wanted if shutil.which(name)), None)
    if found is None:
        language = "C++" if kind == "cpu" else "C"
        raise Unavailable(f"no {language} compiler for torch.compile: tried {', '.join(wanted)}", f"install {package}")
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        raise Unavailable("torch.compile needs Python.h, which this Python lacks", "install python3-dev")
    return found
