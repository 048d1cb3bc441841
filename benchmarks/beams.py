"""Beam search of a Marian of opus-mt size, beside transformers on the same machine and texts.

usage: beams.py BENCH_BEAMS [--runs N] [--threads N] [--beams N]

BENCH_BEAMS is build/bench_beams. The model has random weights, 6 + 6 layers of 512 units and 59,514 words; 24 source
tokens give 26 new ones. Texts must be equal before times are printed.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--beams", type=int, default=4)
    arguments = parser.parse_args()
    import torch
    from transformers import MarianConfig, MarianMTModel

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    pad = 59513
    model = MarianMTModel(MarianConfig(
        vocab_size=59514, decoder_vocab_size=59514, d_model=512, encoder_layers=6, decoder_layers=6, encoder_ffn_dim=2048,
        decoder_ffn_dim=2048, encoder_attention_heads=8, decoder_attention_heads=8, max_position_embeddings=512,
        activation_function="swish", scale_embedding=True, pad_token_id=pad, eos_token_id=0, forced_eos_token_id=0,
        decoder_start_token_id=pad)).eval()
    source = torch.randint(1, pad, (1, 24)).tolist()
    options = {"num_beams": arguments.beams, "max_new_tokens": 26, "min_new_tokens": 26, "bad_words_ids": [[pad]], "pad_token_id": pad,
               "eos_token_id": 0, "forced_eos_token_id": 0, "decoder_start_token_id": pad}
    seconds = []
    for i in range(arguments.runs + 1):
        begin = time.perf_counter()
        theirs = model.generate(torch.tensor(source), do_sample=False, **options).tolist()
        seconds += [time.perf_counter() - begin] if i else []
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        files = [Path(folder) / "source.json", Path(folder) / "options.json"]
        for file, content in zip(files, (source, options)):
            file.write_text(json.dumps(content), encoding="utf-8")
        command = [arguments.program, folder, *map(str, files), str(arguments.runs), str(arguments.threads)]
        ours = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if ours["ids"] != theirs:
        raise SystemExit(f"the texts differ:\n{ours['ids']}\n{theirs}")
    a, b = statistics.median(seconds), statistics.median(ours["seconds"])
    print(json.dumps({"beams": arguments.beams, "transformers": a, "inseq.cpp": b, "ratio": a / b}))


if __name__ == "__main__":
    main()
