"""Makes the two tiny tokenizers that the golden cases share, in tests/golden/tokenizers.

usage: train_tokenizers.py

`gpt2`: byte-level BPE in the form of GPT-2's files, with `<|endoftext|>` as its only special token.
`llama`: byte-level BPE in the form of Llama 3's files: `<s>` is put in front of every text by the template,
`</s>` ends a text, `<pad>` fills batches.
They are committed; running this again gives the same files with the same version of `tokenizers`.
"""

import json
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "tokenizers"

SENTENCES = [
    "The quick brown fox jumps over the lazy dog.",
    "She travelled to France with her two brothers last summer.",
    "They visited the museum and the market, and ate bread and cheese.",
    "The developer argued with the designer because her idea was hard to implement.",
    "What is the capital of Italy? The capital of Italy is Rome.",
    "I'm going to buy some bread; you're going to stay at home.",
    "There were 12 apples, 34 oranges and 560 nuts on the table.",
    "Le chat dort sur la table de la cuisine.",
    "Der Hund läuft schnell über die Straße.",
]


def train(vocab_size, specials):
    """BPE over bytes; all 256 bytes are in the vocabulary, so any text has a tokenization."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        SENTENCES,
        trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=[AddedToken(token, special=True, normalized=False) for token in specials],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return tokenizer


def write(folder, tokenizer, config):
    folder.mkdir(parents=True, exist_ok=True)
    content = json.loads(tokenizer.to_str())
    (folder / "tokenizer.json").write_text(
        json.dumps(content, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


def main():
    end = "<|endoftext|>"
    gpt2 = train(340, [end])
    gpt2.post_processor = processors.ByteLevel(trim_offsets=False)
    write(
        OUT / "gpt2",
        gpt2,
        {
            "tokenizer_class": "GPT2Tokenizer",
            "add_prefix_space": False,
            "bos_token": end,
            "eos_token": end,
            "unk_token": end,
            "model_max_length": 1024,
        },
    )
    llama = train(353, ["<s>", "</s>", "<pad>"])
    llama.post_processor = processors.Sequence(
        [
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", llama.token_to_id("<s>"))]
            ),
        ]
    )
    write(
        OUT / "llama",
        llama,
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "pad_token": "<pad>",
            "clean_up_tokenization_spaces": False,
            "model_max_length": 2048,
        },
    )


if __name__ == "__main__":
    main()
