"""Means of Python Inseq's random methods over many seeds, for tests/golden/random.

usage: means.py [CASE ...]      (all cases without arguments)

A case is like those of tests/golden/cases with "seeds", how often the method runs. ReAGent's sampler asks nltk for tags,
which needs a download; it is given those of tools/tags, and "uniform_sampler" replaces it by one that draws from all
tokens that are not special. What is kept of the attributions of both sides: their mean and its standard error. Needs
scikit-learn, for LIME.
"""

import json
import logging
import os
import sys
import tempfile
import types
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", HF_HUB_OFFLINE="1", TQDM_DISABLE="1")
for tools in ("models", "tags"):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / tools))
import inseq  # noqa: E402
import make_model  # noqa: E402
import make_weights  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from inseq.attr.feat.ops import reagent  # noqa: E402
from inseq.attr.feat.ops.reagent_core import token_sampler  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "golden" / "random"


class UniformSampler:
    def __init__(self, tokenizer, **_):
        self.ids = torch.tensor([i for i in range(len(tokenizer)) if i not in tokenizer.all_special_ids])

    def __call__(self, ids):
        return self.ids[torch.randint(len(self.ids), ids.shape)]


def tags_of_words_alone():
    """Stands for nltk where Inseq imports it."""
    tables = make_weights.fetch()
    token_sampler.is_nltk_available = lambda: True
    sys.modules["nltk"] = types.SimpleNamespace(
        download=lambda name: None, pos_tag=lambda words: [(word, make_weights.tag(word, *tables)) for word in words])
    build = token_sampler.POSTagTokenSampler.__init__
    # Its cache is by model name, and tiny models have none.
    reagent.POSTagTokenSampler.__init__ = lambda self, *args, **kwargs: build(
        self, *args, **{**kwargs, "save_cache": False, "overwrite_cache": True})


def run(name):
    case = json.loads((FOLDER / "cases" / f"{name}.json").read_text(encoding="utf-8"))
    if case.get("uniform_sampler"):
        reagent.POSTagTokenSampler = UniformSampler
    elif case["method"] == "reagent":
        tags_of_words_alone()
    count = case["seeds"]
    sums = {}  # of scores and of their squares, a side
    with tempfile.TemporaryDirectory() as folder:
        make_model.write_model_folder(case["model"], folder)
        model = inseq.load_model(folder, case["method"], **case.get("load_arguments", {}))
        for seed in range(count):
            torch.manual_seed(seed)
            np.random.seed(seed)
            result = model.attribute(show_progress=False, pretty_progress=False, **case["arguments"]).sequence_attributions[0]
            for side in ("source", "target"):
                found = getattr(result, f"{side}_attributions")
                if found is not None:
                    total, squares = sums.get(side, (0, 0))
                    sums[side] = total + found.double(), squares + found.double() ** 2
    kept = {}
    for side, (total, squares) in sums.items():
        mean = total / count
        kept[f"{side}.mean"] = mean.float()
        kept[f"{side}.error"] = ((squares / count - mean**2).clamp_min(0) / (count - 1)).sqrt().float()
    save_file(kept, FOLDER / f"{name}.safetensors")
    print(f"made {name}", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    for chosen in sys.argv[1:] or sorted(path.stem for path in (FOLDER / "cases").glob("*.json")):
        run(chosen)
