"""The public contraction against np.einsum, exact values and itself."""

import importlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ngtbench.errors import BadInput
from ngtbench.kernels.tensors import contract, contract_memory_b
from ngtbench.kernels.tensors.contract_network import plain
from ngtbench.kernels.tensors.contract_path import found
from ngtbench.model.workload import Array
from ngtbench.physics.tensors import grid_circuit, inverse_graph, trees
from ngtbench.physics.tensors.trees import Tree

MODULE = importlib.import_module("ngtbench.kernels.tensors.contract")
ROUTES = ("native", "numpy", "torch")
NEAR = {"float64": 1e-12, "complex128": 1e-12, "float32": 1e-5, "complex64": 1e-5}


def by(route: str, arrays: list[Array], *rest: Any, **more: Any) -> Array:
    """Contract by one of our routes."""
    with pytest.MonkeyPatch.context() as patch:
        if route == "numpy":
            patch.setattr(MODULE, "_compiled", lambda *_: False)
        if route == "torch":
            torch = pytest.importorskip("torch")
            arrays = [torch.from_numpy(np.array(array)) for array in arrays]
        return np.asarray(contract(arrays, *rest, **more))


def random(shape: tuple[int, ...], dtype: str, seed: int) -> Array:
    chance = np.random.default_rng(seed)
    return np.asarray(chance.normal(size=shape) + (1j * chance.normal(size=shape) if dtype[0] == "c" else 0)).astype(dtype)


def path(chance: Any, count: int) -> tuple[tuple[int, int], ...]:
    """Draw a tree."""
    live, pairs = list(range(count)), list[tuple[int, int]]()
    while len(live) > 1:
        pair = [live.pop(chance.draw(st.integers(0, len(live) - 1))) for _ in range(2)]
        live.append(count + len(pairs))
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_equals_einsum_whatever_indices_there_are(chance: Any) -> None:
    sizes = chance.draw(st.lists(st.sampled_from([1, 2, 2, 3, 4, 16, 33]), min_size=1, max_size=7))
    index = st.integers(0, len(sizes) - 1)
    inputs = [tuple(one) for one in chance.draw(st.lists(st.lists(index, max_size=4), min_size=1, max_size=6))]
    used = sorted({one for own in inputs for one in own})
    output = tuple(chance.draw(st.permutations([one for one in used if chance.draw(st.booleans()) and sizes[one] < 10])))
    if math.prod(sizes[one] for one in used) > 1e6:
        return
    dtype = chance.draw(st.sampled_from(sorted(NEAR)))
    arrays = [random(tuple(sizes[one] for one in own), dtype, seed) for seed, own in enumerate(inputs)]
    wide: list[Any] = [part for array, own in zip(arrays, inputs, strict=True) for part in (array.astype(complex), list(own))]
    wanted = np.einsum(*wide, list(output), optimize="greedy")
    magnitudes: list[Any] = [abs(part) if isinstance(part, np.ndarray) else part for part in wide]
    scale = np.einsum(*magnitudes, list(output), optimize="greedy")
    sliced = tuple(one for one in used if chance.draw(st.integers(0, 3)) == 0)
    tree = chance.draw(st.sampled_from([None, Tree(path(chance, len(inputs)), sliced)]))
    for route in ROUTES:
        got = by(route, arrays, inputs, output, tree=tree)
        assert got.shape == wanted.shape
        assert got.dtype == dtype
        assert np.all(np.abs(got - wanted) <= NEAR[dtype] * np.max(scale))


@pytest.mark.parametrize("dtype", sorted(NEAR))
@pytest.mark.parametrize("route", ROUTES)
def test_large_products_of_odd_sizes(route: str, dtype: str) -> None:
    """Rows and columns that fill no tile, sums longer than a tile's buffer, and results in a third order."""
    for inner, rows, columns in ((5, 67, 11), (130, 40, 37), (3000, 3, 5), (300, 9, 33), (1, 1100, 3)):
        left, right = random((rows, inner, 2), dtype, 1), random((columns, 2, inner), dtype, 2)
        got = by(route, [left, right], ["rkb", "cbk"], "cbr")
        wanted = np.einsum("rkb,cbk->cbr", left.astype(complex), right.astype(complex))
        assert np.max(np.abs(got - wanted)) < NEAR[dtype] * np.sqrt(inner) * 3


@pytest.mark.parametrize(("dtype", "near"), [("complex128", 1e-10), ("complex64", 1e-5)])
def test_three_trees_give_one_value(dtype: str, near: float) -> None:
    arrays = [array.astype(dtype) * (1 if k else 1j) for k, array in enumerate(inverse_graph.tensors(61, 4, 5))]
    legs = inverse_graph.legs(61)
    others = (
        trees.load("ig-61-4"),
        trees.load("ig-61-4-second"),
        found(plain(tuple(a.shape for a in arrays), tuple(legs), ()).network, 8),
    )
    values = [complex(contract(arrays, legs, tree=tree)) for tree in others]
    assert abs(values[0]) > 0
    assert max(abs(value / values[0] - 1) for value in values) < near


