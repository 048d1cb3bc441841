"""Makes data/beams.json: what transformers' generate() does with small encoder–decoder models, for beams_test.cpp.

usage: make_beams.py

The models are those of make_data.py. Sources of different lengths are padded on the right.
"""

import json

import torch
from make_data import HERE, load

MODELS = ["marian", "bart", "mbart", "m2m_100", "pegasus", "t5", "umt5"]
SOURCES = [[5, 9, 17, 3, 30, 22, 11, 2], [8, 4, 2], [13, 6, 25, 7, 31, 2]]
OPTIONS = [
    {"max_new_tokens": 9},
    {"max_new_tokens": 12, "num_beams": 4},
    {"max_new_tokens": 12, "num_beams": 6, "num_return_sequences": 3, "length_penalty": 0.4, "no_repeat_ngram_size": 2},
    {"max_length": 10, "num_beams": 4, "early_stopping": True, "repetition_penalty": 1.4, "num_return_sequences": 2},
    {"max_new_tokens": 8, "num_beams": 4, "early_stopping": "never", "forced_bos_token_id": 12, "min_new_tokens": 5},
    {"max_new_tokens": 8, "num_beams": 4, "prefix": [14, 21]},
]


def run(model, options):
    longest, pad = max(map(len, SOURCES)), model.config.pad_token_id
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in SOURCES])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in SOURCES])
    options = dict(options)
    prefix = options.pop("prefix", None)
    if prefix:
        options["decoder_input_ids"] = torch.tensor([prefix] * len(SOURCES))
    out = model.generate(ids, attention_mask=mask, return_dict_in_generate=True, output_scores=True, do_sample=False,
                         use_cache=False, **options)  # its cache fails where the halves have different depths
    scores = getattr(out, "sequences_scores", None)
    return {"ids": out.sequences.tolist(), "scores": None if scores is None else [float(f"{v:.7g}") for v in scores.tolist()]}


def main():
    models = json.loads((HERE / "models.json").read_text(encoding="utf-8"))
    cases = []
    for name in MODELS:
        model = load(models[name], torch.float32, "sdpa")
        file = {k: v for k, v in model.generation_config.to_diff_dict().items() if k != "transformers_version"}
        # Real models never write padding; M2M100 gives it no position.
        file["bad_words_ids"] = [[model.config.pad_token_id]]
        model.generation_config.bad_words_ids = file["bad_words_ids"]
        cases += [{"model": name, "file": file, "options": options, **run(model, options)} for options in OPTIONS]
        print(name, file, cases[-5]["ids"][0])
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    sources = json.dumps(SOURCES, separators=(",", ":"))
    (HERE / "data" / "beams.json").write_text(f'{{"sources":{sources},\n"cases":[\n{lines}\n]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
