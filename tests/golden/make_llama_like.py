# SPDX-License-Identifier: Apache-2.0
"""Make the golden models of the llama, mistral, qwen2 and qwen3 families, with the logits that transformers gives.

    python3 -m venv /tmp/golden && /tmp/golden/bin/pip install -r tests/golden/requirements.txt
    /tmp/golden/bin/python tests/golden/make_llama_like.py [case ...]

README.md beside this file says what is in each folder.
"""

import argparse
import json
import logging
import pathlib
import platform
import shutil

import numpy
import safetensors
import safetensors.torch
import torch
import transformers

from golden_cases import BF16_CASES, CASES

HERE = pathlib.Path(__file__).resolve().parent
PROMPT = 200  # tokens in input_ids
NEW = 64  # tokens in greedy

# The greedy continuation must not hang on rounding: at every step the best logit leads the second by this much.
# A correct f32 engine differs from another by some 1e-5 here, so 0.01 leaves room for bf16 key-value caches.
MIN_MARGIN = 0.01
# A continuation of one repeated token would hide a wrong cache.
MIN_DISTINCT = 12
# Logits must move at least this much when a key that the case is there for is changed.
MIN_EFFECT = 0.05

# Spread of the random weights. Scores get a standard deviation near 2 and logits near 2 to 3.
STD = {"embed_tokens": 0.3, "lm_head": 0.35, "mlp.down_proj": 0.25}
DEFAULT_STD = 0.2

FAMILIES = {
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM),
    "mistral": (transformers.MistralConfig, transformers.MistralForCausalLM),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM),
    "qwen3": (transformers.Qwen3Config, transformers.Qwen3ForCausalLM),
}


def build(case, state=None, **changes):
    """A fresh model in f32. Never reuse one: dynamic rotary frequencies remember the longest input seen."""
    config_class, model_class = FAMILIES[case["family"]]
    arguments = json.loads(json.dumps({**case["config"], **changes}))
    if "layer_types" in arguments and changes.get("use_sliding_window") is False:
        del arguments["layer_types"]
    config = config_class(**arguments, attn_implementation="eager", dtype="float32")
    model = model_class(config).float().eval()
    if state is not None:
        model.load_state_dict(state)
    return model


def randomise(model, seed):
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight"):
                parameter.copy_(1.0 + 0.2 * noise)
            elif name.endswith(".bias"):
                parameter.copy_(0.3 * noise)
            else:
                std = next((value for part, value in STD.items() if part in name), DEFAULT_STD)
                parameter.copy_(std * noise)
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def forward(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].float()


def greedy(model, ids):
    """Prefill of all of `ids` in one call, then one token at a time through the cache.

    Returns the new ids and the smallest lead of the best logit over the second."""
    new, margin, cache, step = [], float("inf"), None, torch.tensor([ids])
    with torch.no_grad():
        for _ in range(NEW):
            out = model(input_ids=step, cache=cache, use_cache=True)
            cache = out.past_key_values
            best = out.logits[0, -1].float().topk(2)
            margin = min(margin, float(best.values[0] - best.values[1]))
            new.append(int(best.indices[0]))
            step = torch.tensor([[new[-1]]])
    return new, margin


def library_greedy(model, ids):
    """The same continuation from transformers' own generate()."""
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    with torch.no_grad():
        out = model.generate(torch.tensor([ids]), max_new_tokens=NEW, do_sample=False)
    return out[0, len(ids):].tolist()


def effects(case, state, ids, logits):
    """How far the largest logit moves when something that this case tests is changed."""
    moved = {}
    for what, changes in case["matters"].items():
        moved[what] = float((forward(build(case, state, **changes), ids) - logits).abs().max())
    for flag, suffix in (("zero_biases", ".bias"), ("unit_qk_norms", None)):
        if not case.get(flag):
            continue
        for part in sorted({name.rsplit(".", 2)[-2] for name in state if is_tested(name, suffix)}):
            changed = {
                name: replacement(tensor, suffix) if name.rsplit(".", 2)[-2] == part and is_tested(name, suffix) else tensor
                for name, tensor in state.items()
            }
            # A constant added to every key of a head shifts all scores of a query alike except through the rotation.
            moved[f"{part}{suffix or '.weight'}"] = float((forward(build(case, changed), ids) - logits).abs().max())
    return moved


def is_tested(name, suffix):
    return name.endswith(suffix) if suffix else name.endswith(("q_norm.weight", "k_norm.weight"))


def replacement(tensor, suffix):
    return torch.zeros_like(tensor) if suffix else torch.ones_like(tensor)


def find_seed(name, case):
    """Walks seeds until the continuation is varied and well separated, and everything the case tests matters."""
    for seed in range(case.get("seed", 1), case.get("seed", 1) + 400):
        generator = torch.Generator().manual_seed(1000 + seed)
        ids = torch.randint(3, case["config"]["vocab_size"], (PROMPT,), generator=generator).tolist()
        state = randomise(build(case), seed)
        new, margin = greedy(build(case, state), ids)
        if margin < MIN_MARGIN or len(set(new)) < MIN_DISTINCT:
            continue
        logits = forward(build(case, state), ids)
        moved = effects(case, state, ids, logits)
        if min(moved.values()) < MIN_EFFECT:
            raise SystemExit(f"{name}: the logits hardly depend on what is tested: {moved}")
        check_greedy(name, case, state, ids, new)
        return seed, ids, state, logits, new, margin, moved
    raise SystemExit(f"{name}: no seed gives a well separated continuation")


