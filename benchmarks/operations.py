"""Floating-point operations (two per multiplication) of the exact algorithms, for the limit that benchmarks print.

A step at position p reads the p target tokens before it. What a method needs at least: one forward pass serves all
steps, each step has a pullback of its own over the rows it sees, in the last layer only over the keys and values.
"""

from dataclasses import dataclass


@dataclass
class Sizes:
    hidden: int
    inner: int  # of the feed-forward block
    maps: int  # matrices of hidden x inner in it: 2, gated 3
    layers: int  # of the decoder
    queries: int  # units of all query heads
    keys: int  # units of all key heads
    vocab: int
    encoder_layers: int = 0

    @property
    def layer(self):
        """Weights that each row of a layer meets."""
        cross = 2 * self.hidden * self.hidden if self.encoder_layers else 0
        return self.hidden * (2 * self.queries + 2 * self.keys) + cross + self.maps * self.hidden * self.inner

    @property
    def encoder_layer(self):
        return 4 * self.hidden * self.hidden + self.maps * self.hidden * self.inner


SMOLLM2 = Sizes(hidden=576, inner=1536, maps=3, layers=30, queries=576, keys=192, vocab=49152)
MARIAN = Sizes(hidden=512, inner=2048, maps=2, layers=6, queries=512, keys=512, vocab=59514, encoder_layers=6)


@dataclass
class Text:
    source: int  # tokens
    first: int  # positions explained: [first, last)
    last: int

    @property
    def steps(self):
        return self.last - self.first


def logits(s, rows):
    return 2 * s.vocab * s.hidden * rows


def encoder(s, source):
    """Forward pass of the encoder with the decoder's source keys and values; a pullback costs the same and the
    attention's products once more."""
    weights = source * (s.encoder_layers * s.encoder_layer + s.layers * 2 * s.hidden * s.hidden)
    return 2 * weights + 2 * 2 * s.hidden * source * source * s.encoder_layers if s.encoder_layers else 0


def decoder(s, source, rows, past=0):
    attention = 2 * 2 * s.queries * (rows * rows / 2 + rows * past) + 2 * 2 * s.hidden * rows * source * bool(s.encoder_layers)
    return 2 * rows * s.layers * s.layer + attention * s.layers


def forward(s, text):
    return encoder(s, text.source) + decoder(s, text.source, text.last - 1)


def pullback(s, text):
    total = 0
    for rows in range(text.first, text.last):
        total += logits(s, 2)  # and their pullback
        total += 2 * (s.layers - 1) * rows * s.layer + 2 * (s.layer - 2 * s.hidden * s.keys) + 2 * rows * 2 * s.hidden * s.keys
        total += (s.layers - 1) * 4 * 2 * s.queries * rows * rows / 2 + 4 * 2 * s.queries * rows
        if s.encoder_layers:
            total += encoder(s, text.source) + (s.layers - 1) * 4 * 2 * s.hidden * rows * text.source
            total += 2 * 2 * s.hidden * text.source**2 * s.encoder_layers
    return total


def gradient(s, text):
    return forward(s, text) + pullback(s, text)


def path(points):
    return lambda s, text: points * gradient(s, text)


def deeplift(s, text):
    return gradient(s, text) + forward(s, text)  # the baseline's


def occlusion(s, text):
    tokens = text.last - 1
    total = forward(s, text) + logits(s, text.steps)
    for i in range(tokens):  # on the keys and values of what is before
        total += decoder(s, text.source, tokens - i, past=i) + logits(s, text.last - max(text.first, i + 1))
    return total + text.source * (forward(s, text) + logits(s, text.steps))


def masked_texts(samples):
    return lambda s, text: samples * (forward(s, text) + logits(s, text.steps))


def sequential(points):
    """For each token a path of its own: forward on the keys before it, pullbacks down to it."""

    def count(s, text):
        total, tokens = 0, text.last - 1
        for i in range(tokens):
            total += decoder(s, text.source, tokens - i, past=i)
            for p in range(max(text.first, i + 1), text.last):
                total += logits(s, 2) + 2 * (s.layers - 1) * (p - i) * s.layer
        return points * total

    return count
