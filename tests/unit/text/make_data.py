"""Writes data/: small tokenizers trained here, and what transformers does with them.

Run it with transformers 5.23, tokenizers 0.23, gguf 0.19 (offline): python make_data.py [SmolLM2 GGUF file]

data/bases.json    trained tokenizer.json contents
data/texts.json    the texts that every tokenizer is asked for
data/cases.json    model folders: each file is text, JSON, or {"base": name, "changes": {…}}, a trained
                   tokenizer.json with some of its parts replaced
data/expected.json what transformers gives for each case; a null "decoded" is the text itself, a null "skipped" is "decoded"
data/chat.json     chat templates, their variables and the rendered text
data/gguf.json     metadata of two tiny GGUF files and their expected values; data/smollm2.json: of the default model
"""

import json
import os
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
CORPUS = [
    "The quick brown fox jumps over the lazy dog, and the dog sleeps on.",
    "There is nothing either good or bad, but thinking makes it so.",
    "She said that the weather in Zürich was lovely; naïve café visitors agreed.",
    "def add(a, b):\n    return a + b\n\nfor i in range(10):\n    print(add(i, 1))",
    "In 2024 there were 365 days minus 1, that is 364 or 366.",
    "Les élèves de l'école aiment les fenêtres ouvertes.",
    "the the the and and and of of to to in in that that is is",
    "我们 喜欢 学习 语言。 日本語 も 楽しい。",
] * 4

TEXTS = [
    "", " ", "  ", "a", "Hello", "Hello world", " Hello world", "Hello world ", "  Hello   world  ",
    "The quick brown fox jumps over the lazy dog.", "don't can't I'm we've they'll he'd it's DON'T",
    "1", "12", "123", "1234567", "3.14159", "In 2024, 365 days.", "x=1;y=22;z=333", " 12  34",
    "naïve café Zürich", "nai\u0308ve cafe\u0301", "ÅÅ\u212b", "ﬁne ﬂow", "ß SS ẞ", "İstanbul ıssız",
    "你好，世界", "日本語も楽しい。", "한국어 문장", "\u1112\u1161\u11ab", "مرحبا بالعالم", "שָׁלוֹם", "नमस्ते दुनिया", "ไทยแลนด์",
    "🙂", "👩‍👩‍👧‍👦 family", "🇨🇭🇫🇷", "👍🏽 ok", "e\u0301\u0302\u0303", "\u200bzero\u200dwidth\ufeff",
    "tab\there", "line\nbreak", "\n", "\n\n\n", "\r\n windows \r\n", "\x00\x01\x1f\x7f", "\u0085\u2028\u2029", "nb\u00a0sp\u3000ace",
    "a\u202eb\u202c", "<s>", "</s> <s>text</s>", "<|endoftext|>", "x<|endoftext|>y", " <|endoftext|> ",
    "<unk> <pad> [CLS] [SEP] [MASK] <mask>", "<extra_id_0> and <extra_id_1>", "▁under▁score", "Ġ and Ċ", "<0x41><0xE2>",
    "def add(a, b):\n    return a + b\n", "        eight spaces", "a" + " " * 17 + "b", "!!!???...,,,", "---===___",
    "https://example.org/a?b=c&d=%20", "user@example.org", "C++20 & <template T>", "\\n \\t \"quoted\" 'single'",
    "supercalifragilisticexpialidocious", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "ABC abc AbC", "½ ¾ ² ³ ⅷ", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "\U0010ffff\ue000",
    "<|im_start|>user\nHi<|im_end|>\n", "eng_Latn fra_Latn", "ends with newline\n", "she said that the and of to in",
]


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(name, value):
    """One line an entry, so that differences can be read."""
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as out:
        if isinstance(value, dict):
            out.write("{\n" + ",\n".join(compact(k) + ":" + compact(v) for k, v in value.items()) + "\n}\n")
        else:
            out.write("[\n" + ",\n".join(compact(v) for v in value) + "\n]\n")


