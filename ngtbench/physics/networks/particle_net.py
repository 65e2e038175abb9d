"""ParticleNet: blocks that let each constituent hear its nearest neighbours, found anew in every block by what it has learned.

Qu and Gouskos 2019, arXiv 1902.08570, without batch normalisation, which inference folds into the layers before it.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters

FAR = 1e9  # squared distance to what is no neighbour: an empty slot, or oneself


@dataclass(frozen=True)
class ParticleNet:
    """Slots for constituents, features of each, neighbours, neurons in each block, its layers, those of the head, classes."""

    constituents: int = 96
    features: int = 3
    neighbours: int = 16
    widths: tuple[int, ...] = (64, 128, 256)
    layers: int = 3
    head: int = 256
    classes: int = 2

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return, of each block, the layers for pairs of neighbours and the shortcut past them; then the head."""
        shapes: dict[str, tuple[int, ...]] = {}
        for block, (fan_in, width) in enumerate(self._blocks(), start=1):
            shapes |= parameters.dense(f"_pair{block}_", self._pair(fan_in, width))
            shapes |= {f"w_past{block}": (fan_in, width), f"b_past{block}": (width,)}
        return shapes | parameters.dense("_head", self._head())

    def flop(self) -> int:
        """Count the FLOP of a jet: all slots have neighbours, filled or not; squared distances come from scalar products."""
        each = 0
        for fan_in, width in self._blocks():
            each += 2 * self.constituents * fan_in + parameters.dense_flop((fan_in, width))
            each += self.neighbours * parameters.dense_flop(self._pair(fan_in, width))
        return self.constituents * each + parameters.dense_flop(self._head())

    def _blocks(self) -> list[tuple[int, int]]:
        return list(zip((self.features, *self.widths), self.widths, strict=False))

    def _pair(self, fan_in: int, width: int) -> tuple[int, ...]:
        return (2 * fan_in, *(width,) * self.layers)

    def _head(self) -> tuple[int, ...]:
        return (self.widths[-1], self.head, self.classes)
