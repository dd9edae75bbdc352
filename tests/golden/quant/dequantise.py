# SPDX-License-Identifier: Apache-2.0
"""The plain weights of a quantised checkpoint, by the definition of its format and with numpy alone.

Written for being obviously right, not fast: every packed integer is cut out of the bits of its stream.
"""

import json
import pathlib
import re
import struct

import numpy

PLAIN = {"F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I8": "i1"}
AWQ_ORDER = [0, 2, 4, 6, 1, 3, 5, 7]


def read_tensors(directory):
    """Name -> array; bf16 as f32."""
    tensors = {}
    for path in sorted(pathlib.Path(directory).glob("model*.safetensors")):
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        for name, entry in json.loads(data[8:8 + length]).items():
            if name == "__metadata__":
                continue
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            if entry["dtype"] == "BF16":
                array = (numpy.frombuffer(data[begin:end], "<u2").astype(numpy.uint32) << 16).view(numpy.float32)
            else:
                array = numpy.frombuffer(data[begin:end], PLAIN[entry["dtype"]])
            tensors[name] = array.reshape(entry["shape"])
    return tensors


def stream(words, bits, count):
    """The first `count` integers of each row's bit stream: [n, words] -> [n, count]."""
    as_bits = (words.astype(numpy.int64)[:, :, None] >> numpy.arange(32)) & 1
    as_bits = as_bits.reshape(words.shape[0], -1)[:, :count * bits].reshape(words.shape[0], count, bits)
    return (as_bits << numpy.arange(bits)).sum(-1)


def grid(values, zeros, scales, group_of):
    """[rows, cols] from integers [rows, cols] and zero points and scales [rows, groups]."""
    return ((values - zeros[:, group_of]).astype(numpy.float32) * scales.astype(numpy.float32)[:, group_of])


def gptq_module(tensors, name, bits, plain_zeros):
    words = tensors[name + ".qweight"]
    group_of, scales = tensors[name + ".g_idx"], tensors[name + ".scales"]
    values = stream(words.T, bits, words.shape[0] * 32 // bits)
    zero_words = tensors[name + ".qzeros"].astype(numpy.int64) & 0xFFFFFFFF
    if not plain_zeros and bits != 3:
        zero_words = (zero_words + sum(1 << shift for shift in range(0, 32, bits))) & 0xFFFFFFFF
    zeros = stream(zero_words, bits, scales.shape[1])
    if not plain_zeros and bits == 3:
        zeros = (zeros + 1) & 7
    return grid(values, zeros.T, scales.T, group_of)


def awq_fields(words):
    """[n, words] -> [n, 8 * words]"""
    fields = numpy.zeros((words.shape[0], words.shape[1], 8), numpy.int64)
    for nibble, column in enumerate(AWQ_ORDER):
        fields[:, :, column] = (words.astype(numpy.int64) >> (4 * nibble)) & 15
    return fields.reshape(words.shape[0], -1)


def awq_module(tensors, name, group_size):
    values, zeros = awq_fields(tensors[name + ".qweight"]).T, awq_fields(tensors[name + ".qzeros"]).T
    group_of = numpy.arange(values.shape[1]) // (group_size if group_size > 0 else values.shape[1])
    return grid(values, zeros, tensors[name + ".scales"].T, group_of)


def compressed_module(tensors, name, bits):
    scales = tensors[name + ".weight_scale"]
    if name + ".weight_packed" in tensors:
        rows, cols = tensors[name + ".weight_shape"]
        values = stream(tensors[name + ".weight_packed"], bits, cols)
        zeros = numpy.full(scales.shape, 1 << (bits - 1))
        if name + ".weight_zero_point" in tensors:
            zeros = stream(tensors[name + ".weight_zero_point"].T, bits, rows).T
    else:
        values = tensors[name + ".weight"].astype(numpy.int64)
        zeros = tensors.get(name + ".weight_zero_point", numpy.zeros(scales.shape, numpy.int8)).astype(numpy.int64)
    size = -(-values.shape[1] // scales.shape[1])
    return grid(values, zeros, scales, numpy.arange(values.shape[1]) // size)


def dynamic_scheme(config, name):
    for pattern, overrides in (config.get("dynamic") or {}).items():
        if re.match(pattern[2:] if pattern[:2] in ("-:", "+:") else pattern, name):
            return {**config, **overrides}
    return config


def compressed_bits(config, name):
    for group in config["config_groups"].values():
        for target in group["targets"]:
            if target == "Linear" or (re.match(target[3:], name) if target.startswith("re:") else target == name):
                return group["weights"]["num_bits"]
    raise KeyError(name)


def dequantise(directory):
    """-> (plain tensors in f32 by name, names of the modules that were quantised)"""
    config = json.loads((pathlib.Path(directory) / "config.json").read_text())["quantization_config"]
    tensors = read_tensors(directory)
    plain, modules = {}, []
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind == "qweight":
            scheme = dynamic_scheme(config, module)
            if config["quant_method"] == "awq":
                weight = awq_module(tensors, module, scheme["group_size"])
            else:
                weight = gptq_module(tensors, module, scheme["bits"], config["checkpoint_format"] == "gptq_v2")
        elif kind == "weight_packed" or (kind == "weight" and tensor.dtype == numpy.int8):
            weight = compressed_module(tensors, module, compressed_bits(config, module))
        else:
            if kind in ("weight", "bias"):
                plain[name] = tensor.astype(numpy.float32)
            continue
        plain[module + ".weight"] = weight
        modules.append(module)
    return plain, sorted(modules)