def train_bases():
    byte_level = Tokenizer(models.BPE())
    byte_level.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    byte_level.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    byte_level.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=340, special_tokens=special, initial_alphabet=alphabet, show_progress=False))

    pieces = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    pieces.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    pieces.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=True)
    pieces.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    pieces_special = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]
    pieces.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=400, special_tokens=pieces_special, show_progress=False))

    unigram = Tokenizer(models.Unigram())
    unigram.normalizer = normalizers.Replace(Regex(" {2,}"), " ")
    unigram.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
    unigram.decoder = decoders.Metaspace(prepend_scheme="always", split=True)
    unigram.train_from_iterator(CORPUS, trainers.UnigramTrainer(
        vocab_size=140, special_tokens=["<pad>", "</s>", "<unk>"], unk_token="<unk>", show_progress=False))

    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.decoder = decoders.WordPiece()
    words.train_from_iterator(CORPUS, trainers.WordPieceTrainer(
        vocab_size=200, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))

    bases = {"byte_level": byte_level, "pieces": pieces, "unigram": unigram, "words": words}
    bases = {name: json.loads(t.to_str()) for name, t in bases.items()}
    # The byte tokens are part of the vocabulary, not added tokens.
    bases["pieces"]["added_tokens"] = bases["pieces"]["added_tokens"][:3]
    return bases


def added(token, index, **flags):
    entry = {"id": index, "content": token, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True}
    return {**entry, **flags}


def without_id(entry):
    return {k: v for k, v in entry.items() if k != "id"}


def template(prefix, suffix):
    piece = lambda token: {"SpecialToken": {"id": token, "type_id": 0}}  # noqa: E731
    text = lambda name: {"Sequence": {"id": name, "type_id": 0}}  # noqa: E731
    single = [piece(t) for t, _ in prefix] + [text("A")] + [piece(t) for t, _ in suffix]
    return {"type": "TemplateProcessing", "single": single, "pair": single + [text("B")],
            "special_tokens": {t: {"id": t, "ids": [i], "tokens": [t]} for t, i in prefix + suffix}}


LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def split_and_bytes(regex):
    return {"type": "Sequence", "pretokenizers": [
        {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": False},
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]}


def tiny_character_map():
    """A normaliser of SentencePiece with three rules."""
    import base64

    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2

    with tempfile.TemporaryDirectory() as folder:
        rules, text = os.path.join(folder, "rules.tsv"), os.path.join(folder, "text")
        with open(rules, "w") as out:
            out.write("FB01\t66 69\nA0\t20\n212B\tC5\n")
        with open(text, "w") as out:
            out.write("\n".join(CORPUS))
        sentencepiece.SentencePieceTrainer.train(
            input=text, model_prefix=os.path.join(folder, "m"), vocab_size=80, normalization_rule_tsv=rules,
            hard_vocab_limit=False, minloglevel=2)
        proto = sentencepiece_model_pb2.ModelProto()
        with open(os.path.join(folder, "m.model"), "rb") as made:
            proto.ParseFromString(made.read())
    charsmap = proto.normalizer_spec.precompiled_charsmap
    return {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode()}


def make_cases(bases):
    vocab = bases["byte_level"]["model"]["vocab"]
    merges = bases["byte_level"]["model"]["merges"]
    size = len(vocab)
    merges_text = "#version: 0.2\n" + "\n".join(" ".join(m) for m in merges) + "\n"
    piece_size = len(bases["pieces"]["model"]["vocab"])
    unigram_size = len(bases["unigram"]["model"]["vocab"])
    start, end = "<|im_start|>", "<|im_end|>"
    eot = added("<|endoftext|>", vocab["<|endoftext|>"])
    base = lambda name, **changes: {"base": name, "changes": changes}  # noqa: E731
    padding = {"strategy": {"Fixed": 12}, "direction": "Right", "pad_to_multiple_of": None, "pad_id": 2,
               "pad_type_id": 0, "pad_token": "<pad>"}
    truncation = {"direction": "Right", "max_length": 5, "strategy": "LongestFirst", "stride": 0}
    llama_config = {"tokenizer_class": "LlamaTokenizer", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>",
                    "model_max_length": 1000000000000000019884624838656, "legacy": False,
                    "added_tokens_decoder": {str(i): without_id(added(t, i)) for i, t in enumerate(["<unk>", "<s>", "</s>"])}}
    cases = {
        "gpt2 vocab and merges": {
            "config.json": {"model_type": "gpt2"},
            "tokenizer_config.json": {"model_max_length": 1024},
            "vocab.json": {"text_of": "byte_level"}, "merges.txt": merges_text},
        "opt vocab and merges with bos": {
            "config.json": {"model_type": "opt"},
            "tokenizer_config.json": {
                "tokenizer_class": "GPT2Tokenizer", "add_bos_token": True, "errors": "replace",
                "unk_token": {"__type": "AddedToken", **without_id(added("</s>", 0, normalized=True, special=False))},
                "bos_token": {"__type": "AddedToken", **without_id(added("</s>", 0, normalized=True, special=False))},
                "eos_token": {"__type": "AddedToken", **without_id(added("</s>", 0, normalized=True, special=False))}},
            "special_tokens_map.json": {
                "bos_token": without_id(added("</s>", 0, normalized=True)), "eos_token": "</s>",
                "pad_token": without_id(added("<pad>", 0, normalized=True)), "unk_token": "</s>"},
            "vocab.json": {"text_of": "byte_level"}, "merges.txt": merges_text},
        "gpt2 json with padding": {
            "config.json": {"model_type": "gpt2"},
            "tokenizer_config.json": {"model_max_length": 64, "add_bos_token": True, "add_prefix_space": True},
            "special_tokens_map.json": {"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>",
                                        "unk_token": "<|endoftext|>"},
            "added_tokens.json": {start: size, end: size + 1},
            "tokenizer.json": base("byte_level", added_tokens=[eot], padding=padding, truncation=truncation,
                                   post_processor={"type": "ByteLevel", "add_prefix_space": True,
                                                   "trim_offsets": False, "use_regex": True})},
        "neox json": {
            "config.json": {"model_type": "gpt_neox"},
            "tokenizer_config.json": {"tokenizer_class": "GPTNeoXTokenizer", "add_bos_token": False},
            "tokenizer.json": base("byte_level", added_tokens=[
                eot, added("  ", size, normalized=True, special=False), added("   ", size + 1, normalized=True, special=False),
                added("<|padding|>", size + 2)])},
        "llama": {
            "config.json": {"model_type": "llama"}, "tokenizer_config.json": llama_config,
            "tokenizer.json": base("pieces", post_processor=template([("<s>", 1)], []))},
        "llama legacy without prefix": {
            "config.json": {"model_type": "llama"},
            "tokenizer_config.json": {**llama_config, "tokenizer_class": "LlamaTokenizerFast", "legacy": True,
                                      "add_prefix_space": False, "pad_token": None},
            "tokenizer.json": base("pieces", post_processor=template([("<s>", 1)], []))},
        "llama 3": {
            "config.json": {"model_type": "llama"},
            "tokenizer_config.json": {
                "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": end, "model_max_length": 131072,
                "clean_up_tokenization_spaces": True,
                "added_tokens_decoder": {str(size + i): without_id(added(t, 0)) for i, t in enumerate([start, end])}},
            "chat_template.jinja": "{{ bos_token }}{% for m in messages %}[{{ m.role }}]{{ m['content'] | trim }}{% endfor %}",
            "tokenizer.json": base(
                "byte_level", model={"ignore_merges": True}, pre_tokenizer=split_and_bytes(LLAMA3_SPLIT),
                added_tokens=[added(start, size), added(end, size + 1)],
                post_processor={"type": "Sequence", "processors": [
                    {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True},
                    template([("<s>", vocab["<s>"])], [])]})},
        "llama class around bytes": {
            "config.json": {"model_type": "llama"},
            "tokenizer_config.json": {"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "eos_token": "</s>"},
            "tokenizer.json": base("byte_level", pre_tokenizer=split_and_bytes(LLAMA3_SPLIT), added_tokens=[])},
        "qwen2": {
            "config.json": {"model_type": "qwen2"},
            "tokenizer_config.json": {
                "tokenizer_class": "Qwen2Tokenizer", "bos_token": None, "eos_token": end, "pad_token": "<|endoftext|>",
                "additional_special_tokens": [start, end], "add_prefix_space": False, "image_token": "<|image|>",
                "added_tokens_decoder": {"0": without_id(eot), str(size): without_id(added(start, 0)),
                                         str(size + 1): without_id(added(end, 0)),
                                         str(size + 2): without_id(added("<think>", 0, special=False))}},
            "tokenizer.json": base("byte_level", added_tokens=[eot, added(start, size), added(end, size + 1)],
                                   pre_tokenizer=split_and_bytes(r"\p{N}+|\P{N}+"))},
        "bart": {
            "config.json": {"model_type": "bart"}, "tokenizer_config.json": {"tokenizer_class": "BartTokenizer"},
            "special_tokens_map.json": {"mask_token": {**without_id(added("<mask>", 0)), "lstrip": True}},
            "tokenizer.json": base("byte_level", post_processor=None)},
        "gemma": {
            "config.json": {"model_type": "gemma2"},
            "tokenizer_config.json": {"tokenizer_class": "GemmaTokenizer", "bos_token": "<s>", "eos_token": "</s>",
                                      "pad_token": "<pad>", "add_bos_token": True},
            "tokenizer.json": base("pieces", post_processor=template([("<s>", 1)], []),
                                   added_tokens=[added("<unk>", 0), added("<s>", 1), added("</s>", 2),
                                                 added("<pad>", piece_size), added("<mask>", piece_size + 1)])},
        "t5": {
            "config.json": {"model_type": "t5"},
            "tokenizer_config.json": {"tokenizer_class": "T5Tokenizer", "extra_ids": 2, "model_max_length": 512,
                                      "additional_special_tokens": ["<extra_id_0>", "<extra_id_1>"]},
            "tokenizer.json": base("unigram", post_processor=template([], [("</s>", 1)]),
                                   added_tokens=[added("<pad>", 0), added("</s>", 1), added("<unk>", 2),
                                                 added("<extra_id_1>", unigram_size), added("<extra_id_0>", unigram_size + 1)])},
        "unigram as it is": {
            "config.json": {"model_type": "umt5"},
            "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>", "pad_token": "<pad>",
                                      "unk_token": "<unk>"},
            "tokenizer.json": base("unigram", post_processor=template([], [("</s>", 1)]))},
        "nllb": {
            "config.json": {"model_type": "m2m_100"},
            "tokenizer_config.json": {"tokenizer_class": "NllbTokenizer", "src_lang": "fra_Latn",
                                      "additional_special_tokens": ["eng_Latn", "fra_Latn"]},
            "tokenizer.json": base("pieces", normalizer=None, added_tokens=[
                added("<s>", 1), added("</s>", 2), added("<unk>", 0), added("<pad>", piece_size),
                added("eng_Latn", piece_size + 1), added("fra_Latn", piece_size + 2),
                added("<mask>", piece_size + 3, lstrip=True, normalized=True)])},
        "bert": {
            "config.json": {"model_type": "bert"},
            "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "model_max_length": 512},
            "tokenizer.json": base("words", post_processor=template([("[CLS]", 2)], [("[SEP]", 3)]))},
        "word pieces as they are": {
            "config.json": {"model_type": "granite"},
            "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"},
            "tokenizer.json": base("words")},
    }
    rare = {  # classes that differ in little; fewer texts
        "code llama": {
            "config.json": {"model_type": "code_llama"},
            "tokenizer_config.json": {"tokenizer_class": "CodeLlamaTokenizer", "unk_token": "<unk>"},
            "tokenizer.json": base("pieces", post_processor=None)},
        "cohere": {
            "config.json": {"model_type": "cohere"},
            "tokenizer_config.json": {"tokenizer_class": "CohereTokenizer", "add_bos_token": True, "bos_token": "<s>",
                                      "eos_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>"},
            "tokenizer.json": base("byte_level", post_processor=template([("<s>", vocab["<s>"])], []))},
        "codegen": {"config.json": {"model_type": "codegen"}, "tokenizer_config.json": {"tokenizer_class": "CodeGenTokenizer"},
                    "tokenizer.json": base("byte_level", post_processor=None)},
        "blenderbot": {"config.json": {"model_type": "blenderbot"},
                       "tokenizer_config.json": {"tokenizer_class": "BlenderbotTokenizer"},
                       "tokenizer.json": base("byte_level", post_processor=template([], [("</s>", vocab["</s>"])]))},
        "openai gpt": {"config.json": {"model_type": "openai-gpt"}, "tokenizer.json": base("byte_level")},
        "qwen3.5": {"config.json": {"model_type": "qwen3_5"},
                    "tokenizer_config.json": {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "</s>"},
                    "tokenizer.json": base("byte_level", added_tokens=[eot])},
        "pegasus": {"config.json": {"model_type": "pegasus"}, "tokenizer_config.json": {"offset": 4},
                    "tokenizer.json": base("unigram", normalizer=tiny_character_map())},
        "xglm": {"config.json": {"model_type": "xglm"}, "tokenizer_config.json": {"tokenizer_class": "XGLMTokenizerFast"},
                 "tokenizer.json": base("unigram", normalizer={"type": "Sequence", "normalizers": [
                     tiny_character_map(), {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}]})},
        "xlm-roberta": {"config.json": {"model_type": "xlm-roberta"}, "tokenizer.json": base("unigram")},
        "mbart": {"config.json": {"model_type": "mbart"}, "tokenizer_config.json": {"src_lang": "de_DE"},
                  "tokenizer.json": base("unigram")},
        "mbart50": {"config.json": {"model_type": "mbart"},
                    "tokenizer_config.json": {"tokenizer_class": "MBart50Tokenizer", "additional_special_tokens": ["xx_XX"]},
                    "tokenizer.json": base("unigram", model={"vocab": bases["unigram"]["model"]["vocab"] + [["en_XX", 0.0]]})},
    }
    variants = {  # a case again with overrides
        "llama with eos": ("llama", {"add_bos_token": True, "add_eos_token": True}),
        "llama 3 without bos": ("llama 3", {"add_bos_token": False}),
        "gpt2 with bos": ("gpt2 json with padding", {"add_bos_token": True, "pad_token": "<pad>"}),
    }
    return {**cases, **rare}, {**variants, **{name: (name, {}) for name in rare}}


