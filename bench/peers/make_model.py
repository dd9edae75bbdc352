# SPDX-License-Identifier: Apache-2.0
"""Writes a model of random bf16 weights in a wanted shape, with a tokenizer that spells nothing.

usage: make_model.py SHAPE FOLDER      shapes: r1-distill-qwen-1.5b, deepseek-llm-7b

Weights are normal with deviation 0.02, norms 1, biases 0: good for speed, for nothing else.
"""

import json
import os
import sys

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

SHAPES = {
    "r1-distill-qwen-1.5b": dict(
        architectures=["Qwen2ForCausalLM"], model_type="qwen2", hidden_size=1536, intermediate_size=8960,
        num_hidden_layers=28, num_attention_heads=12, num_key_value_heads=2, vocab_size=151936,
        max_position_embeddings=131072, rms_norm_eps=1e-6, rope_theta=10000.0, use_sliding_window=False),
    "deepseek-llm-7b": dict(
        architectures=["LlamaForCausalLM"], model_type="llama", hidden_size=4096, intermediate_size=11008,
        num_hidden_layers=30, num_attention_heads=32, num_key_value_heads=32, vocab_size=102400,
        max_position_embeddings=32768, rms_norm_eps=1e-6, rope_theta=10000.0, attention_bias=False, mlp_bias=False),
}


def layer_tensors(config, index):
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    head = hidden // config["num_attention_heads"]
    kv = head * config["num_key_value_heads"]
    prefix = f"model.layers.{index}."
    shapes = {
        "self_attn.q_proj": (hidden, hidden), "self_attn.k_proj": (kv, hidden), "self_attn.v_proj": (kv, hidden),
        "self_attn.o_proj": (hidden, hidden), "mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner)}
    generator = torch.Generator().manual_seed(1000 + index)
    tensors = {f"{prefix}{name}.weight": normal(shape, generator) for name, shape in shapes.items()}
    if config["model_type"] == "qwen2":
        for name in ("q_proj", "k_proj", "v_proj"):
            tensors[f"{prefix}self_attn.{name}.bias"] = torch.zeros(
                shapes[f"self_attn.{name}"][0], dtype=torch.bfloat16)
    for name in ("input_layernorm", "post_attention_layernorm"):
        tensors[f"{prefix}{name}.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
    return tensors


def normal(shape, generator):
    return (torch.randn(shape, generator=generator) * 0.02).to(torch.bfloat16)


def write_tokenizer(vocab_size, folder):
    vocab = {f"t{i}": i for i in range(vocab_size)}
    tokenizer = Tokenizer(models.WordLevel(vocab, unk_token="t0"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.Fuse()
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    with open(os.path.join(folder, "tokenizer_config.json"), "w") as file:
        json.dump({"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "t0", "eos_token": "t2",
                   "bos_token": "t1"}, file)


def main(shape, folder):
    config = dict(SHAPES[shape], hidden_act="silu", bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
                  initializer_range=0.02, torch_dtype="bfloat16")
    os.makedirs(folder, exist_ok=True)
    generator = torch.Generator().manual_seed(1)
    tensors = {name: normal((config["vocab_size"], config["hidden_size"]), generator)
               for name in ("model.embed_tokens.weight", "lm_head.weight")}
    tensors["model.norm.weight"] = torch.ones(config["hidden_size"], dtype=torch.bfloat16)
    layers = config["num_hidden_layers"]
    files = {"model-first.safetensors": tensors}
    weight_map, total = {}, 0
    for index in range(-1, layers):
        name = "model-first.safetensors" if index < 0 else f"model-layer-{index:02d}.safetensors"
        tensors = files.pop(name, None) or layer_tensors(config, index)
        save_file(tensors, os.path.join(folder, name), metadata={"format": "pt"})
        weight_map.update({tensor: name for tensor in tensors})
        total += sum(tensor.numel() * 2 for tensor in tensors.values())
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, file)
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
    with open(os.path.join(folder, "generation_config.json"), "w") as file:
        json.dump({"bos_token_id": 1, "eos_token_id": 2}, file)
    write_tokenizer(config["vocab_size"], folder)


if __name__ == "__main__":
    main(*sys.argv[1:3])
