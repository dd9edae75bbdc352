# SPDX-License-Identifier: Apache-2.0
"""The model that is quantised, and what a folder of tests/golden/quant is completed with. Used by make_gptq.py and
make_compressed.py, which run in environments of their own."""

import json
import pathlib
import shutil

import numpy
import safetensors.numpy
import tokenizers
import torch
import transformers

from dequantise import dequantise

HERE = pathlib.Path(__file__).resolve().parent
VOCAB = 128
TOKENS = 32
# The weights' files and configurations of a case; reports and logs that the writers add are left out.
KEPT = ("config.json", "generation_config.json", "model.safetensors", "quantize_config.json")


def tiny_llama(layers, seed, intermediate=160):
    """160 inputs of down_proj are no multiple of a group of 64 or 128. Some outputs have no negative weight, so that
    their zero points are 0 where zero points are chosen freely."""
    config = transformers.LlamaConfig(
        hidden_size=128, intermediate_size=intermediate, num_hidden_layers=layers, num_attention_heads=4,
        num_key_value_heads=2, vocab_size=VOCAB, max_position_embeddings=128, tie_word_embeddings=False,
        dtype="float32", bos_token_id=1, eos_token_id=2, attention_bias=True)
    model = transformers.LlamaForCausalLM(config).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight"):
                parameter.copy_(1 + 0.2 * noise)
            elif name.endswith(".bias"):
                parameter.copy_(0.1 * noise)
            else:
                parameter.copy_(0.03 * noise)
                if "k_proj" in name or "up_proj" in name:
                    parameter[::3].abs_()
    return model.to(torch.float16)


def save_source(model, directory):
    """With a tokenizer, which GPTQModel asks for and does not use here."""
    model.save_pretrained(directory)
    words = tokenizers.models.WordLevel({f"w{i}": i for i in range(VOCAB)}, unk_token="w0")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizers.Tokenizer(words), pad_token="w0", eos_token="w2").save_pretrained(directory)


def calibration(seed, n=16, length=64):
    generator = numpy.random.default_rng(seed)
    return [{"input_ids": ids.tolist(), "attention_mask": [1] * length}
            for ids in generator.integers(3, VOCAB, (n, length))]


def plain_model(directory):
    """The checkpoint in f32 arithmetic with plain weights, and the names of its quantised modules."""
    weights, modules = dequantise(directory)
    settings = json.loads((pathlib.Path(directory) / "config.json").read_text())
    del settings["quantization_config"]
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**{**settings, "dtype": "float32"})).float().eval()
    model.load_state_dict({name: torch.from_numpy(weight.copy()) for name, weight in weights.items()})
    return model, modules


def logits_of(model, ids):
    with torch.no_grad():
        return model(input_ids=torch.tensor([ids])).logits[0].float().numpy()


def finish(case, written, versions, writer_logits, allowed=1e-4):
    """Copies what was written, adds expected.safetensors, and requires that the writer agrees.

    writer_logits(ids): the logits of the library that wrote the checkpoint, in f32 arithmetic where it has that;
    allowed: by how much they may differ."""
    target = HERE / case
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    for name in KEPT:
        if (written / name).exists():
            shutil.copy(written / name, target / name)
    model, modules = plain_model(target)
    ids = numpy.random.default_rng(7).integers(3, VOCAB, TOKENS).astype(numpy.int32)
    logits = logits_of(model, ids.tolist())
    difference = float(numpy.abs(writer_logits(ids.tolist()) - logits).max())
    assert difference < allowed, (case, difference)
    inputs = model.config.intermediate_size  # the widest
    probe = numpy.cos(numpy.arange(1, inputs + 1) * 0.37).astype(numpy.float32)
    expected = {"input_ids": ids, "logits": logits, "probe": probe}
    for module in modules:
        weight = model.get_submodule(module).weight.detach().numpy().astype(numpy.float64)
        expected[module] = (weight @ probe[:weight.shape[1]].astype(numpy.float64)).astype(numpy.float32)
    safetensors.numpy.save_file(expected, target / "expected.safetensors",
                                {**versions, "writer_difference": f"{difference:.2g}"})
    print(f"{case}: {len(modules)} modules, largest logit {numpy.abs(logits).max():.2f}, "
          f"writer differs by {difference:.2g}, {sum(f.stat().st_size for f in target.iterdir()) // 1024} KiB")
