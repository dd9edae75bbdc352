# SPDX-License-Identifier: Apache-2.0
"""Make the GPTQ and AWQ checkpoints of tests/golden/quant with GPTQModel.

    python3 -m venv /tmp/gptq && /tmp/gptq/bin/pip install gptqmodel==7.7.0 transformers==5.24.0
    cd /tmp && /tmp/gptq/bin/python <project>/tests/golden/quant/make_gptq.py [case ...]

GPTQModel writes logs into the current directory.
"""

import importlib.metadata
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("GPTQMODEL_CPU_WORKERS", "2")  # with one, its default on two cores, loading fails

import torch
from gptqmodel import BACKEND, GPTQModel, QuantizeConfig
from gptqmodel.quantization.config import AWQConfig, FORMAT

from quant_models import calibration, finish, logits_of, save_source, tiny_llama

# For each width every group size, both orders, both kinds of zero points and both layouts; name -> settings.
AXES = [
    dict(group_size=-1, desc_act=False, sym=True, format="gptq"),
    dict(group_size=32, desc_act=True, sym=False, format="gptq_v2"),
    dict(group_size=64, desc_act=True, sym=True, format="gptq"),
    dict(group_size=128, desc_act=False, sym=False, format="gptq"),
]
DYNAMIC = {
    r"model\.layers\.0\.self_attn\.q_proj": {"bits": 4, "group_size": 32},
    r"+:.*\.0\.self_attn\.k_proj$": {"bits": 8, "group_size": 64},
    r"-:model\.layers\.0\.self_attn\.v_proj": {},
    r"-:.*layers\.1\.mlp\.(down|gate)_proj": {},
    r".*layers\.\d+\.mlp\.gate_proj": {"bits": 3},
    r".*\.mlp\..*": {"bits": 4, "group_size": 128},
    r"lm_head": {"bits": 4},
}


def cases():
    for bits in (8, 4, 3, 2):
        for axes in AXES:
            group = "row" if axes["group_size"] < 0 else f"g{axes['group_size']}"
            yield f"gptq-w{bits}-{group}", 1, QuantizeConfig(
                bits=bits, device="cpu", act_group_aware=False, offload_to_disk=False, **axes)
    yield "gptq-mixed", 2, QuantizeConfig(bits=8, group_size=32, sym=False, desc_act=False, format="gptq_v2",
                                          dynamic=DYNAMIC, lm_head=True, device="cpu", act_group_aware=False,
                                          offload_to_disk=False)
    for group in (32, 128):
        yield f"awq-w4-g{group}", 1, AWQConfig(bits=4, group_size=group, sym=False, format=FORMAT.GEMM, device="cpu",
                                               offload_to_disk=False)


def versions():
    return {name: importlib.metadata.version(name) for name in ("gptqmodel", "torch", "transformers", "numpy")}


def make(case, layers, config, seed):
    with tempfile.TemporaryDirectory() as directory:
        source, written = pathlib.Path(directory) / "source", pathlib.Path(directory) / "written"
        awq = case.startswith("awq")
        # Its search takes outputs by 64, and its groups must fill the inputs.
        save_source(tiny_llama(layers, seed, 256 if awq else 160), source)
        model = GPTQModel.load(str(source), config, dtype=torch.float16 if awq else torch.float32)
        model.quantize(calibration(seed), batch_size=4)
        model.save(str(written))

        def writer_logits(ids):
            loaded = GPTQModel.load(str(written), device="cpu", dtype=torch.float16, backend=BACKEND.TORCH)
            return logits_of(loaded.model.float(), ids)

        # Its AWQ products are rounded to 16 bits.
        finish(case, written, versions(), writer_logits, 0.05 if awq else 1e-4)


if __name__ == "__main__":
    for number, (name, layers, config) in enumerate(cases()):
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, layers, config, 100 + number)
