"""Read a network from a file of any kind that there is an import for."""

import importlib
from pathlib import Path

from ngtbench.errors import BadInput, Unavailable
from ngtbench.kernels.fpga import network_file
from ngtbench.kernels.fpga.imports import Types
from ngtbench.kernels.fpga.network import Network


def read_model(file: Path, types: Types) -> Network:
    """Return the network of a .json file, which has all its types, or of an .onnx file, to which `types` gives the rest.

    Raises BadInput for another file, Unavailable without the package onnx.
    """
    if file.suffix == ".json":
        if types != Types():
            raise BadInput(f"{file}: a .json network says all its types: give none beside it")
        return network_file.read(file)
    if file.suffix != ".onnx":
        raise BadInput(f"{file}: no network: give a .json or .onnx file")
    try:
        onnx = importlib.import_module("ngtbench.kernels.fpga.imports_onnx")
    except ModuleNotFoundError as error:
        raise Unavailable(f"package {error.name} is not installed", "pip install 'ngtbench[onnx]'") from error
    network: Network = onnx.from_onnx(file, types)
    return network
