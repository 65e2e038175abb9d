"""The baseline of transfers, host memory to host memory, and what all transfers ask of the host."""

import numpy as np
import psutil  # type: ignore[import-untyped]  # no types

from ngtbench.errors import Unavailable
from ngtbench.model.workload import Array, Arrays, Run, Setup
from ngtbench.units import binary_bytes


def copy(setup: Setup, x: Array) -> Run:
    """Copy as often as the transfer crosses the link."""
    there, back = np.zeros_like(x), np.zeros_like(x)
    setup.say("host memory to host memory")

    def one_way() -> Arrays:
        np.copyto(there, x)
        return {"y": there}

    def round_trip() -> Arrays:
        np.copyto(there, x)
        np.copyto(back, there)
        return {"y": back}

    return round_trip if setup.size.direction == "both" else one_way


def check_room(needed_b: int) -> None:
    """Raise Unavailable where the host has less memory to give."""
    available_b = psutil.virtual_memory().available
    if needed_b > available_b:
        raise Unavailable(
            f"needs {binary_bytes(needed_b)} of host memory, {binary_bytes(available_b)} are available", "choose a smaller --size"
        )
