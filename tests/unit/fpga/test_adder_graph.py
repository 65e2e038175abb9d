"""Adder graphs compute their matrix exactly, and cost no more than they should."""

from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.kernels.fpga import adder_graph
from ngtbench.model.workload import Array

DA4ML = [  # shape, bits, sparsity, seed, cost found by da4ml 0.6.0 with its defaults, adders counted by bits, inputs of 8 bits
    ((16, 32), 6, 0.0, 0, 4652),
    ((32, 32), 4, 0.5, 1, 3878),
    ((16, 64), 3, 0.2, 2, 3121),
]


def weights(shape: tuple[int, int], bits: int, sparsity: float, seed: int) -> Array:
    k = np.random.default_rng(seed).normal(size=shape)
    k[np.abs(k) < np.quantile(np.abs(k), sparsity)] = 0.0
    return np.asarray(np.rint(k / np.abs(k).max() * (2 ** (bits - 1) - 1)), np.int64)


@pytest.mark.parametrize("seed", range(6))
def test_a_graph_computes_its_matrix(seed: int) -> None:
    random = np.random.default_rng(seed)
    k = weights((int(random.integers(1, 20)), int(random.integers(1, 20))), int(random.integers(2, 10)), 0.3 * (seed % 3), seed)
    k[:, 0] = 0
    low, high = random.integers(-100, 1, len(k)), random.integers(0, 100, len(k))
    graph = adder_graph(k, low, high)
    x = random.integers(low[:, None], high[:, None] + 1, (len(k), 50))
    assert np.array_equal(graph.apply(x), k.T @ x)
    assert np.array_equal(graph.apply(np.eye(len(k), dtype=np.int64)), k.T)


def test_costs_and_bits_are_those_of_hand() -> None:
    graph = adder_graph(np.array([[3], [0]]), 0, 15)  # 3x = x + 2x or 4x - x, on 4 bits without sign
    assert (graph.adders, graph.longest) == (1, 1)
    assert graph.cost in (4, 5)
    assert adder_graph(np.array([[1], [-1]]), 0, 15).bits[-1] == 5  # -15 to 15
    shared = adder_graph(np.array([[1, 1, 2], [1, 1, 2]]), 0, 15)  # one sum, thrice
    assert (shared.adders, shared.cost) == (1, 4)
    assert shared.bits[-1] == 5
    assert len({tuple(end) for end in shared.outputs[:2].tolist()}) == 1
    assert shared.outputs[2, 1] == shared.outputs[0, 1] + 1


def test_equal_columns_shifted_ones_and_negatives_cost_next_to_nothing() -> None:
    k = weights((24, 24), 6, 0.0, 3)
    graph = adder_graph(k, -128, 127)
    assert np.array_equal(graph.steps, adder_graph(k, -128, 127).steps)
    twice = adder_graph(np.hstack([k, k, 2 * k, -k]), -128, 127)
    assert twice.cost < 1.1 * graph.cost


@pytest.mark.parametrize(("shape", "bits", "sparsity", "seed", "cost"), DA4ML)
def test_the_cost_is_below_da4mls(shape: tuple[int, int], bits: int, sparsity: float, seed: int, cost: int) -> None:
    graph = adder_graph(weights(shape, bits, sparsity, seed), -128, 127)
    assert 0.8 * cost < graph.cost < 0.99 * cost


def test_what_overlaps_itself_does_not_end_the_search() -> None:
    k = np.array([[21, 0, 0], [0, 1, 1], [0, 32, 32]])  # x + 4x + 16x scores best, and cannot be shared
    assert adder_graph(k, -128, 127).adders == 2 + 1


def test_registers_hold_what_crosses_a_stage() -> None:
    early = np.array([[1, 0], [1, 0], [0, 1], [0, 1], [0, 1], [0, 1]])  # the first output waits for the second
    assert adder_graph(early, 0, 1).registers(1) == 3 * 2
    graph = adder_graph(np.array([[1], [1], [1], [1]]), 0, 1)  # two pairs, then their sum: a register after the pairs
    assert graph.longest == 2
    assert graph.registers(2) == 0
    assert graph.registers(1) == 2 * 2


def test_sums_that_leave_63_bits_are_bad_input() -> None:
    with pytest.raises(BadInput, match="63 bits"):
        adder_graph(np.full((4, 1), 2**40), -(2**30), 2**30)


@pytest.mark.parametrize(
    ("k", "low", "high", "words"),
    [
        (np.array([[np.nan]]), -1, 1, "integers within"),
        (np.array([[1.5]]), -1, 1, "integers within"),
        (np.array([[2**62 + 2**61]]), 0, 0, "integers within"),  # three times as much is no int64
        (np.array([[1]]), -1.5, 1, "integers within"),
        (np.array([1, 2]), -1, 1, "shape"),
        (np.array([[3]]), 5, 1, "low first"),
    ],
)
def test_what_is_no_matrix_of_integers_is_bad_input(k: Array, low: Any, high: Any, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        adder_graph(k, low, high)
