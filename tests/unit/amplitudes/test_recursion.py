"""Currents, states and tapes: how many there are, that what is left out is 0 or the same, and gauge invariance."""

import itertools
import math
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ngtbench.codegen import tape_native, tape_numpy
from ngtbench.codegen.compiler import find
from ngtbench.codegen.kernel import Reals
from ngtbench.codegen.tape import Kind, Tape
from ngtbench.errors import BadInput
from ngtbench.kernels.amplitudes import blocks, compiled, generate, recursion
from ngtbench.kernels.amplitudes.compiled import Model
from ngtbench.kernels.amplitudes.operations import Operations
from ngtbench.model.workload import Array
from ngtbench.physics import phase_space, processes

W, TOP = 1500.0, 173.0
STRUCTURES = {  # colour structures, and states of gluons and chiralities that are computed without a width
    "g g > t t~": (2, 4),
    "g g > t t~ g": (6, 8),
    "g g > t t~ g g": (24, 16),
    "u u~ > t t~": (2, 2),
    "u u~ > t t~ g": (4, 4),
    "u u~ > t t~ g g": (12, 8),
    "g u > t t~ u": (4, 4),
    "u u~ > t t~ c c~": (6, 4),
    "u u~ > t t~ u u~": (6, 6),
    "u u > u u": (2, 3),
    "g g > g g": (2, 16),
    "g g > g g g": (6, 32),
    "g g > g g g g": (24, 64),
}


@pytest.mark.parametrize("text", STRUCTURES)
def test_structures_and_states_are_as_many_as_there_should_be(text: str) -> None:
    process = processes.parse(text)
    operations = Operations(process, width=False)
    assert (len(recursion.amplitudes(process)), len(list(operations.states()))) == STRUCTURES[text]
    assert len(set(operations.states())) == STRUCTURES[text][1]
    wide = Operations(process, width=True)
    heavy = "t" in text
    assert operations.factor == (2 if "u" in text or heavy else 1)
    assert wide.factor == (1 if heavy else operations.factor)


@pytest.mark.parametrize("gluons", [0, 1, 2, 3])
def test_top_pairs_have_a_structure_per_order_of_gluons(gluons: int) -> None:
    values = recursion.amplitudes(processes.parse("g g > t t~" + " g" * gluons))
    assert len(values) == math.factorial(gluons + 2)
    assert len({node for found in values.values() for _, node in found}) == len(values)
    assert all(len(found) == 1 and abs(found[0][0]) == 1 for found in values.values())


def test_quarks_of_one_flavour_pair_in_every_way() -> None:
    signs = [(sign, pairing) for sign, pairing in recursion.pairings(processes.parse("u u~ > t t~ u u~"))]
    assert signs == [(1, {1: 0, 2: 3, 4: 5}), (-1, {1: 5, 2: 3, 4: 0})]
    assert len(recursion.pairings(processes.parse("u u~ > t t~ c c~"))) == 1


def events(text: str, count: int, seed: int = 3) -> Array:
    return phase_space.momenta(processes.parse(text).masses(TOP)[2:], W, count, seed)[0]


def ran(tape: Tape, numbers: Array, width: float = 0.0) -> Array:
    """Run a tape on numbers of events, (events, inputs)."""
    return tape_numpy.run(tape, np.ascontiguousarray(numbers.T), {"mass": TOP, "mass_width": TOP * width})


SMALL = [text for text in STRUCTURES if text not in ("g g > t t~ g g", "g g > g g g g")]


@pytest.mark.parametrize("text", [text for text in SMALL if "t" in text])
def test_half_of_the_states_is_as_good_as_all_without_a_width(text: str) -> None:
    process, momenta = processes.parse(text), events(text, 7).reshape(7, -1)
    half, whole = (generate.tape(process, width) for width in (False, True))
    assert half.flop < 0.7 * whole.flop
    np.testing.assert_allclose(ran(half, momenta), ran(whole, momenta), rtol=1e-12)
    if text != "u u~ > t t~":  # no top quark between vertices
        assert np.abs(ran(whole, momenta, width=20.0) / ran(half, momenta) - 1).max() > 1e-5


