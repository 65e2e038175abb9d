"""The graph of an event: what is refused, what is counted, and the closed form of its values."""

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.physics.scheduling import generate, values
from ngtbench.physics.scheduling.graph import Graph, chain, fork_join, made

DIAMOND = made("abcd", [1, 2, 4, 8], [(0, 1), (0, 2), (1, 3), (2, 3)])


def test_work_longest_path_and_order() -> None:
    assert DIAMOND.work_s == 15
    assert DIAMOND.critical_s == 13
    assert DIAMOND.order == (0, 1, 2, 3)
    assert DIAMOND.by_rank == (0, 2, 1, 3)
    assert list(DIAMOND.ranks_s) == [13, 10, 12, 8]
    assert chain([1, 2, 3]).critical_s == 6
    assert fork_join([1, 2, 5, 3, 1]).critical_s == 7


def test_of_equal_ranks_producers_come_first() -> None:
    graph = made("abc", [0, 0, 0], [(2, 1), (1, 0)])
    assert graph.by_rank == (2, 1, 0)


@pytest.mark.parametrize(
    ("names", "runtimes_s", "edges", "words"),
    [
        ("aba", [1, 1, 1], [], "algorithm 'a' is there twice"),
        ("ab", [1, -1], [], "algorithm 'b' runs for -1.0 s"),
        ("ab", [np.nan, 1], [], "algorithm 'a' runs for nan s"),
        ("ab", [1, np.inf], [], "algorithm 'b' runs for inf s"),
        ("ab", [1, 1], [(0, 2)], "joins algorithms 0 and 2"),
        ("ab", [1, 1], [(0, 1), (0, 1)], "from 'a' to 'b' is there twice"),
        ("ab", [1, 1], [(1, 1)], "'b' waits for itself"),
        ("abcd", [1, 1, 1, 1], [(0, 1), (1, 2), (2, 1), (2, 3)], "algorithm '[bc]' waits for itself: there is a cycle"),
        ("", [], [], "an algorithm or more"),
    ],
)
def test_what_cannot_run_is_refused_by_name(
    names: str, runtimes_s: list[float], edges: list[tuple[int, int]], words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        made(names, runtimes_s, edges)


def test_a_long_or_unprintable_name_does_not_flood_the_message() -> None:
    name = "\x1b[2J" + "x" * 1000
    with pytest.raises(BadInput) as caught:
        made([name, name], [1, 1], [])
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_drawn_graphs_have_the_statistics_of_the_real_one(seed: int) -> None:
    graph = generate.atlas_like(seed)
    read, made_of = (np.bincount(graph.edges[:, k], minlength=graph.count) for k in (0, 1))
    assert graph.count == 814
    assert graph.work_s == pytest.approx(5.204686)
    assert graph.critical_s == pytest.approx(2.144283, rel=0.05)
    assert len(graph.edges) == pytest.approx(5218, rel=0.2)
    assert (made_of == 0).sum() == 26
    assert (read == 0).sum() == pytest.approx(378, rel=0.3)
    assert 250 < read.max() < 450
    for limit_s, count in ((1e-6, 136), (1e-4, 468), (1e-3, 617), (1e-2, 749)):
        assert (graph.runtimes_s < limit_s).sum() == pytest.approx(count, rel=0.05)


def test_a_seed_draws_the_same_graph_again_and_another_one_another() -> None:
    one, again, other = (generate.atlas_like.__wrapped__(seed) for seed in (1, 1, 2))
    assert np.array_equal(one.edges, again.edges)
    assert np.array_equal(one.runtimes_s, again.runtimes_s)
    assert not np.array_equal(one.runtimes_s, other.runtimes_s)


@pytest.mark.parametrize("steps", [0, 1, 2, 1000, 2**40 + 3])
def test_a_jump_is_so_many_steps(steps: int) -> None:
    a, b = values.jump(steps)
    s = 12345
    if steps <= 1000:
        for _ in range(steps):
            s = (values.FACTOR * s + values.TERM) % 2**64
    else:  # two jumps make one
        for part in (steps - 7, 7):
            c, d = values.jump(part)
            s = (c * s + d) % 2**64
    assert (a * 12345 + b) % 2**64 == s


def plainly(graph: Graph, steps: list[int], event: int) -> int:
    """Return an event's checksum in Python's integers, step by step."""

    def mix(z: int) -> int:
        z = (z + 0x9E3779B97F4A7C15) % 2**64
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) % 2**64
        return z ^ (z >> 31)

    found, made_values = 0, dict[int, int]()
    for a in graph.order:
        s = mix(((event << 20) + a + sum(made_values[int(p)] for p in graph.inputs[a])) % 2**64)
        for _ in range(steps[a]):
            s = (6364136223846793005 * s + 1442695040888963407) % 2**64
        made_values[a] = mix(s)
        found ^= mix((made_values[a] + a) % 2**64)
    return found


def test_checksums_by_the_closed_form_are_those_of_the_steps() -> None:
    steps = [3, 0, 17, 5]
    got = values.checksums(DIAMOND, np.array(steps), 1 << 30, 3)
    assert got.tolist() == [plainly(DIAMOND, steps, (1 << 30) + k) for k in range(3)]
