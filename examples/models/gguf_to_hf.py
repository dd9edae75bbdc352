#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turn a Llama model in a GGUF file into a Hugging Face model directory.

    python3 gguf_to_hf.py model.gguf OUT_DIR [--dtype bf16|f32]

Needs the packages numpy and gguf (with what gguf itself asks for). Quantised tensors are dequantised: the directory holds the values that the file
stands for, rounded once to the requested dtype. Only what the example model needs is understood (architecture "llama", a byte-level
BPE vocabulary of the kind "smollm"); anything else is refused rather than guessed.
"""

import argparse
import json
import pathlib
import re
import struct
import sys

import gguf
import numpy

# Names of one layer's tensors in both formats; {i} is the layer.
LAYER_NAMES = {
    "blk.{i}.attn_norm.weight": "model.layers.{i}.input_layernorm.weight",
    "blk.{i}.attn_q.weight": "model.layers.{i}.self_attn.q_proj.weight",
    "blk.{i}.attn_k.weight": "model.layers.{i}.self_attn.k_proj.weight",
    "blk.{i}.attn_v.weight": "model.layers.{i}.self_attn.v_proj.weight",
    "blk.{i}.attn_output.weight": "model.layers.{i}.self_attn.o_proj.weight",
    "blk.{i}.ffn_norm.weight": "model.layers.{i}.post_attention_layernorm.weight",
    "blk.{i}.ffn_gate.weight": "model.layers.{i}.mlp.gate_proj.weight",
    "blk.{i}.ffn_up.weight": "model.layers.{i}.mlp.up_proj.weight",
    "blk.{i}.ffn_down.weight": "model.layers.{i}.mlp.down_proj.weight",
}
OTHER_NAMES = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
CONTROL_TOKEN = 3  # GGUF token type


class Unsupported(Exception):
    pass


class Metadata:
    def __init__(self, reader):
        self._fields = reader.fields

    def get(self, key, default=None):
        field = self._fields.get(key)
        return default if field is None else field.contents()

    def need(self, key):
        value = self.get(key)
        if value is None:
            raise Unsupported(f"the file has no key {key!r}")
        return value

    def expect(self, key, wanted):
        found = self.need(key)
        if found != wanted:
            raise Unsupported(f"{key}: expected {wanted!r}, found {found!r}")


def hf_name(name):
    layer = re.fullmatch(r"blk\.(\d+)\.(.+)", name)
    pattern = f"blk.{{i}}.{layer.group(2)}" if layer else name
    target = LAYER_NAMES.get(pattern) if layer else OTHER_NAMES.get(name)
    if target is None:
        raise Unsupported(f"tensor {name!r} has no counterpart in a Llama model")
    return target.format(i=layer.group(1)) if layer else target


def unpermute(weight, heads):
    """GGUF stores query and key rows so that rotary pairs are neighbours; Hugging Face pairs row j with row j + head_dim/2."""
    rows, columns = weight.shape
    pairs = rows // heads // 2
    return weight.reshape(heads, pairs, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def tensors(reader, metadata):
    """Yields (Hugging Face name, f32 array [out, in] or [n]) in file order."""
    heads = metadata.need("llama.attention.head_count")
    kv_heads = metadata.get("llama.attention.head_count_kv", heads)
    for tensor in reader.tensors:
        name = hf_name(tensor.name)
        values = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype(numpy.float32)
        if name.endswith("q_proj.weight"):
            values = unpermute(values, heads)
        elif name.endswith("k_proj.weight"):
            values = unpermute(values, kv_heads)
        yield name, values


def to_bf16(values):
    """The upper half of each f32, rounded to nearest, ties to even. Returned as the raw 16 bits."""
    if not numpy.isfinite(values).all():
        raise Unsupported("a weight is not finite")
    bits = numpy.ascontiguousarray(values).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(numpy.uint16)


def write_safetensors(path, named, dtype):
    """One safetensors file: u64 header length, JSON header padded to 8 bytes, then the tensors back to back."""
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, values in sorted(named):
        blob = to_bf16(values) if dtype == "bf16" else numpy.ascontiguousarray(values)
        header[name] = {
            "dtype": {"bf16": "BF16", "f32": "F32"}[dtype],
            "shape": list(values.shape),
            "data_offsets": [offset, offset + blob.nbytes],
        }
        offset += blob.nbytes
        blobs.append(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    partial = path.with_name(path.name + ".part")
    with open(partial, "wb") as file:
        file.write(struct.pack("<Q", len(text)))
        file.write(text)
        for blob in blobs:
            file.write(blob.tobytes())
    partial.replace(path)


def model_config(metadata, dtype, tied):
    get = metadata.need
    heads, hidden = get("llama.attention.head_count"), get("llama.embedding_length")
    head_dim = get("llama.rope.dimension_count")
    if head_dim * heads != hidden:
        raise Unsupported(f"rotary dimensions {head_dim} x {heads} heads are not the hidden size {hidden}")
    if metadata.get("llama.rope.scaling.type", "none") != "none":
        raise Unsupported("a scaled rotary embedding")
    return {
        "architectures": ["LlamaForCausalLM"],
        "attention_bias": False,
        "bos_token_id": get("tokenizer.ggml.bos_token_id"),
        "eos_token_id": get("tokenizer.ggml.eos_token_id"),
        "pad_token_id": get("tokenizer.ggml.padding_token_id"),
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": get("llama.feed_forward_length"),
        "max_position_embeddings": get("llama.context_length"),
        "mlp_bias": False,
        "model_type": "llama",
        "num_attention_heads": heads,
        "num_hidden_layers": get("llama.block_count"),
        "num_key_value_heads": metadata.get("llama.attention.head_count_kv", heads),
        # GGUF keeps an f32: 9.9999997e-06 is the 1e-05 of the original configuration.
        "rms_norm_eps": float(f"{get('llama.attention.layer_norm_rms_epsilon'):.6g}"),
        "rope_scaling": None,
        "rope_theta": float(get("llama.rope.freq_base")),
        "tie_word_embeddings": tied,
        "torch_dtype": {"bf16": "bfloat16", "f32": "float32"}[dtype],
        "use_cache": True,
        "vocab_size": len(get("tokenizer.ggml.tokens")),
    }


def special_tokens(metadata):
    tokens, types = metadata.need("tokenizer.ggml.tokens"), metadata.need("tokenizer.ggml.token_type")
    return [(i, token) for i, (token, kind) in enumerate(zip(tokens, types, strict=True)) if kind == CONTROL_TOKEN]


def tokenizer(metadata):
    """The tokenizer.json of a "smollm" vocabulary: GPT-2 byte-level BPE that splits every digit off first."""
    metadata.expect("tokenizer.ggml.model", "gpt2")
    metadata.expect("tokenizer.ggml.pre", "smollm")
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, "content": token, **flags} for i, token in special_tokens(metadata)],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [{"type": "Digits", "individual_digits": True}, byte_level],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(metadata.need("tokenizer.ggml.tokens"))},
            "merges": metadata.need("tokenizer.ggml.merges"),
        },
    }


def token_roles(metadata):
    tokens = metadata.need("tokenizer.ggml.tokens")
    keys = {"bos_token": "bos", "eos_token": "eos", "pad_token": "padding", "unk_token": "unknown"}
    return {role: tokens[metadata.need(f"tokenizer.ggml.{key}_token_id")] for role, key in keys.items()}


def tokenizer_config(metadata):
    flags = {"lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True}
    return {
        "add_bos_token": bool(metadata.get("tokenizer.ggml.add_bos_token", False)),
        "add_prefix_space": False,
        "added_tokens_decoder": {str(i): {"content": token, **flags} for i, token in special_tokens(metadata)},
        **token_roles(metadata),
        "chat_template": metadata.need("tokenizer.chat_template"),
        "clean_up_tokenization_spaces": False,
        "model_max_length": metadata.need("llama.context_length"),
        # Not GPT2Tokenizer: that class would replace the digit splitting of tokenizer.json by its own rules.
        "tokenizer_class": "PreTrainedTokenizerFast",
    }


def convert(source, folder, dtype):
    reader = gguf.GGUFReader(source)
    metadata = Metadata(reader)
    metadata.expect("general.architecture", "llama")
    named = list(tensors(reader, metadata))
    tied = all(name != "lm_head.weight" for name, _ in named)
    ids = {key: metadata.need(f"tokenizer.ggml.{key}_token_id") for key in ("bos", "eos", "padding")}
    files = {
        "tokenizer.json": tokenizer(metadata),
        "tokenizer_config.json": tokenizer_config(metadata),
        "special_tokens_map.json": token_roles(metadata),
        "generation_config.json": {
            "bos_token_id": ids["bos"], "eos_token_id": ids["eos"], "pad_token_id": ids["padding"],
        },
        "config.json": model_config(metadata, dtype, tied),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    write_safetensors(folder / "model.safetensors", named, dtype)
    return len(named), sum(values.size for _, values in named)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=pathlib.Path, help="the .gguf file")
    parser.add_argument("folder", type=pathlib.Path, help="the directory to write")
    parser.add_argument("--dtype", choices=("bf16", "f32"), default="bf16", help="dtype of the written weights (default bf16)")
    options = parser.parse_args()
    try:
        count, size = convert(options.source, options.folder, options.dtype)
    except (Unsupported, OSError) as error:
        sys.exit(f"{options.source}: {error}")
    print(f"{options.folder}: {count} tensors, {size / 1e6:.1f} million parameters in {options.dtype}")


if __name__ == "__main__":
    main()
