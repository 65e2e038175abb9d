"""Relative errors of our matrix elements against the oracle, of flat events at 1.5 TeV: median, 99 % and worst, per precision.

    python benchmarks/peers/accuracy.py [--events 1000] [--seeds 77] [--width 0] [--processes 'g g > t t~;g g > g g g']

The oracle takes up to a second an event (g g > t t~ g g g). Events that the public function refuses, for momenta that are nearly
parallel, are left out and counted.
"""  # fmt: skip

import argparse

import numpy as np

from ngtbench.errors import BadInput
from ngtbench.kernels.amplitudes import matrix_element_squared
from ngtbench.model.workload import Array
from ngtbench.physics import phase_space, processes
from ngtbench.workloads.generators import _case, _oracle

PRECISIONS = ("float64", "mixed", "float32")
TOP_MASS_GEV = 173.0


def main() -> None:
    """Print a line per process and precision."""
    words = argparse.ArgumentParser()
    words.add_argument("--events", type=int, default=1000)
    words.add_argument("--seeds", default="77")
    words.add_argument("--width", type=float, default=0.0)
    words.add_argument("--processes", default=";".join(_case.FLOP))
    words.add_argument("--precisions", default=",".join(PRECISIONS))
    chosen = words.parse_args()
    for text in chosen.processes.split(";"):
        process = processes.parse(text)
        masses = process.masses(TOP_MASS_GEV)[2:]
        seeds = map(int, chosen.seeds.split(","))
        momenta = np.concatenate([phase_space.momenta(masses, 1500.0, chosen.events, seed)[0] for seed in seeds])
        want = _oracle.squared(process, momenta, top_mass=TOP_MASS_GEV, top_width=chosen.width)
        for precision in chosen.precisions.split(","):
            kept = np.array([taken(text, event[None], precision) for event in momenta])
            found = matrix_element_squared(text, momenta[kept], top_width=chosen.width, dtype=precision)
            off = np.abs(found / want[kept] - 1)
            figures = f"median {np.median(off):.1e}  99 % {np.quantile(off, 0.99):.1e}  worst {off.max():.1e}"
            print(f"{text:22} {precision:8} {figures}  of {len(off)}, {int(np.sum(~kept))} refused", flush=True)  # noqa: T201 - a script


def taken(text: str, momenta: Array, precision: str) -> bool:
    """Tell whether the public function takes an event."""
    try:
        matrix_element_squared(text, momenta, dtype=precision)
    except BadInput:
        return False
    return True


if __name__ == "__main__":
    main()
