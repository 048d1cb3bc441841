"""Makes data.json: what transformers' generate() does with a small table model, for many options.

    python tests/golden/generation/make_data.py

The model has 37 words. The logits after the words (..., p, l) are (after[l] + skip[p]) / 1024, where p counts
for nothing if it is padding or missing. Both tables are integers, so every logit is exact in float32. For beams
(71 l + 31 t) % 1021 / 2^20 is added to the logit of word t.
"""

import collections
import json
import pathlib
import random

import torch
import transformers
from transformers import GenerationConfig, GenerationMixin, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutput

VOCAB, PAD, EOS, OTHER_EOS = 37, 0, 1, 5

PROMPTS = {
    "single": [[7, 12, 7, 30, 12, 7]],
    "one_word": [[9]],
    "batch": [[7, 12, 7, 30, 12, 7], [20, 21, 33], [9]],
    "words": [[9], [14], [26]],
}


def make_tables():
    rng = random.Random(2054)
    after, skip = ([[rng.randrange(-2500, 2500) for _ in range(VOCAB)] for _ in range(VOCAB)] for _ in range(2))
    for row in after:
        row[PAD] = -30000  # never written, so that only padding looks like padding
        row[EOS] += 700
        row[OTHER_EOS] += 700
    return after, skip


class TableConfig(PreTrainedConfig):
    model_type = "table"

    def __init__(self, vocab_size=VOCAB, max_position_embeddings=None, **kwargs):
        self.vocab_size = vocab_size
        self.max_position_embeddings = max_position_embeddings
        super().__init__(**kwargs)


class TableModel(PreTrainedModel, GenerationMixin):
    config_class = TableConfig

    def __init__(self, config, after, skip):
        super().__init__(config)
        self.after, self.skip = (torch.nn.Parameter(torch.tensor(t, dtype=torch.float32) / 2**20) for t in (after, skip))

    def prepare_inputs_for_generation(self, input_ids, attention_mask=None, **kwargs):
        return {"input_ids": input_ids, "attention_mask": attention_mask}

    def forward(self, input_ids, attention_mask=None, return_dict=True):
        logits = self.after[input_ids]
        before = self.skip[input_ids[:, :-1]]
        if attention_mask is not None:
            before = before * attention_mask[:, :-1, None]
        logits[:, 1:] += before
        return CausalLMOutput(logits=logits)


BASE = {"max_new_tokens": 24, "eos_token_id": EOS, "pad_token_id": PAD}


