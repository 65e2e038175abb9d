"""A Particle Transformer: constituents attend to each other, and what is known of each pair is added to its logit.

Qu, Li, Qian 2022, arXiv 2202.03772; here the mean over constituents stands for the blocks that read out a class token.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters

PAIR_FEATURES = 4  # same vertex, same cluster, mean product and mean squared difference of features


@dataclass(frozen=True)
class Part:
    """Constituents, features of each, neurons of a constituent, blocks, heads, neurons of a pair, and classes."""

    constituents: int = 64
    features: int = 7
    width: int = 128
    layers: int = 8
    heads: int = 8
    pair_width: int = 64
    classes: int = 2

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return embeddings of constituents and pairs; of each block a norm, attention, a norm, two layers; a norm, the head.

        What is added to all logits of a row changes no weight of attention: queries, keys and logits of pairs have no bias.
        """
        shapes = parameters.dense("_embed", self._embed()) | parameters.dense("_pair", self._pair())
        del shapes["b_pair3"]
        for block in range(1, self.layers + 1):
            shapes |= {f"g_in{block}": (self.width,), f"b_in{block}": (self.width,)}
            shapes |= {f"w_qkv{block}": (self.width, 3 * self.width)}
            shapes |= {f"w_out{block}": (self.width, self.width), f"b_out{block}": (self.width,)}
            shapes |= {f"g_mid{block}": (self.width,), f"b_mid{block}": (self.width,)}
            shapes |= parameters.dense(f"_mlp{block}_", self._mlp())
        return shapes | {"g_end": (self.width,), "b_end": (self.width,)} | parameters.dense("_head", (self.width, self.classes))

    def flop(self) -> int:
        """Count the FLOP of a sample."""
        n, d = self.constituents, self.width
        pairs = n * n * (2 * self.features + parameters.dense_flop(self._pair()))
        block = n * (parameters.dense_flop((d, 3 * d)) + parameters.dense_flop((d, d)) + parameters.dense_flop(self._mlp()))
        attention = 2 * 2 * n * n * d
        rest = n * parameters.dense_flop(self._embed()) + parameters.dense_flop((d, self.classes))
        return pairs + self.layers * (block + attention) + rest

    def _embed(self) -> tuple[int, ...]:
        return (self.features, self.width, 4 * self.width, self.width)

    def _pair(self) -> tuple[int, ...]:
        return (PAIR_FEATURES, self.pair_width, self.pair_width, self.heads)

    def _mlp(self) -> tuple[int, ...]:
        return (self.width, 4 * self.width, self.width)