def check_greedy(name, case, state, ids, new):
    if library_greedy(build(case, state), ids) != new:
        raise SystemExit(f"{name}: generate() continues differently")
    if case.get("history_dependent"):
        return
    again = forward(build(case, state), ids + new[:-1])[len(ids) - 1:].argmax(-1).tolist()
    if again != new:
        raise SystemExit(f"{name}: one long forward continues differently from the cache")


def old_style(config_path, case):
    """Rewrites config.json as transformers 4 wrote it: flat rotary keys, torch_dtype, defaults left out."""
    config = json.loads(config_path.read_text())
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    rope[case["old_type_key"]] = rope.pop("rope_type")
    config["rope_scaling"] = rope
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.45.2"
    for key in ("attention_bias", "mlp_bias", "pad_token_id"):
        config.pop(key, None)
    if config["head_dim"] * config["num_attention_heads"] == config["hidden_size"]:
        del config["head_dim"]
    config_path.write_text(json.dumps(dict(sorted(config.items())), indent=2) + "\n")


def write(folder, case, state, dtype):
    if folder.exists():
        shutil.rmtree(folder)
    model = build(case, state).to(dtype)
    model.config.dtype = dtype
    model.save_pretrained(folder, max_shard_size=case.get("max_shard_size", "1GB"))
    if case.get("style") == 4:
        old_style(folder / "config.json", case)


def load(folder, case, dtype):
    """The folder as an application sees it, in f32 or bf16 arithmetic."""
    config = transformers.AutoConfig.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    assert config.model_type == case["family"]
    return model.eval()


def save_expected(folder, case, ids, new, metadata):
    logits = forward(load(folder, case, torch.float32), ids)
    tensors = {
        "input_ids": torch.tensor(ids, dtype=torch.int32),
        "logits": logits,
        "greedy": torch.tensor(new, dtype=torch.int32),
    }
    if "prefix" in case:
        tensors["prefix_logits"] = forward(load(folder, case, torch.float32), ids[: case["prefix"]])
    if folder.name.endswith("-bf16"):
        tensors["bf16_logits"] = forward(load(folder, case, torch.bfloat16), ids).to(torch.bfloat16)
    # One metadata key: the writer puts several in random order, and the same input should give the same file.
    safetensors.torch.save_file(tensors, folder / "expected.safetensors", {"made": json.dumps(metadata)})
    for file in folder.iterdir():
        file.chmod(0o644)
    return logits


def make(name, versions):
    case = CASES[name]
    seed, ids, state, logits, new, margin, moved = find_seed(name, case)
    metadata = {**versions, "seed": str(seed), "smallest_margin": f"{margin:.4f}"}
    write(HERE / name, case, state, torch.float32)
    stored = save_expected(HERE / name, case, ids, new, metadata)
    assert torch.equal(stored, logits), f"{name}: the stored folder gives other logits"
    report(name, seed, margin, logits, new, moved)


def make_bf16(name, versions):
    """The same configuration with its weights rounded to bf16 and its own ids, chosen in f32 arithmetic."""
    case = dict(CASES[name], matters={})
    for seed in range(500, 900):
        generator = torch.Generator().manual_seed(1000 + seed)
        ids = torch.randint(3, case["config"]["vocab_size"], (PROMPT,), generator=generator).tolist()
        state = {key: tensor.bfloat16().float() for key, tensor in randomise(build(case), seed).items()}
        new, margin = greedy(build(case, state), ids)
        if margin >= MIN_MARGIN and len(set(new)) >= MIN_DISTINCT:
            break
    else:
        raise SystemExit(f"{name}-bf16: no seed gives a well separated continuation")
    check_greedy(name, case, state, ids, new)
    folder = HERE / f"{name}-bf16"
    write(folder, case, state, torch.bfloat16)
    metadata = {**versions, "seed": str(seed), "smallest_margin": f"{margin:.4f}"}
    logits = save_expected(folder, case, ids, new, metadata)
    assert torch.equal(logits, forward(build(case, state), ids))
    report(f"{name}-bf16", seed, margin, logits, new, {})


def report(name, seed, margin, logits, new, moved):
    size = sum(file.stat().st_size for file in (HERE / name).iterdir())
    effects_text = ", ".join(f"{what} {value:.2f}" for what, value in moved.items())
    print(
        f"{name:24} seed {seed:3} margin {margin:.3f} logits std {logits.std():.2f} max {logits.abs().max():.1f} "
        f"distinct {len(set(new)):2} {size / 1000:.0f} kB | {effects_text}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="names of cases (all when none is given)")
    wanted = parser.parse_args().cases or list(CASES)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    transformers.logging.disable_progress_bar()
    torch.set_num_threads(1)  # the sums are split by thread: one thread gives the same bits on every machine type
    torch.use_deterministic_algorithms(True)
    versions = {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "safetensors": safetensors.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }
    for name in wanted:
        make(name, versions)
    for name in BF16_CASES:
        if name in wanted:
            make_bf16(name, versions)
    (HERE / "versions.json").write_text(json.dumps(versions, indent=2) + "\n")


if __name__ == "__main__":
    main()