@pytest.mark.parametrize("columns", [1, 3, 4, 12, 16, 64])
@pytest.mark.parametrize("text", ["g g > t t~ g", "u u~ > t t~ u u~", "g g > g g g", "u u~ > g g"])
def test_steps_of_any_number_of_columns_give_the_same(text: str, columns: int) -> None:
    process, momenta = processes.parse(text), events(text, 5).reshape(5, -1)
    usual, other = generate.tape(process, False), generate.tape(process, False, columns=columns)
    assert sum(step.columns for step in usual.steps) == sum(step.columns for step in other.steps)
    np.testing.assert_allclose(ran(other, momenta), ran(usual, momenta), rtol=1e-12)


@pytest.mark.parametrize("columns", [8, 12, 40])
def test_columns_of_the_step_before_do_not_count(columns: int) -> None:
    process, momenta = processes.parse("u u~ > t t~ u u~"), events("u u~ > t t~ u u~", 9)
    tape, host = generate.tape(process, True, columns=columns), find()
    assert len({step.columns for step in tape.steps}) == (2 if columns == 40 else 1)
    on = compiled.on_processor(process, Model(top_width=2.0), 9, "float64", 1)
    compiled.fill(on.momenta, momenta.reshape(9, -1))
    run = tape_native.bind(tape_native.built(tape, "float64", host), on.momenta, on.out, Model(top_width=2.0).scalars)
    run()
    np.testing.assert_allclose(on.out.reshape(-1)[:9], ran(tape, momenta.reshape(9, -1), 2.0), rtol=1e-11)


@pytest.mark.parametrize("text", ["g g > t t~", "g g > t t~ g", "g g > g g g"])
@pytest.mark.parametrize("width", [0.0, 1.4915])
def test_the_mean_over_sampled_states_is_the_sum_over_all(text: str, width: float) -> None:
    process, (momenta,) = processes.parse(text), events(text, 1)
    particles = len(process.particles)
    states = np.array(list(itertools.product((0.0, 1.0), repeat=particles)))
    numbers = np.concatenate((np.broadcast_to(momenta.reshape(-1), (len(states), 4 * particles)), states), axis=1)
    sampled = ran(generate.tape(process, width > 0, sampled=True), numbers, width)
    whole = ran(generate.tape(process, width > 0), momenta.reshape(1, -1), width)
    np.testing.assert_allclose(sampled.mean(), whole[0], rtol=1e-12)
    assert sampled.min() >= -1e-12 * whole[0]
    assert len(set(np.round(sampled / whole[0], 9))) > 2


def test_chiralities_are_not_sampled() -> None:
    with pytest.raises(BadInput, match="u u~ > t t~: states are sampled of gluons and top quarks only"):
        generate.tape(processes.parse("u u~ > t t~"), False, sampled=True)


def polarised(second: Callable[[Reals], list[Any]], both: bool) -> Callable[[bool], Kind]:
    """Return a kind that gives something else than the second polarisation, or than both."""
    usual = blocks.polarisation(False)

    def finish(sums: Reals, p: Reals, **scalars: Any) -> Reals:
        other = second(p)
        return [*(other if both else list(usual.finish(sums, p, **scalars))[:4]), *other]

    return lambda sampled: Kind("substituted", (4,), 0, (), 8, finish)


GAUGE = [text for text in STRUCTURES if 1 <= text.count("g") <= 5]


