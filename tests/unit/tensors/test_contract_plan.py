"""What a contraction is said to take of memory, and what it takes; trees that are found here."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from ngtbench.kernels.tensors import contract, contract_memory_b
from ngtbench.kernels.tensors.contract_memory import host_b
from ngtbench.kernels.tensors.contract_network import plain
from ngtbench.kernels.tensors.contract_path import found
from ngtbench.kernels.tensors.contract_plan import Step, plan
from ngtbench.physics.tensors import inverse_graph, trees
from ngtbench.physics.tensors.trees import Tree


@pytest.mark.parametrize("limit_b", [None, 6_000_000])
def test_memory_is_predicted(limit_b: int | None) -> None:
    """Peak memory as Python traces it, NumPy's and our own, within a tenth of what was said; slices make it fit."""
    arrays = [array.astype(np.float64) for array in inverse_graph.tensors(181, 2, 1)]
    legs, tree = inverse_graph.legs(181), trees.load("ig-181-2")
    shapes = [array.shape for array in arrays]
    said = contract_memory_b(shapes, legs, dtype="float64", tree=tree, limit_b=limit_b)
    assert limit_b is None or said <= limit_b
    contract(arrays, legs, tree=tree, limit_b=limit_b)  # plans and tables are made
    tracemalloc.start()
    try:
        contract(arrays, legs, tree=tree, limit_b=limit_b)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.9 < said / peak < 1.1


def test_tensors_that_live_at_once_do_not_overlap() -> None:
    legs = inverse_graph.legs(101)
    made = plain(((2, 2), (2, 2), *((2, 2, 2),) * 98, (2, 2)), tuple(legs), ())
    for sliced in ((), (5, 60)):
        for fused in (True, False):
            planned = plan(made.network, Tree(trees.load("ig-101-2").pairs, sliced), 8, fused)
            once = {one.made if isinstance(one, Step) else one for one in planned.once}
            live, most = dict[int, tuple[int, int]](), 0
            for one in (*planned.once, *planned.each):
                number = one.made if isinstance(one, Step) else one
                at = planned.offsets[number]
                span = (at, at + planned.size(planned.orders[number]))
                assert all(span[1] <= start or stop <= span[0] for start, stop in live.values())
                assert span[1] <= planned.arena
                live[number] = span
                scratch = span[1] - span[0] if isinstance(one, Step) and one.library and not one.natural else 0
                most = max(most, sum(stop - start for start, stop in live.values()) + scratch)
                for operand in (one.left, one.right) if isinstance(one, Step) else ():
                    if operand not in once or number in once:
                        live.pop(operand, None)
            assert most <= planned.arena < 1.2 * most
            assert set(live) - once == ({planned.result} if planned.each else set())


def test_what_slices_share_is_done_once() -> None:
    legs = inverse_graph.legs(101)
    made = plain(((2, 2), (2, 2), *((2, 2, 2),) * 98, (2, 2)), tuple(legs), ())
    planned = plan(made.network, Tree(trees.load("ig-101-2").pairs, (5,)), 8, True)
    assert sum(isinstance(one, Step) for one in planned.once) > 10
    assert sum(isinstance(one, Step) for one in (*planned.once, *planned.each)) == 100


def test_a_greedy_tree_is_a_good_one() -> None:
    """Within a factor 2^6 of cotengra's, by 16 trials; for chains, the best there is."""
    legs = inverse_graph.legs(101)
    made = plain(((2, 2), (2, 2), *((2, 2, 2),) * 98, (2, 2)), tuple(legs), ())
    sizes = dict(enumerate(made.network.sizes))
    tree = found(made.network, 16)
    trees.check(tree, made.network.inputs)
    ours = trees.cost(tree, made.network.inputs, (), sizes).mult_adds
    assert ours < 64 * trees.cost(trees.load("ig-101-2"), legs, (), dict.fromkeys(range(200), 2)).mult_adds
    chain = plain(((2, 9), (9, 2), (2, 9), (9, 2)), (("a", "b"), ("b", "c"), ("c", "d"), ("d", "e")), ("a", "e")).network
    assert trees.cost(found(chain), chain.inputs, chain.output, dict(enumerate(chain.sizes))).mult_adds == 36 + 36 + 8


def test_a_control_group_bounds_memory(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert host_b(tmp_path) == 1_600_000
    (tmp_path / "memory.max").write_text("max\n")
    assert host_b(tmp_path) > 10_000_000