def text_cases():
    """(name, prompts, options of the user, generation_config.json or None, positions of the model or None)"""
    case = lambda name, prompts, options, file=None, positions=None: (name, prompts, options, file, positions)
    with_base = lambda **options: {**BASE, **options}
    yield case("greedy", "single", BASE)
    yield case("greedy_batch", "batch", BASE)
    yield case("greedy_one_word_prompts", "words", BASE)
    yield case("no_eos", "batch", {"max_new_tokens": 24})
    yield case("default_length", "single", {})
    yield case("default_length_within_positions", "single", {}, positions=16)
    yield case("max_length", "batch", {"max_length": 12, "pad_token_id": PAD})
    yield case("max_new_tokens_wins", "single", {"max_length": 12, "max_new_tokens": 3})
    yield case("two_eos", "batch", with_base(eos_token_id=[EOS, OTHER_EOS]))
    yield case("pad_is_first_eos", "batch", {"max_new_tokens": 24, "eos_token_id": [OTHER_EOS, EOS]})
    yield case("min_length", "batch", with_base(min_length=22))
    yield case("min_new_tokens", "batch", with_base(min_new_tokens=15))
    yield case("min_new_tokens_wins", "batch", with_base(min_new_tokens=15, min_length=28))
    yield case("min_new_tokens_two_eos", "batch", with_base(min_new_tokens=12, eos_token_id=[EOS, OTHER_EOS]))
    yield case("min_beyond_max", "batch", with_base(min_new_tokens=99))
    for penalty in (1.2, 1.9, 0.7):
        yield case(f"repetition_penalty_{penalty}", "single", with_base(repetition_penalty=penalty))
        yield case(f"repetition_penalty_{penalty}_batch", "batch", with_base(repetition_penalty=penalty))
    yield case("repetition_penalty_longer", "batch", {"max_new_tokens": 60, "repetition_penalty": 1.3})
    for size in (1, 2, 3):
        yield case(f"no_repeat_ngram_{size}", "single", {"max_new_tokens": 25, "no_repeat_ngram_size": size})
    for size in (2, 3):
        yield case(f"no_repeat_ngram_{size}_batch", "batch", {"max_new_tokens": 60, "no_repeat_ngram_size": size})
    yield case("ngrams_and_penalty", "batch", with_base(repetition_penalty=1.4, no_repeat_ngram_size=2))
    words = [[12], [7, 20], [30, 12, 7], [EOS]]
    yield case("bad_words", "batch", with_base(bad_words_ids=words))
    yield case("bad_words_longer", "batch", {"max_new_tokens": 40, "bad_words_ids": [[4], [8], [15], [22, 3], [9, 9]]})
    yield case("suppress_tokens", "batch", with_base(suppress_tokens=[2, 7, 12, 19, 33]))
    yield case("begin_suppress_tokens", "batch", with_base(begin_suppress_tokens=list(range(3, 30))))
    yield case("forced_bos", "one_word", with_base(forced_bos_token_id=28))
    yield case("forced_bos_is_for_one_word", "single", with_base(forced_bos_token_id=28))
    yield case("forced_bos_begin_suppress", "words", with_base(forced_bos_token_id=28, begin_suppress_tokens=[*range(20)]))
    yield case("forced_eos", "batch", with_base(max_new_tokens=6, forced_eos_token_id=EOS))
    yield case("forced_eos_list", "batch", {"max_length": 10, "forced_eos_token_id": [OTHER_EOS, EOS]})
    yield case("exponential_decay", "batch", with_base(exponential_decay_length_penalty=[3, 1.15]))
    yield case("exponential_decay_two_eos", "batch",
               with_base(exponential_decay_length_penalty=[1, 1.3], eos_token_id=[EOS, OTHER_EOS]))
    yield case("renormalize", "batch", with_base(renormalize_logits=True, repetition_penalty=1.3))
    yield case("remove_invalid_values", "batch", with_base(remove_invalid_values=True, suppress_tokens=[7, 12]))
    yield case("everything", "batch",
               with_base(repetition_penalty=1.15, no_repeat_ngram_size=3, bad_words_ids=[[20], [7, 12]], min_new_tokens=8,
                         eos_token_id=[EOS, OTHER_EOS], suppress_tokens=[4, 6], begin_suppress_tokens=[11, 13],
                         exponential_decay_length_penalty=[9, 1.2], forced_eos_token_id=EOS, renormalize_logits=True))
    # Layers.
    file = {"max_length": 11, "eos_token_id": [EOS, OTHER_EOS], "pad_token_id": PAD, "repetition_penalty": 1.5,
            "temperature": 0.6, "top_p": 0.9, "unheard_of": 3}
    yield case("file", "batch", {}, file)
    yield case("file_and_user", "batch", {"repetition_penalty": 1.0, "max_length": 15}, file)
    yield case("file_max_length_user_max_new", "batch", {"max_new_tokens": 9}, file)
    yield case("file_max_new_user_max_length", "batch", {"max_length": 20}, {"max_new_tokens": 4})
    yield case("user_null_takes_back", "batch", {"eos_token_id": None, "repetition_penalty": None}, file)
    yield case("file_null_means_nothing", "batch", {}, {**file, "max_length": None, "repetition_penalty": None})
    yield case("sampling_options_do_not_change_greedy", "batch", with_base(temperature=0.3, top_k=2, top_p=0.2))
    yield case("sampling_the_likeliest", "batch", with_base(do_sample=True, top_k=1))
    yield case("sampling_with_tiny_top_p", "batch", with_base(do_sample=True, top_p=1e-6, repetition_penalty=1.3))


def scaled(tables, break_ties=False):
    """Tables over 2^20. Beams need logits that never tie: which of two equal ones topk() takes is nobody's rule."""
    after, skip = tables
    tie = lambda l, t: (71 * l + 31 * t) % 1021 if break_ties else 0
    return ([[1024 * v + tie(l, t) for t, v in enumerate(row)] for l, row in enumerate(after)],
            [[1024 * v for v in row] for row in skip])


