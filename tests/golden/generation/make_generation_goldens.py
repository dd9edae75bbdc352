# SPDX-License-Identifier: Apache-2.0
"""Make the expected results of logits processors and of beam search, as transformers computes them.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install -r tests/golden/requirements.txt
    /tmp/golden/bin/python tests/golden/generation/make_generation_goldens.py

processors.json: contexts (token ids so far, logits) and cases: fields of generation_config.json, and the logits that
transformers' processors for these fields make of each context. -infinity is written as null. Alone and in pairs.

beams.json: for golden models of the folders beside this one, a prompt of the first ids of their input_ids, fields of
generation_config.json, and the sequences and scores of transformers' beam search. Group beam search, which transformers
no longer has, is computed here from its paper (Vijayakumar et al. 2018) in plain Python.

guidance.json: classifier-free guidance on a golden model: greedy continuations.
"""

import itertools
import json
import math
import pathlib

import safetensors.torch
import torch
import transformers
from transformers import AutoModelForCausalLM, GenerationConfig

HERE = pathlib.Path(__file__).resolve().parent
VOCAB = 48
PROMPT = 6  # tokens of a context that count as prompt

# Every processor and warper that transformers builds from a configuration, with values that change something.
SINGLE = [
    {"sequence_bias": [[[3], 2.5], [[7, 9], -4.0], [[5, 7, 11], 3.0]]},
    {"repetition_penalty": 1.7},
    {"repetition_penalty": 0.8},
    {"no_repeat_ngram_size": 1},
    {"no_repeat_ngram_size": 2},
    {"no_repeat_ngram_size": 3},
    {"bad_words_ids": [[4], [5, 7, 20], [2], [9, 10]]},
    {"min_length": 16},
    {"min_new_tokens": 8},
    {"forced_bos_token_id": 6},
    {"forced_eos_token_id": [2, 30]},
    {"exponential_decay_length_penalty": [2, 1.4]},
    {"suppress_tokens": [0, 11, 40]},
    {"begin_suppress_tokens": [1, 12, 41]},
    {"watermarking_config": {"bias": 2.5, "seeding_scheme": "lefthash"}},
    {"watermarking_config": {"greenlist_ratio": 0.4, "seeding_scheme": "selfhash", "context_width": 3,
                             "hashing_key": 99991}},
]
SAMPLED = [
    {"temperature": 0.6},
    {"temperature": 2.5},
    {"top_h": 0.5},
    {"top_k": 5},
    {"top_p": 0.7},
    {"min_p": 0.15},
    {"typical_p": 0.6},
    {"typical_p": 0.15},
    {"epsilon_cutoff": 0.03},
    {"eta_cutoff": 0.2},
]
EOS = [2, 30]
MAX_LENGTH = 19


def contexts():
    """Texts of several lengths with repetitions in them; logits without ties."""
    generator = torch.Generator().manual_seed(7)
    result = []
    for length in (1, 6, 9, 18):
        ids = torch.randint(0, 12, (length,), generator=generator).tolist()
        if length == 9:
            ids[-2:] = [5, 7]
        if length == 18:
            ids[-3:] = ids[2:5]
        logits = torch.randn(VOCAB, generator=generator) * 3
        result.append({"ids": ids, "logits": [float(x) for x in logits]})
    return result


def processors_for(model, fields, sample, beams, prompt):
    config = GenerationConfig(**{"eos_token_id": EOS, "pad_token_id": 0, "max_length": MAX_LENGTH, **fields})
    config.do_sample = sample
    config.num_beams = beams
    if sample and "top_k" not in fields:
        config.top_k = 0
    model._prepare_special_tokens(config, True, device=torch.device("cpu"))
    return model._get_logits_processor(config, input_ids_seq_length=prompt)


def numbers(row):
    """NaN, which transformers makes of a forbidden EOS that is then favoured, counts as forbidden here."""
    return [None if math.isnan(x) or x == -math.inf else float(f"{x:.8g}") for x in row.tolist()]


def make_processors(model):
    texts = contexts()
    cases = []

    def add(fields, sample, beams=1):
        # A processor object of transformers may keep state: a fresh list for every context.
        expected = []
        for text in texts:
            ids = torch.tensor([text["ids"]])
            processors = processors_for(model, fields, sample, beams, min(PROMPT, len(text["ids"])))
            scores = processors(ids, torch.tensor([text["logits"]]))
            expected.append(numbers(scores[0]))
        cases.append({"config": {**fields, "do_sample": sample, "num_beams": beams}, "expected": expected})

    for fields in SINGLE:
        add(fields, False)
    for fields in SAMPLED:
        add(fields, True)
        add(fields, True, beams=3)
    for a, b in itertools.combinations(SINGLE + SAMPLED, 2):
        if set(a) & set(b):
            continue
        add({**a, **b}, any(x in SAMPLED for x in (a, b)))
    # What a pair does to the four contexts is long; most say nothing that the pair's first context does not.
    for i, case in enumerate(cases):
        case["contexts"] = list(range(len(texts))) if len(case["config"]) == 3 else [i % 4]
        case["expected"] = [case["expected"][c] for c in case["contexts"]]
    write("processors.json", {"eos_token_id": EOS, "max_length": MAX_LENGTH, "prompt": PROMPT, "contexts": texts,
                              "cases": cases})


