"""An autoencoder of calorimeter images: strided convolutions to a few numbers, transposed ones back to the image.

What it was not trained on it reconstructs badly; a trigger takes that for an anomaly.
"""

from dataclasses import dataclass

from ngtbench.errors import BadInput
from ngtbench.physics.networks import parameters

OUTER, INNER = 4, 3  # sides of the kernels; with stride 2 and padding 1 they take 18 x 14 to 9 x 7 to 5 x 4, and back


@dataclass(frozen=True)
class CaloAe:
    """Rows and columns of an image, channels after one and two convolutions, and numbers at the bottleneck."""

    rows: int = 18
    columns: int = 14
    channels: tuple[int, int] = (32, 64)
    latent: int = 64

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 2 or self.rows % 4 != 2 or self.columns % 4 != 2:
            raise BadInput(f"images of {self.rows} x {self.columns}: sides must be 2, 6, 10, ..., or the way back ends elsewhere")

    @property
    def halved(self) -> tuple[int, int]:
        """Return the sides after one convolution, both odd."""
        return self.rows // 2, self.columns // 2

    @property
    def quartered(self) -> tuple[int, int]:
        """Return the sides after two."""
        return (self.rows + 2) // 4, (self.columns + 2) // 4

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return two convolutions, a dense layer to the bottleneck and one from it, and two transposed convolutions."""
        few, many = self.channels
        down = {"w_down1": (few, 1, OUTER, OUTER), "b_down1": (few,), "w_down2": (many, few, INNER, INNER), "b_down2": (many,)}
        up = {"w_up1": (many, few, INNER, INNER), "b_up1": (few,), "w_up2": (few, 1, OUTER, OUTER), "b_up2": (1,)}
        return down | parameters.dense("_code", self._code()) | parameters.dense("_spread", self._code()[::-1]) | up

    def flop(self) -> int:
        """Count the FLOP of an image, products with the zeros around it among them."""
        (few, many), (down, across), (deep, wide) = self.channels, self.halved, self.quartered
        outer, inner = few * OUTER**2 * down * across, few * many * INNER**2 * deep * wide
        return 2 * (2 * (outer + inner) + parameters.dense_flop(self._code()))

    def _code(self) -> tuple[int, ...]:
        deep, wide = self.quartered
        return (self.channels[1] * deep * wide, self.latent)
