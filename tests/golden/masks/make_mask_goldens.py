# SPDX-License-Identifier: Apache-2.0
"""Make masks.json: what each layer of each family sees, as transformers builds its masks from config.json.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install -r tests/golden/requirements.txt
    /tmp/golden/bin/python tests/golden/masks/make_mask_goldens.py

A mask is read where a layer's attention gets it, so that everything between the file and the layer takes part:
the configuration class that AutoConfig chooses, its defaults, layer_types, and the choice of each layer.
"""

import json
import pathlib
import tempfile

import torch
import transformers

HERE = pathlib.Path(__file__).resolve().parent
TOKENS = 40
# head_dim is TOKENS, so that the C++ test can use values that are one-hot in the position.
SIZES = dict(
    vocab_size=16,
    hidden_size=80,
    intermediate_size=16,
    num_hidden_layers=4,
    num_attention_heads=2,
    num_key_value_heads=1,
)
FULL, SLIDING = "full_attention", "sliding_attention"
ALTERNATING = [SLIDING, FULL, FULL, SLIDING]


def upper(family):
    """The windows of qwen2 and qwen3."""
    on = dict(model_type=family, use_sliding_window=True)
    return {
        "nothing said": dict(model_type=family),
        "a window that is not used": dict(model_type=family, use_sliding_window=False, sliding_window=5),
        "the upper layers": dict(on, sliding_window=5, max_window_layers=2),
        "all layers": dict(on, sliding_window=5, max_window_layers=0),
        "beyond the last layer": dict(on, sliding_window=5, max_window_layers=4),
        "28 layers by default": dict(on, sliding_window=5),
        "no window": dict(on, sliding_window=None, max_window_layers=0),
        "4096 by default": dict(on, max_window_layers=0),
        "layer_types win": dict(on, sliding_window=9, max_window_layers=0, layer_types=ALTERNATING),
        "layer_types null": dict(on, sliding_window=9, max_window_layers=3, layer_types=None),
        "sliding_window_pattern is of other families": dict(
            on, sliding_window=5, max_window_layers=2, sliding_window_pattern=2
        ),
    }


CASES = {
    "llama": {
        "nothing said": dict(model_type="llama"),
        "a window is ignored": dict(model_type="llama", sliding_window=5, sliding_window_pattern=2),
    },
    "mistral": {
        "4096 by default": dict(model_type="mistral"),
        "no window": dict(model_type="mistral", sliding_window=None),
        "one token": dict(model_type="mistral", sliding_window=1),
        "a window": dict(model_type="mistral", sliding_window=7),
        "a window as long as the text": dict(model_type="mistral", sliding_window=TOKENS),
        "one token less": dict(model_type="mistral", sliding_window=TOKENS - 1),
        "layer_types": dict(model_type="mistral", sliding_window=7, layer_types=ALTERNATING),
        "layer_types, all full": dict(model_type="mistral", sliding_window=7, layer_types=[FULL] * 4),
        "layer_types null": dict(model_type="mistral", sliding_window=7, layer_types=None),
        "sliding_window_pattern is of other families": dict(
            model_type="mistral", sliding_window=7, sliding_window_pattern=2
        ),
    },
    "qwen2": upper("qwen2"),
    "qwen3": upper("qwen3"),
}


def masks_of(config):
    """The mask of each layer, bool [TOKENS, TOKENS]."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "config.json").write_text(json.dumps(config))
        loaded = transformers.AutoConfig.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_config(loaded, attn_implementation="eager").eval()
    found = []

    def see(module, args, kwargs):
        assert module.layer_idx == len(found)
        found.append(kwargs["attention_mask"][0, 0] == 0)

    for layer in model.model.layers:
        layer.self_attn.register_forward_pre_hook(see, with_kwargs=True)
    with torch.no_grad():
        model(torch.arange(TOKENS).remainder(16).unsqueeze(0), use_cache=False)
    assert len(found) == config["num_hidden_layers"] and all(mask.shape == (TOKENS, TOKENS) for mask in found)
    return found


def main():
    transformers.logging.set_verbosity_error()
    masks, cases = [], []
    for family, settings in CASES.items():
        for name, keys in settings.items():
            config = {**SIZES, "head_dim": TOKENS, **keys}
            if family == "qwen2":
                del config["head_dim"]  # it has none: hidden_size / num_attention_heads is the same
            layers = []
            for mask in masks_of(config):
                rows = ["".join("1" if seen else "0" for seen in row) for row in mask.tolist()]
                if rows not in masks:
                    masks.append(rows)
                layers.append(masks.index(rows))
            cases.append({"name": f"{family}: {name}", "config": json.dumps(config), "layers": layers})
            print(f"{family}: {name}: {layers}")
    made = {"torch": torch.__version__, "transformers": transformers.__version__}
    text = json.dumps({"made": made, "tokens": TOKENS, "masks": masks, "cases": cases}, indent=1)
    (HERE / "masks.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
