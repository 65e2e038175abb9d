"""Conventions of networks and circuits, against numbers and facts from elsewhere; trees that are shipped."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.physics.tensors import grid_circuit, hash, inverse_graph, trees
from ngtbench.physics.tensors.grid_circuit import Circuit
from ngtbench.physics.tensors.trees import Tree

NAMES = sorted(path.stem for path in Path(trees.__file__).parent.joinpath("data").glob("*.json"))


def test_the_hash_is_splitmix64() -> None:
    """The first outputs of the generator seeded with 0 (and 1234567), as its authors' program prints them."""
    gamma = np.uint64(0x9E3779B97F4A7C15)
    assert hash.splitmix64(np.arange(2, dtype=np.uint64) * gamma).tolist() == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]
    assert int(hash.splitmix64(np.array([1234567], np.uint64))[0]) == 6457827717110365317
    assert hash.u(3, np.arange(1000)).mean() == pytest.approx(0.5, abs=0.03)
    assert hash.u(1, np.array([5])) == hash.u(0, np.array([(1 << 32) + 5]))


def test_the_graph_of_inverses() -> None:
    edges = inverse_graph.edges(7)
    assert edges == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 0), (2, 4), (3, 5)]
    assert inverse_graph.legs(7)[2] == (1, 2, 7)
    assert [len(own) for own in inverse_graph.legs(101)] == [2, 2, *[3] * 98, 2]
    for p in (4, 3, 91):
        with pytest.raises(BadInput, match="prime"):
            inverse_graph.edges(p)
    with pytest.raises(BadInput, match="bond"):
        inverse_graph.tensors(7, 17, 1)


def test_tensors_are_the_formulas() -> None:
    tensor = inverse_graph.tensors(7, 3, 5)[2]
    word = int(hash.splitmix64(np.array([(5 << 32) + 4096 * 2 + 14], np.uint64))[0])
    assert tensor[1, 1, 2] == pytest.approx(3**0.5 * (2 * (word >> 11) * 2.0**-53 - 1) * 3**-0.75, rel=1e-15)
    assert inverse_graph.tensors(7, 3, 5)[0].shape == (3, 3)


def test_couplings_of_the_grid() -> None:
    circuit = Circuit(3, 4, 8, 1)
    assert grid_circuit.pairs(circuit, 0) == [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9), (10, 11)]
    assert grid_circuit.pairs(circuit, 1) == [(1, 2), (5, 6), (9, 10)]
    assert grid_circuit.pairs(circuit, 2) == [(0, 4), (1, 5), (2, 6), (3, 7)]
    assert grid_circuit.pairs(circuit, 3) == [(4, 8), (5, 9), (6, 10), (7, 11)]
    assert [
        grid_circuit.pairs(circuit, m) == grid_circuit.pairs(circuit, k) for m, k in ((4, 2), (5, 3), (6, 0), (7, 1), (8, 0))
    ] == [True] * 5


def test_gates_are_roots_of_paulis_and_never_twice_the_same() -> None:
    gates = grid_circuit.one_qubit(Circuit(2, 2, 20, 3))
    assert gates.shape == (21, 4, 2, 2)
    assert np.allclose(gates @ gates.conj().swapaxes(-1, -2), np.eye(2), atol=1e-15)
    squares = gates @ gates * 1j
    assert np.allclose(squares @ squares, np.eye(2), atol=1e-15)
    assert np.min(np.abs(gates[1:] - gates[:-1]).max(axis=(2, 3))) > 0.1
    first = int(hash.splitmix64(np.array([(3 << 32) + 2], np.uint64))[0]) % 3
    root: list[Any] = [
        [[1, -1j], [-1j, 1]],
        [[1, -1], [1, 1]],
        [[1, -1j * np.exp(-0.25j * np.pi)], [-1j * np.exp(0.25j * np.pi), 1]],
    ]
    assert np.allclose(gates[0, 2] * 2**0.5, root[first], atol=1e-15)


def test_a_state_is_that_of_dense_matrices() -> None:
    """Three qubits in a row: gates as Kronecker products, in the order that is agreed on."""
    circuit = Circuit(1, 3, 2, 9)
    one, two = grid_circuit.one_qubit(circuit), grid_circuit.fsim()
    layers = [np.kron(np.kron(a, b), c) for a, b, c in one]
    couplings = [np.kron(two, np.eye(2)), np.kron(np.eye(2), two)]
    wanted = layers[2] @ couplings[1] @ layers[1] @ couplings[0] @ layers[0][:, 0]
    assert np.allclose(grid_circuit.state(circuit, one, two), wanted, atol=1e-14)
    assert two[1, 2] == pytest.approx(-1j)
    assert two[3, 3] == pytest.approx(np.exp(-1j * np.pi / 6))
    with pytest.raises(BadInput, match="30 qubits"):
        grid_circuit.state(Circuit(5, 6, 1, 1), one, two)
    with pytest.raises(BadInput, match="bits of 3 qubits"):
        grid_circuit.network(circuit, one, two, [0, 2, 1])
    with pytest.raises(BadInput, match="give rows"):
        Circuit(0, 3, 2, 9)


@pytest.mark.parametrize("name", NAMES)
def test_shipped_trees_fit_their_networks(name: str) -> None:
    kind, of, *more = name.removesuffix("-second").split("-")
    tree = trees.load(name)
    output: tuple[int, ...] = ()
    if kind == "ig":
        inputs, size = inverse_graph.legs(int(of)), int(more[0])
    else:
        rows, cols, cycles = map(int, of.split("x"))
        circuit, size = Circuit(rows, cols, cycles, 0), 2
        opened = int(more[0].removeprefix("open")) if more else 0
        bits = [0] * (circuit.qubits - opened) + [None] * opened
        _, inputs, output = grid_circuit.network(circuit, grid_circuit.one_qubit(circuit), grid_circuit.fsim(), bits)
    trees.check(tree, inputs)
    took = trees.cost(tree, inputs, output, dict.fromkeys((label for own in inputs for label in own), size))
    assert took.largest <= 1 << 28
    assert tree.found.startswith("cotengra")


def test_a_tree_costs_what_its_products_do() -> None:
    inputs, sizes = ["ij", "jk", "kl"], {"i": 2, "j": 3, "k": 5, "l": 7}
    took = trees.cost(Tree(((0, 1), (3, 2))), inputs, "il", sizes)
    assert (took.mult_adds, took.moved, took.largest) == (30 + 70, 6 + 15 + 10 + 10 + 35 + 14, 35)
    cut = trees.cost(Tree(((0, 1), (3, 2)), ("k",)), inputs, "il", sizes)
    assert (cut.mult_adds, cut.slices, cut.largest) == (5 * (6 + 14), 5, 14)
    with pytest.raises(BadInput, match="no tree 'ig-5-5'"):
        trees.load("ig-5-5")