def content_of(bases, name, value):
    if isinstance(value, str):
        return value
    if "text_of" in value:
        return compact(bases[value["text_of"]]["model"]["vocab"])
    if "base" in value:
        whole = json.loads(json.dumps(bases[value["base"]]))
        for part, change in value["changes"].items():
            whole[part] = {**whole[part], **change} if part == "model" else change
        return compact(whole)
    return compact(value)


def describe(tokenizer, every=1):
    """Everything the tests ask of a tokenizer, for every so-manieth text."""
    entries = []
    # Special tokens around a text, so that its ids need not be written twice.
    around = tokenizer("x")["input_ids"]
    first = around.index(tokenizer("x", add_special_tokens=False)["input_ids"][0])
    last = len(tokenizer("x")["input_ids"]) - first - len(tokenizer("x", add_special_tokens=False)["input_ids"])
    for text in TEXTS[::every]:
        ids = tokenizer(text)["input_ids"]
        decoded = tokenizer.decode(ids, clean_up_tokenization_spaces=False)
        skipped = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        in_bytes = [len(text[:c].encode()) for pair in offsets for c in pair]
        plain = tokenizer(text, add_special_tokens=False)["input_ids"]
        entry = [ids, None if plain == ids[first:len(ids) - last] else plain,
                 None if decoded == text else decoded, None if skipped == decoded else skipped]
        entries.append(entry + ([in_bytes] if len(entries) % 6 == 0 else []))
    sample = tokenizer(TEXTS[20] + TEXTS[40] + " the dog")["input_ids"]
    tokens = tokenizer.convert_ids_to_tokens(sample)
    name = lambda attribute: getattr(tokenizer, attribute)  # noqa: E731
    limit = tokenizer.model_max_length
    return {
        "class": type(tokenizer).__name__, "size": len(tokenizer), "max_length": limit if limit < 1e20 else None,
        "special": [name(f"{n}_token_id") for n in ("bos", "eos", "pad", "unk")],
        "special_ids": tokenizer.all_special_ids, "sample": sample, "tokens": tokens,
        "joined": tokenizer.convert_tokens_to_string(tokens), "around": [first, last], "every": every, "texts": entries}


