"""The lines of the benchmark table: what is timed, on which text, and what must hold."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import operations as count

CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "inseq/models"
INPUT = "Elizabeth travelled to France last summer with her two brothers. They visited the museum, ate bread and cheese, and"


@dataclass
class Model:
    name: str
    path: Path
    text: dict
    sizes: count.Sizes
    product: list  # [rows, in, out] of a typical matrix product, whose rate gives the limit


SMOLLM2 = Model(
    "SmolLM2-135M", CACHE / "SmolLM2-135M-Instruct.Q4_1.gguf",
    {"input": INPUT, "generated": INPUT + " then went to the market to buy some bread. She said, \"I'm going to France with my two brothers. I"},
    count.SMOLLM2, [280, 3072, 576])
MARIAN = Model(
    "Marian 6+6", CACHE / "bench-marian",
    {"input": "The girl's small black cat does not eat the yellow flower in front of our village.",
     "generated": "Le petit chat noir de la fille dort devant la vieille maison de la reine parce que la mère est fatiguée.",
     "attribute_target": True},
    count.MARIAN, [280, 2048, 512])


@dataclass
class Line:
    model: Model
    method: str
    dtype: str = "float32"
    bar: float | None = None  # how many times as fast as Inseq we want to be
    options: dict = field(default_factory=dict)  # of the method
    operations: object = None  # (sizes, text) -> operations of the exact algorithm; None: not bound by them
    steps: int | None = None  # that Inseq is timed on, in the middle of the text; the time is scaled to all
    bound: float | None = 1e-4  # largest accepted difference; None: random, or Inseq has no such result
    bound_on: str = "largest"  # of the differences; or that of the "median step"
    compare_in: str = ""  # "float64": both results are computed once more in it, where float32 says little
    inseq: bool = True  # whether Inseq is timed
    target: bool = True  # attribute_target, of models with an encoder

    @property
    def name(self):
        return f"{self.model.name} {self.method} {self.dtype}"


BF16 = {"dtype": "bfloat16", "bound": 0.1}
IG, SHAP, SIG, LIME = "integrated_gradients", "gradient_shap", "sequential_integrated_gradients", "lime"
DIG = "discretized_integrated_gradients"
LINES = [
    Line(SMOLLM2, "saliency", bar=4, operations=count.gradient),
    Line(SMOLLM2, "saliency", bar=12, operations=count.gradient, **BF16),
    Line(SMOLLM2, "input_x_gradient", operations=count.gradient),
    Line(SMOLLM2, "attention", bar=2),
    Line(SMOLLM2, "deeplift", bar=7, operations=count.deeplift, steps=9),
    # Near the baseline the first token decides the whole path: rounding to float32 alone moves Inseq's own result by
    # up to 4e-4 of its float64 one, and ours by 8e-4.
    Line(SMOLLM2, IG, bar=2.5, options={"n_steps": 20}, operations=count.path(20), steps=9, compare_in="float64"),
    # In bfloat16 it moves single steps by 0.4 to 22 times their largest value in Inseq, by 0.4 to 2.3 in ours.
    Line(SMOLLM2, IG, bar=8, options={"n_steps": 20}, operations=count.path(20), steps=9, bound_on="median step",
         **{**BF16, "bound": 0.2}),
    Line(SMOLLM2, SHAP, bar=3, options={"n_samples": 5}, operations=count.path(5), steps=9, bound=None),
    Line(SMOLLM2, "occlusion", bar=50, operations=count.occlusion, steps=3),
    Line(SMOLLM2, SIG, bar=5, options={"n_steps": 4}, operations=count.sequential(4), steps=1),
    Line(SMOLLM2, LIME, bar=25, options={"n_samples": 20}, operations=count.masked_texts(20), steps=5, bound=None),
    Line(SMOLLM2, "value_zeroing", inseq=False),
    Line(SMOLLM2, DIG, options={"n_steps": 20}, inseq=False),
    Line(MARIAN, "saliency", bar=8, operations=count.gradient),
    Line(MARIAN, "saliency", operations=count.gradient, **BF16),
    Line(MARIAN, "input_x_gradient", operations=count.gradient),
    Line(MARIAN, "attention", bar=2),
    Line(MARIAN, "deeplift", bar=10, operations=count.deeplift),
    Line(MARIAN, IG, bar=2.5, options={"n_steps": 20}, operations=count.path(20), steps=9),
    Line(MARIAN, IG, bar=8, options={"n_steps": 20}, operations=count.path(20), steps=9, **BF16),
    Line(MARIAN, SHAP, bar=4, options={"n_samples": 5}, operations=count.path(5), bound=None),
    # Differences of probabilities of 1e-5 that agree in five digits: float32 says little.
    Line(MARIAN, "occlusion", bar=150, operations=count.occlusion, steps=3, compare_in="float64"),
    Line(MARIAN, LIME, bar=25, options={"n_samples": 20}, operations=count.masked_texts(20), steps=5, bound=None, target=False),
    Line(MARIAN, "value_zeroing", inseq=False),
]
