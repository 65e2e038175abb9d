"""A decoder as of language models: blocks of causal attention and of wide layers, each behind a norm; logits by the embedding.

Radford et al. 2019 (GPT-2), without dropout: a dense stressor, nearly all of whose work is in matrix products.
"""

from dataclasses import dataclass

from ngtbench.physics.networks import parameters


@dataclass(frozen=True)
class Gpt:
    """Different tokens, tokens of a sequence, neurons of a token, blocks, and heads."""

    vocabulary: int = 512
    length: int = 256
    width: int = 256
    layers: int = 6
    heads: int = 8

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return embeddings of tokens and places; of each block a norm, attention, a norm, two layers; the last norm.

        Queries and keys have no bias; those of values would do as that of what follows does.
        """
        shapes: dict[str, tuple[int, ...]] = {"w_token": (self.vocabulary, self.width), "w_place": (self.length, self.width)}
        for block in range(1, self.layers + 1):
            shapes |= {f"g_in{block}": (self.width,), f"b_in{block}": (self.width,)}
            shapes |= {f"w_qkv{block}": (self.width, 3 * self.width)}
            shapes |= {f"w_out{block}": (self.width, self.width), f"b_out{block}": (self.width,)}
            shapes |= {f"g_mid{block}": (self.width,), f"b_mid{block}": (self.width,)}
            shapes |= parameters.dense(f"_mlp{block}_", self._mlp())
        return shapes | {"g_end": (self.width,), "b_end": (self.width,)}

    def flop(self) -> int:
        """Count the FLOP of a sequence; of attention the whole square, though half of it is masked."""
        t, d = self.length, self.width
        block = parameters.dense_flop((d, 3 * d)) + parameters.dense_flop((d, d)) + parameters.dense_flop(self._mlp())
        return t * (self.layers * (block + 4 * t * d) + 2 * d * self.vocabulary)

    def _mlp(self) -> tuple[int, ...]:
        return (self.width, 4 * self.width, self.width)
