"""Makes what zeroed_values_test.cpp compares with: how far zeroed value vectors move the layers of encoder–decoder models.

usage: make_zeroed.py [MODEL ...]

By hooks on the transformers model in float64: for every attention block and token the token's value vectors are set to
0 in head 1, and the layer's output (of the last layer, after the final norm) is compared with the clean one. Stored are
Euclidean distances: [layers, zeroed tokens, rows].
"""

import json
import sys
from pathlib import Path

import torch
from make_data import HERE, load
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tools" / "golden"))
from value_zeroing import mixings_of  # noqa: E402

HEAD = 1
MODELS = ("marian", "mbart", "m2m_100", "t5", "t5_v1_1")


@torch.no_grad()
def run(name, model):
    loaded = load(model, torch.float64)
    ids = {"input_ids": torch.tensor([model["source"]]), "decoder_input_ids": torch.tensor([model["target"]])}

    def states(side):
        hidden = loaded(**ids, output_hidden_states=True)[f"{side}_hidden_states"]
        return torch.stack(hidden[1:]).squeeze(1)  # [layers, rows, hidden]

    found = {}
    for where, mixing in mixings_of(loaded).items():
        clean = states(mixing.side)
        tokens = len(model["target"] if where == "decoder" else model["source"])
        distances = torch.zeros(len(mixing.modules), tokens, clean.shape[1], dtype=torch.float64)
        for layer, module in enumerate(mixing.modules):
            size = mixing.size
            for token in range(tokens):

                def hook(_module, _inputs, output, token=token, size=size):
                    output = output.clone()
                    output[:, token, HEAD * size : (HEAD + 1) * size] = 0
                    return output

                handle = module.register_forward_hook(hook)
                distances[layer, token] = (states(mixing.side)[layer] - clean[layer]).norm(dim=-1)
                handle.remove()
        found[where] = distances.float()
    save_file(found, HERE / "data" / f"{name}.zeroed.safetensors")
    print(name, {where: round(value.max().item(), 3) for where, value in found.items()})


if __name__ == "__main__":
    all_models = json.loads((HERE / "models.json").read_text(encoding="utf-8"))
    for chosen in sys.argv[1:] or MODELS:
        run(chosen, all_models[chosen])