BEAMS = [
    ("llama-mha", 5, {"num_beams": 2, "max_new_tokens": 12}),
    ("llama-mha", 9, {"num_beams": 4, "max_new_tokens": 20, "num_return_sequences": 4}),
    ("llama-mha", 9, {"num_beams": 4, "max_new_tokens": 20, "num_return_sequences": 4, "length_penalty": 0.0}),
    ("llama-mha", 9, {"num_beams": 4, "max_new_tokens": 20, "num_return_sequences": 4, "length_penalty": 2.0}),
    ("llama-mha", 9, {"num_beams": 4, "max_new_tokens": 20, "num_return_sequences": 4, "length_penalty": -1.0}),
    ("llama-mha", 9, {"num_beams": 4, "max_new_tokens": 20, "num_return_sequences": 4, "early_stopping": True}),
    ("llama-mha", 9, {"num_beams": 4, "max_new_tokens": 20, "num_return_sequences": 4, "early_stopping": "never"}),
    ("llama-mha", 9, {"num_beams": 3, "max_new_tokens": 30, "num_return_sequences": 2, "early_stopping": "never",
                      "length_penalty": 0.5}),
    ("llama-mha", 20, {"num_beams": 5, "max_new_tokens": 16, "num_return_sequences": 5, "repetition_penalty": 1.3}),
    ("llama-mha", 20, {"num_beams": 3, "max_new_tokens": 16, "num_return_sequences": 3, "no_repeat_ngram_size": 2}),
    ("llama-mha", 20, {"num_beams": 3, "max_new_tokens": 16, "num_return_sequences": 3, "min_new_tokens": 9}),
    ("llama-mha", 20, {"num_beams": 3, "max_new_tokens": 16, "num_return_sequences": 3, "bad_words_ids": [[5], [7, 9]],
                       "renormalize_logits": True}),
    ("mistral-window", 30, {"num_beams": 4, "max_new_tokens": 40, "num_return_sequences": 4}),
    ("mistral-window", 12, {"num_beams": 6, "max_new_tokens": 30, "num_return_sequences": 6, "early_stopping": True}),
    ("qwen2-upper-window", 40, {"num_beams": 4, "max_new_tokens": 30, "num_return_sequences": 3}),
    ("qwen3-bias-window-tied", 25, {"num_beams": 3, "max_new_tokens": 40, "num_return_sequences": 3,
                                    "length_penalty": 1.5}),
    ("qwen2-gqa7-tied", 8, {"num_beams": 8, "max_new_tokens": 10, "num_return_sequences": 8}),
    ("qwen2-gqa7-tied", 8, {"num_beams": 4, "max_new_tokens": 10, "num_return_sequences": 4,
                            "forced_eos_token_id": 1}),
    ("qwen3-head-dim", 15, {"num_beams": 2, "max_new_tokens": 1, "num_return_sequences": 2}),
    ("qwen3-head-dim", 15, {"num_beams": 5, "max_new_tokens": 25, "num_return_sequences": 5,
                            "exponential_decay_length_penalty": [5, 1.1]}),
    ("llama-mlp-bias", 10, {"num_beams": 4, "max_new_tokens": 15, "num_return_sequences": 4,
                            "suppress_tokens": [3, 4], "begin_suppress_tokens": [8]}),
    ("llama-mha", 9, {"num_beams": 4, "num_beam_groups": 2, "diversity_penalty": 1.5, "max_new_tokens": 12,
                      "num_return_sequences": 4}),
    ("mistral-window", 30, {"num_beams": 6, "num_beam_groups": 3, "diversity_penalty": 0.7, "max_new_tokens": 20,
                            "num_return_sequences": 6, "length_penalty": 0.5}),
]


def load(name):
    model = AutoModelForCausalLM.from_pretrained(HERE.parent / name, attn_implementation="eager", dtype="float32").eval()
    ids = safetensors.torch.load_file(HERE.parent / name / "expected.safetensors")["input_ids"].long()
    return model, ids


