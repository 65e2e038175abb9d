"""The tape: values and gradients are torch's in float64 and agree with central differences; only what leads to a leaf is kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.workloads.ml import _tape as tape

INDEX = np.array([[4, 0, 4], [2, 2, 4]])  # rows 1 and 3 are left out, others are taken twice and more
TARGET = np.array([3, 0, 3, 5, 0, 0, 2])
MASK = np.array([[True, False, True], [False, True, True]])
LABEL = np.array([[2, 0, 3], [1, 1, 3]])
BINARY = np.array([[1.0, 0.0, 1.0], [0.0, 0.25, 1.0]])


@dataclass(frozen=True)
class Op:
    """An operation of the tape, torch's for it, the shapes of its operands and the range they lie in."""

    ours: Callable[..., tape.Value]
    torchs: Callable[..., Any]
    shapes: tuple[tuple[int, ...], ...]
    low: float = -2.0
    high: float = 2.0

    def operands(self) -> list[Array]:
        random = np.random.default_rng(11)
        return [random.uniform(self.low, self.high, shape) for shape in self.shapes]


def both(f: Callable[..., Any], *shapes: tuple[int, ...], low: float = -2.0) -> Op:
    return Op(f, f, shapes, low)


def normalised(x: Any, gain: Any, bias: Any) -> Any:
    return functional.layer_norm(x, (5,), gain, bias, 1e-3)


def scattered(x: Any) -> Any:
    return torch.zeros(6, 3, dtype=torch.float64).index_add(0, torch.tensor(TARGET), x)


def entropy(x: Any) -> Any:
    return functional.cross_entropy(x.reshape(-1, 4), torch.tensor(LABEL).reshape(-1))


def binary(x: Any) -> Any:
    return functional.binary_cross_entropy_with_logits(x, torch.tensor(BINARY))


CONV = ((2, 3, 8, 7), (4, 3, 3, 2))
UNCONV = ((2, 3, 4, 5), (3, 4, 3, 2))
OPS = {
    "neg": both(lambda x: -x, (2, 3)),
    "add": both(lambda x, y: x + y, (2, 3), (2, 3)),
    "add, rows": both(lambda x, y: x + y, (4, 2, 3), (3,)),
    "add, a number": both(lambda x: 1.5 + x + 2, (2, 3)),
    "sub": both(lambda x, y: x - y, (2, 1, 3), (5, 1)),
    "sub, from a number": both(lambda x: 1.5 - x - 2, (2, 3)),
    "mul": both(lambda x, y: x * y, (2, 3, 1), (1, 4)),
    "mul, by a number": both(lambda x: 1.5 * x * 2, (2, 3)),
    "div": both(lambda x, y: x / y, (2, 1, 3), (4, 1), low=0.5),
    "div, of a number": both(lambda x: 1.5 / x / 2, (2, 3), low=0.5),
    "matmul": both(lambda x, y: x @ y, (2, 3), (3, 4)),
    "matmul, batches": both(lambda x, y: x @ y, (5, 2, 3), (5, 3, 4)),
    "matmul, one for all": both(lambda x, y: x @ y, (5, 2, 3), (3, 4)),
    "matmul, broadcast": both(lambda x, y: x @ y, (2, 1, 2, 3), (5, 3, 4)),
    "a leaf twice": both(lambda x, y: x * y + x * x - y @ x, (3, 3), (3, 3)),
    "slices": both(lambda x: x[1:, None, 0] * x[::2, None, -1] + x[2, None, ..., 0], (3, 4, 4)),
    "relu": Op(tape.relu, torch.relu, ((3, 4),)),
    "exp": Op(tape.exp, torch.exp, ((3, 4),)),
    "log": Op(tape.log, torch.log, ((3, 4),), 0.2),
    "square": Op(tape.square, torch.square, ((3, 4),)),
    "sqrt": Op(tape.sqrt, torch.sqrt, ((3, 4),), 0.2),
    "tanh": Op(tape.tanh, torch.tanh, ((3, 4),)),
    "sigmoid": Op(tape.sigmoid, torch.sigmoid, ((3, 4),), -9, 9),
    "softplus": Op(tape.softplus, functional.softplus, ((3, 4),), -9, 9),
    "silu": Op(tape.silu, functional.silu, ((3, 4),), -9, 9),
    "gelu": Op(tape.gelu, lambda x: functional.gelu(x, approximate="tanh"), ((3, 4),)),
    "total": Op(tape.total, torch.sum, ((3, 4),)),
    "total, an axis": Op(lambda x: tape.total(x, 1), lambda x: x.sum(1), ((3, 4, 2),)),
    "total, axes": Op(lambda x: tape.total(x, (0, -1)), lambda x: x.sum((0, -1)), ((3, 4, 2),)),
    "mean": Op(tape.mean, torch.mean, ((3, 4),)),
    "mean, kept": Op(lambda x: tape.mean(x, (1, 2), True), lambda x: x.mean((1, 2), True), ((3, 4, 2),)),
    "largest": Op(lambda x: tape.largest(x, 1), lambda x: x.amax(1), ((3, 4, 2),)),
    "largest, kept": Op(lambda x: tape.largest(x, (0, 2), True), lambda x: x.amax((0, 2), True), ((3, 4, 2),)),
    "softmax": Op(lambda x: tape.softmax(x, 1), lambda x: x.softmax(1), ((3, 4, 2),)),
    "log_softmax": Op(lambda x: tape.log_softmax(x, 1), lambda x: x.log_softmax(1), ((3, 4, 2),)),
    "layer_norm": Op(lambda x, g, b: tape.layer_norm(x, g, b, 1e-3), normalised, ((2, 3, 5), (5,), (5,))),
    "reshape": Op(lambda x: tape.reshape(x, (4, -1)), lambda x: x.reshape(4, -1), ((3, 4, 2),)),
    "transpose": Op(lambda x: tape.transpose(x, (1, 2, 0)), lambda x: x.permute(1, 2, 0), ((3, 4, 2),)),
    "concatenate": Op(lambda *x: tape.concatenate(x, 1), lambda *x: torch.cat(x, 1), ((2, 3), (2, 1), (2, 4))),
    "where": Op(lambda x, y: tape.where(MASK, x, y), lambda x, y: torch.where(torch.tensor(MASK), x, y), ((4, 2, 3), (2, 1))),
    "take": Op(lambda x: tape.take(x, INDEX), lambda x: x[torch.tensor(INDEX)], ((5, 3),)),
    "scatter_add": Op(lambda x: tape.scatter_add(x, TARGET, 6), scattered, ((7, 3),)),
    "convolve": Op(tape.convolve, functional.conv2d, CONV),
    "convolve, strides": Op(lambda x, w: tape.convolve(x, w, 2, 1), lambda x, w: functional.conv2d(x, w, None, 2, 1), CONV),
    "unconvolve": Op(tape.unconvolve, functional.conv_transpose2d, UNCONV),
    "unconvolve, strides": Op(
        lambda x, w: tape.unconvolve(x, w, 2, 1), lambda x, w: functional.conv_transpose2d(x, w, None, 2, 1), UNCONV
    ),
    "cross_entropy": Op(lambda x: tape.cross_entropy(x, LABEL), entropy, ((2, 3, 4),)),
    "binary_cross_entropy": Op(lambda x: tape.binary_cross_entropy(x, BINARY), binary, ((2, 3),)),
    "mean_square": Op(tape.mean_square, functional.mse_loss, ((2, 3), (2, 3))),
}


