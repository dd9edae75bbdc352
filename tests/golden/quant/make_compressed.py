# SPDX-License-Identifier: Apache-2.0
"""Make the compressed-tensors checkpoints of tests/golden/quant with llmcompressor.

    python3 -m venv /tmp/llmc && /tmp/llmc/bin/pip install llmcompressor==0.14.0.1 compressed-tensors==0.19.0 \\
        torch==2.14.0 transformers==5.17.0
    cd /tmp && /tmp/llmc/bin/python <project>/tests/golden/quant/make_compressed.py [case ...]

Weights only: where a scheme rounds activations too (W8A8), the expected logits are those of unrounded ones.
"""

import importlib.metadata
import pathlib
import sys
import tempfile

import torch
import transformers
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from llmcompressor import oneshot
from llmcompressor.modifiers.quantization import QuantizationModifier

from quant_models import finish, logits_of, save_source, tiny_llama


def weights(bits, strategy, group_size=None, symmetric=True):
    return QuantizationArgs(num_bits=bits, type="int", symmetric=symmetric, strategy=strategy, group_size=group_size)


def scheme(arguments, activations=None):
    return {"config_groups": {"group_0": QuantizationScheme(targets=["Linear"], weights=arguments,
                                                            input_activations=activations)}}


DYNAMIC_ROWS = QuantizationArgs(num_bits=8, type="int", symmetric=True, strategy="token", dynamic=True)
CASES = {
    "compressed-w8a16-row": scheme(weights(8, "channel")),
    "compressed-w8a16-g32": scheme(weights(8, "group", 32)),
    "compressed-w4a16-row": scheme(weights(4, "channel")),
    "compressed-w4a16-g32": scheme(weights(4, "group", 32)),
    "compressed-w4a16-g32-asym": scheme(weights(4, "group", 32, symmetric=False)),
    "compressed-w8a8": scheme(weights(8, "channel"), DYNAMIC_ROWS),
}


def versions():
    names = ("llmcompressor", "compressed-tensors", "torch", "transformers", "numpy")
    return {name: importlib.metadata.version(name) for name in names}


def make(case, recipe, seed):
    with tempfile.TemporaryDirectory() as directory:
        source, written = pathlib.Path(directory) / "source", pathlib.Path(directory) / "written"
        save_source(tiny_llama(1, seed), source)
        model = transformers.AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
        oneshot(model=model, recipe=QuantizationModifier(ignore=["lm_head"], **recipe))
        model.save_pretrained(written, save_compressed=True)

        def writer_logits(ids):
            loaded = transformers.AutoModelForCausalLM.from_pretrained(written, dtype=torch.float32).eval()
            for module in loaded.modules():  # activations as they are
                if getattr(module, "quantization_scheme", None) is not None:
                    module.quantization_scheme.input_activations = None
            return logits_of(loaded, ids)

        finish(case, written, versions(), writer_logits)


if __name__ == "__main__":
    for number, (name, recipe) in enumerate(CASES.items()):
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, recipe, 200 + number)
