"""Makes what zeroed_values_test.cpp compares with: how far zeroed value vectors move the layers of encoder–decoder models.

usage: make_zeroed.py [MODEL ...]

By hooks on the transformers model in float64: for every attention block and token the token's value vectors are set to
0 in head 1, and the layer's output (of the last layer, after the final norm) is compared with the clean one. Stored are
Euclidean distances: [layers, zeroed tokens, rows].
"""

import json
import sys

import torch
from make_data import HERE, load
from safetensors.torch import save_file

HEAD = 1
MODELS = ("marian", "mbart", "m2m_100", "t5", "t5_v1_1")


def value_maps(model):
    """The modules that make values: of the encoder, of the decoder, and those of cross-attention; with their heads."""
    encoder, decoder = model.get_encoder(), model.get_decoder()
    config = model.config
    if hasattr(encoder, "block"):
        return config.num_heads, config.num_heads, (
            [block.layer[0].SelfAttention.v for block in encoder.block],
            [block.layer[0].SelfAttention.v for block in decoder.block],
            [block.layer[1].EncDecAttention.v for block in decoder.block],
        )
    return config.encoder_attention_heads, config.decoder_attention_heads, (
        [layer.self_attn.v_proj for layer in encoder.layers],
        [layer.self_attn.v_proj for layer in decoder.layers],
        [layer.encoder_attn.v_proj for layer in decoder.layers],
    )


@torch.no_grad()
def run(name, model):
    loaded = load(model, torch.float64)
    ids = {"input_ids": torch.tensor([model["source"]]), "decoder_input_ids": torch.tensor([model["target"]])}

    def states(side):
        hidden = loaded(**ids, output_hidden_states=True)[f"{side}_hidden_states"]
        return torch.stack(hidden[1:]).squeeze(1)  # [layers, rows, hidden]

    found = {}
    encoder_heads, decoder_heads, maps = value_maps(loaded)
    for where, modules in zip(("encoder", "decoder", "cross"), maps, strict=True):
        side = "encoder" if where == "encoder" else "decoder"
        clean = states(side)
        tokens = len(model["target"] if where == "decoder" else model["source"])
        distances = torch.zeros(len(modules), tokens, clean.shape[1], dtype=torch.float64)
        for layer, module in enumerate(modules):
            size = module.out_features // (encoder_heads if where == "encoder" else decoder_heads)
            for token in range(tokens):

                def hook(_module, _inputs, output, token=token, size=size):
                    output = output.clone()
                    output[:, token, HEAD * size : (HEAD + 1) * size] = 0
                    return output

                handle = module.register_forward_hook(hook)
                distances[layer, token] = (states(side)[layer] - clean[layer]).norm(dim=-1)
                handle.remove()
        found[where] = distances.float()
    save_file(found, HERE / "data" / f"{name}.zeroed.safetensors")
    print(name, {where: round(value.max().item(), 3) for where, value in found.items()})


if __name__ == "__main__":
    all_models = json.loads((HERE / "models.json").read_text(encoding="utf-8"))
    for chosen in sys.argv[1:] or MODELS:
        run(chosen, all_models[chosen])
