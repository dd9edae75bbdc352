# SPDX-License-Identifier: Apache-2.0
"""Make overrides.json and switch.safetensors: rotary embedding that a caller changes, and that changes by itself.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install -r tests/golden/requirements.txt
    /tmp/golden/bin/python tests/golden/rope/make_rope_goldens.py

overrides.json has frequencies that transformers computes for a config.json in which somebody has written another
rope_scaling or rope_theta by hand. switch.safetensors has logits of texts that are read piece by piece across the
length at which `dynamic` and `longrope` change their frequencies.
"""

import json
import pathlib
import tempfile

import safetensors.torch
import torch
import transformers
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

HERE = pathlib.Path(__file__).resolve().parent
BASE = dict(
    model_type="qwen2",
    vocab_size=16,
    hidden_size=64,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    num_key_value_heads=1,
    max_position_embeddings=32768,
)
THETA = 1000000.0
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32768}
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
SHORT, LONG = [1 + 0.1 * i for i in range(16)], [2 + 0.5 * i for i in range(16)]
LONGROPE = {
    "rope_type": "longrope",
    "short_factor": SHORT,
    "long_factor": LONG,
    "original_max_position_embeddings": 4096,
}
LINEAR = {"rope_type": "linear", "factor": 3.0}

# name: (scaling of the file, what the caller sets, length of the text)
OVERRIDES = {
    "yarn": (None, {"rope_scaling": YARN}, 1),
    "yarn instead of linear": (LINEAR, {"rope_scaling": YARN}, 1),
    "yarn without the original length": (None, {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, 1),
    "yarn by the ratio": (None, {"rope_scaling": {**YARN, "factor": None, "original_max_position_embeddings": 8192}}, 1),
    "yarn with everything": (
        None,
        {"rope_scaling": {**YARN, "beta_fast": 16, "beta_slow": 2, "truncate": False, "mscale": 1.5, "mscale_all_dim": 0.5}},
        1,
    ),
    "yarn with its own magnitude": (LLAMA3, {"rope_scaling": {**YARN, "attention_factor": 0.75}}, 1),
    "linear, the older name": (None, {"rope_scaling": {"type": "linear", "factor": 2.0}}, 1),
    "dynamic, short": (None, {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, 100),
    "dynamic, long": (None, {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}}, 100000),
    "llama3": (YARN, {"rope_scaling": LLAMA3}, 1),
    "longrope, short": (None, {"rope_scaling": LONGROPE}, 4096),
    "longrope, long": (LINEAR, {"rope_scaling": LONGROPE}, 4097),
    "longrope with a factor": (None, {"rope_scaling": {**LONGROPE, "factor": 16.0}}, 1),
    "no scaling": (YARN, {"rope_scaling": None}, 1),
    "an empty scaling": (YARN, {"rope_scaling": {}}, 1),
    "theta alone": (LINEAR, {"rope_theta": 5000.0}, 1),
    "theta beside": (LINEAR, {"rope_theta": 5000.0, "rope_scaling": YARN}, 1),
    "theta inside": (LINEAR, {"rope_scaling": {**YARN, "rope_theta": 7000.0}}, 1),
    "part of a head": (YARN, {"partial_rotary_factor": 0.5}, 1),
}


def read(config):
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
        return transformers.AutoConfig.from_pretrained(folder)


def frequencies(config, length):
    kind = config.rope_parameters["rope_type"]
    if kind in ROPE_INIT_FUNCTIONS:
        inv_freq, magnitude = ROPE_INIT_FUNCTIONS[kind](config, "cpu", seq_len=length)
        return inv_freq.tolist(), float(magnitude)
    dim = int(32 * config.rope_parameters.get("partial_rotary_factor", 1.0))
    theta = config.rope_parameters["rope_theta"]
    return (1.0 / theta ** (torch.arange(0, dim, 2).float() / dim)).tolist(), 1.0


def overrides():
    cases = []
    for name, (scaling, update, length) in OVERRIDES.items():
        # As people edit the file of transformers 4: the caller's keys replace those that are there.
        edited = {**BASE, "rope_theta": THETA, "rope_scaling": scaling, **update}
        inv_freq, magnitude = frequencies(read(edited), length)
        files = [
            {**BASE, "rope_theta": THETA, "rope_scaling": scaling},
            {**BASE, "rope_parameters": {"rope_type": "default", **(scaling or {}), "rope_theta": THETA}},
        ]
        cases.append(
            {
                "name": name,
                "files": [json.dumps(file) for file in files],
                "update": json.dumps(update),
                "length": length,
                "magnitude": magnitude,
                "inv_freq": inv_freq,
            }
        )
    made = {"torch": torch.__version__, "transformers": transformers.__version__}
    (HERE / "overrides.json").write_text(json.dumps({"made": made, "cases": cases}, indent=1) + "\n")


# Lengths of the pieces in which 90 tokens are read; the frequencies change at 64.
HISTORIES = {"tokens": [56] + [1] * 34, "pieces": [40, 30, 20]}


def switch():
    tensors = {}
    for case in ("llama-dynamic", "llama-longrope"):
        folder = HERE.parent / case
        ids = safetensors.torch.load_file(folder / "expected.safetensors")["input_ids"].long()
        for history, pieces in HISTORIES.items():
            # A fresh model: dynamic frequencies remember the longest input seen.
            model = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager"
            ).eval()
            cache, at, rows = None, 0, []
            for piece in pieces:
                with torch.no_grad():
                    out = model(ids[at : at + piece].unsqueeze(0), past_key_values=cache, use_cache=True)
                cache, at = out.past_key_values, at + piece
                rows.append(out.logits[0])
            logits = torch.cat(rows)
            with torch.no_grad():
                once = model(ids[:at].unsqueeze(0), use_cache=False).logits[0]
            moved = float((once[-1] - logits[-1]).abs().max())
            print(f"{case} {history}: {at} tokens, the last logits differ by {moved:.3f} from those of one call")
            assert moved > 0.05, "the history does not matter: nothing would be tested"
            tensors[f"{case}.{history}"] = logits.contiguous()
    safetensors.torch.save_file(tensors, HERE / "switch.safetensors", {"made": transformers.__version__})
    (HERE / "switch.safetensors").chmod(0o644)


def main():
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    overrides()
    switch()


if __name__ == "__main__":
    main()