def in_folder(files, use):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            with open(os.path.join(folder, name), "w" if isinstance(content, str) else "wb") as out:
                out.write(content)
        return use(folder)


def expect_cases(bases, cases, variants):
    expected = {}
    runs = {**{name: (name, {}) for name in cases}, **variants}  # variants come later, with fewer texts
    for name, (case, overrides) in runs.items():
        files = {file: content_of(bases, file, value) for file, value in cases[case].items()}
        got = in_folder(files, lambda folder: describe(
            AutoTokenizer.from_pretrained(folder, **overrides), 3 if name in variants else 1))
        expected[name] = {"case": case, "overrides": overrides, **got}
        print(name, got["class"], got["special"])
    return expected


CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " Hi \"there\" \n"},
        {"role": "assistant", "content": "Hello <&> é", "tool_calls": None, "reasoning": "why not"}, {"role": "user", "content": "Bye"}]
TOOLS = [{"type": "function", "function": {"name": "sum", "parameters": {
    "type": "object", "properties": {"a": {"type": "number", "default": 1.0}, "b": {"enum": [1, None, True, "é"]}}}}}]
TEMPLATES = {
    "chatml": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}"
              "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "blocks": "{%- if messages[0].role == 'system' -%}\n    {%- set system = messages[0].content %}\n{%- endif %}\n"
              "{% for m in messages[1:] %}\n  {% if loop.first %}\n{{ bos_token }}({{ system }})\n  {% endif %}\n"
              "    {% if m.role == 'assistant' %}{% continue %}{% endif %}\n{{ loop.index }}:{{ m.content.strip() }}|{{ m.content | length }}\n{% endfor %}\n",
    "tools": "{% if tools %}{{ tools | tojson }}\n{{ tools | tojson(indent=2) }}\n{% for t in tools %}{{ t.function.parameters.properties }}"
             "{% endfor %}{% else %}none{% endif %}{{ documents is none }}{{ custom }}{{ missing }}",
    "python": "{% set ns = namespace(n=0, seen=[]) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }} "
              "{{ true }} {{ none }} {{ 1.0 }} {{ 1e20 }} {{ 0.00001 }} {{ 7 // 2 }} {{ 7 / 2 }} {{ [1, 'a', none, \"it's\"] }} {{ {'a': true} }} "
              "{{ 'a,b'.split(',') }} {{ messages | map(attribute='role') | join('-') }} {{ 'ABC'.lower() | title }} {{ messages[-1]['content'][:2] }} "
              "{{ messages | selectattr('role', 'equalto', 'user') | list | length }} {{ 'x' if 'role' in messages[0] else 'y' }} "
              "{{ messages[2].reasoning_content }} {{ messages[2].thinking }} {{ messages[2].tool_calls is defined }} {{ 'é<' | tojson }}"
              " {{ {'b': 1, 'a': [1.5, {}]} | tojson(ensure_ascii=true, sort_keys=true) }} {{ true | string }} {% for k, v in messages[0].items() %}{{ k }}={{ v }};{% endfor %}",
    "generation": "{% for m in messages %}{%- if m.role == 'assistant' %}\n{% generation %}{{ m.content }}{% endgeneration %}\n{% endif %}{% endfor %}",
    "macro": "{% macro show(m, mark='*') %}{{ mark }}{{ m.role | upper }}{{ mark }}{% endmacro %}{% for m in messages %}{{ show(m) }}"
             "{% if not loop.last %}, {% endif %}{% endfor %}{{ eos_token }}",
}


