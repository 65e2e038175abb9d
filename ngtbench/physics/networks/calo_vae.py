"""A variational autoencoder of the calorimeter trigger's objects: dense layers to means and variances of a few numbers, and back.

Kingma and Welling 2014, arXiv 1312.6114. A trigger needs the means alone: their square is its score.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters


@dataclass(frozen=True)
class CaloVae:
    """Widths from features to latent numbers, and whether there is more than what a trigger runs, the way to the means."""

    widths: tuple[int, ...] = (57, 32, 16, 3)
    whole: bool = True

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return layers to the means; where it is whole, the logarithm of the variances beside the last, and layers back."""
        means = parameters.dense("_mean", self.widths)
        if not self.whole:
            return means
        return means | parameters.dense("_spread", self.widths[-2:]) | parameters.dense("_back", self.widths[::-1])

    def flop(self) -> int:
        """Count the FLOP of an event."""
        way = parameters.dense_flop(self.widths)
        return 2 * way + parameters.dense_flop(self.widths[-2:]) if self.whole else way
