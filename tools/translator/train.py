"""Trains the English-French translator that the program brings along, and writes its folder.

usage: train.py [--steps N] [--folder models/en-fr]

Needs torch, transformers and sentencepiece; takes about 15 minutes with one thread (OMP_NUM_THREADS=1). The text
comes from grammar.py; the folder holds the model as transformers saves a MarianMTModel, and alignments.json:
held-out sentences with the words that belong together.
"""

import argparse
import io
import json
import random
import time
from pathlib import Path

import sentencepiece
import torch
from grammar import Grammar
from transformers import MarianConfig, MarianMTModel, MarianTokenizer

ROOT = Path(__file__).resolve().parents[2]
TRAINING, HELD_OUT, ALIGNED = 320_000, 2_000, 120
VOCABULARY = {"source": 420, "target": 560}
BATCH_TOKENS = 1200
LEARNING_RATE, WARM_UP = 2e-3, 400


def make_text():
    """Sentences to train with and sentences with other English."""
    grammar, training = Grammar(1), {}
    while len(training) < TRAINING:
        sentence = grammar.sentence()
        training.setdefault(sentence.en, sentence)
    grammar, held_out = Grammar(2), {}
    while len(held_out) < HELD_OUT:
        sentence = grammar.sentence()
        if sentence.en not in training:
            held_out.setdefault(sentence.en, sentence)
    return list(training.values()), list(held_out.values())


def train_pieces(folder, side, texts):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_writer=model, vocab_size=VOCABULARY[side], model_type="unigram",
        character_coverage=1.0, num_threads=1, minloglevel=2, hard_vocab_limit=False)
    (folder / f"{side}.spm").write_bytes(model.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    return [processor.id_to_piece(i) for i in range(processor.get_piece_size())]


def write_tokenizer(folder, training):
    sample = training[:40_000]
    pieces = train_pieces(folder, "source", [s.en for s in sample]) + train_pieces(folder, "target", [s.fr for s in sample])
    vocabulary = {"</s>": 0, "<unk>": 1}
    for piece in pieces:
        if piece != "<s>":
            vocabulary.setdefault(piece, len(vocabulary))
    vocabulary["<pad>"] = len(vocabulary)
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    config = {"tokenizer_class": "MarianTokenizer", "source_lang": "en", "target_lang": "fr", "model_max_length": 128,
              "separate_vocabs": False, "unk_token": "<unk>", "eos_token": "</s>", "pad_token": "<pad>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return MarianTokenizer.from_pretrained(folder)


def make_model(tokenizer):
    pad = tokenizer.pad_token_id
    torch.manual_seed(0)
    return MarianMTModel(MarianConfig(
        vocab_size=len(tokenizer), decoder_vocab_size=len(tokenizer), d_model=128, encoder_layers=2, decoder_layers=2,
        encoder_attention_heads=4, decoder_attention_heads=4, encoder_ffn_dim=256, decoder_ffn_dim=256,
        max_position_embeddings=128, activation_function="swish", scale_embedding=True, dropout=0.0, init_std=0.05,
        pad_token_id=pad, eos_token_id=0, forced_eos_token_id=0, decoder_start_token_id=pad))


def padded(rows, pad):
    longest = max(map(len, rows))
    return torch.tensor([row + [pad] * (longest - len(row)) for row in rows])


def batches(pairs, rng):
    """Endless batches of about BATCH_TOKENS, of sentences of like length."""
    while True:
        rng.shuffle(pairs)
        for start in range(0, len(pairs), 20_000):
            pool = sorted(pairs[start:start + 20_000], key=lambda pair: (len(pair[1]), len(pair[0])))
            groups, group = [], []
            for pair in pool:
                if group and (len(group) + 1) * len(pair[1]) > BATCH_TOKENS:
                    groups.append(group)
                    group = []
                group.append(pair)
            rng.shuffle(groups)
            yield from groups


def train(model, pairs, steps, pad):
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}],
                                  lr=LEARNING_RATE, betas=(0.9, 0.98))
    model.train()
    begin = time.process_time()
    stream = batches(pairs, random.Random(3))
    for step in range(steps):
        rate = LEARNING_RATE * min((step + 1) / WARM_UP, (steps - step) / (steps - WARM_UP))
        for group in optimizer.param_groups:
            group["lr"] = rate
        batch = next(stream)
        source = padded([s for s, _ in batch], pad)
        target = padded([t for _, t in batch], pad)
        given = torch.cat([torch.full((len(batch), 1), pad), target[:, :-1]], 1)
        logits = model(input_ids=source, attention_mask=source.ne(pad).long(), decoder_input_ids=given,
                       use_cache=False).logits
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=pad)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 100 == 0 or step == steps - 1:
            print(f"step {step} loss {loss.item():.4f} seconds {time.process_time() - begin:.0f}", flush=True)


def translate(model, tokenizer, sentences, **options):
    model.eval()
    texts = []
    for start in range(0, len(sentences), 100):
        batch = tokenizer([s.en for s in sentences[start:start + 100]], return_tensors="pt", padding=True)
        ids = model.generate(**batch, do_sample=False, max_length=128, **options)
        texts += tokenizer.batch_decode(ids, skip_special_tokens=True)
    return texts


def write_alignments(path, sentences, texts):
    """The first held-out sentences that are translated exactly, with their pairs of words."""
    right = [s for s, text in zip(sentences, texts) if s.fr == text][:ALIGNED]
    entries = [{"source": s.en, "target": s.fr, "pairs": [list(pair) for pair in s.pairs]} for s in right]
    lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in entries)
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--folder", type=Path, default=ROOT / "models" / "en-fr")
    arguments = parser.parse_args()
    folder = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    training, held_out = make_text()
    print(f"{len({s.kind for s in training})} types of sentences")
    tokenizer = write_tokenizer(folder, training)
    pad = tokenizer.pad_token_id
    pairs = [(tokenizer(s.en).input_ids, tokenizer(text_target=s.fr).input_ids) for s in training]
    model = make_model(tokenizer)
    print(f"{sum(p.numel() for p in model.parameters())} weights, {len(tokenizer)} words")
    train(model, pairs, arguments.steps, pad)
    model.generation_config.update(num_beams=4, max_length=128, bad_words_ids=[[pad]])
    model.save_pretrained(folder)
    texts = translate(model, tokenizer, held_out, num_beams=1)
    exact = sum(s.fr == text for s, text in zip(held_out, texts))
    print(f"held out: {exact} of {len(held_out)} translated exactly (greedy)")
    for sentence, text in [(s, t) for s, t in zip(held_out, texts) if s.fr != t][:20]:
        print(f"  {sentence.en}\n    {sentence.fr}\n    {text}")
    write_alignments(folder / "alignments.json", held_out, texts)


if __name__ == "__main__":
    main()
