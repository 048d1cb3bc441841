"""One call of Python Inseq, for generate.py, which runs `work` in a process of its own.

A job has a "model" (of tests/golden/models, "default", or a "demo:" model), "method", "load" (arguments of load_model), "task",
"arguments" (of AttributionModel.attribute or .generate), "store", and the changes of Inseq named in generate.py's FLAGS.
"""

import copy
import json
import logging
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
import inseq  # noqa: E402
import make_model  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from inseq.attr import step_functions  # noqa: E402
from inseq.attr.feat import feature_attribution, gradient_attribution  # noqa: E402
from inseq.utils.typing import TokenWithId  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402


def default_model_path():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "inseq", "models", "SmolLM2-135M-Instruct.Q4_1.gguf")


def load(job, folder):
    """The attribution model and, for a tiny model, the list of its tensors."""
    name, method = job["model"], job.get("method")
    if name.startswith("demo:"):
        demo = Path(__file__).resolve().parents[2] / "models" / name.removeprefix("demo:")
        return inseq.load_model(str(demo), method, **job.get("load", {})), None
    if name != "default":
        tensors = make_model.write_model_folder(name, folder)
        return inseq.load_model(folder, method, **job.get("load", {})), tensors
    where, file = os.path.split(default_model_path())
    model = AutoModelForCausalLM.from_pretrained(
        where, gguf_file=file, dtype=torch.float32, attn_implementation="eager"
    )
    tokenizer = AutoTokenizer.from_pretrained(where, gguf_file=file)
    return inseq.load_model(model, method, tokenizer=tokenizer), None


def repair_crossentropy():
    """Lets crossentropy and perplexity work on a single sequence, where Inseq loses the batch axis of ids and scores."""

    def with_batch_axis(function):
        def repaired(args):
            args.target_ids = args.target_ids.reshape(-1)
            return function(args).reshape(-1)

        repaired.__name__ = function.__name__
        return repaired

    step_functions.crossentropy_fn = with_batch_axis(step_functions.crossentropy_fn)  # perplexity_fn calls it
    for name in ("crossentropy", "perplexity"):
        function = with_batch_axis(step_functions.STEP_SCORES_MAP[name])
        inseq.register_step_function(function, name, overwrite=True)


def scale_once(model):
    """transformers' Marian and Pegasus multiply embeddings that Inseq has already scaled once more."""
    decoder = model.get_decoder()
    forward, scale = decoder.forward, decoder.embed_scale

    def scaled_once(*args, **kwargs):
        decoder.embed_scale = scale if kwargs.get("inputs_embeds") is None else 1.0
        return forward(*args, **kwargs)

    decoder.forward = scaled_once


def with_sources(model, tokens_of):
    """Inseq's results with these tokens as sources: tokens_of(one text's ids)."""
    attribute = model.attribute

    def attribute_and_name(input_texts, *args, **kwargs):
        result = attribute(input_texts, *args, **kwargs)
        texts = [input_texts] if isinstance(input_texts, str) else input_texts
        for text, sequence in zip(texts, result.sequence_attributions, strict=True):
            ids = model.encode(text).input_ids[0].tolist()
            sequence.source = [TokenWithId(token, i) for token, i in zip(tokens_of(ids), ids, strict=True)]
        return result

    model.attribute = attribute_and_name


def keep_source(model):
    """Inseq takes the target's beginning for the source where a method gives no scores."""
    with_sources(model, model.tokenizer.convert_ids_to_tokens)


def separate_tables(model):
    """Inseq embeds targets with the source's table, and names sources by the target's vocabulary."""
    embed_sources = model.embed_ids

    def embed_ids(ids, as_targets=False):
        if as_targets:
            return model.get_decoder().embed_tokens(ids) * model.embed_scale
        return embed_sources(ids, as_targets)

    model.embed_ids = embed_ids
    names = {i: name for name, i in model.tokenizer.encoder.items()}
    with_sources(model, lambda ids: [names[i] for i in ids])


