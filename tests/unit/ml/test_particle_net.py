"""ParticleNet: gradients by differences, torch beside the tape, what must not matter, and where neighbours change places."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from ngtbench.model.workload import Array
from ngtbench.physics.networks import parameters
from ngtbench.physics.samples import constituents
from ngtbench.workloads.ml import _tape, particle_net
from ngtbench.workloads.ml._tape import Value
from tests.unit.ml.slopes import assert_limits, pulled, slopes

torch = pytest.importorskip("torch")

TASK = particle_net.task(constituents.Size(6, 10, 3, 1.3), neighbours=4, widths=(5, 7), head=6)
NET: Any = TASK.network
WEIGHTS = {name: array.astype(np.float64) for name, array in parameters.values(NET, 2).items()}


def jets(events: int = 5) -> tuple[Array, Array, Array]:
    x, mask, label = TASK.draw(events, 3, 0).values()
    return x.astype(np.float64), mask, label


def logits(x: Array, mask: Array, weights: Mapping[str, Array] = WEIGHTS) -> Array:
    return TASK.forward(NET, {name: Value(array) for name, array in weights.items()}, {"x": x, "mask": mask}).data


def loss(weights: Mapping[str, Any]) -> Value:
    x, mask, label = jets()
    return _tape.cross_entropy(TASK.forward(NET, weights, {"x": x, "mask": mask}), label)


def by_torch(x: Array, mask: Array, weights: Mapping[str, Any]) -> Any:
    from ngtbench.kernels.ml.particle_net_torch import forward

    return forward(NET, weights, torch.tensor(x), torch.tensor(mask))


def test_gradients_are_the_limits_of_differences() -> None:
    assert_limits(NET, loss, WEIGHTS)


def test_torch_has_the_same_outputs_and_gradients() -> None:
    x, mask, label = jets()
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in WEIGHTS.items()}
    got = by_torch(x, mask, weights)
    np.testing.assert_allclose(got.detach().numpy(), logits(x, mask), rtol=1e-10, atol=1e-12)
    theirs = pulled(torch.nn.functional.cross_entropy(got, torch.tensor(label)), weights)
    assert np.count_nonzero(theirs) > 0.8 * len(theirs)
    np.testing.assert_allclose(slopes(loss, WEIGHTS), theirs, rtol=1e-10, atol=1e-12)


def by_hand(x: Array, weights: Mapping[str, Array]) -> Array:
    """Return the logits of one jet of filled slots, constituent by constituent."""
    h = x
    for block in (1, 2):
        heard = []
        for own in h:
            squares = np.sum((h - own) ** 2, axis=1)
            order = np.argsort(squares)[1:]  # the first is itself
            weight = 1 - squares[order[:4]] / squares[order[4]]
            total = 0.0
            for share, other in zip(weight / weight.sum(), h[order[:4]], strict=True):
                message = np.concatenate((own, other - own))
                for layer in (1, 2, 3):
                    message = np.maximum(message @ weights[f"w_pair{block}_{layer}"] + weights[f"b_pair{block}_{layer}"], 0)
                total = total + share * message
            heard.append(total)
        h = np.maximum(np.array(heard) + h @ weights[f"w_past{block}"] + weights[f"b_past{block}"], 0)
    hidden = np.maximum(h.mean(axis=0) @ weights["w_head1"] + weights["b_head1"], 0)
    found: Array = hidden @ weights["w_head2"] + weights["b_head2"]
    return found


def test_a_jet_by_hand() -> None:
    for x, mask in zip(*jets()[:2], strict=True):
        np.testing.assert_allclose(logits(x[None], mask[None])[0], by_hand(x[mask], WEIGHTS), rtol=1e-9)


def test_order_does_not_matter_nor_what_empty_slots_hold() -> None:
    x, mask, _ = jets()
    want = logits(x, mask)
    order = np.random.default_rng(5).permutation(10)
    np.testing.assert_allclose(logits(x[:, order], mask[:, order]), want, rtol=1e-12)
    spoilt = np.where(mask[:, :, None], x, np.nan)
    assert not mask.all()
    assert np.array_equal(logits(spoilt, mask), want)
    weights = {name: torch.tensor(array) for name, array in WEIGHTS.items()}
    assert torch.equal(by_torch(spoilt, mask, weights), by_torch(np.where(mask[:, :, None], x, 0), mask, weights))
    assert np.abs(logits(x, np.ones_like(mask)) - want).max() > 1e-3


def test_every_block_finds_its_own_neighbours() -> None:
    """With neighbours by the inputs alone, the second block would hear others."""
    x, mask, _ = jets(40)
    first = particle_net._near(Value(x), mask, 4)[0]
    hidden = np.tanh(x @ WEIGHTS["w_past1"])
    assert np.mean(np.sort(first) != np.sort(particle_net._near(Value(hidden), mask, 4)[0])) > 0.05


def test_nothing_jumps_where_neighbours_change_places() -> None:
    """Along a line through many such places, outputs move in proportion to the step."""
    x, mask, _ = jets(1)
    away = np.random.default_rng(6).normal(size=x.shape)
    at = [np.linspace(0, 2, 2**k + 1) for k in (11, 13)]
    changes = []
    for places in at:
        path = logits(x + places[:, None, None] * away, np.broadcast_to(mask, (len(places), 10)))
        changes.append(np.abs(np.diff(path, axis=0)).max())
    order = [particle_net._near(Value(x + t * away), mask, 4)[0] for t in at[0]]
    assert sum(not np.array_equal(np.sort(a), np.sort(b)) for a, b in pairwise(order)) > 20
    assert changes[0] / changes[1] == pytest.approx(4, rel=0.1)


def test_fewer_constituents_than_neighbours_count_alike() -> None:
    x, mask, _ = jets(1)
    mask = np.arange(10)[None] < 3
    index, weight = particle_net._near(Value(x), mask, 4)
    for slot in range(3):
        here = weight.data[0, slot] > 1e-6
        assert sorted(index[0, slot][here]) == sorted({0, 1, 2} - {slot})
        np.testing.assert_allclose(weight.data[0, slot][here], 0.5, rtol=1e-6)
    assert np.isfinite(logits(np.zeros_like(x), mask)).all()


@pytest.mark.parametrize(
    ("task", "count", "flop"), [(particle_net.JETS, 363586, 792947712), (particle_net.LITE, 25634, 20599296)]
)
def test_parameters_and_flop_are_counted(task: Any, count: int, flop: int) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from ngtbench.kernels.ml.particle_net_torch import forward

    weights = {name: torch.empty(shape, device="meta") for name, shape in task.network.shapes().items()}
    samples = [torch.tensor(task.draw(2, 1, 0)[name], device="meta") for name in ("x", "mask")]
    assert sum(tensor.numel() for tensor in weights.values()) == count == parameters.count(task.network)
    with FlopCounterMode(display=False) as counter:
        forward(task.network, weights, *samples)
    assert counter.get_total_flops() == 2 * flop == 2 * task.network.flop()
