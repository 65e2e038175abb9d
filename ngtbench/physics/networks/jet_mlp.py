"""The jet tagger of a hardware trigger: 16 features through layers of 64, 32 and 32 neurons to 5 classes, ReLU between.

Duarte et al. 2018, arXiv 1804.06913.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters


@dataclass(frozen=True)
class JetMlp:
    """Widths of its layers, from features to classes."""

    widths: tuple[int, ...] = (16, 64, 32, 32, 5)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return w1, b1, ... of each layer."""
        return parameters.dense("", self.widths)

    def flop(self) -> int:
        """Count the FLOP of a sample."""
        return parameters.dense_flop(self.widths)
