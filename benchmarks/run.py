"""Compares inseq.cpp with Python Inseq 0.7.1 in one run and prints a table.

usage: run.py BUILD_FOLDER REFERENCE_PYTHON [--lines REGEX] [--runs N] [--threads N] [--list]

Each line: the median times of both, their ratio and the ratio wanted, the time a perfect implementation would need on
this machine (operations of the exact algorithm, as benchmarks/operations.py counts them, at the rate of matrix products
measured in the same run), and our share of that limit. Results are compared before a time is printed; random methods
("-") draw otherwise than Inseq and are not. Inseq's time with a "~" was measured on some steps in the middle of the
text and scaled to all of them: its cost of a step grows with the tokens before it, so the middle is the mean.
--lines keeps the lines whose "model method type" matches; `tolerance` is that of integrated gradients to a completeness gap,
`beams` that of beam search.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from lines import LINES, MARIAN
from operations import Text

HERE = Path(__file__).parent
HEAD = "| model | method | type | Inseq 0.7.1 | inseq.cpp | ratio | wanted | limit | share of limit | difference |"


def run(command, threads):
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run([str(c) for c in command], env=env, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))[:200]} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


class Bench:
    def __init__(self, args, folder):
        self.args, self.folder, self.theirs, self.failed = args, Path(folder), {}, []

    def job(self, line, **more):
        job = {"model": str(line.model.path), "method": line.method, "threads": self.args.threads, "attribution_args": line.options,
               **line.model.text, **more}
        job["attribute_target"] = job.get("attribute_target", False) and line.target
        file = self.folder / "job.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        return file

    def ours(self, line, dtype, runs):
        file = self.job(line, dtype=dtype, runs=runs, out=f"{self.folder}/ours.json", product=line.model.product)
        return run([self.args.build / "bench_attribute", file], self.args.threads)

    def inseq(self, line, ours, dtype="float32"):
        """The median for all steps; lines of one method share it."""
        key = (line.model.name, line.method, dtype)
        if key not in self.theirs:
            steps, part = ours["last"] - ours["first"], {}
            runs, scale, start = min(3, self.args.runs), 1, ours["first"]
            if line.steps:
                start = ours["first"] + (steps - line.steps) // 2
                part = {"attr_pos_start": start, "attr_pos_end": start + line.steps}
                runs, scale = 1, steps / line.steps
            out = self.folder / f"{len(self.theirs)}.safetensors"
            found = run([self.args.python, HERE / "reference.py", self.job(line, dtype=dtype, runs=runs, out=str(out), **part)],
                        self.args.threads)
            self.theirs[key] = {"seconds": found["median"] * scale, "first": start, "out": out}
        return self.theirs[key]

    def difference(self, line, ours, theirs):
        if line.compare_in == "float64":
            ours = self.ours(line, "float64", 1)
            theirs = self.inseq(line, ours, "float64")
        command = [self.args.python, HERE / "compare.py", self.folder / "ours.json", theirs["out"], ours["first"], theirs["first"]]
        return run(command, self.args.threads)[line.bound_on]

    def row(self, line):
        ours = self.ours(line, line.dtype, self.args.runs)
        theirs = self.inseq(line, ours) if line.inseq else None
        difference = None
        if theirs and line.bound:
            difference = self.difference(line, ours, theirs)
            if not difference <= line.bound:
                self.failed.append(line.name)
                return [line.model.name, line.method, line.dtype, *["not timed: scores differ"] * 6, f"{difference:.1e}"]
        limit = None
        if line.operations:
            limit = line.operations(line.model.sizes, Text(ours["source"], ours["first"], ours["last"])) / ours["rate"]
        median = ours["median"]
        return [line.model.name, line.method, line.dtype,
                f"{'~' if line.steps else ''}{theirs['seconds']:.2f} s" if theirs else "-", f"{median:.3f} s",
                f"{theirs['seconds'] / median:.1f}x" if theirs else "-", f"{line.bar:g}x" if line.bar else "-",
                f"{limit:.3f} s" if limit else "-", f"{100 * limit / median:.0f} %" if limit else "-",
                "-" if difference is None else f"{difference:.0e}"]


def tolerance(bench):
    """Integrated gradients until the completeness gap is that of Inseq's 50 points, on some steps in the middle."""
    line = next(line for line in LINES if line.method == "integrated_gradients")
    part = {"attr_pos_start": 32, "attr_pos_end": 36}

    def job(**options):
        return bench.job(line, dtype="float32", runs=1, out=f"{bench.folder}/tolerance", **part, attribution_args={
            "return_convergence_delta": True, **options})

    theirs = run([bench.args.python, HERE / "reference.py", job(n_steps=50)], bench.args.threads)
    ours = run([bench.args.build / "bench_attribute", job(tolerance=theirs["gap"])], bench.args.threads)
    if ours["gap"] > theirs["gap"]:
        bench.failed.append("tolerance")
    return [line.model.name, f"integrated_gradients, gap {theirs['gap']:.1e} (ours {ours['gap']:.1e})", "float32",
            f"{theirs['median']:.2f} s (50 points)", f"{ours['median']:.3f} s", f"{theirs['median'] / ours['median']:.1f}x", "4x",
            "-", "-", "-"]


def beams(args):
    command = [args.python, HERE / "beams.py", args.build / "bench_beams", "--runs", args.runs, "--threads", args.threads]
    found = run(command, args.threads)
    theirs, ours = found["transformers"], found["inseq.cpp"]
    return ["Marian 6+6", f"generation, {found['beams']} beams", "float32", f"{theirs:.2f} s (transformers)", f"{ours:.3f} s",
            f"{theirs / ours:.1f}x", "1x", "-", "-", "0e+00"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path)
    parser.add_argument("python")
    parser.add_argument("--lines", default="", metavar="REGEX")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--list", action="store_true", help="print the names of the lines and stop")
    args = parser.parse_args()
    chosen = [line for line in LINES if re.search(args.lines, line.name)]
    if args.list:
        print("\n".join([*(line.name for line in chosen), "tolerance", "beams"]))
        return
    commit = subprocess.run(["git", "-C", HERE, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    cpu = next((l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), platform.machine())
    print(f"{args.threads} threads of {cpu}, commit {commit}, median of {args.runs} runs, load {os.getloadavg()[0]:.1f}\n")
    print(HEAD)
    print("|---" * HEAD.count(" | ") + "|---|")
    run([args.python, "-c", f"import sys; sys.path.insert(0, {str(HERE)!r}); sys.argv[1:] = [{str(MARIAN.path)!r}]; "
         "import make_marian; make_marian.main(); print(0)"], args.threads)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(args, folder)
        for line in chosen:
            print("| " + " | ".join(bench.row(line)) + " |", flush=True)
        if re.search(args.lines, "tolerance"):
            print("| " + " | ".join(tolerance(bench)) + " |", flush=True)
    if re.search(args.lines, "beams"):
        print("| " + " | ".join(beams(args)) + " |", flush=True)
    if bench.failed:
        sys.exit(f"scores differ from Inseq's: {', '.join(bench.failed)}")


if __name__ == "__main__":
    main()
