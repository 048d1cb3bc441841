"""Writes data/pieces.json: small SentencePiece models trained here, model folders around them, and what transformers'
tokenizers give for texts of data/texts.json, as sources and as targets.

Run it with transformers 5.23, sentencepiece and protobuf (offline): python make_pieces.py
"""

import base64
import io
import json
import os
import tempfile
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
warnings.filterwarnings("ignore")

import sentencepiece  # noqa: E402
from make_data import CORPUS, TEXTS, compact  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
MORE = [">>fra<< Hello world", ">>fra<<Hello <pad> world", "x >>fra<< y", "__java__ int <mask> a", "ar_AR fr_XX", "a <mask> b",
        "__en__ text __fr__", "<s>x</s>y<unk>z<pad>", "é <0x41> b", "de l'école , n't stop ."]

BLENDERBOT = ["__start__hello __END__ x __end__.", "ΟΔΟΣ ΣΑΣ Σ ΑΣ' ΑΣ.Β ΑΣ\u0301", "don't.stop,(now)!? ''a'' ...", "end.\nnext '\nx a\n\nb \n c",
              "İSTANBUL IŞIK ẞ ǅ", "a\x1cb\x85c\u3000d\u200be", "upper Upper the dog. THE DOG the  dog"]


def train(size, **options):
    """The bytes of a model; its normaliser has four rules, so that it stays small."""
    model = io.BytesIO()
    with tempfile.NamedTemporaryFile("w", suffix=".tsv") as rules:
        rules.write("FB01\t66 69\nA0\t20\n212B\tC5\nFF0C\t2C\n")
        rules.flush()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(CORPUS), model_writer=model, vocab_size=size, hard_vocab_limit=False, minloglevel=2,
            normalization_rule_tsv=rules.name, num_threads=1, **options)
    return model.getvalue()


def pieces_of(model):
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def vocabulary(first, *models, last=()):
    words = dict.fromkeys(first)
    for model in models:
        words.update(dict.fromkeys(piece for piece in pieces_of(model) if piece not in last))
    words.update(dict.fromkeys(last))
    return {word: i for i, word in enumerate(words)}


def make_models():
    return {
        "source": train(120),
        "target": train(150, character_coverage=0.98, user_defined_symbols=["▁the"]),
        "bpe": train(220, model_type="bpe"),
        "bytes": train(420, byte_fallback=True),
        "t5": train(130, pad_id=0, eos_id=1, unk_id=2, bos_id=-1),
    }


def blenderbot_small():
    """vocab.json and merges.txt of byte-pair encoding with "@@" behind pieces that do not end a word."""
    from tokenizers import Tokenizer, pre_tokenizers, trainers
    from tokenizers.models import BPE

    bpe = Tokenizer(BPE(end_of_word_suffix="</w>"))
    bpe.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()])
    bpe.train_from_iterator(
        [line.lower() for line in CORPUS], trainers.BpeTrainer(vocab_size=190, end_of_word_suffix="</w>", show_progress=False))
    model = json.loads(bpe.to_str())["model"]
    pieces = [p.removesuffix("</w>") if p.endswith("</w>") else p + "@@" for p in sorted(model["vocab"], key=model["vocab"].get)]
    # A special token that the vocabulary lacks, an entry in upper case, and single letters within words.
    pieces = ["__null__", "__start__", "__end__", "Upper", "_@@", "ς", "ο@@", "'", ".", "?", *pieces, "__unk__"]
    words = {word: i for i, word in enumerate(dict.fromkeys(pieces))}
    return {"vocab.json": words, "merges.txt": "".join(f"{line}\n" for line in [
        "#version: 0.2", *(" ".join(merge) for merge in model["merges"]), "_ _", "x", "l n </w>", "t h"])}


