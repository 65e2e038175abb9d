"""What a contraction says it takes of memory, against what it takes."""

import importlib
import tracemalloc
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.tensors import contract, contract_memory_b

MODULE = importlib.import_module("ngtbench.kernels.tensors.contract")


@pytest.mark.parametrize(
    ("shapes", "inputs", "output", "dtype"),
    [
        (((1 << 21,), (1 << 21,)), ("a", "a"), "a", "float64"),  # our kernel looks up where each batch lies
        (((1 << 20,), (4,)), ("a", "b"), "ab", "float64"),
        (((4096, 2048), (2048,)), ("ab", "b"), "a", "float32"),  # done in double
        (((2, 2048, 2048), (2048,)), ("xab", "b"), "a", "float64"),  # summed first
    ],
)
def test_memory_said_is_memory_taken(shapes: Any, inputs: Any, output: str, dtype: str) -> None:
    arrays = [np.random.default_rng(k).normal(size=shape).astype(dtype) for k, shape in enumerate(shapes)]
    for route in ("native", "numpy"):
        with pytest.MonkeyPatch.context() as patch:
            if route == "numpy":
                patch.setattr(MODULE, "_compiled", lambda *_: False)
            said_b = contract_memory_b(shapes, inputs, output, dtype=dtype)
            tracemalloc.start()
            contract(arrays, inputs, output)
            taken_b = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert said_b == pytest.approx(taken_b, rel=0.1)


def test_an_index_is_not_cut_into_millions_of_slices() -> None:
    arrays = [np.ones(1 << 21, np.float32)] * 2
    with pytest.raises(BadInput, match="raise limit_b"):
        contract(arrays, ("a", "a"), "a", limit_b=1 << 20)
