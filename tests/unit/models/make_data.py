"""Makes what agreement_test.cpp compares with: logits of transformers for small encoder–decoder models.

usage: make_data.py [MODEL ...]

models.json says how each model looks; its weights are given by a formula (tools/models/formula.py). For each model,
data/<name>.json lists its tensors, and data/<name>.safetensors holds what transformers makes of the ids in models.json:
the logits of a teacher-forced pass, and the embeddings of both sides as Inseq gives them to the model.
"""

import json
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import AutoModelForSeq2SeqLM

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "tools" / "models"))
import formula  # noqa: E402


def send_to_chosen_experts():
    """Makes NLLB-MoE's tokens go through the experts that the router chose.

    transformers 5.23 takes the mask of the first choices, zeros and ones, for numbers of experts: every token goes
    through experts 0 and 1.
    """
    from transformers.models.nllb_moe.modeling_nllb_moe import NllbMoeExperts

    def forward(self, hidden_states, router_mask, router_probs):
        out = torch.zeros_like(hidden_states)
        for index in range(self.num_experts):
            rows = router_probs[:, index] > 0
            out[rows] += self[f"expert_{index}"](hidden_states[rows]) * router_probs[rows, index, None]
        return out * (1 - self.moe_token_dropout)

    NllbMoeExperts.forward = forward


def tensors_of(model):
    """Descriptions of the tensors that the checkpoint holds, by name."""
    tensors = formula.describe(model["config"], model.get("scales"))
    for name in [name for name in tensors if any(piece in name for piece in model.get("drop", []))]:
        del tensors[name]
    if "strip" in model:  # as a checkpoint saved without its head
        tensors = {name.removeprefix(model["strip"]): value for name, value in tensors.items()}
    for old, new in model.get("rename", {}).items():
        tensors[new] = tensors.pop(old)
    for new, like in model.get("add", {}).items():
        tensors[new] = dict(tensors[like])
    return tensors


def load(model, dtype, attention="eager"):
    """The model as transformers loads it from its checkpoint."""
    weights = {
        key: torch.from_numpy(formula.tensor(key, model["seed"], value)) for key, value in tensors_of(model).items()
    }
    for new, old in model.get("copies", {}).items():
        weights[new] = weights[old].clone()
    with tempfile.TemporaryDirectory() as folder:
        save_file(weights, Path(folder) / "model.safetensors", metadata={"format": "pt"})
        (Path(folder) / "config.json").write_text(json.dumps(model["config"]), encoding="utf-8")
        loaded = AutoModelForSeq2SeqLM.from_pretrained(folder, attn_implementation=attention, dtype=dtype)
    return loaded.eval()


def main(names):
    send_to_chosen_experts()
    models = json.loads((HERE / "models.json").read_text(encoding="utf-8"))
    for name in names or models:
        model = models[name]
        tensors = tensors_of(model)
        loaded = load(model, torch.float32)
        source, target = torch.tensor([model["source"]]), torch.tensor([model["target"]])
        encoder, decoder = loaded.get_encoder(), loaded.get_decoder()
        # Inseq scales embeddings where the halves have a scale of their own.
        scale = getattr(encoder, "embed_scale", 1.0)
        with torch.no_grad():
            logits = loaded(input_ids=source, decoder_input_ids=target).logits
            embeddings = encoder.embed_tokens(source) * scale, decoder.embed_tokens(target) * scale
        save_file(
            {"logits": logits[0], "source": embeddings[0][0], "target": embeddings[1][0]},
            HERE / "data" / f"{name}.safetensors",
        )
        (HERE / "data" / f"{name}.json").write_text(json.dumps(tensors, separators=(",", ":")) + "\n", encoding="utf-8")
        print(name, "largest logit", round(logits.abs().max().item(), 2))


if __name__ == "__main__":
    main(sys.argv[1:])
