"""Tracing: a traced body gives what the body gives on NumPy arrays, bit by bit, in as few operations as it says."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ngtbench.codegen import trace as tracing
from ngtbench.codegen.kernel import HOPS_4D, Field, Hop, Kernel, Reals, evaluate
from ngtbench.codegen.program import FLOP, OWN, Op, Program
from ngtbench.codegen.schedule import steps
from ngtbench.codegen.trace import INLINE, block, larger, magnitude, signum, sqrt, trace
from ngtbench.kernels.lattice import hopping, staggering
from tests.unit.codegen.execution import SCALARS, executed, fields_of, mixing, same
from tests.unit.codegen.samples import LARGE, UPDATE, mixed

Read = Callable[..., Reals]


def kernel_of(body: Callable[..., Mapping[str, Any]], hops: tuple[Hop, ...] = HOPS_4D, outputs: int = 1) -> Kernel:
    return Kernel("small", body, (Field("x", 2), Field("out", outputs, "out")), hops, ("alpha", "beta"))


def traced(body: Callable[[Read, Any, Any], Any]) -> Program:
    """Trace a body that returns one number."""
    return trace(kernel_of(lambda x, alpha, beta: {"out": [body(x, alpha, beta)]}))


X: tuple[tuple[str, Callable[[Read, Any, Any], Any], str, int], ...] = (
    ("a sum with zero", lambda x, a, b: 0 + (x()[0] + 0.0), "load", 0),
    ("a difference with zero", lambda x, a, b: x()[0] - 0, "load", 0),
    ("zero minus a number", lambda x, a, b: 0 - x()[0], "neg", 0),
    ("zero minus a negative", lambda x, a, b: 0 - (-x()[0]), "load", 0),
    ("a product with one", lambda x, a, b: 1 * (x()[0] * 1.0), "load", 0),
    ("a product with minus one", lambda x, a, b: -1 * x()[0], "neg", 0),
    ("two products with minus one", lambda x, a, b: (x()[0] * -1) * -1, "load", 0),
    ("a product with zero", lambda x, a, b: x()[0] * 0, "const", 0),
    ("zero times a number", lambda x, a, b: 0 * x()[0] + 3, "const", 0),
    ("a quotient by one", lambda x, a, b: x()[0] / 1, "load", 0),
    ("a quotient by minus one is kept", lambda x, a, b: x()[0] / -1, "div", 1),
    ("one over a number", lambda x, a, b: 1 / x()[0], "div", 1),
    ("a negative's negative", lambda x, a, b: -(x()[0] * -1), "load", 0),
    ("a sum with a negative", lambda x, a, b: -x()[0] + x()[1], "sub", 1),
    ("a sum with a negative behind", lambda x, a, b: x()[0] + -x()[1], "sub", 1),
    ("a difference with a negative", lambda x, a, b: x()[0] - -x()[1], "add", 1),
    ("a negative minus a number", lambda x, a, b: -x()[0] - x()[1], "sub", 1),
    ("a sum of negatives", lambda x, a, b: -x()[0] + -x()[1], "sub", 1),
    ("a negative factor", lambda x, a, b: x()[0] + (-a) * x()[1], "sub", 2),
    ("a negative factor behind", lambda x, a, b: x()[0] + x()[1] * (-b), "sub", 2),
    ("two negative factors", lambda x, a, b: (-a) * (-x()[0]), "mul", 1),
    ("a sign", lambda x, a, b: signum(x()[0]), "signum", 0),
    ("signs of constants", lambda x, a, b: 4 * signum(x()[0] * 0 + 2) + signum(x()[0] * 0 - 2), "const", 0),
    ("constants", lambda x, a, b: (2 * sqrt(x()[0] * 0 + 4) - 1) / 4, "const", 0),
    ("a difference of equals is kept", lambda x, a, b: x()[0] - x()[0], "sub", 1),
    ("a quotient of equals is kept", lambda x, a, b: x()[0] / x()[0], "div", 1),
)


@pytest.mark.parametrize(("body", "kind", "flop"), [one[1:] for one in X], ids=[one[0] for one in X])
def test_each_rule_changes_the_lines_and_not_the_result(body: Callable[..., Any], kind: str, flop: int) -> None:
    kernel = kernel_of(lambda x, alpha, beta: {"out": [body(x, alpha, beta)]})
    program = trace(kernel)
    assert program.ops[program.outputs["out"][0]].kind == kind
    assert program.flop == flop
    same(kernel)


LEAVES = (0, 1, -1, 0.5, -3, "alpha", "beta", *(((axis, step), k) for axis, step in ((0, 1), (3, -1)) for k in (0, 1)), 0.0, -2.5)
SITES = st.sampled_from([*LEAVES, ((), 0), ((), 1)])
TREES = st.recursive(
    SITES,
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["add", "sub", "mul", "div", "larger"]), inner, inner),
        st.tuples(st.sampled_from(["neg", "square root", "magnitude"]), inner),
        st.tuples(st.just("signum"), SITES),  # no more than that: rules of sums keep zeros, and not their signs
    ),
    max_leaves=14,
)


def built(tree: Any, x: Read, scalars: Mapping[str, Any]) -> Any:
    if isinstance(tree, int | float):
        return tree
    if isinstance(tree, str):
        return scalars[tree]
    first, *rest = tree
    if isinstance(first, tuple):
        return x(*first)[rest[0]]
    args = [built(one, x, scalars) for one in rest]
    if first == "neg":
        return -args[0]
    if first == "square root":
        return sqrt(args[0] * args[0])
    if first == "magnitude":
        return magnitude(args[0])
    if first == "signum":
        return signum(args[0])
    a, b = args
    return {
        "larger": lambda: larger(a, b),
        "add": lambda: a + b,
        "sub": lambda: a - b,
        "mul": lambda: a * b,
        "div": lambda: a / b,
    }[first]()


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(TREES, min_size=1, max_size=3))
def test_any_expression_gives_what_numpy_gives(trees: list[Any]) -> None:
    def body(x: Read, alpha: Any, beta: Any) -> dict[str, Any]:
        return {"out": [built(tree, x, {"alpha": alpha, "beta": beta}) for tree in trees]}

    kernel = kernel_of(body, outputs=len(trees))
    try:
        same(kernel, assume)
    except ZeroDivisionError:  # of two numbers of Python's, in the body itself
        assume(False)
    program = trace(kernel)
    assert len(set(program.ops)) == len(program.ops)
    mixing(program)


def test_equal_lines_are_written_once() -> None:
    program = traced(lambda x, a, b: (x()[0] * x()[1] + a) * (x()[1] * x()[0] + a) - (x()[1] - x()[0]) * (x()[0] - x()[1]))
    kinds = [op.kind for op in program.ops]
    assert (kinds.count("mul"), kinds.count("add"), kinds.count("sub"), program.flop) == (3, 1, 3, 7)


def test_what_no_output_needs_is_neither_counted_nor_written() -> None:
    program = traced(lambda x, a, b: (x()[0] / (x(0, 1)[1] + 2), x()[1] + b)[1])
    assert program.flop == 1
    assert {program.ops[line].kind for line in program.live()} == {"load", "scalar", "add"}
    assert [program.ops[line].kind for step in steps(program) for line in step.lines] == ["scalar", "load", "add"]
    assert any(op.kind == "div" for op in program.ops)


LINK_8, LINK_12 = 95, 42  # FLOP to rebuild a link
COUNTS = {
    hopping.WILSON: 1320,
    staggering.STAGGERED[18]: 570,
    hopping.CLOVER[18]: 1872,
    hopping.CLOVER[12]: 1872 + 8 * LINK_12 + 2 * 12,
    hopping.CLOVER[8]: 1872 + 8 * LINK_8 + 2 * 12,
    hopping.CHIRAL: 504,
    hopping.WILSON_12: 1320 + 8 * LINK_12 + 2 * 12,
    staggering.STAGGERED[12]: 570 + 8 * LINK_12 + 8 * 6,
    hopping.WILSON_8: 1320 + 8 * LINK_8 + 2 * 12,
    hopping.HALVES[False, False].to_odd: 1320,
    hopping.HALVES[False, True].to_odd: 1320,
    hopping.HALVES[True, False].to_odd: 1320 + 504,
    hopping.HALVES[False, False].to_even: 1320 + 48 + 47,
}


@pytest.mark.parametrize("kernel", COUNTS, ids=lambda kernel: kernel.name)
def test_operations_are_those_of_the_algorithm(kernel: Kernel) -> None:
    assert trace(kernel).flop == COUNTS[kernel]
    mixing(trace(kernel))


def test_halves_of_spinors_are_moved_and_no_links() -> None:
    for kernel, each in ((hopping.WILSON, 12), (staggering.STAGGERED[18], 6)):
        program = trace(kernel)
        moved = [program.ops[line].what for line in program.live() if program.ops[line].kind == "move"]
        assert [moved.count(frame) for frame in range(9)] == [0] + 8 * [each]
        groups = [(step.frame, len(step.lines)) for step in steps(program) if step.frame is not None]
        assert sum(lines for _, lines in groups) == 8 * each
        assert {frame for frame, _ in groups} == set(range(1, 9))


def test_frames_meet_at_the_own_site() -> None:
    program = traced(lambda x, a, b: (x(0, 1)[0] * a + 2 * x(0, 1)[1]) * x(3, -1)[0] + x()[1])
    moves = [op.what for op in program.ops if op.kind == "move"]
    assert sorted(moves) == [1 + HOPS_4D.index((0, 1)), 1 + HOPS_4D.index((3, -1))]
    last = traced(lambda x, a, b: x(0, 1)[0])
    assert [op.kind for op in last.ops if op.frame == OWN] == ["move"]
    mixing(program)


@pytest.mark.parametrize(
    "branch",
    [lambda x: 1 if x else 2, lambda x: max(x, 0), lambda x: 1 if x == 0 else x, lambda x: x if x != 1 else 0, lambda x: abs(x)],
)
def test_a_branch_on_a_number_is_refused(branch: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError):
        traced(lambda x, a, b: branch(x()[0]))


def test_a_wrong_number_of_outputs_is_named() -> None:
    with pytest.raises(ValueError, match=r"small: body returns 3 numbers for 'out', declared 1"):
        trace(kernel_of(lambda x, alpha, beta: {"out": [*x(), 1]}))
    with pytest.raises(ValueError, match=r"small: body returns 0 numbers for 'out', declared 1"):
        trace(kernel_of(lambda x, alpha, beta: {"out": []}))


def test_a_hop_that_is_not_declared_is_refused() -> None:
    kernel = kernel_of(lambda x, alpha, beta: {"out": [x(1, 1)[0]]}, hops=((0, 1),))
    with pytest.raises(ValueError, match=r"small: 'x' is read at the hop \(1, 1\), which its launch description lacks"):
        trace(kernel)
    with pytest.raises(AssertionError):
        evaluate(kernel, fields_of(kernel), SCALARS)


def test_what_is_read_at_neighbours_cannot_be_written() -> None:
    kernel = Kernel("race", lambda x: {"x": x(0, 1)}, (Field("x", 2, "inout"),), HOPS_4D)
    with pytest.raises(ValueError, match="race: 'x' is read at neighbours and written"):
        trace(kernel)


def test_large_kernels_call_their_building_blocks() -> None:
    written_out, called = tracing._traced(LARGE, calls=False), trace(LARGE)
    assert len(written_out.live()) > INLINE
    assert not [op for op in written_out.ops if op.kind == "call"]
    calls = [op for op in called.ops if op.kind == "call"]
    assert len(calls) == 16
    assert {op.what.name for op in calls} == {"mixed_12_12"}
    assert len(called.live()) < INLINE / 5
    mixing(called)
    fields = fields_of(LARGE)
    want = evaluate(LARGE, fields)["out"]
    for program in (written_out, called):
        got = executed(program, fields, HOPS_4D, {})
        np.testing.assert_allclose(np.stack(got["out"]), want, rtol=1e-13, atol=1e-13 * np.abs(want).max())


def test_small_kernels_are_written_out() -> None:
    kernel = Kernel("one", lambda psi: {"out": mixed(psi(), psi(0, 1))}, (Field("psi", 12), Field("out", 12, "out")), HOPS_4D)
    assert "call" not in {op.kind for op in trace(kernel).ops}
    for each in (kernel, UPDATE):
        same(each)


def test_calls_are_counted_with_what_they_do() -> None:
    kernel = Kernel("one", lambda psi: {"out": mixed(psi(), psi(0, 1))}, (Field("psi", 12), Field("out", 12, "out")), HOPS_4D)
    program, alone = trace(LARGE), trace(kernel).flop
    assert tracing._traced(kernel, calls=True).flop == alone > 300
    direct = sum(op.kind in FLOP for number, op in enumerate(program.ops) if number in program.live())
    assert program.flop == 16 * alone + direct == 16 * alone + 8 * 12 + 11


def test_building_blocks_of_one_name_are_refused() -> None:
    def turning(factor: float) -> Callable[..., Reals]:
        @block
        def turn(a: Reals) -> list[Any]:
            return [factor * number for number in a]

        return turn

    double, triple = turning(2), turning(3)
    fields = (Field("psi", 12), Field("out", 12, "out"))
    for other in (double, triple):
        kernel = Kernel("twice", lambda psi, other=other: {"out": double(other(psi()))}, fields)
        same(kernel)
        if other is double:
            assert tracing._traced(kernel, calls=True).flop == trace(kernel).flop == 24
        else:
            with pytest.raises(ValueError, match="two building blocks are named turn_12"):
                tracing._traced(kernel, calls=True)


def test_a_line_is_known_by_all_it_says() -> None:
    program = Program()
    first = program.line(Op("load", what=("x", 0, 1), frame=1))
    assert program.line(Op("load", what=("x", 0, 1), frame=1)) == first
    others = [
        program.line(Op("load", what=what, frame=frame)) for what, frame in ((("x", 0, 2), 2), (("x", 1, 1), 1), (("y", 0, 1), 1))
    ]
    assert len({first, *others}) == 4
