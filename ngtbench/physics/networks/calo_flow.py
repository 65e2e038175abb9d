"""A flow for showers: layers that tell, of a point on the way from noise to a shower and the time, where it is to go.

Lipman et al. 2023, arXiv 2210.02747; for calorimeters: Krause et al. 2024, arXiv 2410.21611. The point times a gate of the time
is added to what the layers answer: of a normal distribution that is the whole answer, and layers would not pass it on exactly.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters


@dataclass(frozen=True)
class CaloFlow:
    """Voxels, neurons of a layer, layers, harmonics of the time; Euler steps from noise to a shower, 0: one velocity is asked."""

    features: int = 368
    width: int = 512
    layers: int = 4
    harmonics: int = 16
    steps: int = 0

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the layers, SiLU after each but the last, what the time adds to the first, and the gate."""
        timed = {"w_time": (2 * self.harmonics, self.width), "w_gate": (2 * self.harmonics, self.features)}
        return parameters.dense("_layer", self._widths()) | timed | {"b_gate": (self.features,)}

    def flop(self) -> int:
        """Count the FLOP of a sample; products with times of steps are made once a batch, and are not counted."""
        each = parameters.dense_flop(self._widths())
        timed = parameters.dense_flop((2 * self.harmonics, self.width + self.features))
        return self.steps * each if self.steps else each + timed

    def _widths(self) -> tuple[int, ...]:
        return (self.features, *(self.width,) * self.layers, self.features)
