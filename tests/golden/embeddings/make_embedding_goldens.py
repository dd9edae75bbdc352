# SPDX-License-Identifier: Apache-2.0
"""Make the expected embeddings and scores of continuations, as transformers computes them in f32.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install -r tests/golden/requirements.txt
    /tmp/golden/bin/python tests/golden/embeddings/make_embedding_goldens.py

embeddings.json, "models": for golden models of the folders beside this one, ids; `last_hidden_state` of the model
without its head, pooled over them (mean, last, first; not normalised); a prompt (the first ids) and the log-probabilities
of continuations of it, token by token, with whether each is what greedy decoding would write.

"texts": the same scores for texts, with the model that is bundled with the examples. Prompt and continuation are
tokenised together: spaces at the prompt's end move to the continuation, the whole is encoded, and the tokens after those
that it has in common with the prompt's own are scored.
"""

import json
import pathlib

import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

HERE = pathlib.Path(__file__).resolve().parent
BUNDLED = HERE.parents[2] / "examples" / "models" / "tinystories-656k"
MODELS = ["llama-mha", "llama-bias-tied", "mistral-window", "qwen2-gqa7-tied", "qwen2-upper-window", "qwen3-head-dim"]
IDS = 60
PROMPT = 40
TEXTS = {
    "Once upon a time, there was a little": [" girl", " boy named Tim.", " girl named Lily. She loved to", "xyz"],
    "The dog ran to the ": ["park", "house and slept.", ""],
    "Lily saw a but": ["terfly", "ter", " not a dog"],
}


def rounded(values):
    return [float(f"{v:.7g}") for v in values]


def scores(model, prompt, continuation):
    """Log-probabilities of the continuation's tokens, and whether each is the most probable one."""
    ids = prompt + continuation
    with torch.no_grad():
        logprobs = model(torch.tensor([ids])).logits[0].double().log_softmax(-1)
    rows = logprobs[len(prompt) - 1 : len(ids) - 1]
    picked = [float(row[token]) for row, token in zip(rows, continuation)]
    greedy = all(int(row.argmax()) == token for row, token in zip(rows, continuation))
    return {"ids": continuation, "logprobs": rounded(picked), "greedy": greedy}


def model_case(name):
    folder = HERE.parent / name
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
    expected = load_file(folder / "expected.safetensors")
    ids = expected["input_ids"].flatten().tolist()[:IDS]
    prompt = ids[:PROMPT]
    with torch.no_grad():
        states = model.model(torch.tensor([ids])).last_hidden_state[0]
        written = list(prompt)
        for _ in range(5):
            written.append(int(model(torch.tensor([written])).logits[0, -1].argmax()))
    greedy = written[PROMPT:]
    continuations = [ids[PROMPT:], greedy, greedy[:4] + [(greedy[4] + 1) % 60], ids[:1], ids[3:6]]
    return {
        "model": name,
        "ids": ids,
        "mean": rounded(states.double().mean(0).tolist()),
        "last": rounded(states[-1].tolist()),
        "first": rounded(states[0].tolist()),
        "prompt": PROMPT,
        "continuations": [scores(model, prompt, c) for c in continuations],
    }


def text_cases():
    model = AutoModelForCausalLM.from_pretrained(BUNDLED, dtype=torch.float32, attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED)
    cases = []
    for prompt, continuations in TEXTS.items():
        own = tokenizer(prompt.rstrip()).input_ids
        results = []
        for continuation in continuations:
            ids = tokenizer(prompt + continuation).input_ids
            border = next((i for i, (a, b) in enumerate(zip(ids, own)) if a != b), min(len(ids), len(own)))
            results.append({"text": continuation} | scores(model, ids[:border], ids[border:]))
        cases.append({"prompt": prompt, "continuations": results})
    return cases


def main():
    content = {
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "models": [model_case(name) for name in MODELS],
        "texts": text_cases(),
    }
    (HERE / "embeddings.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
