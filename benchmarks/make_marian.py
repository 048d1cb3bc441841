"""Writes a Marian of opus-mt size with random weights, for benchmarks.

usage: make_marian.py FOLDER

6 + 6 layers of 512 units, 8 heads, 2,048 inner units, 59,514 words. The tokenizer is the one of models/en-fr; its 909
words come first and the rest are names that no text holds. Embeddings are not scaled: Python Inseq explains scaled
embeddings otherwise than we do (docs/parity.md), and here both must explain the same function.
"""

import json
import os
import shutil
import sys
from pathlib import Path

WORDS = 59514
DEMO = Path(__file__).parent.parent / "models/en-fr"


def main():
    import torch
    from transformers import MarianConfig, MarianMTModel

    folder = Path(sys.argv[1])
    if (folder / "complete").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    pad = WORDS - 1
    config = MarianConfig(
        vocab_size=WORDS, decoder_vocab_size=WORDS, d_model=512, encoder_layers=6, decoder_layers=6, encoder_ffn_dim=2048,
        decoder_ffn_dim=2048, encoder_attention_heads=8, decoder_attention_heads=8, max_position_embeddings=512,
        activation_function="swish", scale_embedding=False, init_std=0.05, pad_token_id=pad, eos_token_id=0,
        forced_eos_token_id=0, decoder_start_token_id=pad)
    model = MarianMTModel(config).eval()
    model.generation_config.num_beams = 1
    model.save_pretrained(folder)
    words = json.loads((DEMO / "vocab.json").read_text(encoding="utf-8"))
    words.pop("<pad>")
    words |= {f"<word-{i}>": i for i in range(len(words), pad)} | {"<pad>": pad}
    (folder / "vocab.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    for name in ("source.spm", "target.spm", "tokenizer_config.json"):
        shutil.copy(DEMO / name, folder / name)
    os.close(os.open(folder / "complete", os.O_CREAT | os.O_WRONLY))


if __name__ == "__main__":
    main()
