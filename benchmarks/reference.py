"""Times Python Inseq on a text and prints one JSON object, as benchmarks/attribute.cpp does.

usage: reference.py JOB.json

The job is that of attribute.cpp; model is a GGUF file or a folder, out a .safetensors file.
"""

import json
import sys
import time
from pathlib import Path

import torch


def load(job):
    import inseq
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer

    path = Path(job["model"])
    names = {"pretrained_model_name_or_path": str(path)}
    kind = AutoModelForSeq2SeqLM
    if path.suffix == ".gguf":
        names, kind = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}, AutoModelForCausalLM
    model = kind.from_pretrained(**names, attn_implementation="eager", dtype=getattr(torch, job["dtype"]))
    return inseq.load_model(model, job["method"], tokenizer=AutoTokenizer.from_pretrained(**names))


def main():
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    torch.set_num_threads(job["threads"])
    from safetensors.torch import save_file

    explained = load(job)
    options = {key: job[key] for key in ("attr_pos_start", "attr_pos_end") if key in job}
    if "source.spm" in (path.name for path in Path(job["model"]).glob("*")):
        options["attribute_target"] = job.get("attribute_target", False)

    def attribute(**more):
        arguments = {**options, **job.get("attribution_args", {}), **more}
        return explained.attribute(job["input"], job["generated"], show_progress=False, **arguments)

    if job["runs"] > 1:
        attribute()  # warms up
    times = []
    for _ in range(job["runs"]):
        start = time.perf_counter()
        out = attribute()
        times.append(time.perf_counter() - start)
    sequence = out.sequence_attributions[0]
    sides = {"source": sequence.source_attributions, "target": sequence.target_attributions}
    save_file({k: v.float().contiguous() for k, v in sides.items() if v is not None}, job["out"])
    found = {"times": times, "median": sorted(times)[len(times) // 2], "first": sequence.attr_pos_start,
             "last": sequence.attr_pos_end}
    if "deltas" in sequence.step_scores:
        found["gap"] = float(sequence.step_scores["deltas"].abs().max())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
