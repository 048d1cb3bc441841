"""Expected values of value zeroing in float64, for tests/golden/direct.

usage: value_zeroing.py [CASE ...]      (all cases without arguments)

Inseq's value_zeroing fails with current transformers (layers return tensors, not tuples; GPT-2's attention has no
variable "value"), so its definition is followed here by hooks on the transformers model: for every layer and token the
token's value vectors are set to 0 in the given value heads of that layer alone, and the layer's output (of the last
layer, after the final norm) is compared with the clean one. Distances below 1e-5 count as 0; a row's distances are
divided by their sum over the tokens up to the row.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
import make_model  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "direct"


def parts_of(model):
    """Layers, the module whose output holds each layer's values, where they begin in it, value heads, head size."""
    config = model.config
    if config.model_type == "gpt2":
        size = config.n_embd // config.n_head
        layers = model.transformer.h
        return layers, [layer.attn.c_attn for layer in layers], 2 * config.n_embd, config.n_head, size
    layers = model.model.layers
    return layers, [layer.self_attn.v_proj for layer in layers], 0, config.num_key_value_heads, config.head_dim


def heads_of(value, layer, count):
    if isinstance(value, dict):
        return heads_of(value[str(layer)], layer, count) if str(layer) in value else []
    if value is None:
        return list(range(count))
    if isinstance(value, str):
        first, end = map(int, value.split(":"))
        return list(range(first, end))
    return [head % count for head in ([value] if isinstance(value, int) else value)]


def states(model, ids, layers, hooked=None, hook=None):
    """Outputs of all layers: [layers, tokens, hidden]; of the last one, after the final norm."""
    handle = hooked.register_forward_hook(hook) if hooked is not None else None
    hidden = model(ids, output_hidden_states=True).hidden_states
    if handle is not None:
        handle.remove()
    return torch.stack(hidden[1 : len(layers) + 1]).squeeze(1)


def distances(clean, changed, metric):
    if metric == "euclidean":
        return (clean - changed).norm(dim=-1)
    return 1 - torch.nn.functional.cosine_similarity(clean, changed, dim=-1)


@torch.no_grad()
def run(name):
    case = json.loads((FOLDER / "cases" / f"{name}.json").read_text(encoding="utf-8"))
    options = case["attribution_args"]
    with tempfile.TemporaryDirectory() as folder:
        make_model.write_model_folder(case["model"], folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
        tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(case["generated_texts"], return_tensors="pt").input_ids
    first = len(tokenizer(case["input_texts"]).input_ids)
    tokens = ids.shape[1] - 1  # that a step sees
    layers, modules, begin, count, size = parts_of(model)
    clean = states(model, ids[:, :tokens], layers)
    scores = torch.zeros(len(layers), tokens, tokens, dtype=torch.float64)  # [layers, rows, zeroed]
    for layer, module in enumerate(modules):
        heads = heads_of(options.get("decoder_zeroed_units_indices"), layer, count)
        for token in range(tokens if heads else 0):

            def hook(_module, _inputs, output, token=token, heads=heads):
                output = output.clone()
                for head in heads:
                    output[:, token, begin + head * size : begin + (head + 1) * size] = 0
                return output

            changed = states(model, ids[:, :tokens], layers, module, hook)
            scores[layer, :, token] = distances(clean[layer], changed[layer], options.get("similarity_metric"))
    scores[scores < 1e-5] = 0
    scores *= torch.ones(tokens, tokens).tril()
    sums = scores.sum(-1, keepdim=True)
    scores /= torch.where(sums == 0, 1, sums)
    expected = torch.full((tokens + 1, tokens + 1 - first, len(layers)), torch.nan)
    for position in range(first, tokens + 1):  # the step at a position is the row before it
        expected[:position, position - first] = scores[:, position - 1, :position].T.float()
    save_file({"target_attributions": expected}, FOLDER / f"{name}.safetensors")
    print(f"made {name}", flush=True)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or sorted(path.stem for path in (FOLDER / "cases").glob("*.json")):
        run(chosen)