def leave_head_unscaled(model):
    """transformers' UMT5 scales logits for a shared head, also where the head is the checkpoint's own."""
    model.model.config.tie_word_embeddings = False


class End(int):
    """An end that stays where it is: Inseq adds one to that of encoder-decoders."""

    def __add__(self, other):
        return self


def stop_at_end(model):
    """Inseq explains one step after attr_pos_end."""
    check = feature_attribution.check_attribute_positions

    def checked(*args):
        start, end = check(*args)
        return start, End(end)

    feature_attribution.check_attribute_positions = checked


def unrolled(weights):
    """LED's attention [batch, heads, tokens, window + 1], where column k is the token k - window / 2 away, by token."""
    tokens, reach = weights.shape[2], weights.shape[3] // 2
    whole = torch.zeros(*weights.shape[:3], tokens)
    for row in range(tokens):
        for key in range(max(0, row - reach), min(tokens, row + reach + 1)):
            whole[:, :, row, key] = weights[:, :, row, key - row + reach]
    return whole


def unroll_windows(model):
    """Inseq takes the columns of LED's encoder attention for tokens."""
    name_attentions = model.get_attentions_dict

    def get_attentions_dict(output):
        output.encoder_attentions = tuple(unrolled(weights) for weights in output.encoder_attentions)
        return name_attentions(output)

    model.get_attentions_dict = get_attentions_dict


def read_baselines(model):
    """Inseq's layer methods read the text's ids where Captum hands them the baseline's: the difference is zero."""
    forward = model.forward

    def forward_given(ids, *args, **kwargs):
        if model.is_encoder_decoder:  # ids, target embeddings, the ids to read
            return forward(ids, args[0], ids, *args[2:], **kwargs)
        return forward(ids, ids, *args[1:], **kwargs)

    model.forward = forward_given


def layer_of_target(model):
    """Inseq takes the attributions of a decoder's layer, and an attention's second output, for those of the source."""

    def sides(attributions, is_encoder_decoder):
        return None, attributions[0] if isinstance(attributions, tuple) else attributions

    gradient_attribution.get_source_target_attributions = sides


REPAIRS_OF_MODELS = {
    "read_baselines": read_baselines,
    "layer_of_target": layer_of_target,
    "scale_once": scale_once,
    "separate_tables": separate_tables,
    "keep_source": keep_source,
    "unscaled_head": leave_head_unscaled,
    "stop_at_end": stop_at_end,
    "unroll_windows": unroll_windows,
}


def name_of(token):
    """Its text. Inseq puts a token whose cleaned text is empty into another one."""
    return name_of(token.token) if isinstance(token, TokenWithId) else token


def tokens(sequence):
    return [[name_of(token), token.id] for token in sequence]


def kind_of(sequence):
    for kind, word in (("granular", "Granular"), ("multi_dimensional", "MultiDim"), ("coarse", "Coarse")):
        if type(sequence).__name__.startswith(word):
            return kind
    return "plain"


def parts_of(prefix, attributions, store):
    """Tensors to keep of attributions [tokens, steps, ...]: everything, or what `store` asks for."""
    if not store:
        return {prefix: attributions}
    kept = {}
    for step in store.get("steps", []):  # rows that the step can see: [prefix, ...]
        visible = ~attributions[:, step].reshape(attributions.shape[0], -1).isnan().any(-1)
        kept[f"{prefix}.step{step}"] = attributions[visible, step]
    for layer in store.get("layers", []):
        kept[f"{prefix}.layer{layer}"] = attributions[:, :, layer]
    return kept


