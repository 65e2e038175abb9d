"""Where arrays live: one file per backend, imported only when a case needs it."""

import importlib
from typing import cast

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Backend

REQUIRES = {"numpy": "numpy", "native": "numba", "torch": "torch", "cupy": "cupy"}  # backend -> the package it needs
REMEDY = {
    "native": "pip install 'ngtbench[cpu]'",
    "torch": "pip install 'ngtbench[torch]'",
    "cupy": "pip install 'ngtbench[gpu]'",
}


def load(name: str, device: str, threads: int) -> Backend:
    """Import a backend and open it on a device.

    Raises Unavailable where its package or the device is missing.
    """
    try:
        module = importlib.import_module(f"ngtbench.backends.{name}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("ngtbench"):
            raise
        raise Unavailable(f"package {error.name} is not installed", REMEDY.get(name, "")) from error
    return cast(Backend, module.create(device, threads))
