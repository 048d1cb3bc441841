"""Expected values of value zeroing in float64, for tests/golden/direct.

usage: value_zeroing.py [CASE ...]      (all cases without arguments)

Inseq's value_zeroing fails with current transformers (layers return tensors, not tuples; GPT-2's attention has no
variable "value"), so its definition is followed here by hooks on the transformers model: for every layer and token the
token's value vectors are set to 0 in the given value heads of one kind of attention of that layer alone, and the layer's
output (of the last layer, after the final norm) is compared with the clean one. Distances below 1e-5 count as 0; a row's
distances are divided by their sum over the tokens, in decoders over those up to the row. With an encoder the source's
scores are those of cross-attention, the target's those of the decoder, and the encoder's are kept beside them.
"""

import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
import make_model  # noqa: E402
import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer  # noqa: E402

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "direct"


@dataclass
class Mixing:
    """One kind of attention in all layers of a stack."""

    modules: list  # whose outputs hold the layers' values
    heads: int  # value heads
    size: int  # of a head
    begin: int = 0  # of the values in that output
    side: str = "decoder"  # whose states it changes
    causal: bool = False


def mixings_of(model):
    config = model.config
    if config.model_type == "gpt2":
        maps = [layer.attn.c_attn for layer in model.transformer.h]
        size = config.n_embd // config.n_head
        return {"decoder": Mixing(maps, config.n_head, size, begin=2 * config.n_embd, causal=True)}
    if not config.is_encoder_decoder:
        maps = [layer.self_attn.v_proj for layer in model.model.layers]
        return {"decoder": Mixing(maps, config.num_key_value_heads, config.head_dim, causal=True)}
    encoder, decoder = model.get_encoder(), model.get_decoder()
    if hasattr(encoder, "block"):
        of_encoder = [block.layer[0].SelfAttention.v for block in encoder.block]
        of_decoder = [block.layer[0].SelfAttention.v for block in decoder.block]
        of_cross = [block.layer[1].EncDecAttention.v for block in decoder.block]
    else:
        of_encoder = [layer.self_attn.v_proj for layer in encoder.layers]
        of_decoder = [layer.self_attn.v_proj for layer in decoder.layers]
        of_cross = [layer.encoder_attn.v_proj for layer in decoder.layers]
    encoder_heads = getattr(config, "encoder_attention_heads", config.num_attention_heads)
    decoder_heads = getattr(config, "decoder_attention_heads", config.num_attention_heads)
    return {
        "encoder": Mixing(of_encoder, encoder_heads, of_encoder[0].out_features // encoder_heads, side="encoder"),
        "decoder": Mixing(of_decoder, decoder_heads, of_decoder[0].out_features // decoder_heads, causal=True),
        "cross": Mixing(of_cross, decoder_heads, of_cross[0].out_features // decoder_heads),
    }


def heads_of(value, layer, count):
    if isinstance(value, dict):
        return heads_of(value[str(layer)], layer, count) if str(layer) in value else []
    if value is None:
        return list(range(count))
    if isinstance(value, str):
        first, end = map(int, value.split(":"))
        return list(range(first, end))
    return [head % count for head in ([value] if isinstance(value, int) else value)]


def states(model, ids, side, hooked=None, hook=None):
    """Outputs of all layers of a side: [layers, tokens, hidden]; of the last one, after the final norm."""
    handle = hooked.register_forward_hook(hook) if hooked is not None else None
    out = model(**ids, output_hidden_states=True)
    if handle is not None:
        handle.remove()
    hidden = out[f"{side}_hidden_states"] if "decoder_input_ids" in ids else out.hidden_states
    return torch.stack(hidden[1:]).squeeze(1)


def distances(clean, changed, metric):
    if metric == "euclidean":
        return (clean - changed).norm(dim=-1)
    return 1 - torch.nn.functional.cosine_similarity(clean, changed, dim=-1)


def scores_of(model, ids, mixing, tokens, option, metric):
    """[tokens, rows, layers]: the share of each of so many tokens in each row."""
    clean = states(model, ids, mixing.side)
    rows = clean.shape[1]
    scores = torch.zeros(len(mixing.modules), rows, tokens, dtype=torch.float64)
    for layer, module in enumerate(mixing.modules):
        heads = heads_of(option, layer, mixing.heads)
        for token in range(tokens if heads else 0):

            def hook(_module, _inputs, output, token=token, heads=heads):
                output = output.clone()
                for head in heads:
                    start = mixing.begin + head * mixing.size
                    output[:, token, start : start + mixing.size] = 0
                return output

            changed = states(model, ids, mixing.side, module, hook)
            scores[layer, :, token] = distances(clean[layer], changed[layer], metric)
    scores[scores < 1e-5] = 0
    if mixing.causal:
        scores *= torch.ones(rows, tokens).tril()
    sums = scores.sum(-1, keepdim=True)
    return (scores / torch.where(sums == 0, 1, sums)).permute(2, 1, 0).float()


def of_steps(scores, first):
    """A decoder's scores as Inseq shows them: [tokens, steps, layers], for steps the tokens that they see, else NaN.
    The step at a position is the row before it."""
    tokens = scores.shape[0]
    shown = torch.full((tokens + 1, tokens + 1 - first, scores.shape[2]), torch.nan)
    for position in range(first, tokens + 1):
        shown[:position, position - first] = scores[:position, position - 1]
    return shown


def load(folder):
    config = AutoConfig.from_pretrained(folder)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    model = kind.from_pretrained(folder, dtype=torch.float64, attn_implementation="eager")
    return model, AutoTokenizer.from_pretrained(folder)


@torch.no_grad()
def run(name):
    case = json.loads((FOLDER / "cases" / f"{name}.json").read_text(encoding="utf-8"))
    options = case["attribution_args"]
    with tempfile.TemporaryDirectory() as folder:
        make_model.write_model_folder(case["model"], folder)
        model, tokenizer = load(folder)
    source = tokenizer(case["input_texts"], return_tensors="pt").input_ids
    if model.config.is_encoder_decoder:
        start = torch.tensor([[model.config.decoder_start_token_id]])
        target = torch.cat([start, tokenizer(text_target=case["generated_texts"], return_tensors="pt").input_ids], 1)
        first, ids = 1, {"input_ids": source, "decoder_input_ids": target[:, :-1]}
    else:
        target = tokenizer(case["generated_texts"], return_tensors="pt").input_ids
        first, ids = source.shape[1], {"input_ids": target[:, :-1]}

    def scores(where, tokens):
        option = options.get(f"{where}_zeroed_units_indices")
        return scores_of(model, ids, mixings_of(model)[where], tokens, option, options.get("similarity_metric"))

    expected = {"target_attributions": of_steps(scores("decoder", target.shape[1] - 1), first)}
    if model.config.is_encoder_decoder:
        expected["source_attributions"] = scores("cross", source.shape[1])
        expected["encoder_self_scores"] = scores("encoder", source.shape[1])
    save_file({key: value.contiguous() for key, value in expected.items()}, FOLDER / f"{name}.safetensors")
    print(f"made {name}", flush=True)


if __name__ == "__main__":
    for chosen in sys.argv[1:] or sorted(path.stem for path in (FOLDER / "cases").glob("*.json")):
        run(chosen)
