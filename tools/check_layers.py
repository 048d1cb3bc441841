#!/usr/bin/env python3
"""Checks that includes go one way: a folder may include itself and the folders before it in LAYERS.

usage: check_layers.py [repository]

Also holds: folders without tensors include no torch headers, headers include <ATen/core/Tensor.h> at most, and
the installed headers include nothing of ours that is not installed.
"""

import pathlib
import re
import sys

LAYERS = [
    "base", "data", "nn", "io", "text", "models", "generation", "step_functions", "engine", "methods",
    "aggregation", "render", "api", "cli",
]  # fmt: skip
# Installed headers count as data, but for those that belong to another layer.
PUBLIC_LAYERS = {"error.h": "base", "process_memory.h": "base", "progress.h": "base", "attribution_model.h": "api"}

NO_TENSORS = {"base", "io", "text"}
# The precompiled header is what gives sources their tensors; attribution JSON is the one format that holds them.
TENSORS_ALLOWED = re.compile(r"src/(base/torch_pch\.h|io/attribution_json\w*\.(h|cpp))$")
TORCH = re.compile(r"(torch|ATen|c10)/")
LIGHT = re.compile(r"ATen/core/Tensor\.h$|c10/core/")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def layer_of(path):
    """The layer of a file, named from the repository's root; None when it is in none."""
    parts = path.split("/")
    if parts[:2] == ["include", "inseq"]:
        return PUBLIC_LAYERS.get(parts[-1], "data")
    if parts[0] == "cli":
        return "cli"
    return parts[1] if parts[0] == "src" and len(parts) > 2 and parts[1] in LAYERS else None


def resolve(root, path, name):
    """The file of ours that `#include "name"` in `path` means, from the root; None when it is not ours."""
    beside = path.rsplit("/", 1)[0]
    for folder in (beside, "src", "include", "cli"):
        if (root / folder / name).is_file():
            return str((root / folder / name).resolve().relative_to(root))
    return None


def problems_of_include(path, layer, name, target):
    """Sentences about one include; `target` is the included file of ours, or None."""
    public = path.startswith("include/")
    no_tensors = layer in NO_TENSORS and not TENSORS_ALLOWED.match(path)
    if target is None:
        if TORCH.match(name) and path != "src/base/torch_pch.h":
            if no_tensors:
                yield f"<{name}>: src/{layer} knows no tensors"
            elif path.endswith(".h") and not LIGHT.match(name):
                yield f"<{name}>: headers include <ATen/core/Tensor.h> at most"
            elif name in ("torch/torch.h", "torch/extension.h"):
                yield f"<{name}>: too slow to compile; the precompiled header has what is needed"
        return
    target_layer = layer_of(target)
    if public and not target.startswith("include/"):
        yield f'"{name}": an installed header includes installed headers only'
    elif target_layer is not None and LAYERS.index(target_layer) > LAYERS.index(layer):
        yield f'"{name}": {layer} comes before {target_layer}'
    elif no_tensors and target == "include/inseq/attribution.h":
        yield f'"{name}": it holds tensors, and src/{layer} knows none'


def check(root):
    """All problems of the repository, as `file:line: sentence`."""
    files = [p for folder in ("src", "include/inseq", "cli") for p in (root / folder).rglob("*")]
    for file in sorted(p for p in files if p.suffix in (".h", ".cpp")):
        path = str(file.relative_to(root))
        layer = layer_of(path)
        if layer is None:
            yield f"{path}:1: its folder is no layer; the layers are {', '.join(LAYERS)}"
            continue
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            match = INCLUDE.match(line)
            if match:
                name = match[1] or match[2]
                for problem in problems_of_include(path, layer, name, resolve(root, path, name)):
                    yield f"{path}:{number}: {problem}"


def main(arguments):
    root = pathlib.Path(arguments[1] if len(arguments) > 1 else pathlib.Path(__file__).parent.parent).resolve()
    problems = list(check(root))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