def make_cases(models):
    spm = lambda name: {"spm": name}  # noqa: E731
    marian = vocabulary(["</s>", "<unk>"], models["source"], models["target"], last=[">>fra<<", ">>deu<<", "<pad>"])
    own = [vocabulary(["</s>", "<unk>"], models[side], last=["<pad>"]) for side in ("source", "target")]
    m2m = vocabulary(["<s>", "<pad>", "</s>", "<unk>"], models["bpe"], last=["madeupword0", "madeupword1"])
    files = lambda name, **more: {"source.spm": spm("source"), "target.spm": spm("target"), "vocab.json": name, **more}  # noqa: E731
    config = lambda model, **settings: {"config.json": {"model_type": model}, "tokenizer_config.json": settings}  # noqa: E731
    bpe, t5 = {"sentencepiece.bpe.model": spm("bpe")}, {"spiece.model": spm("t5")}
    xlm = {"sentencepiece.bpe.model": spm("source")}
    return {
        "marian": {**config("marian", source_lang="en", target_lang="fr"), **files(marian)},
        "marian byte pieces": {**config("marian", tokenizer_class="MarianTokenizer", model_max_length=64, additional_special_tokens=["<new>"]),
                               **files(marian), "source.spm": spm("bytes")},
        "marian separate": {**config("marian", separate_vocabs=True), **files(own[0], **{"target_vocab.json": own[1]})},
        "m2m100": {**config("m2m_100", src_lang="de", tgt_lang="fr"), "vocab.json": m2m, **bpe},
        "m2m100 listed": {**config("m2m_100", tgt_lang="en", additional_special_tokens=[f"__{c}__" for c in (
            "af", "am", "ar", "ast", "az")]), "vocab.json": m2m, **bpe},
        "wmt21": {**config("m2m_100", tokenizer_class="M2M100Tokenizer", language_codes="wmt21", src_lang="ha", tgt_lang="de"),
                  "vocab.json": m2m, **bpe},
        "plbart": {**config("plbart", language_codes="base", src_lang="java", tgt_lang="en_XX"), **bpe},
        "plbart no language": {**config("plbart", additional_special_tokens=["<new>"]), "sentencepiece.bpe.model": spm("bytes")},
        "plbart multi": {**config("plbart", language_codes="multi", tgt_lang="__go__", additional_special_tokens=["<new>"]), **bpe},
        "t5": {**config("t5"), **t5},
        "mt5": {**config("mt5", extra_ids=3, tokenizer_class="T5Tokenizer"), **t5},
        "pegasus": {**config("pegasus", offset=5), **t5},
        "mbart": {**config("mbart", src_lang="de_DE", tgt_lang="fr_XX"), **xlm},
        "mbart target as source": {**config("mbart", src_lang="ro_RO"), **xlm},
        "mbart50": {**config("mbart", tokenizer_class="MBart50Tokenizer", src_lang="af_ZA", tgt_lang="gl_ES"), **xlm},
        "xlm-roberta": {**config("xlm-roberta"), **xlm},
        "nllb": {**config("m2m_100", tokenizer_class="NllbTokenizer", src_lang="fra_Latn", tgt_lang="deu_Latn",
                          extra_special_tokens=["eng_Latn", "fra_Latn", "deu_Latn"]), **bpe},
        "nllb legacy": {**config("m2m_100", tokenizer_class="NllbTokenizer", legacy_behaviour=True, src_lang="eng_Latn", tgt_lang="fra_Latn",
                                 extra_special_tokens=["eng_Latn", "fra_Latn"]), **bpe},
        "blenderbot small": {**config("blenderbot-small"), **blenderbot_small()},
        "blenderbot small with tokens": {**config(
            "blenderbot-small", tokenizer_class="BlenderbotSmallTokenizer", model_max_length=512, pad_token="<new>",
            additional_special_tokens=["the dog"]), **blenderbot_small()},
    }


def describe(tokenizer, texts, saved):
    entries = []
    separate = getattr(tokenizer, "separate_vocabs", False)  # transformers decodes target ids only
    for text in texts:
        source = tokenizer(text)["input_ids"]
        target = tokenizer(text_target=text)["input_ids"]
        plain = tokenizer(text, add_special_tokens=False)["input_ids"]
        decoded = [tokenizer.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=False)
                   for ids in ((target, target) if separate else (source, target)) for skip in (False, True)]
        entries.append([source, target, plain, decoded])
    sample = tokenizer(text_target="Hello <unk> the café")["input_ids"]
    tokens = tokenizer.convert_ids_to_tokens(sample)
    limit = tokenizer.model_max_length
    return {
        "class": type(tokenizer).__name__, "size": len(tokenizer), "max_length": limit if limit < 1e20 else None,
        "special": [getattr(tokenizer, f"{n}_token_id") for n in ("bos", "eos", "pad", "unk")],
        "special_ids": tokenizer.all_special_ids, "sample": sample, "separate": separate, "tokens": tokens,
        "joined": saved.convert_tokens_to_string(tokens), "texts": entries}


def expect(models, files, texts):
    with tempfile.TemporaryDirectory() as folder:
        for name, value in files.items():
            with open(os.path.join(folder, name), "wb") as out:
                out.write(value.encode() if isinstance(value, str) else
                          models[value["spm"]] if "spm" in value else compact(value).encode())
        return describe(AutoTokenizer.from_pretrained(folder), texts, AutoTokenizer.from_pretrained(folder))


def main():
    models = make_models()
    cases = make_cases(models)
    lines = []
    for i, (name, files) in enumerate(cases.items()):
        texts = TEXTS[i % 3::3] + MORE if i > 0 else TEXTS + MORE
        if name.startswith("blenderbot small"):
            texts = (TEXTS if name == "blenderbot small" else TEXTS[::5]) + BLENDERBOT
        got = expect(models, files, texts)
        print(name, got["class"], got["size"], got["special"])
        lines.append(f"{compact(name)}:" + compact({"files": files, "texts_from": texts, **got}))
    with open(os.path.join(HERE, "pieces.json"), "w", encoding="utf-8") as out:
        spm = {name: base64.b64encode(model).decode() for name, model in models.items()}
        out.write('{"spm":{\n' + ",\n".join(f"{compact(k)}:{compact(v)}" for k, v in spm.items()) + "\n},\n")
        out.write('"cases":{\n' + ",\n".join(lines) + "\n}}\n")


if __name__ == "__main__":
    main()