def frequent_eos(model, prompt, count):
    """Tokens that the model likes to write here: with these as EOS, beams do end."""
    greedy = model.generate(prompt[None], max_new_tokens=16, do_sample=False, eos_token_id=None, pad_token_id=0)
    seen = greedy[0, len(prompt):].tolist()
    return sorted(set(seen), key=lambda i: -seen.count(i))[:count]


def group_beam_search(model, prompt, eos, fields):
    """Diverse beam search without any cleverness: no cache, all in one loop."""
    groups = fields["num_beam_groups"]
    size = fields["num_beams"] // groups
    penalty, length_penalty = fields["diversity_penalty"], fields.get("length_penalty", 1.0)
    limit, keep = fields["max_new_tokens"], max(2, 1 + len(eos)) * size
    running = [[([], 0.0)] for _ in range(groups)]
    finished = [[] for _ in range(groups)]
    done = [False] * groups
    while not all(done):
        chosen = []
        for g in range(groups):
            if done[g]:
                continue
            options = []
            for tokens, score in running[g]:
                with torch.no_grad():
                    logits = model(torch.tensor([prompt.tolist() + tokens])).logits[0, -1].float()
                logprobs = torch.log_softmax(logits, -1)
                for token in chosen:
                    logprobs[token] -= penalty
                options += [(score + float(p), tokens + [i]) for i, p in enumerate(logprobs)]
            options.sort(key=lambda option: -option[0])
            following = []
            length = len(running[g][0][0]) + 1
            ended = True
            for rank, (score, tokens) in enumerate(options[:keep]):
                if tokens[-1] in eos or length == limit:
                    if rank < size:
                        finished[g].append((score / length**length_penalty, tokens))
                else:
                    ended = False
                    if len(following) < size:
                        following.append((tokens, score))
            finished[g] = sorted(finished[g], key=lambda f: -f[0])[:size]
            running[g] = following
            chosen += [tokens[-1] for tokens, _ in following]
            if ended:
                done[g] = True
            elif len(finished[g]) == size:
                done[g] = following[0][1] / length**length_penalty <= finished[g][-1][0]
    best = sorted([f for group in finished for f in group], key=lambda f: -f[0])[: fields["num_return_sequences"]]
    return [tokens for _, tokens in best], [score for score, _ in best]


def make_beams():
    cases = []
    for i, (name, length, fields) in enumerate(BEAMS):
        model, ids = load(name)
        prompt = ids[:length]
        eos = frequent_eos(model, prompt, 1 + i % 3)
        if "num_beam_groups" in fields:
            sequences, scores = group_beam_search(model, prompt, eos, fields)
        else:
            # Group fields and the model's own defaults out of the way.
            out = model.generate(prompt[None], do_sample=False, eos_token_id=eos, pad_token_id=0,
                                 return_dict_in_generate=True, output_scores=True, **fields)
            lengths = (out.beam_indices >= 0).sum(-1).tolist()
            sequences = [s[length : length + n].tolist() for s, n in zip(out.sequences, lengths)]
            scores = out.sequences_scores.tolist()
        print(name, fields, [len(s) for s in sequences])
        cases.append({"model": name, "prompt": prompt.tolist(), "eos_token_id": eos, "config": fields,
                      "sequences": sequences, "scores": [float(f"{s:.7g}") for s in scores]})
    write("beams.json", cases)


def make_guidance():
    cases = []
    for name, scale, negative in (("llama-mha", 1.5, None), ("llama-mha", 2.0, [5, 6, 7]), ("mistral-window", 3.0, [1]),
                                  ("qwen2-gqa7-tied", 0.5, [9, 9, 4])):
        model, ids = load(name)
        out = model.generate(ids[None, :12], do_sample=False, max_new_tokens=20, eos_token_id=None, pad_token_id=0,
                             guidance_scale=scale, use_cache=True,
                             negative_prompt_ids=None if negative is None else torch.tensor([negative]))
        cases.append({"model": name, "prompt": ids[:12].tolist(), "scale": scale, "negative": negative or [],
                      "tokens": out[0, 12:].tolist()})
    write("guidance.json", cases)


def write(name, value):
    value = {"versions": {"torch": torch.__version__, "transformers": transformers.__version__}, "content": value}
    text = json.dumps(value, separators=(",", ":"))
    (HERE / name).write_text(text.replace('{"config"', '\n{"config"').replace('{"model"', '\n{"model"') + "\n")
    print(name, len(text))


if __name__ == "__main__":
    tiny = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(vocab_size=VOCAB, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                 num_attention_heads=1, num_key_value_heads=1))
    make_processors(tiny.eval())
    make_beams()
    make_guidance()
