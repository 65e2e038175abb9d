"""An interaction network: a message from every constituent to every other, a network for those received, one for the jet.

Moreno et al. 2020, JEDI-net, arXiv 1908.05318; after Battaglia et al. 2016, arXiv 1612.00222.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters

EDGE_FEATURES = 2  # same vertex, same cluster


@dataclass(frozen=True)
class InteractionNet:
    """Constituents, features of each, neurons a layer, and classes."""

    constituents: int = 32
    features: int = 16
    width: int = 64
    classes: int = 2

    @property
    def edges(self) -> int:
        """Count the directed edges."""
        return self.constituents * (self.constituents - 1)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return two layers for edges, two for constituents and three for the jet, ReLU after all but the last."""
        edge, node, jet = self._widths()
        return parameters.dense("_edge", edge) | parameters.dense("_node", node) | parameters.dense("_jet", jet)

    def flop(self) -> int:
        """Count the FLOP of a sample."""
        edge, node, jet = (parameters.dense_flop(widths) for widths in self._widths())
        return self.edges * edge + self.constituents * node + jet

    def _widths(self) -> tuple[tuple[int, ...], ...]:
        two = (self.width, self.width)
        return (2 * self.features + EDGE_FEATURES, *two), (self.features + self.width, *two), (self.width, *two, self.classes)
