# SPDX-License-Identifier: Apache-2.0
"""Quantise one seeded layer with the published implementation of GPTQ, for tests/compress/golden_test.cpp.

    python3 -m venv /tmp/gptq && /tmp/gptq/bin/pip install gptqmodel==7.7.0
    cd /tmp && GPTQMODEL_CPU_WORKERS=2 /tmp/gptq/bin/python PROJECT/tests/golden/gptq/make_gptq_goldens.py

Writes layer.safetensors beside this file: the weight, the calibration inputs (integers times input_scale), and for each
case of CASES the integers, scales and zeros, with act_group_aware off. The metadata holds the cases and the versions. The
scales are the f32 ones that the algorithm works with, before a checkpoint rounds them.
"""

import json
import pathlib
import platform

import gptqmodel
import numpy
import safetensors
import safetensors.torch
import torch
from gptqmodel import QuantizeConfig
from gptqmodel.quantization.gptq import GPTQ

HERE = pathlib.Path(__file__).resolve().parent
ROWS, COLS, TOKENS = 24, 288, 384
INPUT_SCALE = 1 / 32
DEAD = (7, 100)


def case(bits, sym, group_size, desc_act, **more):
    return {"bits": bits, "sym": sym, "group_size": group_size, "desc_act": desc_act, "static_groups": False, "mse": 0.0, **more}


CASES = [
    case(bits, sym, group, act)
    for bits in (8, 4)
    for sym in (True, False)
    for group, act in ((32, False), (128, True), (-1, False), (32, True))
] + [
    case(4, True, 32, True, static_groups=True),
    case(4, False, 128, False, static_groups=True),
    case(4, True, 128, False, mse=2.4),
    case(4, False, 32, False, mse=2.4),
    case(3, False, 32, True),
    case(2, True, 32, False),
]


def inputs(random):
    """Correlated, with channels of very different size, as the activations of a transformer are."""
    factors = random.standard_normal((TOKENS, 24)) @ random.standard_normal((24, COLS)) / 5
    values = factors + 0.5 * random.standard_normal((TOKENS, COLS))
    values *= numpy.exp(0.5 * random.standard_normal(COLS))
    values[:, DEAD] = 0
    return numpy.clip(numpy.round(values / INPUT_SCALE), -127, 127).astype(numpy.int8)


def quantise(weight, x, options):
    config = QuantizeConfig(
        bits=options["bits"], group_size=options["group_size"], sym=options["sym"], desc_act=options["desc_act"],
        static_groups=options["static_groups"], mse=options["mse"], act_group_aware=False, damp_percent=0.05,
        damp_auto_increment=0.01, device="cpu")
    layer = torch.nn.Linear(COLS, ROWS, bias=False)
    layer.weight.data = weight.clone()
    gptq = GPTQ(layer, config)
    gptq.fallback = None
    gptq.quantizer.configure(perchannel=True)
    gptq.add_batch(x[None], None)
    values, scales, zeros, g_idx, _, loss, damp, _ = gptq.quantize()
    assert damp == 0.05
    g = g_idx.long()
    integers = torch.round(values / scales[:, g] + zeros[:, g])
    assert torch.equal(scales[:, g] * (integers - zeros[:, g]), values)
    error = values - weight
    h = x.double().T @ x.double()
    return {
        "integers": integers.to(torch.uint8), "scales": scales.contiguous(), "zeros": zeros.to(torch.uint8),
        "g_idx": g_idx.to(torch.int32), "error": (error.double() @ h * error.double()).sum().reshape(1),
        "loss": torch.tensor([loss], dtype=torch.float64)}


def main():
    torch.set_grad_enabled(False)
    random = numpy.random.default_rng(11)
    stored = inputs(random)
    weight = torch.from_numpy((0.05 * random.standard_t(5, (ROWS, COLS))).astype(numpy.float32))
    x = torch.from_numpy(stored).float() * INPUT_SCALE
    tensors = {"weight": weight, "inputs": torch.from_numpy(stored)}
    for index, options in enumerate(CASES):
        for name, tensor in quantise(weight, x, options).items():
            tensors[f"{index}.{name}"] = tensor.contiguous()
    versions = {
        "gptqmodel": gptqmodel.__version__, "torch": torch.__version__, "numpy": numpy.__version__,
        "python": platform.python_version()}
    metadata = {"versions": json.dumps(versions)}
    safetensors.torch.save_file(tensors, HERE / "layer.safetensors", metadata=metadata)
    (HERE / "cases.json").write_text(json.dumps(
        {"input_scale": INPUT_SCALE, "cases": CASES, "versions": versions}, indent=1) + "\n")


if __name__ == "__main__":
    main()
