"""Weights by formula, so that no weights need to be kept: the Python twin of tests/support/formula_model.h.

Element i of the tensor NAME of a model with seed S is offset + scale * u, where u in [-1, 1) is the top 24 bits of
output i of the generator splitmix64 started at fnv1a64(NAME) xor S. Scales are powers of two, so that every
machine gets the same float32.
"""

import json

import numpy as np

GAMMA = np.uint64(0x9E3779B97F4A7C15)


def fnv1a64(name):
    value = 0xCBF29CE484222325
    for byte in name.encode("utf-8"):
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    return value


def uniform(name, seed, count):
    """`count` float32 values in [-1, 1)."""
    with np.errstate(over="ignore"):
        z = np.uint64(fnv1a64(name) ^ seed) + (np.arange(count, dtype=np.uint64) + np.uint64(1)) * GAMMA
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = z ^ (z >> np.uint64(31))
    return (z >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)


def tensor(name, seed, entry):
    """The tensor that `entry` ({"shape", "offset", "scale"}) describes."""
    shape = entry["shape"]
    values = uniform(entry.get("as", name), seed, int(np.prod(shape, dtype=np.int64)))
    values = np.float32(entry["offset"]) + np.float32(entry["scale"]) * values
    return values.astype(np.float32).reshape(shape)


def entry(name, shape, overrides=None):
    """Offset and scale of a tensor, by what its name says it is. `overrides` maps pieces of names to scales.

    Norm weights lie around one. Token embeddings are large, so that the predictions are not flat.
    """
    offset, scale = 0.0, 0.5
    words = name.lower()
    if len(shape) == 1:
        scale = 0.25
        if words.endswith("weight") and any(word in words for word in ("norm", "ln_", ".ln")):
            offset = 1.0
    elif any(word in words for word in ("embed_tokens", "wte", "shared")):
        scale = 1.0
    for piece, value in (overrides or {}).items():
        if piece in name:
            scale = value
    return {"shape": list(shape), "offset": offset, "scale": scale}


def describe(config, overrides=None):
    """Names, shapes, offsets and scales of the tensors of a model, as transformers builds it from `config`.

    An entry may also say "as": the name whose values the tensor has, when that is not its own.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM

    fields = {key: value for key, value in config.items() if key != "model_type"}
    made = AutoConfig.for_model(config["model_type"], **json.loads(json.dumps(fields)))
    kind = AutoModelForSeq2SeqLM if made.is_encoder_decoder else AutoModelForCausalLM
    with torch.device("meta"):
        model = kind.from_config(made)
    model.tie_weights()
    seen, tensors = set(), {}
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) not in seen:  # a tied tensor appears under both of its names
            seen.add(id(value))
            tensors[name] = entry(name, value.shape, overrides)
    return tensors