def weighted(y: tape.Value) -> tape.Value:
    """Return a scalar in which every element counts differently."""
    return tape.total(y * np.random.default_rng(5).uniform(0.5, 1.5, y.shape))


def slopes(f: Callable[..., tape.Value], operands: Sequence[Array]) -> list[Array]:
    leaves = [tape.leaf(x) for x in operands]
    return tape.gradients(weighted(f(*leaves)), leaves)


def differences(f: Callable[..., tape.Value], operands: list[Array], which: int, step: float = 1e-5) -> Array:
    """Return the central difference at each element of an operand, computed on plain arrays."""
    found = np.empty_like(operands[which])
    for place in np.ndindex(found.shape):
        sides = []
        for sign in (1, -1):
            moved = [x.copy() for x in operands]
            moved[which][place] += sign * step
            sides.append(float(weighted(f(*(tape.Value(x) for x in moved))).data))
        found[place] = (sides[0] - sides[1]) / (2 * step)
    return found


@pytest.mark.parametrize("name", OPS)
def test_values_and_gradients_are_those_of_torch(name: str) -> None:
    op = OPS[name]
    theirs = [torch.tensor(x, requires_grad=True) for x in op.operands()]
    want = op.torchs(*theirs)
    got = op.ours(*(tape.Value(x) for x in op.operands()))
    assert got.shape == tuple(want.shape)
    np.testing.assert_allclose(got.data, want.detach().numpy(), rtol=1e-12, atol=1e-13)
    weights = np.random.default_rng(5).uniform(0.5, 1.5, got.shape)
    pulled = torch.autograd.grad((want * torch.tensor(weights)).sum(), theirs)
    for ours, slope in zip(slopes(op.ours, op.operands()), pulled, strict=True):
        np.testing.assert_allclose(ours, slope.numpy(), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", OPS)
def test_gradients_are_the_limits_of_differences(name: str) -> None:
    op = OPS[name]
    operands = op.operands()
    for which, got in enumerate(slopes(op.ours, operands)):
        assert np.any(got)
        want = differences(op.ours, operands, which)
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6 * np.abs(want).max())


