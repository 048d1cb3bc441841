"""Prints the largest difference of two attributions, as a share of the largest value.

usage: compare.py OURS.json THEIRS.safetensors FIRST START

Ours has one number per token and step: the norm over hidden units, or the mean over layers and heads. Theirs may be
whole and may begin at a later step: START, where ours begins at FIRST.
"""

import json
import sys


def main():
    import inseq
    from safetensors.torch import load_file

    ours_file, theirs_file, first, start = sys.argv[1:]
    ours = inseq.FeatureAttributionOutput.load(ours_file).sequence_attributions[0]
    theirs = load_file(theirs_file)
    worst, largest = 0.0, 0.0
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
        worst, largest = max(worst, float((a - b).abs().max())), max(largest, float(b.abs().max()))
    print(json.dumps(worst / largest))


if __name__ == "__main__":
    main()