def expect_chats(bases, cases):
    files = {file: content_of(bases, file, value) for file, value in cases["llama"].items()}
    tokenizer = in_folder(files, AutoTokenizer.from_pretrained)
    out = {}
    for name, text in TEMPLATES.items():
        for prompt in (False, True):
            extra = {"tools": TOOLS, "custom": [1, "two", {"three": None}]} if prompt else {}
            rendered = tokenizer.apply_chat_template(CHAT, chat_template=text, add_generation_prompt=prompt, tokenize=False, **extra)
            out[f"{name} {prompt}"] = {"template": text, "messages": CHAT, "prompt": prompt, "extra": extra, "rendered": rendered}
    return out


def gguf_bytes(metadata):
    """A GGUF file that holds only metadata."""
    import gguf

    with tempfile.NamedTemporaryFile(suffix=".gguf") as out:
        writer = gguf.GGUFWriter(out.name, metadata["general.architecture"])
        for key, value in metadata.items():
            if key == "general.architecture":
                continue
            if isinstance(value, bool):
                writer.add_bool(key, value)
            elif isinstance(value, int):
                writer.add_uint32(key, value)
            elif isinstance(value, float):
                writer.add_float32(key, value)
            elif isinstance(value, str):
                writer.add_string(key, value)
            else:
                writer.add_array(key, value)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        with open(out.name, "rb") as made:
            return made.read()