def beam_cases():
    """As text_cases, for beam search: scores are compared, too."""
    case = lambda name, prompts, options, file=None, positions=None: (name, prompts, options, file, positions)
    for beams in (2, 4, 6):
        base = {**BASE, "num_beams": beams}
        more = lambda **options: {**base, **options}
        for prompts in ("single", "batch", "words"):
            yield case(f"beams_{beams}_{prompts}", prompts, base)
            yield case(f"beams_{beams}_{prompts}_all", prompts, more(num_return_sequences=beams))
        for early in (True, "never"):
            yield case(f"beams_{beams}_early_{early}", "batch", more(early_stopping=early, num_return_sequences=2))
            yield case(f"beams_{beams}_early_{early}_short", "batch", more(early_stopping=early, length_penalty=-1.0))
        for penalty in (-0.7, 0.0, 0.6, 2.5):
            yield case(f"beams_{beams}_length_penalty_{penalty}", "batch", more(length_penalty=penalty, num_return_sequences=2))
            yield case(f"beams_{beams}_length_penalty_{penalty}_never", "words", more(length_penalty=penalty, early_stopping="never"))
        yield case(f"beams_{beams}_two_eos", "batch", more(eos_token_id=[EOS, OTHER_EOS], num_return_sequences=beams))
        yield case(f"beams_{beams}_no_eos", "batch", {"max_new_tokens": 11, "num_beams": beams, "num_return_sequences": 2})
        yield case(f"beams_{beams}_one_token", "batch", more(max_new_tokens=1, num_return_sequences=beams))
        yield case(f"beams_{beams}_min_length", "batch", more(min_new_tokens=10))
        yield case(f"beams_{beams}_ngrams", "batch", more(no_repeat_ngram_size=2, min_new_tokens=8))
        yield case(f"beams_{beams}_repetition", "batch", more(repetition_penalty=1.6))
        yield case(f"beams_{beams}_bad_words", "batch", more(bad_words_ids=[[12], [7, 20], [30, 12, 7], [EOS]]))
        yield case(f"beams_{beams}_forced", "one_word", more(forced_bos_token_id=28, forced_eos_token_id=EOS, max_new_tokens=6))
        yield case(f"beams_{beams}_renormalize", "batch", more(renormalize_logits=True, repetition_penalty=1.3))
        yield case(f"beams_{beams}_file", "batch", {"num_return_sequences": 2}, {
            "num_beams": beams, "max_length": 14, "eos_token_id": EOS, "pad_token_id": 7, "length_penalty": 0.8, "early_stopping": True})


def sampled_beam_cases():
    """(name, options): beam search that draws its candidates. How often each text comes out is compared."""
    case = lambda name, **options: (name, {"do_sample": True, "max_new_tokens": 3, "pad_token_id": PAD, "seed": 5, **options})
    yield case("two_beams", num_beams=2, top_k=3)
    yield case("three_beams", num_beams=3, top_k=4, temperature=1.7)
    yield case("ending", num_beams=2, top_k=0, top_p=0.7, eos_token_id=[EOS, OTHER_EOS])
    yield case("early", num_beams=3, top_k=5, eos_token_id=[EOS, OTHER_EOS], early_stopping=True, max_new_tokens=4)
    yield case("length_penalty", num_beams=2, top_k=4, eos_token_id=[EOS, OTHER_EOS], length_penalty=-1.0)


def score_cases():
    """(name, options, generation_config.json or None): processed scores of the first new token when sampling."""
    case = lambda name, file=None, **options: (name, options, file)
    yield case("plain", top_k=0)
    yield case("default_top_k")
    for value in (0.2, 0.75, 1.7):
        yield case(f"temperature_{value}", temperature=value, top_k=0)
    for value in (1, 4, 36, 100):
        yield case(f"top_k_{value}", top_k=value)
    for value in (0.0, 0.1, 0.5, 0.9, 0.99):
        yield case(f"top_p_{value}", top_p=value, top_k=0)
    for value in (0.0, 0.05, 0.3, 1.0):
        yield case(f"min_p_{value}", min_p=value, top_k=0)
    for value in (0.1, 0.5, 0.95):
        yield case(f"typical_p_{value}", typical_p=value, top_k=0)
    for value in (0.001, 0.02, 0.3, 0.9):
        yield case(f"epsilon_{value}", epsilon_cutoff=value, top_k=0)
        yield case(f"eta_{value}", eta_cutoff=value, top_k=0)
    for value in (0.2, 0.6, 0.95):
        yield case(f"top_h_{value}", top_h=value, top_k=0)
    yield case("renormalize", top_k=8, renormalize_logits=True)
    yield case("user_null_top_k", top_k=None, file={"top_k": 5})
    yield case("constraints_first", top_k=6, repetition_penalty=1.8, suppress_tokens=[3, 8, 21], no_repeat_ngram_size=2)
    yield case("all", temperature=0.8, top_k=20, top_p=0.95, min_p=0.02, typical_p=0.9, epsilon_cutoff=0.005,
               eta_cutoff=0.004, repetition_penalty=1.2, renormalize_logits=True)