def test_plain_arrays_and_numbers_are_constants() -> None:
    y, x = np.arange(6.0).reshape(2, 3) + 1, tape.leaf(np.full((2, 3), 2.0))
    for made, want in (
        (y + x, np.ones((2, 3))),
        (y - x, -np.ones((2, 3))),
        (y * x, y),
        (y / x, -y / 4),
        (y.T @ x, np.tile(y.sum(axis=1)[:, None], 3)),
        (tape.concatenate([y, x], 0), np.ones((2, 3))),
        (tape.where(y > 2, y, x), y <= 2),
    ):
        (got,) = tape.gradients(tape.total(made), [x])
        np.testing.assert_allclose(got, want, rtol=1e-15)


def test_what_leads_to_no_leaf_keeps_no_graph() -> None:
    x, w = tape.Value(np.ones((2, 3))), tape.leaf(np.ones((3, 4)))
    constant = tape.layer_norm(tape.relu(x @ np.ones((3, 4))), 1.0, 0.0)
    assert constant.edges == () and constant.depth == 0
    assert [operand for operand, _ in (x @ w).edges] == [w]


def test_leaves_that_a_loss_does_not_reach_have_gradient_zero() -> None:
    x, y = tape.leaf(np.ones((2, 3))), tape.leaf(np.ones(4))
    loss = tape.mean(x)
    to_x, to_y, to_loss = tape.gradients(loss, [x, y, loss])
    np.testing.assert_array_equal(to_x, np.full((2, 3), 1 / 6))
    np.testing.assert_array_equal(to_y, np.zeros(4))
    np.testing.assert_array_equal(to_loss, 1)
    (alone,) = tape.gradients(tape.total(np.ones(3)), [y])
    np.testing.assert_array_equal(alone, np.zeros(4))


def test_gradients_share_no_memory() -> None:
    x, y = tape.leaf(np.ones(3)), tape.leaf(np.ones(3))
    to_x, to_y, again = tape.gradients(tape.total(x + y), [x, y, x])
    to_x += 1
    np.testing.assert_array_equal(to_y, np.ones(3))
    np.testing.assert_array_equal(again, np.ones(3))


def test_a_long_chain_is_followed_without_recursion() -> None:
    x = y = tape.leaf(1.0)
    for _ in range(20_000):
        y = y + x
    assert tape.gradients(y, [x])[0] == 20_001


def test_equal_maxima_share_the_gradient_as_torchs_do() -> None:
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    theirs = torch.tensor(x, requires_grad=True)
    (want,) = torch.autograd.grad(theirs.amax(1).sum(), theirs)
    ours = tape.leaf(x)
    (got,) = tape.gradients(tape.total(tape.largest(ours, 1)), [ours])
    np.testing.assert_array_equal(got, want.numpy())


def test_large_numbers_do_not_overflow() -> None:
    x = tape.leaf(np.array([[-1000.0, 0.0, 1000.0]]))
    with np.errstate(all="raise", under="ignore"):
        for made in (tape.sigmoid(x), tape.softplus(x), tape.softmax(x), tape.cross_entropy(x, np.array([0]))):
            (got,) = tape.gradients(tape.total(made), [x])
            assert np.all(np.isfinite(made.data)) and np.all(np.isfinite(got))


def test_nothing_flows_back_to_what_a_mask_hides() -> None:
    x = tape.leaf(np.array([0.0, 4.0]))
    (got,) = tape.gradients(tape.total(tape.where(x.data > 0, x, 0.0) + tape.relu(x)), [x])
    np.testing.assert_array_equal(got, [0, 2])
    (got,) = tape.gradients(tape.total(tape.where(np.array([False, True]), x, 1.0) * np.array([np.inf, 3.0])), [x])
    np.testing.assert_array_equal(got, [0, 3])


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda x: tape.gradients(x, [x]), "scalar"),
        (lambda x: tape.gradients(tape.total(x), [tape.Value(1.0)]), "constant"),
        (lambda x: x @ np.ones(3), "product of matrices"),
        (lambda x: x[np.array([0, 0])], "take"),
        (lambda x: tape.cross_entropy(x, np.array([0, 3])), "labels from 0 to 3 of 3"),
        (lambda x: tape.cross_entropy(x, np.array([-1, 2])), "labels from -1 to 2 of 3"),
    ],
)
def test_what_cannot_be_meant_is_refused(ask: Callable[[tape.Value], object], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        ask(tape.leaf(np.ones((2, 3))))