@pytest.mark.parametrize("text", GAUGE)
def test_a_momentum_in_place_of_a_polarisation_gives_nothing(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    process, momenta = processes.parse(text), events(text, 4).reshape(4, -1)
    usual = ran(generate.tape(process, False), momenta)
    monkeypatch.setattr(blocks, "polarisation", polarised(lambda p: [0 * p[0]] * 4, both=False))
    alone = ran(generate.tape(process, False), momenta)
    monkeypatch.setattr(blocks, "polarisation", polarised(lambda p: [x / p[0] for x in p], both=False))
    with_momenta = ran(generate.tape(process, False), momenta)
    monkeypatch.setattr(blocks, "polarisation", polarised(lambda p: [x / p[0] for x in p], both=True))
    nothing = ran(generate.tape(process, False), momenta)
    assert np.all(alone < 0.9 * usual)
    assert np.abs((with_momenta - alone) / usual).max() < 1e-12
    assert np.abs(nothing / usual).max() < 1e-20


def test_a_vector_that_is_no_polarisation_gives_something(monkeypatch: pytest.MonkeyPatch) -> None:
    process, momenta = processes.parse("g g > t t~ g"), events("g g > t t~ g", 4).reshape(4, -1)
    usual = ran(generate.tape(process, False), momenta)
    monkeypatch.setattr(blocks, "polarisation", polarised(lambda p: [p[0] / p[0], *(-x / p[0] for x in p[1:])], both=True))
    assert np.abs(ran(generate.tape(process, False), momenta) / usual).min() > 1e-6


def test_the_width_spoils_gauge_invariance(monkeypatch: pytest.MonkeyPatch) -> None:
    process, momenta = processes.parse("g g > t t~ g"), events("g g > t t~ g", 4).reshape(4, -1)
    usual = ran(generate.tape(process, True), momenta, 5.0)
    monkeypatch.setattr(blocks, "polarisation", polarised(lambda p: [x / p[0] for x in p], both=True))
    assert np.abs(ran(generate.tape(process, True), momenta, 5.0) / usual).max() > 1e-12


def test_the_largest_tape_costs_what_it_did() -> None:
    tape = compiled.tape(processes.parse("g g > t t~ g g g"), False)
    assert tape.flop == 2957809
    assert (tape.rows, sorted(set(tape.contraction.groups)), tape.inputs) == (120, [4, 8], 28)
    assert tape.rows * tape.rows / 2 > 3 * sum(len(block.rows) ** 2 for block in tape.contraction.blocks) / 2


def test_making_a_tape_needs_little_memory() -> None:
    tracemalloc.start()
    try:
        generate.tape(processes.parse("g g > t t~ g g"), False)  # that of one more gluon needs 15 times as much
        peak_b = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak_b < 2**25


def test_a_tape_is_made_the_same_again() -> None:
    for text in SMALL:
        first, second = (generate.tape(processes.parse(text), True) for _ in range(2))
        assert first == second
        assert np.array_equal(first.encoded(), second.encoded())


@pytest.mark.parametrize("text", STRUCTURES)
def test_everything_lies_in_memory_and_is_written_before_it_is_read(text: str) -> None:
    tape = generate.tape(processes.parse(text), True)
    known = np.zeros(tape.size, bool)
    known[: tape.inputs] = True
    for step in tape.steps:
        for segment in step.segments:
            kind, made = segment.kind, []
            for record in segment.records:
                reads = [(record[1 + k], length) for k, length in enumerate(kind.extras)]
                at = kind.head
                for term, count in zip(kind.terms, record[1 + len(kind.extras) : kind.head], strict=True):
                    for length in term.lengths * count:
                        reads.append((record[at], length))
                        at += 1
                assert at == len(record)
                assert all(known[start : start + length].all() for start, length in reads), kind.name
                made.append(record[0])
            for start in made:
                assert tape.inputs <= start <= tape.size - kind.out
                known[start : start + kind.out] = True
        amplitudes = known[tape.amplitudes : tape.amplitudes + (tape.rows + 1) * tape.width].reshape(-1, tape.width)
        assert amplitudes[:-1, : step.columns].all()
        assert not amplitudes[-1].any(), "the row that is 0"
