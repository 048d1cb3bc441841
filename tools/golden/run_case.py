"""One call of Python Inseq, for generate.py, which runs `work` in a process of its own.

A job has a "model" (of tests/golden/models, or "default"), "method", "task", "arguments" (of AttributionModel.attribute
or .generate), "store", "repair" and "keep_pad_tokens".
"""

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
from safetensors.torch import save_file  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402


def default_model_path():
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(cache, "inseq", "models", "SmolLM2-135M-Instruct.Q4_1.gguf")


def load(name, method, folder, options):
    """The attribution model and, for a tiny model, the list of its tensors."""
    if name != "default":
        tensors = make_model.write_model_folder(name, folder)
        return inseq.load_model(folder, method, **options), tensors
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


def tokens(sequence):
    return [[token.token, token.id] for token in sequence]


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
    arguments = dict(job["arguments"])
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
    # Left out: how long it took, and the temporary folder.
    described["info"] = {key: value for key, value in result.info.items() if key not in ("exec_time", "model_name")}
    return described


def generate(model, job):
    """Continues every text alone; the ids include the prompt's."""
    results = []
    for text in job["arguments"]["input_texts"]:
        texts, output = model.generate(text, return_generation_output=True, **job["arguments"]["generation_args"])[0]
        results.append({"ids": output.sequences[0].tolist(), "text": texts[0]})
    return {"generated": results}


def run(job, tensors):
    torch.set_num_threads(1)
    if job.get("repair"):
        repair_crossentropy()
    with tempfile.TemporaryDirectory() as folder:
        model, entries = load(job["model"], job.get("method"), folder, job.get("load", {}))
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