def gguf_cases(bases):
    shape = {"block_count": 1, "context_length": 64, "embedding_length": 8, "feed_forward_length": 16,
             "attention.head_count": 2, "attention.head_count_kv": 2, "attention.layer_norm_rms_epsilon": 1e-5}
    def tokens_of(name):
        vocab = bases[name]["model"]["vocab"]
        return [token for token, _ in sorted(vocab.items(), key=lambda item: item[1])]
    common = lambda arch: {"general.architecture": arch, "general.name": "tiny", **{f"{arch}.{k}": v for k, v in shape.items()}}  # noqa: E731
    byte_tokens = tokens_of("byte_level")
    pieces = tokens_of("pieces")
    merges = [" ".join(m) for m in bases["byte_level"]["model"]["merges"]]
    byte_keys = {"tokenizer.ggml.model": "gpt2", "tokenizer.ggml.tokens": byte_tokens + ["<|im_start|>", "two words", "<think>"],
                 "tokenizer.ggml.token_type": [3] * 6 + [1] * (len(byte_tokens) - 6) + [3, 3, 4],
                 "tokenizer.ggml.merges": merges, "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 3,
                 "tokenizer.chat_template": TEMPLATES["chatml"]}
    # SentencePiece files carry scores and no merges: the later a piece was learnt, the lower its score.
    scores = [0.0] * 259 + [-float(i) for i in range(len(pieces) - 259)]
    piece_keys = {"tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": pieces, "tokenizer.ggml.scores": scores,
                  "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1] * (len(pieces) - 259),
                  "tokenizer.ggml.bos_token_id": 1, "tokenizer.ggml.eos_token_id": 2, "tokenizer.ggml.unknown_token_id": 0,
                  "tokenizer.ggml.add_space_prefix": True}
    return {"bytes": byte_keys, "pieces": piece_keys}, {
        "bytes": ("bytes", {**common("llama"), "tokenizer.ggml.pre": "smollm", "tokenizer.ggml.add_bos_token": False}),
        "bytes llama 3": ("bytes", {**common("llama"), "tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": True}),
        "bytes qwen2": ("bytes", {**common("qwen2"), "tokenizer.ggml.pre": "qwen2", "tokenizer.ggml.padding_token_id": 2}),
        "pieces": ("pieces", common("llama")),
        "pieces phi3": ("pieces", {**common("phi3"), "tokenizer.ggml.add_bos_token": False}),
        "pieces gemma": ("pieces", common("gemma2")),
    }


def expect_gguf(metadata):
    use = lambda folder: describe(AutoTokenizer.from_pretrained(folder, gguf_file="model.gguf"), 3)  # noqa: E731
    return in_folder({"model.gguf": gguf_bytes(metadata)}, use)


def main():
    os.makedirs(HERE, exist_ok=True)
    bases = train_bases()
    cases, variants = make_cases(bases)
    write("bases.json", bases)
    write("texts.json", TEXTS)
    write("cases.json", cases)
    write("expected.json", expect_cases(bases, cases, variants))
    write("chat.json", expect_chats(bases, cases))
    gguf = {}
    shared, metadata_of = gguf_cases(bases)
    for name, (keys, metadata) in metadata_of.items():
        gguf[name] = {"shared": keys, "metadata": metadata, **expect_gguf({**metadata, **shared[keys]})}
        print(name, gguf[name]["class"], gguf[name]["special"])
    write("gguf.json", {"shared": shared, **gguf})
    if len(sys.argv) > 1:
        folder, file = os.path.split(sys.argv[1])
        write("smollm2.json", describe(AutoTokenizer.from_pretrained(folder, gguf_file=file)))


if __name__ == "__main__":
    main()
