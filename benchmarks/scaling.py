"""How time and memory grow with steps, tokens and path points, and which methods keep a memory budget on a long text.

usage: scaling.py BENCH_ATTRIBUTE [--table growth|memory] [--threads N] [--model PATH] [--methods REGEX] [--limit BYTES]

growth: the default model; each table changes one number and keeps the others. "power" is the exponent of the growth from
the row above: 1 is linear.
memory: 500 explained steps of a text of 520 tokens with --limit (4 GB), one row per method, with few points and samples.
Peak memory is that of the whole process, the model's weights included; without attribution it is in the first row ("dummy").
"""

import argparse
import json
import math
import re
import subprocess
import tempfile
import time
from pathlib import Path

from lines import SMOLLM2

WORDS = ("the old house on the hill was quiet until a small dog ran through its open door and found three children who had "
         "been waiting there since early morning for somebody to bring them bread and milk").split()
FEW = {
    "integrated_gradients": {"n_steps": 2}, "gradient_shap": {"n_samples": 2}, "discretized_integrated_gradients": {"n_steps": 2},
    "sequential_integrated_gradients": {"n_steps": 1}, "lime": {"n_samples": 8}, "layer_integrated_gradients": {"n_steps": 2},
    "reagent": {"num_probes": 1, "max_probe_steps": 2},
}
PATIENCE = 3 * 3600  # seconds


def text_of(words):
    return " ".join(WORDS[i % len(WORDS)] for i in range(words))


class Bench:
    def __init__(self, program, model, threads):
        self.program, self.model, self.threads = program, str(model), threads

    def run(self, method, words, **more):
        """(median seconds, peak bytes, tokens) of a text of so many words."""
        with tempfile.TemporaryDirectory() as folder:
            job = {"model": self.model, "method": method, "dtype": "float32", "runs": 1, "threads": self.threads, "input": "",
                   "generated": text_of(words), "out": f"{folder}/out.json", **more}
            job["input"] = job["generated"].split(" ")[0]
            file = Path(folder) / "job.json"
            file.write_text(json.dumps(job), encoding="utf-8")
            # GNU time is not everywhere: the parent asks for the child's largest resident set.
            script = ("import resource, subprocess, sys; p = subprocess.run(sys.argv[1:], capture_output=True, text=True); "
                      "print(p.stdout or p.stderr); print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
            done = subprocess.run(["python3", "-c", script, self.program, str(file)], capture_output=True, text=True, timeout=PATIENCE)
            *said, peak = done.stdout.strip().splitlines()
            if not said or not said[0].startswith("{"):
                raise SystemExit(f"{method}: {' '.join(said)[:500]}")
            found = json.loads(said[0])
            return found["median"], int(peak) * 1024, found["tokens"]


def table(head, rows):
    print("\n| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|", flush=True)
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def growth(bench):
    def series(values, run):
        before = None
        for value in values:
            seconds, peak, _ = run(value)
            power = math.log(seconds / before[1]) / math.log(value / before[0]) if before else math.nan
            yield value, f"{seconds:.3f}", f"{1000 * seconds / value:.1f}", "-" if before is None else f"{power:.2f}", f"{peak / 2**30:.2f}"
            before = value, seconds

    cost = ["seconds", "ms each", "power", "peak GiB"]
    for method, options in (("saliency", {}), ("integrated_gradients", {"n_steps": 4}), ("occlusion", {})):
        table([f"{method}: steps, of 128 tokens", *cost], series([1, 4, 16, 64], lambda n, m=method, o=options: bench.run(
            m, 128, attribution_args=o, attr_pos_start=128 - n, attr_pos_end=128)))
        table([f"{method}: tokens, 8 steps", *cost], series([32, 64, 128, 256], lambda n, m=method, o=options: bench.run(
            m, n, attribution_args=o, attr_pos_start=n - 8, attr_pos_end=n)))
    table(["integrated_gradients: points, 8 steps, 64 tokens", *cost], series([5, 10, 20, 40], lambda n: bench.run(
        "integrated_gradients", 64, attribution_args={"n_steps": n}, attr_pos_start=56, attr_pos_end=64)))


def memory(bench, methods, limit):
    def rows():
        for method in methods:
            try:
                begin = time.time()
                seconds, peak, tokens = bench.run(method, 520, attribution_args=FEW.get(method, {}), memory_limit=limit,
                                                  attr_pos_start=20, runs=0)
            except subprocess.TimeoutExpired:
                yield method, "-", "-", f"not done after {time.time() - begin:.0f} s", "-"
                continue
            yield method, json.dumps(FEW.get(method, {})), tokens, f"{seconds:.1f}", f"{peak / 2**30:.2f}"

    table(["method", "options", "tokens", "seconds", "peak GiB"], rows())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("--table", choices=["growth", "memory"], default="growth")
    parser.add_argument("--model", type=Path, default=SMOLLM2.path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--methods", default="", metavar="REGEX")
    parser.add_argument("--limit", type=int, default=4 * 10**9)
    args = parser.parse_args()
    bench = Bench(str(args.program), args.model, args.threads)
    if args.table == "growth":
        return growth(bench)
    listed = json.loads(subprocess.run([args.program.parent / "inseq", "methods", "--json"], check=True, capture_output=True).stdout)
    names = sorted((m["name"] for m in listed), key=lambda name: (name != "dummy", name))
    memory(bench, [name for name in names if name == "dummy" or re.search(args.methods, name)], args.limit)


if __name__ == "__main__":
    main()
