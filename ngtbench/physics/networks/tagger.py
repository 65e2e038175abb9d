"""A recurrent tagger: one object after another changes a state, GRU or LSTM, and the last state is classified.

GRU of Cho et al. 2014, arXiv 1406.1078, with the reset gate after the product; LSTM of Hochreiter and Schmidhuber 1997,
doi 10.1162/neco.1997.9.8.1735, with forget gate. Formulas, gates and both biases are those of torch.nn.GRU and torch.nn.LSTM.
"""

from dataclasses import dataclass
from typing import Literal

from ngtbench.physics.networks import parameters

GATES = {"gru": 3, "lstm": 4}  # of each, in order: reset, update, new; input, forget, cell, output


@dataclass(frozen=True)
class Tagger:
    """The kind of cell, slots for objects, features of each, numbers of a state, neurons before the logits, and classes."""

    cell: Literal["gru", "lstm"] = "gru"
    objects: int = 12
    features: int = 3
    state: int = 64
    width: int = 64
    classes: int = 2

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return layers of all gates beside each other, from features and from the state, and two layers, ReLU between."""
        gates = self._gates()
        cell = {"w_input": (self.features, gates), "b_input": (gates,), "w_state": (self.state, gates), "b_state": (gates,)}
        return cell | parameters.dense("_head", self._head())

    def flop(self) -> int:
        """Count the FLOP of an event, steps of empty slots among them."""
        step = 2 * (self.features + self.state) * self._gates()
        return self.objects * step + parameters.dense_flop(self._head())

    def _gates(self) -> int:
        return GATES[self.cell] * self.state

    def _head(self) -> tuple[int, ...]:
        return (self.state, self.width, self.classes)
