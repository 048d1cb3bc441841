"""Compares inseq.cpp with Python Inseq 0.7.1 in one run and prints a table.

usage: run.py BUILD_FOLDER REFERENCE_PYTHON [--runs N] [--threads N]

Each line: the median time of both, their ratio, the time a perfect implementation would need on this machine
(operations of the exact algorithm at the measured rate of matrix products), and our share of that limit. Results are
compared before times are printed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
INPUT = (
    "Elizabeth travelled to France last summer with her two brothers. They visited the museum, ate bread and "
    "cheese, and"
)
GENERATED = INPUT + " then went to the market to buy some bread. She said, \"I'm going to France with my two brothers. I"
MODEL = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "inseq/models/SmolLM2-135M-Instruct.Q4_1.gguf"

# method, dtype of ours, dtype of Inseq, largest accepted difference of the scores
LINES = [
    ("saliency", "float32", "float32", 1e-4),
    ("saliency", "bfloat16", "float32", 0.1),
    ("input_x_gradient", "float32", "float32", 1e-4),
    ("attention", "float32", "float32", 1e-4),
]


def run(command, threads):
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))[:200]} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


COMPARE = """
import json, sys
import inseq, torch
from safetensors.torch import load_file
ours = inseq.FeatureAttributionOutput.load(sys.argv[1]).sequence_attributions[0]
while ours.target_attributions.ndim > 2:
    ours.target_attributions = ours.target_attributions.squeeze(-1)
ours = ours.target_attributions
ours = ours / ours.nan_to_num().abs().sum(0, keepdim=True)
theirs = load_file(sys.argv[2])["scores"]
n = min(len(ours), len(theirs))
ours, theirs = ours[:n].nan_to_num(), theirs[:n].nan_to_num()
print(json.dumps(float((ours - theirs).abs().max() / theirs.abs().max())))
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("python")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    print(f"SmolLM2-135M-Instruct, {args.threads} threads of {cpu}, commit {commit}, median of {args.runs} runs\n")
    print("| method | type | Inseq 0.7.1 | inseq.cpp | ratio | limit | share of limit | difference |")
    print("|---|---|---|---|---|---|---|---|")
    reference = {}
    with tempfile.TemporaryDirectory() as folder:
        for method, dtype, their_dtype, bound in LINES:
            texts = [INPUT, GENERATED]
            theirs_file = f"{folder}/{method}-{their_dtype}.safetensors"
            if (method, their_dtype) not in reference:
                command = [args.python, HERE / "reference.py", method, their_dtype, str(max(3, args.runs // 3))]
                reference[method, their_dtype] = run([*command, str(args.threads), *texts, theirs_file, MODEL], args.threads)
            ours_file = f"{folder}/ours.json"
            command = [args.build / "bench_attribute", method, dtype, str(args.runs), str(args.threads), *texts, ours_file]
            ours, theirs = run(command, args.threads), reference[method, their_dtype]
            difference = run([args.python, "-c", COMPARE, ours_file, theirs_file], args.threads)
            if not difference <= bound:
                sys.exit(f"{method} {dtype}: scores differ by {difference:.2e} of the largest, accepted is {bound:.0e}")
            bound_by_products = method != "attention"
            limit = f"{ours['limit']:.2f} s" if bound_by_products else "-"
            share = f"{100 * ours['limit'] / ours['median']:.0f} %" if bound_by_products else "-"
            print(f"| {method} | {dtype} | {theirs['median']:.2f} s | {ours['median']:.2f} s | "
                  f"{theirs['median'] / ours['median']:.1f}x | {limit} | {share} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    main()
