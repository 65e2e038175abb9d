"""Edge classifier for tracking: hits and candidate edges pass messages, then every edge is told to be of a track or not.

Interaction networks as in Exa.TrkX: Ju et al. 2021, arXiv 2103.06995; Battaglia et al. 2016, arXiv 1612.00222.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters


@dataclass(frozen=True)
class TrackGnn:
    """Hits and slots for edges of a road, largest step of an edge, hats it is encoded by, message passes, and neurons."""

    hits: int = 200
    edges: int = 1980
    window: float = 0.25
    features: int = 2
    hats: int = 32
    passes: int = 8
    width: int = 64
    classes: int = 2

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the encoders of hits and edges, of each pass the layers for edges and for hits, and those that tell.

        Between two layers that see 3 x width, values are normalised: b*1 and g*1 are the bias and gain of that.
        """
        shapes = parameters.dense("_hit0_", (self.features, self.width, self.width))
        shapes |= parameters.dense("_edge0_", (self.hats, self.width, self.width))
        for name in [f"{kind}{k}" for k in range(1, self.passes + 1) for kind in ("edge", "hit")]:
            shapes |= parameters.dense(f"_{name}_", self._inner()) | {f"g_{name}_1": (self.width,)}
        return shapes | parameters.dense("_tell_", self._tell()) | {"g_tell_1": (self.width,)}

    def flop(self) -> int:
        """Count the FLOP of a road: all slots for edges are computed, filled or not."""
        hit = parameters.dense_flop((self.features, self.width, self.width))
        edge = parameters.dense_flop((self.hats, self.width, self.width)) + parameters.dense_flop(self._tell())
        inner = self.passes * parameters.dense_flop(self._inner())
        return self.hits * (hit + inner) + self.edges * (edge + inner)

    def _inner(self) -> tuple[int, ...]:
        return (3 * self.width, self.width, self.width)

    def _tell(self) -> tuple[int, ...]:
        return (3 * self.width, self.width, self.classes)
