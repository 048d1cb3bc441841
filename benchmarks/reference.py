"""Times Python Inseq on the same text and prints one JSON object, as benchmarks/attribute.cpp does.

usage: reference.py METHOD DTYPE RUNS THREADS INPUT GENERATED OUT.safetensors MODEL.gguf
"""

import json
import sys
import time
from pathlib import Path

import torch


def main():
    method, dtype, runs, threads, text, generated, out_path, model_path = sys.argv[1:9]
    torch.set_num_threads(int(threads))
    import inseq
    from safetensors.torch import save_file
    from transformers import AutoModelForCausalLM, AutoTokenizer

    path = Path(model_path)
    names = {"pretrained_model_name_or_path": str(path.parent), "gguf_file": path.name}
    model = AutoModelForCausalLM.from_pretrained(**names, attn_implementation="eager", dtype=getattr(torch, dtype))
    tokenizer = AutoTokenizer.from_pretrained(**names)
    explained = inseq.load_model(model, method, tokenizer=tokenizer)

    def attribute():
        return explained.attribute(text, generated, show_progress=False)

    attribute()
    times = []
    for _ in range(int(runs)):
        start = time.perf_counter()
        out = attribute()
        times.append(time.perf_counter() - start)
    scores = out.sequence_attributions[0].aggregate().target_attributions
    save_file({"scores": scores.float().contiguous()}, out_path)
    print(json.dumps({"times": times, "median": sorted(times)[len(times) // 2], "steps": scores.shape[1]}))


if __name__ == "__main__":
    main()
