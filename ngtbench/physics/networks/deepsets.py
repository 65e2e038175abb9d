"""DeepSets: one network for each constituent, their sum over the number of slots, one network for the jet.

A mean over the constituents there are would hide how many these are, which tells something too.

Zaheer et al. 2017, arXiv 1703.06114; in b tagging: ATLAS 2020, ATL-PHYS-PUB-2020-014.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters


@dataclass(frozen=True)
class DeepSets:
    """Slots for constituents, features of each, neurons a layer, layers of the first network, and classes."""

    constituents: int = 64
    features: int = 16
    width: int = 64
    layers: int = 3
    classes: int = 2

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return phi's layers, ReLU after each, and rho's two, ReLU between."""
        return parameters.dense("_phi", self._phi()) | parameters.dense("_rho", self._rho())

    def flop(self) -> int:
        """Count the FLOP of a jet with every slot filled."""
        return self.constituents * parameters.dense_flop(self._phi()) + parameters.dense_flop(self._rho())

    def _phi(self) -> tuple[int, ...]:
        return (self.features, *(self.width,) * self.layers)

    def _rho(self) -> tuple[int, ...]:
        return (self.width, self.width, self.classes)
