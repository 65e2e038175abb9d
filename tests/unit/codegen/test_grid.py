"""Lattices cut into lanes, against coordinates followed one by one."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest

from ngtbench.codegen.grid import Grid, Part, grid
from ngtbench.codegen.kernel import HOPS_4D, Hop
from ngtbench.model.workload import Array

CASES = [
    ((4, 4, 4, 4), 1, False),
    ((4, 4, 4, 4), 8, True),
    ((4, 4, 4, 4), 16, False),
    ((2, 4, 6, 8), 8, False),
    ((2, 4, 6, 8), 4, True),
    ((3, 5, 4, 6), 8, False),
    ((3, 5, 1, 6), 4, False),
    ((1, 1, 1, 1), 4, False),
    ((1, 4, 1, 2), 8, False),
    ((8, 8, 8, 8), 16, True),
    ((2, 2, 2, 2), 16, False),  # sub-lattices of one site: every hop leaves
    ((2, 2, 2, 2), 16, True),
]
IDS = [f"{'x'.join(map(str, shape))}-{lanes}{'-parity' * parity}" for shape, lanes, parity in CASES]


def cases() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("shape", "lanes", "parity"), CASES, ids=IDS)


def places(on: Grid) -> Array:
    """Return the coordinates of the site in each lane of each block."""
    return np.stack(np.unravel_index(on.sites, on.shape), axis=-1)


@cases()
def test_every_site_is_there_once(shape: tuple[int, ...], lanes: int, parity: bool) -> None:
    on = grid(shape, lanes, parity=parity)
    assert on.sites.shape == (on.blocks, on.lanes)
    assert np.array_equal(np.sort(on.sites, axis=None), np.arange(math.prod(shape)))


@cases()
def test_lanes_are_a_sub_lattice_apart(shape: tuple[int, ...], lanes: int, parity: bool) -> None:
    on = grid(shape, lanes, parity=parity)
    corners = [tuple(place * inner for place, inner in zip(at, on.inner, strict=True)) for at in product(*map(range, on.splits))]
    apart = places(on) - places(on)[:, :1]
    assert [tuple(row) for row in apart[0]] == corners
    assert (apart == apart[0]).all()


@cases()
def test_tables_lead_to_the_neighbour_in_every_lane(shape: tuple[int, ...], lanes: int, parity: bool) -> None:
    on = grid(shape, lanes, parity=parity)
    table, where = on.table(HOPS_4D), places(on)
    assert table.shape == (on.blocks + 1, 9)
    assert table.dtype == np.int32
    assert np.array_equal(table[-1], table[-2])
    assert sorted(table[:-1, 0]) == list(range(on.blocks))
    for k, (axis, step) in enumerate(HOPS_4D, start=1):
        wanted = where[table[:-1, 0]]
        wanted[..., axis] = (wanted[..., axis] + step) % shape[axis]
        there, permuted = where[table[:-1, k] >> 1], where[table[:-1, k] >> 1][:, on.permuted((axis, step))]
        outside = (table[:-1, k] & 1).astype(bool)
        assert np.array_equal(np.where(outside[:, None, None], permuted, there), wanted)


@cases()
def test_lanes_are_permuted_only_where_a_hop_leaves(shape: tuple[int, ...], lanes: int, parity: bool) -> None:
    on = grid(shape, lanes, parity=parity)
    table, inner = on.table(HOPS_4D)[:-1], places(on)[:, 0]
    for k, (axis, step) in enumerate(HOPS_4D, start=1):
        edge = inner[table[:, 0], axis] == (on.inner[axis] - 1 if step == 1 else 0)
        assert np.array_equal(table[:, k] & 1, edge)
        order = on.permuted((axis, step))
        assert sorted(order) == list(range(on.lanes))
        assert (list(order) == list(range(on.lanes))) == (on.splits[axis] == 1)
        back = on.permuted((axis, -step))
        assert [order[lane] for lane in back] == list(range(on.lanes))


@cases()
def test_blocks_are_visited_row_by_row(shape: tuple[int, ...], lanes: int, parity: bool) -> None:
    on = grid(shape, lanes, parity=parity)
    first = places(on)[on.table(())[:-1, 0], 0]
    assert [tuple(place) for place in first] == list(product(*map(range, on.inner)))


@pytest.mark.parametrize(("shape", "lanes"), [(shape, lanes) for shape, lanes, parity in CASES if parity])
def test_blocks_are_of_one_parity_even_ones_first(shape: tuple[int, ...], lanes: int) -> None:
    on = grid(shape, lanes, parity=True)
    odd = places(on).sum(axis=2) % 2
    half = on.blocks // 2
    assert (on.range("even"), on.range("odd"), on.range("all")) == (slice(0, half), slice(half, 2 * half), slice(0, 2 * half))
    assert not odd[:half].any()
    assert odd[half:].all()
    parts: tuple[tuple[Part, int], ...] = (("even", 0), ("odd", 1))
    for part, own in parts:
        table = on.table(HOPS_4D, part)
        assert len(table) == half + 1
        assert sorted(table[:-1, 0]) == list(range(own * half, (1 + own) * half))
        assert np.array_equal(((table[:, 1:] >> 1) >= half), np.full((half + 1, 8), own == 0))
        rows = {tuple(row) for row in on.table(HOPS_4D)[:-1]}
        assert {tuple(row) for row in table[:-1]} <= rows


@pytest.mark.parametrize(
    ("shape", "asked", "parity", "splits"),
    [
        ((4, 4, 4, 4), 16, False, (1, 1, 4, 4)),
        ((8, 8, 8, 8), 8, False, (1, 1, 2, 4)),
        ((8, 8, 8, 16), 8, False, (1, 1, 1, 8)),
        ((4, 4, 4, 4), 16, True, (2, 2, 2, 2)),
        ((4, 4, 4, 4), 32, True, (2, 2, 2, 2)),
        ((3, 5, 4, 6), 8, False, (1, 1, 4, 2)),
        ((3, 5, 1, 6), 4, False, (1, 1, 1, 2)),
        ((3, 5, 7, 9), 16, False, (1, 1, 1, 1)),
        ((2, 2, 2, 2), 16, True, (1, 1, 1, 1)),
        ((2, 6, 2, 2), 8, True, (1, 1, 1, 1)),
        ((6, 6, 6, 6), 12, False, (1, 2, 2, 3)),
        ((1, 1, 1, 1), 16, False, (1, 1, 1, 1)),
    ],
)
def test_lanes_halve_until_they_divide_the_lattice(
    shape: tuple[int, ...], asked: int, parity: bool, splits: tuple[int, ...]
) -> None:
    on = grid(shape, asked, parity=parity)
    assert leaving(on) == leaving(Grid(shape, splits, parity))
    assert on.splits == splits


def leaving(on: Grid) -> float:
    """Return how many hops of all sites must permute lanes."""
    table = on.table(HOPS_4D)[:-1, 1:] & 1
    split = [on.splits[axis] > 1 for axis, _ in HOPS_4D]
    return float((table * split).sum() * on.lanes)


@pytest.mark.parametrize(("shape", "lanes"), [((4, 4, 8, 8), 8), ((8, 4, 12, 6), 4), ((16, 2, 4, 4), 8)])
def test_no_other_cut_permutes_less(shape: tuple[int, ...], lanes: int) -> None:
    best = leaving(grid(shape, lanes))
    for splits in product((1, 2, 4, 8), repeat=4):
        if math.prod(splits) == lanes and all(extent % split == 0 for extent, split in zip(shape, splits, strict=True)):
            assert best <= leaving(Grid(shape, splits))


@pytest.mark.parametrize("shape", [(3, 4, 4, 4), (4, 4, 4, 1), (1, 1, 1, 1)])
def test_parity_asks_for_even_extents(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="even extents"):
        grid(shape, 8, parity=True)


def test_only_a_grid_with_parity_has_halves() -> None:
    with pytest.raises(ValueError, match="no parity"):
        grid((4, 4, 4, 4), 8).table(HOPS_4D, "even")


def test_lattices_of_other_dimensions() -> None:
    hops: Sequence[Hop] = ((0, 1), (0, -1))
    on = grid((12,), 4)
    assert on.sites.tolist() == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
    assert on.table(hops).tolist() == [[0, 2, 5], [1, 4, 0], [2, 1, 2], [2, 1, 2]]
    assert (on.permuted((0, 1)), on.permuted((0, -1))) == ((1, 2, 3, 0), (3, 0, 1, 2))


@cases()
@pytest.mark.parametrize("sources", [1, 3])
def test_packing_is_undone(shape: tuple[int, ...], lanes: int, parity: bool, sources: int) -> None:
    on, sites = grid(shape, lanes, parity=parity), math.prod(shape)
    reals = np.arange(sources * sites * 5, dtype=np.float32).reshape(sources, sites, 5)
    packed = on.pack(reals)
    assert packed.shape == (on.blocks, sources, 5, on.lanes)
    assert packed.dtype == np.float32
    assert packed.flags.c_contiguous
    assert packed.ctypes.data % 64 == 0
    block, lane = on.blocks // 2, on.lanes - 1
    assert np.array_equal(packed[block, -1, :, lane], reals[-1, on.sites[block, lane]])
    assert np.array_equal(on.unpack(packed), reals)
    assert np.array_equal(on.pack(reals[0]), packed[:, :1])


def test_a_part_is_packed_alone() -> None:
    on = grid((4, 4, 2, 8), 4, parity=True)
    reals = np.arange(on.sites.size * 3, dtype=np.float64).reshape(-1, 3)
    whole, halves = on.pack(reals), [on.pack(reals, part) for part in ("even", "odd")]
    assert np.array_equal(np.concatenate(halves), whole)
    assert on.pack(reals, "odd", 64).ctypes.data % 64 == 0
    coordinates = np.stack(np.unravel_index((halves[0][:, 0, 0] // 3).astype(int), on.shape))
    assert not (coordinates.sum(axis=0) % 2).any()
