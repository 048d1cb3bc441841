"""Makes the tiny tokenizers of translation models for the golden cases, in tests/golden/tokenizers.

usage: train_pieces.py

One SentencePiece model in the id order of each family, and a byte-level BPE for BART, LED and Blenderbot; around them the
files that the tokenizer class of the family reads. They are committed; running this again gives the same files with the
same versions of `sentencepiece` and `tokenizers`.
"""

import io
import json
from pathlib import Path

import sentencepiece
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, trainers
from transformers import T5Tokenizer

OUT = Path(__file__).resolve().parents[2] / "tests" / "golden" / "tokenizers"

SOURCES = [
    "The dog ate the food. A cat ate it.",
    "She travelled to France with her two brothers.",
    "They visited the museum and ate bread and cheese.",
    "The developer argued with the designer.",
    "Where is the food of the cat? I am at home, and she is not.",
]
TARGETS = [
    "Le chien a mangé la nourriture. Un chat l'a mangée.",
    "Elle est allée en France avec ses deux frères.",
    "Ils ont visité le musée et mangé du pain et du fromage.",
    "La développeuse s'est disputée avec le designer.",
    "Où est la nourriture du chat ? Je suis à la maison.",
]
LISTED = {"ensure_ascii": False, "separators": (",", ":")}


def train(sentences, size, **options):
    """The bytes of a SentencePiece model without a normaliser."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences * 4),
        model_writer=model,
        vocab_size=size,
        hard_vocab_limit=False,
        minloglevel=2,
        normalization_rule_name="identity",
        num_threads=1,
        **options,
    )
    return model.getvalue()


def vocabulary(first, *trained, last=()):
    """Ids of the special pieces that come first, of all pieces, and of those that come last."""
    words = dict.fromkeys(first)
    for model in trained:
        processor = sentencepiece.SentencePieceProcessor(model_proto=model)
        words.update(dict.fromkeys(processor.id_to_piece(i) for i in range(processor.get_piece_size())))
    words.update(dict.fromkeys(last))
    return {word: i for i, word in enumerate(words)}


def byte_level():
    """vocab.json and merges.txt with BART's special tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in specials],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(SOURCES + TARGETS, trainer)
    content = json.loads(tokenizer.to_str())["model"]
    vocab = {**content["vocab"], "<mask>": len(content["vocab"])}
    merges = "".join(f"{left} {right}\n" for left, right in content["merges"])
    return {"vocab.json": vocab, "merges.txt": "#version: 0.2\n" + merges}


def write(name, tokenizer_config, files):
    folder = OUT / name
    folder.mkdir(parents=True, exist_ok=True)
    for file, content in {**files, "tokenizer_config.json": tokenizer_config}.items():
        if isinstance(content, bytes):
            (folder / file).write_bytes(content)
            continue
        text = content if isinstance(content, str) else json.dumps(content, **LISTED) + "\n"
        (folder / file).write_text(text, encoding="utf-8")


def main():
    both = train(SOURCES + TARGETS, 120)
    source, target = train(SOURCES, 80), train(TARGETS, 90)
    t5 = train(SOURCES + TARGETS, 120, pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    sides = {"source.spm": source, "target.spm": target}
    marian = {"tokenizer_class": "MarianTokenizer", "source_lang": "en", "target_lang": "fr", "model_max_length": 64}
    write("marian", marian, {**sides, "vocab.json": vocabulary(["</s>", "<unk>"], source, target, last=[">>fra<<", "<pad>"])})
    write("marian_two", {**marian, "separate_vocabs": True}, {
        **sides,
        "vocab.json": vocabulary(["</s>", "<unk>"], source, last=["<pad>"]),
        "target_vocab.json": vocabulary(["</s>", "<unk>"], target, last=["<pad>"]),
    })
    bpe = {"sentencepiece.bpe.model": both}
    m2m = vocabulary(["<s>", "<pad>", "</s>", "<unk>"], both)
    write("m2m100", {"tokenizer_class": "M2M100Tokenizer", "src_lang": "en", "tgt_lang": "fr"}, {**bpe, "vocab.json": m2m})
    codes = ["deu_Latn", "eng_Latn", "fra_Latn"]
    write("nllb", {"tokenizer_class": "NllbTokenizer", "src_lang": "eng_Latn", "tgt_lang": "fra_Latn",
                   "extra_special_tokens": codes}, bpe)
    write("mbart", {"tokenizer_class": "MBartTokenizer", "src_lang": "en_XX", "tgt_lang": "fr_XX"}, bpe)
    write("mbart50", {"tokenizer_class": "MBart50Tokenizer", "src_lang": "en_XX", "tgt_lang": "fr_XX"}, bpe)
    write("plbart", {"tokenizer_class": "PLBartTokenizer", "language_codes": "base", "src_lang": "java", "tgt_lang": "en_XX"},
          bpe)
    write("t5", {"tokenizer_class": "T5Tokenizer", "extra_ids": 3, "model_max_length": 64}, {"spiece.model": t5})
    # transformers has no class that reads UMT5's pieces.
    settings = {"tokenizer_class": "T5Tokenizer", "extra_ids": 3, "model_max_length": 64, "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"}
    write("umt5", settings, {"tokenizer.json": json.loads(T5Tokenizer.from_pretrained(OUT / "t5").backend_tokenizer.to_str())})
    write("pegasus", {"tokenizer_class": "PegasusTokenizer", "offset": 3, "model_max_length": 64}, {"spiece.model": t5})
    special = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "mask_token": "<mask>",
               "cls_token": "<s>", "sep_token": "</s>"}
    pairs = byte_level()
    write("bart", {"tokenizer_class": "BartTokenizer", **special}, pairs)
    write("blenderbot", {"tokenizer_class": "BlenderbotTokenizer", "add_prefix_space": True, **special}, pairs)


if __name__ == "__main__":
    main()