def test_a_gauge_does_not_change_the_value() -> None:
    arrays, legs = inverse_graph.tensors(101, 2, 1), inverse_graph.legs(101)
    wanted = float(contract(arrays, legs, tree=trees.load("ig-101-2")))
    changed = list(arrays)
    for edge, (a, b) in enumerate(inverse_graph.edges(101)):
        gauge = np.eye(2) + 0.3 * random((2, 2), "float64", edge)
        for vertex, matrix in ((a, gauge), (b, np.linalg.inv(gauge).T)):
            axis = legs[vertex].index(edge)
            changed[vertex] = np.moveaxis(np.tensordot(changed[vertex], matrix, ((axis,), (0,))), -1, axis)
    assert abs(float(contract(changed, legs, tree=trees.load("ig-101-2"))) / wanted - 1) < 1e-10


def kaufman(m: int, n: int, k: float) -> float:
    """Return log Z of the Ising model on an m x n torus (Kaufman, Phys. Rev. 76 (1949) 1232)."""
    g = [2 * k + math.log(math.tanh(k))]
    g += [math.acosh(math.cosh(2 * k) ** 2 / math.sinh(2 * k) - math.cos(math.pi * el / n)) for el in range(1, 2 * n)]
    terms = [math.prod(2 * f(m * one / 2) for one in g[odd::2]) for odd in (1, 0) for f in (math.cosh, math.sinh)]
    return math.log(0.5) + m * n / 2 * math.log(2 * math.sinh(2 * k)) + math.log(sum(terms))


@pytest.mark.parametrize("route", ROUTES)
def test_the_ising_torus_is_kaufmans(route: str) -> None:
    """Sites are indices of four matrices each, so that every index is in more than two tensors."""
    m, n, k = 6, 6, 0.4
    bond = np.exp(k * np.array([[1.0, -1.0], [-1.0, 1.0]]))
    sites = [(x, y) for x in range(m) for y in range(n)]
    inputs = [((x, y), other) for x, y in sites for other in (((x + 1) % m, y), (x, (y + 1) % n))]
    assert abs(math.log(float(by(route, [bond] * len(inputs), inputs))) - kaufman(m, n, k)) < 1e-11


def test_slices_add_up_and_may_be_shared_out() -> None:
    arrays, legs, tree = inverse_graph.tensors(101, 2, 1), inverse_graph.legs(101), trees.load("ig-101-2")
    wanted = float(contract(arrays, legs, tree=tree))
    sliced = Tree(tree.pairs, (3, 40, 77))
    assert abs(float(contract(arrays, legs, tree=sliced)) / wanted - 1) < 1e-10
    native = importlib.import_module("ngtbench.kernels.tensors.contract_native")
    made = plain(tuple(array.shape for array in arrays), tuple(legs), ())
    program = native.program(
        made.network, Tree(tree.pairs, tuple(made.labels.index(label) for label in sliced.sliced)), "float64"
    )
    memory = native.memory(program.plan.arena, "float64")
    parts = [float(native.bound(program, arrays, 1, memory, rank, 3)()) for rank in range(3)]
    assert abs(sum(parts) / wanted - 1) < 1e-10
    assert abs(parts[0] / wanted - 1) > 1e-3


@pytest.mark.parametrize("dtype", ["float64", "complex64"])
def test_threads_share_rows(dtype: str) -> None:
    native = importlib.import_module("ngtbench.kernels.tensors.contract_native")
    left, right = random((2, 8, 6, 1024), dtype, 1), random((2, 8, 5), dtype, 2)
    made = plain((left.shape, right.shape), (("b", "k", "r", "s"), ("b", "k", "c")), ("c", "b", "r", "s")).network
    program = native.program(made, Tree(((0, 1),)), dtype)
    values = [native.bound(program, [left, right], threads, native.memory(program.plan.arena, dtype))() for threads in (1, 3)]
    assert np.array_equal(values[0], values[1])
    assert np.max(np.abs(values[0] - np.einsum("bkrs,bkc->cbrs", left, right))) < NEAR[dtype] * 10


@pytest.mark.parametrize(("dtype", "near"), [("complex128", 1e-12), ("complex64", 1e-6)])
def test_amplitudes_are_those_of_the_state_vector(dtype: str, near: float) -> None:
    circuit = grid_circuit.Circuit(3, 3, 8, 11)
    one, two = grid_circuit.one_qubit(circuit), grid_circuit.fsim()
    psi = grid_circuit.state(circuit, one, two).reshape((2,) * 9)
    for bits in ([0, 1, 1, 0, 0, 1, 0, 1, 1], [None, 1, 0, None, 0, 1, 0, 1, None]):
        arrays, inputs, output = grid_circuit.network(circuit, one, two, bits)
        got = contract([array.astype(dtype) for array in arrays], inputs, output)
        wanted = psi[tuple(slice(None) if bit is None else bit for bit in bits)]
        assert np.max(np.abs(got - wanted)) < near * 2**-4.5


