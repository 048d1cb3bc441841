"""Makes what rotary_settings_test.cpp compares with (transformers 5.23 and gguf 0.19, offline): python make_rotary.py

data/rotary.json        configurations, and the inverse frequencies and attention factor that transformers reads from them,
                        for texts of each of the lengths
data/rope_freqs.gguf    a tiny Llama with Llama 3's scaling, written as llama.cpp's converter does: the scaling is a tensor of
                        factors, rope_freqs.weight, and queries and keys are interleaved
data/rope_freqs.safetensors  the logits that transformers computes for the original: "ids" [tokens], "logits" [tokens, vocab]
"""

import json
import math
from pathlib import Path

import gguf
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

DATA = Path(__file__).resolve().parent / "data"
LENGTHS = [4, 16, 17, 100]
SIZES = {"hidden_size": 32, "num_attention_heads": 2, "max_position_embeddings": 64}
LONG = {"short_factor": [1.0, 1.05, 1.1, 1.2, 1.3, 1.5, 1.75, 2.0], "long_factor": [1.0, 1.1, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0]}
CASES = {
    "linear": {"rope_scaling": {"rope_type": "linear", "factor": 2.5}},
    "dynamic": {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "max_position_embeddings": 16},
    "llama3": {"rope_theta": 500000.0, "rope_scaling": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 16}},
    "yarn": {"rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}},
    "yarn of a long context": {"rope_theta": 1e6, "rope_scaling": {
        "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}},
    "yarn, ramp between dimensions": {"rope_parameters": {
        "rope_type": "yarn", "rope_theta": 1000.0, "factor": 16.0, "beta_fast": 8, "beta_slow": 2, "truncate": False,
        "original_max_position_embeddings": 1024}},
    "yarn with mscale": {"rope_scaling": {
        "rope_type": "yarn", "factor": 40.0, "mscale": 1.0, "mscale_all_dim": 0.5, "original_max_position_embeddings": 4096}},
    "yarn with attention_factor": {"rope_scaling": {
        "rope_type": "yarn", "factor": 2.0, "attention_factor": 0.75, "original_max_position_embeddings": 32}},
    "yarn without an original length": {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}},
    "longrope": {"rope_scaling": {"rope_type": "longrope", "original_max_position_embeddings": 16, **LONG}},
    "longrope as Phi 3 has it": {"original_max_position_embeddings": 16, "rope_scaling": {"type": "longrope", **LONG}},
    "longrope with a factor": {"rope_scaling": {
        "rope_type": "longrope", "factor": 8.0, "original_max_position_embeddings": 32, **LONG}},
    "longrope with attention_factor": {"rope_scaling": {
        "rope_type": "longrope", "attention_factor": 1.25, "original_max_position_embeddings": 16, **LONG}},
}


def write_frequencies():
    lines = []
    for name, settings in CASES.items():
        raw = {**SIZES, **settings}
        config = LlamaConfig(**json.loads(json.dumps(raw)))
        read = ROPE_INIT_FUNCTIONS[config.rope_parameters["rope_type"]]
        by_length = [read(config, "cpu", seq_len=length) for length in LENGTHS]
        lines.append(json.dumps(name) + ": " + json.dumps({
            "config": raw, "inverse": [inverse.tolist() for inverse, _ in by_length], "magnitude": by_length[0][1]}))
    text = '{"lengths": ' + json.dumps(LENGTHS) + ', "cases": {\n' + ",\n".join(lines) + "\n}}\n"
    (DATA / "rotary.json").write_text(text, encoding="utf-8")


def llama3_factors(config):
    """As llama.cpp's convert_hf_to_gguf.py has them: what each inverse frequency is divided by."""
    rope = config.rope_parameters
    dim = config.hidden_size // config.num_attention_heads
    low, high, original = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    factors = []
    for i in range(0, dim, 2):
        wavelength = 2 * math.pi * rope["rope_theta"] ** (i / dim)
        if wavelength < original / high:
            factors.append(1.0)
        elif wavelength > original / low:
            factors.append(rope["factor"])
        else:
            smooth = (original / wavelength - low) / (high - low)
            factors.append(1 / ((1 - smooth) / rope["factor"] + smooth))
    return torch.tensor(factors, dtype=torch.float32)


def interleaved(weight, heads):
    return weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:]).swapaxes(1, 2).reshape(weight.shape)


NAMES = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
         "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down"}


def gguf_name(name):
    name = name.removesuffix(".weight")
    if name.startswith("model.layers."):
        _, _, layer, rest = name.split(".", 3)
        return f"blk.{layer}.{NAMES[rest]}.weight"
    return {"model.embed_tokens": "token_embd", "model.norm": "output_norm"}[name] + ".weight"


def write_gguf():
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=16, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1, num_key_value_heads=1,
        max_position_embeddings=128, tie_word_embeddings=True, initializer_range=0.5, rope_parameters=CASES["llama3"]["rope_scaling"] | {
            "rope_theta": 100.0})
    model = LlamaForCausalLM(config).eval()
    ids = torch.tensor([(7 * i * i + 3 * i + 1) % 16 for i in range(40)])
    with torch.no_grad():
        logits = model(ids[None]).logits[0]
    save_file({"ids": ids.float(), "logits": logits.contiguous()}, DATA / "rope_freqs.safetensors")
    writer = gguf.GGUFWriter(DATA / "rope_freqs.gguf", "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_tensor("rope_freqs.weight", llama3_factors(config).numpy())
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight":
            continue
        if ".q_proj." in name or ".k_proj." in name:
            weight = interleaved(weight, 1)
        writer.add_tensor(gguf_name(name), weight.contiguous().numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write_frequencies()
    write_gguf()
