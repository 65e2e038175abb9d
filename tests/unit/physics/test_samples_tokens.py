"""Chains of tokens: what follows what, how often, and that nothing less than two tokens tells the next."""

import math

import numpy as np
import pytest

from ngtbench.errors import BadInput
from ngtbench.model.workload import Array
from ngtbench.physics.samples import tokens
from ngtbench.physics.samples.tokens import Size

SIZE = Size(vocabulary=32, length=40)


def entropy(counts: Array) -> float:
    """Return the mean entropy of the last axis given the others, in nats; half a cell more each, as chance leaves it low."""
    total = counts.sum()
    rows = counts.reshape(-1, counts.shape[-1])
    share = rows / np.maximum(rows.sum(1, keepdims=True), 1)
    logs = np.log(np.where(share > 0, share, 1))
    return float(-np.sum(rows * logs) / total + np.sum(np.maximum((rows > 0).sum(1) - 1, 0)) / (2 * total))


def triples(events: int = 20000) -> Array:
    """Count class of the one before, last, next."""
    some, label = tokens.draw(SIZE, events, 3)
    counts = np.zeros((SIZE.classes, SIZE.vocabulary, SIZE.vocabulary))
    np.add.at(counts, (some[:, :-1].reshape(-1) % SIZE.classes, some[:, 1:].reshape(-1), label[:, 1:].reshape(-1)), 1)
    return counts


def test_labels_are_the_next_tokens_but_of_the_second() -> None:
    some, label = tokens.draw(SIZE, 100, 3)
    assert some.shape == label.shape == (100, 40)
    assert some.dtype == label.dtype == np.int64
    assert np.array_equal(label[:, 1:-1], some[:, 2:])
    assert np.all(label[:, 0] == -1)
    assert np.all((label[:, 1:] >= 0) & (label[:, 1:] < 32))


def test_the_same_sequences_come_in_any_number_and_other_seeds_give_others() -> None:
    whole = tokens.draw(SIZE, 3000, 3)[0]
    assert np.array_equal(whole[2000:2100], tokens.draw(SIZE, 100, 3, first=2000)[0])
    assert not np.array_equal(whole[:100], tokens.draw(SIZE, 100, 4)[0])


def test_what_follows_is_one_of_the_branches_of_the_order() -> None:
    counts, order = triples(2000), tokens.orders(SIZE)
    assert np.array_equal(np.sort(order, axis=1), np.tile(np.arange(32), (4, 1)))
    for group in range(4):
        for last in range(32):
            allowed = {int(order[group, (last + j) % 32]) for j in range(4)}
            assert set(np.flatnonzero(counts[group, last])) == allowed


def test_entropies_are_those_stated() -> None:
    """Of counted frequencies: 780 000 tokens after two others."""
    counts = triples()
    assert entropy(counts) == pytest.approx(tokens.optimum(SIZE).value, abs=1e-3)
    assert tokens.optimum(SIZE).value == math.log(4)
    assert entropy(counts.sum((0, 1))) == pytest.approx(tokens.chance(SIZE), abs=1e-3)
    assert tokens.chance(SIZE) == math.log(32)
    assert entropy(counts.sum(0)) > math.log(4) + 1  # the last alone
    assert entropy(counts.sum(1)) == pytest.approx(math.log(32), abs=2e-3)  # the class of the one before alone


def test_every_place_of_the_sequence_is_alike() -> None:
    some, _ = tokens.draw(SIZE, 20000, 5)
    for place in range(SIZE.length):
        counts = np.bincount(some[:, place], minlength=32)
        assert np.sum((counts - 625) ** 2 / 625) < 80  # chi-square of 31


@pytest.mark.parametrize(
    "wrong", [{"branches": 6}, {"vocabulary": 510}, {"classes": 0}, {"classes": 8}, {"length": 1}, {"vocabulary": 2}]
)
def test_impossible_sizes_are_named(wrong: dict[str, int]) -> None:
    with pytest.raises(BadInput, match=r"rising order|multiples"):
        Size(**wrong)
