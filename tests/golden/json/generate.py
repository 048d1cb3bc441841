#!/usr/bin/env python3
"""Makes the files of this folder with Python Inseq 0.7.1 and tiny random models.

raw/<case>.json*            what FeatureAttributionOutput.save() writes
aggregated/<case>.<x>.json.gz  the same after an aggregation, and arguments.json says which

Every case runs in a fresh process: Inseq changes module-level defaults while it works.

Usage: tests/golden/json/generate.py
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PIECES = "▁the ▁cat ▁s at ▁on ▁a ▁m ▁dog ▁r an . ▁hello ▁w or ld ▁ é 日 本 & < > \" '".split()
TEXTS = ["the cat sat", "hello é 日本"]
TARGETS = ["the cat sat on a mat", "hello é 日本 & \"dog\" ran world"]
SOURCES, TRANSLATIONS = ["the cat sat on a mat", "hello world"], ["a dog ran", "hello 日本 world"]
MODELS = {"granular": "decoder", "coarse": "decoder", "attention": "decoder", "steps": "decoder",
          "granular_pair": "decoder", "encoder_decoder": "encoder_decoder", "cross_attention": "encoder_decoder"}

# Aggregations of each raw case: name -> arguments of aggregate(), or of the command line's function.
ANY = {"default": {}}
UNITS = {
    "mean": {"aggregator": "mean"},
    "absmax_raw": {"aggregator": "absmax", "normalize": False},
    "min_rescaled": {"aggregator": "min", "normalize": False, "rescale": True},
    "prod": {"aggregator": ["prod"], "normalize": False},
    "select": {"aggregator": "max", "select_idx": -2},
    "select_range": {"aggregator": "sum", "select_idx": [1, 3]},
    "cli": {"command_line": True, "aggregators": ["vnorm"]},
    "cli_normalize": {"command_line": True, "aggregators": ["scores"], "normalize_attributions": True},
    "cli_rescale_ignored": {"command_line": True, "aggregators": ["vnorm"], "rescale_attributions": True},
    "cli_selectors": {"command_line": True, "aggregators": ["mean", "mean"], "selectors": [3],
                      "rescale_attributions": True},
    "subwords": {"aggregator": ["vnorm", "subwords"]},
    "subwords_first": {"aggregator": ["subwords", "vnorm"]},
}
SPANS = {"spans": {"aggregator": ["spans"], "source_spans": [[0, 2]], "target_spans": [[1, 3], [4, 6]]},
         "spans_mean": {"aggregator": ["spans"], "aggregate_fn": ["mean"], "target_spans": [[2, 5]]},
         "subwords": {"aggregator": "subwords"}}
LAYERS = {"mean": {"aggregator": ["mean", "mean"]}, "mixed": {"aggregator": ["max", "vnorm"], "normalize": False},
          "heads_of_layer": {"command_line": True, "aggregators": ["mean", "mean"], "selectors": [1, 0]},
          "slices": {"aggregator": ["mean", "mean", "slices"], "source_spans": [[0, 1], [2, 3]],
                     "target_spans": [[0, 2]]}}
AGGREGATIONS = {
    "granular": {**ANY, **UNITS, "slices": {"aggregator": ["vnorm", "slices"], "target_spans": [[0, 1], [2, 4]]},
                 "pair": {"aggregator": ["pair"], "paired": "granular_pair"}},
    "coarse": {**ANY, **SPANS},
    "attention": {**ANY, "mean": LAYERS["mean"], "mixed": LAYERS["mixed"], "heads_of_layer": LAYERS["heads_of_layer"]},
    "encoder_decoder": {**ANY, **UNITS},
    "cross_attention": {**ANY, **LAYERS},
}


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<s>", "</s>", "<pad>", "<unk>"]
    vocabulary = [(token, 0.0) for token in special] + [(piece, -float(len(PIECES) - len(piece))) for piece in PIECES]
    inner = Tokenizer(models.Unigram(vocabulary, unk_id=3))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    return PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
                                   unk_token="<unk>")


def save_model(kind: str, path: str) -> None:
    import torch
    from transformers import BartConfig, BartForConditionalGeneration, GPT2Config, GPT2LMHeadModel

    torch.manual_seed(7)
    special = dict(bos_token_id=0, eos_token_id=1, pad_token_id=2, vocab_size=4 + len(PIECES))
    if kind == "decoder":
        model = GPT2LMHeadModel(GPT2Config(n_positions=64, n_embd=4, n_layer=2, n_head=2, **special))
    else:
        model = BartForConditionalGeneration(BartConfig(
            max_position_embeddings=64, d_model=4, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2,
            decoder_attention_heads=2, encoder_ffn_dim=8, decoder_ffn_dim=8, decoder_start_token_id=1, **special))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    model.save_pretrained(path)
    tokenizer().save_pretrained(path)


def attribute(case: str, path: str):
    import inseq

    methods = {"coarse": "occlusion", "attention": "attention", "cross_attention": "attention"}
    model = inseq.load_model(path, methods.get(case, "saliency"), device="cpu")
    options = {"show_progress": False}
    if methods.get(case) != "attention":  # which has no step scores
        options["step_scores"] = ["probability", "entropy"]
    if MODELS[case] == "encoder_decoder":
        return model.attribute(SOURCES, TRANSLATIONS, attribute_target=True, **options)
    targets = [t.replace("cat", "dog") for t in TARGETS] if case == "granular_pair" else TARGETS
    texts = [t.replace("cat", "dog") for t in TEXTS] if case == "granular_pair" else TEXTS
    if case == "steps":
        return model.attribute(texts, targets, output_step_attributions=True, attr_pos_end=8, **options)
    return model.attribute(texts, targets, **options)


def aggregated(out, arguments: dict, load_pair):
    from inseq.commands.attribute.attribute import aggregate_attribution_scores

    arguments = dict(arguments)
    if arguments.pop("command_line", False):
        return aggregate_attribution_scores(out, **arguments)
    for key in ("source_spans", "target_spans"):
        if key in arguments:
            arguments[key] = [tuple(span) for span in arguments[key]]
    if isinstance(arguments.get("select_idx"), list):
        arguments["select_idx"] = tuple(arguments["select_idx"])
    if "paired" not in arguments:
        return out.aggregate(do_post_aggregation_checks=False, **arguments)
    other = load_pair(arguments.pop("paired"))
    out.sequence_attributions = [a.aggregate(paired_attr=b, do_post_aggregation_checks=False, **arguments)
                                 for a, b in zip(out.sequence_attributions, other.sequence_attributions)]
    return out


def run_case(case: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/tiny"
        save_model(MODELS[case], path)
        out = attribute(case, path)
    out.info["model_name"] = "tiny"
    out.info["exec_time"] = 1e-05
    raw = HERE / "raw"
    out.save(str(raw / f"{case}.json.gz"), overwrite=True, compress=True)
    if case in ("granular", "cross_attention", "steps"):
        out.info["odd_numbers"] = [float("nan"), float("inf"), -float("inf"), 1e16, 123456.789, -0.0, 2**53 + 1]
        out.save(str(raw / f"{case}.json"), overwrite=True)
        out.save(str(raw / f"{case}.float16.json.gz"), overwrite=True, compress=True, scores_precision="float16")
        out.save(str(raw / f"{case}.float8.json.gz"), overwrite=True, compress=True, scores_precision="float8")


def run_aggregations(case: str) -> None:
    """In a process of its own too. The kind of MultiDimensional outputs forgets its axes when it is loaded."""
    import inseq

    def load(which: str):
        out = inseq.FeatureAttributionOutput.load(str(HERE / "raw" / f"{which}.json.gz"), decompress=True)
        for sequence in out.sequence_attributions:
            if "MultiDimensional" in type(sequence).__name__:
                sequence._num_dimensions = sequence.target_attributions.ndim - 2
                sequence.__post_init__()
        return out

    for name, arguments in AGGREGATIONS[case].items():
        out = aggregated(load(case), arguments, load)
        out.save(str(HERE / "aggregated" / f"{case}.{name}.json.gz"), overwrite=True, compress=True)


def main() -> None:
    if len(sys.argv) == 3:
        {"raw": run_case, "aggregated": run_aggregations}[sys.argv[1]](sys.argv[2])
        return
    for folder, cases in (("raw", MODELS), ("aggregated", AGGREGATIONS)):
        (HERE / folder).mkdir(exist_ok=True)
        for case in cases:
            subprocess.run([sys.executable, __file__, folder, case], check=True)
    (HERE / "aggregated" / "arguments.json").write_text(json.dumps(AGGREGATIONS, indent=1) + "\n")


if __name__ == "__main__":
    main()