def padded(prompts):
    longest = max(map(len, prompts))
    ids = [[PAD] * (longest - len(p)) + p for p in prompts]
    mask = [[0] * (longest - len(p)) + [1] * len(p) for p in prompts]
    return torch.tensor(ids), torch.tensor(mask)


SAMPLED = {"prompt": [9], "times": 10000}


def sampled_texts(tables, options):
    """How often each continuation of SAMPLED's prompt is drawn: [[ids, count], ...], the most frequent first."""
    options = {**options}
    torch.manual_seed(options.pop("seed"))
    model = TableModel(TableConfig(), *tables)
    model.generation_config = GenerationConfig()
    ids = torch.tensor([SAMPLED["prompt"]] * SAMPLED["times"])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), use_cache=False, **options)
    return [[list(text), count] for text, count in collections.Counter(map(tuple, out[:, 1:].tolist())).most_common()]


def generate(tables, prompts, options, file=None, positions=None, **more):
    model = TableModel(TableConfig(max_position_embeddings=positions), *tables)
    model.generation_config = GenerationConfig(**(file or {}))
    ids, mask = padded(PROMPTS[prompts])
    return model.generate(ids, attention_mask=mask, use_cache=False, **options, **more)


def main():
    small = make_tables()
    tables = scaled(small)
    texts, scores, beams = [], [], []
    for name, prompts, options, file, positions in text_cases():
        ids = generate(tables, prompts, options, file, positions).tolist()
        texts.append({"name": name, "prompts": prompts, "options": options, "file": file, "positions": positions,
                      "ids": ids})
    for name, prompts, options, file, positions in beam_cases():
        out = generate(scaled(small, break_ties=True), prompts, options, file, positions, output_scores=True,
                       return_dict_in_generate=True)
        beams.append({"name": name, "prompts": prompts, "options": options, "file": file, "ids": out.sequences.tolist(),
                      "scores": [float(f"{v:.8g}") for v in out.sequences_scores.tolist()]})
    drawn = [{"name": name, "options": options, "texts": sampled_texts(scaled(small, break_ties=True), options)}
             for name, options in sampled_beam_cases()]
    for name, options, file in score_cases():
        out = generate(tables, "batch", options, file, do_sample=True, max_new_tokens=1, output_scores=True,
                       return_dict_in_generate=True)
        rows = [[None if v == float("-inf") else float(f"{v:.8g}") for v in row] for row in out.scores[0].tolist()]
        scores.append({"name": name, "options": options, "file": file, "scores": rows})

    greedy = {case["prompts"]: case["ids"] for case in texts if case["name"].startswith("greedy")}
    for case in texts:  # an option that changes nothing tests nothing
        known_same = case["name"] in ("forced_bos_is_for_one_word", "sampling_options_do_not_change_greedy",
                                      "sampling_the_likeliest")
        if not case["name"].startswith("greedy") and case["prompts"] in greedy:
            assert (case["ids"] == greedy[case["prompts"]]) == known_same, case["name"]

    line = lambda value: json.dumps(value, separators=(",", ":"))
    rows = lambda values: "[\n" + ",\n".join(map(line, values)) + "\n]"
    head = {"transformers": transformers.__version__, "torch": torch.__version__.split("+")[0], "pad": PAD}
    text = (f'{{\n"made_with": {line(head)},\n"prompts": {line(PROMPTS)},\n"after": {rows(small[0])},\n'
            f'"skip": {rows(small[1])},\n"texts": {rows(texts)},\n"beams": {rows(beams)},\n'
            f'"sampled": {line(SAMPLED)},\n"sampled_beams": {rows(drawn)},\n"scores": {rows(scores)}\n}}\n')
    json.loads(text)
    pathlib.Path(__file__).with_name("data.json").write_text(text)


if __name__ == "__main__":
    main()
