"""GRU and LSTM in fixed point: gates by tables, states of the layer's result type, every sum of products exact."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ngtbench.kernels.fpga.inference_layers import Place, Step
from ngtbench.kernels.fpga.inference_product import sums
from ngtbench.kernels.fpga.inference_rounding import check, most
from ngtbench.kernels.fpga.inference_tables import looked_up, table_type


def recurrent(place: Place) -> Step:
    """Return the last state, or all, over the steps (batch, steps, features); the first state is zero."""
    layer, engine = place.layer, place.engine
    move = {"gru": _gru, "lstm": _lstm}[layer.kind](place)
    units, sequence = layer.arrays["recurrent"].shape[0], layer.option("sequence")
    zero = engine.put(np.zeros((1, units), np.int64))

    def apply(x: Any) -> Any:
        states, history = (zero, zero), []
        for step in range(x.shape[1]):
            states = move(x[:, step], states)
            if sequence:
                history.append(states[0])
        return engine.stack(history, 1) if sequence else states[0]

    return apply


Move = Callable[[Any, tuple[Any, Any]], tuple[Any, Any]]


def _lstm(place: Place) -> Move:
    """Return the step c' = f c + i g, h' = o tanh(c'), of gates i, f, o = sigmoid, g = tanh of W x + U h + b."""
    layer, engine, state, table = place.layer, place.engine, place.layer.result, table_type(place.layer)
    given = sums(engine, place.affine(), layer.total, None)
    held = sums(engine, place.affine("recurrent", "recurrent_bias", state), layer.total, None)
    fraction, reach, ups = _aligned(layer.name, (given.fraction, given.reach), (held.fraction, held.reach))
    sigmoid, tanh = (looked_up(engine, layer, of, fraction, reach) for of in ("sigmoid", "tanh"))
    after_cell = looked_up(engine, layer, "tanh", state.fraction, most(state))
    cell_fraction, cell_reach, cell_ups = _aligned(
        layer.name, (2 * table.fraction, most(table) ** 2), (table.fraction + state.fraction, most(table) * most(state))
    )
    to_cell = place.to_result(cell_fraction, cell_reach)
    to_state = place.to_result(2 * table.fraction, most(table) ** 2)
    units = layer.arrays["recurrent"].shape[0]

    def move(x: Any, states: tuple[Any, Any]) -> tuple[Any, Any]:
        h, c = states
        total = (given.apply(x) << ups[0]) + (held.apply(h) << ups[1])
        i, f, g, o = (total[:, k * units : (k + 1) * units] for k in range(4))
        kept = (sigmoid(i) * tanh(g) << cell_ups[0]) + (sigmoid(f) * engine.cast(c, "int64") << cell_ups[1])
        cell = to_cell(kept)
        return to_state(sigmoid(o) * after_cell(cell)), cell

    return move


def _gru(place: Place) -> Move:
    """Return the step h' = (1 - z) n + z h, z, r = sigmoid(W x + b + U h + c), n = tanh(W x + b + r (U h + c))."""
    layer, engine, state, table = place.layer, place.engine, place.layer.result, table_type(place.layer)
    given = sums(engine, place.affine(), layer.total, None)
    held = sums(engine, place.affine("recurrent", "recurrent_bias", state), layer.total, None)
    fraction, reach, ups = _aligned(layer.name, (given.fraction, given.reach), (held.fraction, held.reach))
    reset = (held.fraction + table.fraction, held.reach * most(table))
    new_fraction, new_reach, new_ups = _aligned(layer.name, (given.fraction, given.reach), reset)
    sigmoid, tanh = (
        looked_up(engine, layer, "sigmoid", fraction, reach),
        looked_up(engine, layer, "tanh", new_fraction, new_reach),
    )
    one = 1 << max(0, table.fraction)
    out_fraction, out_reach, out_ups = _aligned(
        layer.name,
        (2 * table.fraction, most(table) * (most(table) + one)),
        (table.fraction + state.fraction, most(table) * most(state)),
    )
    to_state, units = place.to_result(out_fraction, out_reach), layer.arrays["recurrent"].shape[0]

    def move(x: Any, states: tuple[Any, Any]) -> tuple[Any, Any]:
        h = engine.cast(states[0], "int64")
        a, b = given.apply(x), held.apply(h)
        gates = sigmoid((a[:, : 2 * units] << ups[0]) + (b[:, : 2 * units] << ups[1]))
        z, r = gates[:, :units], gates[:, units:]
        n = tanh((a[:, 2 * units :] << new_ups[0]) + (r * b[:, 2 * units :] << new_ups[1]))
        return to_state(((one - z) * n << out_ups[0]) + (z * h << out_ups[1])), states[1]

    return move


def _aligned(name: str, a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int, tuple[int, int]]:
    """Return fraction and reach of the sum of two numbers (fraction, reach), and the shifts that bring their points together."""
    fraction = max(a[0], b[0])
    ups = (fraction - a[0], fraction - b[0])
    return fraction, check(name, (a[1] << ups[0]) + (b[1] << ups[1])), ups
