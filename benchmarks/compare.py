"""Prints the differences of two attributions: the largest as a share of the largest value, and the median of the steps'
largest ones, each as a share of the largest value of its step.

usage: compare.py OURS.json THEIRS.safetensors FIRST START

Ours has one number per token and step: the norm over hidden units, or the mean over layers and heads. Theirs may be
whole and may begin at a later step: START, where ours begins at FIRST.
"""

import json
import statistics
import sys


def main():
    import inseq
    from safetensors.torch import load_file

    ours_file, theirs_file, first, start = sys.argv[1:]
    ours = inseq.FeatureAttributionOutput.load(ours_file).sequence_attributions[0]
    theirs = load_file(theirs_file)
    differences, values = [], []  # of each side, the largest of each step
    for side in ("source", "target"):
        a, b = getattr(ours, f"{side}_attributions"), theirs.get(side)
        if b is None:
            continue
        while a.ndim > 2:
            a = a.squeeze(-1)
        if b.ndim == 3:
            b = b.norm(dim=-1)
        elif b.ndim == 4:
            b = b.mean((-2, -1))
        a = a[:, int(start) - int(first):][:, : b.shape[1]]
        rows = min(len(a), len(b))
        a, b = a[:rows].nan_to_num(), b[:rows].nan_to_num()
        differences.append((a - b).abs().amax(0).tolist())
        values.append(b.abs().amax(0).tolist())
    of_steps = list(zip(map(max, zip(*differences)), map(max, zip(*values))))
    print(json.dumps({
        "largest": max(d for d, _ in of_steps) / max(v for _, v in of_steps),
        "median step": statistics.median(d / v for d, v in of_steps),
    }))


if __name__ == "__main__":
    main()
