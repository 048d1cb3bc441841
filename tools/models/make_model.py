"""Writes the folder of a tiny model of tests/golden/models: config, weights, tokenizer, generation settings.

usage: make_model.py MODEL FOLDER

The same folder can be made from C++ with inseq::test::write_model_folder.
"""

import json
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import formula  # noqa: E402

GOLDEN = Path(__file__).resolve().parents[2] / "tests" / "golden"


def read_model(name):
    return json.loads((GOLDEN / "models" / f"{name}.json").read_text(encoding="utf-8"))


def tensors_of(model):
    """The tensors of a checkpoint: those of the class without "drop" (pieces of names), with "add" (new names, each
    looking like another tensor) and "copies" (new names of the values of other tensors)."""
    tensors = formula.describe(model["config"], model.get("scales"))
    tensors = {name: entry for name, entry in tensors.items() if not any(piece in name for piece in model.get("drop", []))}
    for new, like in model.get("add", {}).items():
        tensors[new] = dict(tensors[like])
    for new, of in model.get("copies", {}).items():
        tensors[new] = {**tensors[of], "as": of}
    return tensors


def write_model_folder(name, folder):
    from safetensors.numpy import save_file

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    model = read_model(name)
    tensors = tensors_of(model)
    weights = {key: formula.tensor(key, model["seed"], value) for key, value in tensors.items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(model["config"], indent=2), encoding="utf-8")
    if "generation_config" in model:
        text = json.dumps(model["generation_config"], indent=2)
        (folder / "generation_config.json").write_text(text, encoding="utf-8")
    for file in sorted((GOLDEN / "tokenizers" / model["tokenizer"]).iterdir()):
        shutil.copy(file, folder / file.name)
    return tensors


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    write_model_folder(sys.argv[1], sys.argv[2])