def describe_sequence(sequence, prefix, store, out):
    """JSON of one sequence; its tensors go to `out` under names that start with `prefix`."""
    aggregated = sequence.aggregate()
    for name in ("source_attributions", "target_attributions"):
        value = getattr(sequence, name)
        if value is not None:
            out.update(parts_of(f"{prefix}{name}", value, store))
            out[f"{prefix}aggregated.{name}"] = getattr(aggregated, name)
    for name, value in (sequence.step_scores or {}).items():
        out[f"{prefix}step_scores.{name}"] = value
    for name, value in (sequence.sequence_scores or {}).items():
        out[f"{prefix}sequence_scores.{name}"] = value
    return {
        "kind": kind_of(sequence),
        "source": tokens(sequence.source),
        "target": tokens(sequence.target),
        "attr_pos_start": sequence.attr_pos_start,
        "attr_pos_end": sequence.attr_pos_end,
    }


def describe_step(step, prefix, out):
    for name in ("source_attributions", "target_attributions"):
        value = getattr(step, name)
        if value is not None:
            out[f"{prefix}{name}"] = value
    for name, value in (step.step_scores or {}).items():
        out[f"{prefix}step_scores.{name}"] = value
    return {
        "prefix": [tokens(sequence) for sequence in step.prefix],
        "target": [tokens(sequence) for sequence in step.target],
    }


def with_tuples(value):
    """JSON has lists where Captum asks for tuples."""
    return tuple(with_tuples(entry) for entry in value) if isinstance(value, list) else value


def attribute(model, job, tensors):
    arguments = copy.deepcopy(job["arguments"])
    if "attribution_args" in arguments:
        arguments["attribution_args"] = {key: with_tuples(value) for key, value in arguments["attribution_args"].items()}
    result = model.attribute(show_progress=False, pretty_progress=False, **arguments)
    described = {
        "sequences": [
            describe_sequence(sequence, f"{i}.", job.get("store"), tensors)
            for i, sequence in enumerate(result.sequence_attributions)
        ],
    }
    if result.step_attributions is not None:
        described["steps"] = [
            describe_step(step, f"steps.{i}.", tensors) for i, step in enumerate(result.step_attributions)
        ]
    # Left out: how long it took, the temporary folder, and the tensors of a target prefix.
    described["info"] = {key: value for key, value in result.info.items() if key not in ("exec_time", "model_name")}
    if "generation_args" in described["info"]:
        described["info"]["generation_args"] = job["arguments"].get("generation_args", {})
    return described


def generate(model, job):
    """Continues every text alone; the ids include the prompt's. Beams have scores; sources are kept beside them."""
    results = []
    for text in job["arguments"]["input_texts"]:
        texts, output = model.generate(text, return_generation_output=True, output_scores=True, **job["arguments"]["generation_args"])[0]
        results.append({"ids": output.sequences[0].tolist(), "text": texts[0]})
        score = getattr(output, "sequences_scores", None)
        if score is not None and model.is_encoder_decoder:
            results[-1].update(source=model.encode(text).input_ids[0].tolist(), score=float(f"{score.item():.8g}"))
    return {"generated": results}


def run(job, tensors):
    torch.set_num_threads(1)
    if job.get("repair"):
        repair_crossentropy()
    with tempfile.TemporaryDirectory() as folder:
        model, entries = load(job, folder)
        for flag, repair in REPAIRS_OF_MODELS.items():
            if job.get(flag):
                repair(model)
        if job.get("keep_pad_tokens"):
            model.pad_token = None
        try:
            described = generate(model, job) if job["task"] == "generate" else attribute(model, job, tensors)
        except Exception as error:  # what Inseq cannot do is part of the record
            return {"error": f"{type(error).__name__}: {error}".split("\n")[0].strip()}
    described["tensors"] = entries
    return described


def work(job, out):
    """Runs the job and writes OUT.json and OUT.safetensors; an exception of Inseq's becomes {"error": ...}."""
    logging.disable(logging.WARNING)
    transformers.utils.logging.disable_progress_bar()
    tensors = {}
    described = run(job, tensors)
    Path(f"{out}.json").write_text(json.dumps(described, ensure_ascii=False), encoding="utf-8")
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, f"{out}.safetensors")