@pytest.mark.parametrize("route", ROUTES)
def test_degenerate_networks(route: str) -> None:
    a, b = random((2, 3), "float64", 1), random((4,), "float64", 2)
    assert np.allclose(by(route, [a, b], ["ij", "k"], "kj"), np.einsum("ij,k->kj", a, b), atol=1e-14)  # disconnected
    assert np.allclose(by(route, [a, b], ["ij", "k"]), a.sum() * b.sum(), atol=1e-13)
    assert float(by(route, [np.array(3.0), np.array(2.0)], [(), ()])) == 6.0
    assert np.array_equal(by(route, [a], ["ij"], "ji"), a.T)
    one = random((1, 3, 1), "float64", 3)
    assert np.allclose(by(route, [one, a], ["xjx", "ij"], "xi"), np.einsum("xjx,ij->xi", one, a), atol=1e-14)
    assert np.array_equal(by(route, [0 * a, a], ["ij", "ij"], "i"), np.zeros(2))
    assert np.array_equal(by(route, [np.zeros((0, 2)), a], ["ki", "ij"], "kj"), np.zeros((0, 3)))
    a[1, 2] = np.nan
    assert np.array_equal(np.isnan(by(route, [a, np.zeros((3, 4))], ["ij", "jk"], "ik")), [[False] * 4, [True] * 4])
    assert np.isnan(by(route, [a, b], ["ij", "k"]))


def test_what_does_not_fit_is_refused_by_name() -> None:
    a, b = np.zeros((2, 3)), np.zeros((4, 5))
    refused = [
        (([a, b], ["ij", "jk"]), {}, "index 'j' has size 3 in array 0, but 4 in array 1"),
        (([a], ["ijk"]), {}, r"array 0 has shape \(2, 3\), but 3 indices"),
        (([a], ["ij"], "ix"), {}, "no array has 'x'"),
        (([a], ["ij"], "ii"), {}, "an index is there twice"),
        (([], []), {}, "0 arrays"),
        (([[[1.0], [1.0, 2.0]]], ["ij"]), {}, "array 0: "),
        (([None], [""]), {}, "array 0 has dtype object"),
        (([a], [[["i"], "j"]]), {}, "indices: unhashable type"),
        (([a], [5]), {}, "indices: 'int' object is not iterable"),
        (([a], ["ij", "k"]), {}, "1 arrays and 2 tuples"),
        (([a, np.zeros((2, 3), np.int64)], ["ij", "ij"]), {}, "array 1 has dtype int64"),
        (([a, a, a], ["ij", "ij", "ij"]), {"tree": [(0, 1), (0, 1)]}, "0 is used up: give SSA numbers"),
        (([a, a], ["ij", "ij"]), {"tree": [(0, 7)]}, "tensors 0 to 1"),
        (([a, a], ["ij", "ij"]), {"tree": []}, "0 pairs for 2 tensors"),
        (([a, a], ["ij", "ij"]), {"tree": 5}, "int is no path"),
        (([a, a], ["ij", "ij"]), {"tree": Tree(((0, 1),), ("q",))}, "sliced indices"),
    ]
    for arguments, more, words in refused:
        with pytest.raises(BadInput, match=words):
            contract(*arguments, **more)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="dtype int8"):
        contract_memory_b([(2, 3)], ["ij"], dtype="int8")


def test_a_path_may_come_in_several_forms() -> None:
    class Others:
        sliced_inds = ("j",)

        def get_ssa_path(self) -> list[tuple[int, int]]:
            return [(0, 1)]

    a, b = random((2, 3), "float64", 1), random((3, 4), "float64", 2)
    for tree in ([(1, 0)], [[0, 1]], {"ssa": [(0, 1)], "sliced": ["j"]}, Others()):
        assert np.allclose(contract([a, b], ["ij", "jk"], "ik", tree=tree), a @ b, atol=1e-14)
    assert contract([a, b.astype(np.complex64)], ["ij", "jk"], "ik").dtype == np.complex128


def test_more_slices_are_taken_where_memory_is_short() -> None:
    arrays, legs, tree = inverse_graph.tensors(101, 2, 1), inverse_graph.legs(101), trees.load("ig-101-2")
    shapes = [array.shape for array in arrays]
    whole = contract_memory_b(shapes, legs, dtype="float64", tree=tree)
    least = contract_memory_b(shapes, legs, dtype="float64", tree=tree, limit_b=whole // 2)
    assert least <= whole // 2
    wanted = float(contract(arrays, legs, tree=tree))
    assert abs(float(contract(arrays, legs, tree=tree, limit_b=whole // 2)) / wanted - 1) < 1e-10
    with pytest.raises(BadInput, match=r"takes 8\d{4} bytes .* there are 50000 "):
        contract([np.ones((10, 10000)), np.ones((10, 10))], ["ij", "ik"], "j", limit_b=50_000)
    hopeless = inverse_graph.tensors(499, 2, 1), inverse_graph.legs(499)
    pairs = ((0, 1), *((499 + k, 2 + k) for k in range(497)))
    with pytest.raises(BadInput, match=r"takes \d+ bytes .* in 1 slices of this tree, 1.8\d+e\+24 PiB at once"):
        contract(*hopeless, tree=pairs)
