"""Writes the files of corpus/ that are not copies of tests/unit/io/data: small, and with every part a reader looks at.

usage: make_corpus.py
"""

import base64
import gzip
import json
import struct
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEXT = HERE.parent / "unit" / "text" / "data"


def load(name):
    return json.loads((TEXT / name).read_text(encoding="utf-8"))


def write(name, content):
    path = HERE / "corpus" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))


def varint(value):
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A field of a protocol buffer: bytes, a float or a whole number."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def character_map():
    """That of a tokenizer in cases.json."""
    normalizer = load("cases.json")["pegasus"]["tokenizer.json"]["changes"]["normalizer"]
    return base64.b64decode(normalizer["precompiled_charsmap"])


def sentence_pieces(kind):
    """A SentencePiece model; `kind` is 1 for Unigram, 2 for byte-pair encoding."""
    pieces = [("<unk>", 0.0, 2), ("<s>", 0.0, 3), ("</s>", 0.0, 3), ("<mask>", 0.0, 4)]
    pieces += [(text, -1.0 - i, 1) for i, text in enumerate(["▁", "▁the", "th", "e", "t", "h", "o", "u", "s", "ou", "."])]
    model = b"".join(field(1, field(1, text.encode()) + field(2, score) + field(3, type)) for text, score, type in pieces)
    normalizer = field(2, character_map())
    return model + field(2, field(3, kind)) + field(3, normalizer) + field(5, normalizer)


def gguf(metadata):
    def text(value):
        return struct.pack("<Q", len(value.encode())) + value.encode()

    def value(item):
        if isinstance(item, bool):
            return 7, struct.pack("<?", item)
        if isinstance(item, int):
            return 4, struct.pack("<I", item)
        if isinstance(item, float):
            return 6, struct.pack("<f", item)
        if isinstance(item, str):
            return 8, text(item)
        kinds, contents = zip(*map(value, item))
        return 9, struct.pack("<IQ", kinds[0], len(item)) + b"".join(contents)

    out = b"GGUF" + struct.pack("<IQQ", 3, 0, len(metadata))
    for key, item in metadata.items():
        kind, content = value(item)
        out += text(key) + struct.pack("<I", kind) + content
    return out


def bundle(files):
    """A folder as tokenizer_fuzz.cpp reads it."""
    texts = {name: json.dumps(content) if isinstance(content, dict) else content for name, content in files.items()}
    as_bytes = {name: text if isinstance(text, bytes) else text.encode() for name, text in texts.items()}
    return b"\n".join(b"=== " + name.encode() + b"\n" + content for name, content in as_bytes.items())


def tokenizer_json(base, changes=None):
    whole = load("bases.json")[base]
    for part, change in (changes or {}).items():
        whole[part] = {**whole[part], **change} if part == "model" else change
    return whole


def tokenizers():
    cases = load("cases.json")
    for name in ("llama", "bert", "mbart", "gpt2 vocab and merges"):
        files = dict(cases[name])
        for file, content in files.items():
            if isinstance(content, dict) and "base" in content:
                files[file] = tokenizer_json(content["base"], content["changes"])
            if isinstance(content, dict) and "text_of" in content:
                files[file] = tokenizer_json(content["text_of"])["model"]["vocab"]
        yield name.split(" ")[0], files
    words = {token: i for i, token in enumerate(["<unk>", "</s>", "<pad>", "▁the", "e", "t", "h", ">>fr<<", "<s>", "__init__"])}
    for name, side in ((("marian", ("source.spm", "target.spm")), ("m2m_100", ("sentencepiece.bpe.model",)))):
        config = {"src_lang": "en", "tgt_lang": "fr"} if name == "m2m_100" else {}
        yield name, {
            "config.json": {"model_type": name},
            "tokenizer_config.json": config,
            "vocab.json": words,
            **{file: sentence_pieces(1) for file in side},
        }
    yield "plbart", {
        "config.json": {"model_type": "plbart"},
        "tokenizer_config.json": {"language_codes": "base", "added_tokens_decoder": {"3": {"content": "<mask>"}}},
        "sentencepiece.bpe.model": sentence_pieces(2),
    }
    yield "blenderbot_small", {
        "config.json": {"model_type": "blenderbot-small"},
        "tokenizer_config.json": {},
        "vocab.json": {"__unk__": 0, "__start__": 1, "th@@": 2, "e</w>": 3, "the": 4, "__null__": 5},
        "merges.txt": "#version\nt h\nth e</w>\n",
    }
    yield "t5_pieces", {
        "config.json": {"model_type": "t5"},
        "tokenizer_config.json": {"extra_ids": 2},
        "spiece.model": sentence_pieces(1),
    }


def main():
    for name, kind in (("unigram", 1), ("bpe", 2)):
        write(f"sentence_pieces/{name}.model", sentence_pieces(kind))
    for name in ("chatml True", "python True", "macro True", "generation True"):
        write(f"chat_template/{name.split(' ')[0]}.jinja", load("chat.json")[name]["template"])
    values = {"a": [1, -2.5, 1e-7, True, None, "é\n"], "b": {"nan": float("nan"), "inf": [float("inf"), -float("inf")]}}
    write("python_json/values.json", json.dumps(values, indent=4))
    write("packed/text.gz", gzip.compress(b"the old house, the old house", mtime=0) * 2)
    write("packed/text.b64", base64.b64encode(bytes(range(80))))
    for name in ("bytes llama 3", "pieces"):
        data = load("gguf.json")
        metadata = {**data["shared"][data[name]["shared"]], **data[name]["metadata"]}
        write(f"gguf/{name.split(' ')[0]}.gguf", gguf(metadata))
    for name, files in tokenizers():
        write(f"tokenizer/{name}.txt", bundle(files))


if __name__ == "__main__":
    main()
