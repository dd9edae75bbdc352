# SPDX-License-Identifier: Apache-2.0
"""One engine, one row: converts the model where needed, or measures in a process of its own.

usage: engines.py prepare|measure ENGINE VARIANT MODEL WORK DEPTHS
prints a line of JSON: {"load_s", "prefill": [tokens/s], "decode": {depth: tokens/s}, "peak_bytes"} or {"refused": why}
"""

import contextlib
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time

PREFILL = 512  # tokens
NEW = 64       # tokens that are decoded
REPEATS = 5    # prefills, after one that warms up
THREADS = len(os.sched_getaffinity(0))


def prompt(length):
    numbers = random.Random(length)
    return [numbers.randrange(1000, 99999) for _ in range(length)]


def seconds(call):
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def summary(load, prefill, decode):
    """prefill() -> seconds; decode(depth) -> tokens per second."""
    prefill()  # the first run is cold
    rates = [PREFILL / prefill() for _ in range(REPEATS)]
    return {"load_s": load, "prefill": rates, "decode": {depth: decode(depth) for depth in DEPTHS},
            "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


class LlamaCpp:
    variants = {"int8": ["Q8_0"], "int4": ["Q4_0", "Q4_K_M"]}

    def path(self):
        return os.path.join(WORK, f"{VARIANT}.gguf")

    def prepare(self):
        import gguf_file
        whole = os.path.join(WORK, "bf16.gguf")
        if not os.path.exists(whole):
            gguf_file.write_bf16(MODEL, whole + ".tmp")
            os.rename(whole + ".tmp", whole)
        gguf_file.quantize(whole, self.path() + ".tmp", VARIANT)
        os.rename(self.path() + ".tmp", self.path())

    def measure(self):
        os.environ.update(OMP_PROC_BIND="close", OMP_PLACES="cores")
        import llama_cpp
        import numpy
        load, model = seconds(lambda: llama_cpp.Llama(
            self.path(), n_ctx=4096, n_batch=2048, n_ubatch=512, n_threads=THREADS, n_threads_batch=THREADS,
            flash_attn=True, verbose=False))
        vocab = model.n_vocab()

        def best():
            return int(numpy.argmax(numpy.ctypeslib.as_array(model._ctx.get_logits(), shape=(vocab,))))

        def prefill():
            model.reset()
            return seconds(lambda: model.eval(prompt(PREFILL)))[0]

        def decode(depth):
            model.reset()
            model.eval(prompt(max(depth, 8)))
            model.eval([best()])
            return NEW / seconds(lambda: [model.eval([best()]) for _ in range(NEW)])[0]

        return summary(load, prefill, decode)


class CTranslate2:
    variants = {"int8": ["int8"], "int4": ["none: it has no 4-bit weights on a CPU"]}

    def path(self):
        return os.path.join(WORK, "ct2")

    def prepare(self):
        from ctranslate2.converters import TransformersConverter
        TransformersConverter(MODEL, low_cpu_mem_usage=True).convert(self.path(), quantization="int8", force=True)

    def measure(self):
        import ctranslate2
        load, model = seconds(lambda: ctranslate2.Generator(
            self.path(), device="cpu", compute_type="int8", inter_threads=1, intra_threads=THREADS))

        def run(length, new):
            tokens = [f"t{i}" for i in prompt(length)]
            return seconds(lambda: model.generate_batch(
                [tokens], max_length=new, min_length=new, include_prompt_in_result=False, sampling_topk=1,
                beam_size=1))[0]

        def decode(depth):
            length = max(depth, 8)
            return NEW / (run(length, NEW + 1) - run(length, 1))

        return summary(load, lambda: run(PREFILL, 1), decode)


class OpenVino:
    variants = {"int8": ["int8"], "int4": ["int4"]}

    def path(self):
        return os.path.join(WORK, f"openvino-{VARIANT}")

    def prepare(self):
        extra = ["--sym", "--group-size", "128", "--ratio", "1.0"] if VARIANT == "int4" else []
        tool = os.path.join(os.path.dirname(sys.executable), "optimum-cli")
        subprocess.run([tool, "export", "openvino", "-m", MODEL, "--task", "text-generation-with-past",
                        "--weight-format", VARIANT, *extra, self.path()], check=True, stdout=sys.stderr)

    def measure(self):
        import numpy
        import openvino
        import openvino_genai as genai
        load, pipe = seconds(lambda: genai.LLMPipeline(
            self.path(), "CPU", PERFORMANCE_HINT="LATENCY", INFERENCE_NUM_THREADS=THREADS, NUM_STREAMS="1",
            ENABLE_CPU_PINNING=True, ATTENTION_BACKEND="SDPA"))

        def run(length, new):
            ids = numpy.array([prompt(length)], dtype=numpy.int64)
            config = genai.GenerationConfig()
            config.max_new_tokens = config.min_new_tokens = new
            config.ignore_eos, config.do_sample, config.apply_chat_template = True, False, False
            inputs = genai.TokenizedInputs(openvino.Tensor(ids), openvino.Tensor(numpy.ones_like(ids)))
            return pipe.generate(inputs, config).perf_metrics

        return summary(load, lambda: run(PREFILL, 1).get_ttft().mean / 1000,
                       lambda depth: 1000 / run(max(depth, 8), NEW + 1).get_tpot().mean)


class OnnxRuntime:
    variants = {"int8": ["int8-32"], "int4": ["int4-32", "int4-128"]}

    def path(self):
        return os.path.join(WORK, f"onnx-{VARIANT}")

    def prepare(self):
        kind, block = VARIANT.split("-")
        subprocess.run([sys.executable, "-m", "onnxruntime_genai.models.builder", "-i", MODEL, "-o", self.path(), "-p",
                        kind, "-e", "cpu", "--extra_options", "hf_token=false", "accuracy_level=4",
                        f"block_size={block}", "prune_lm_head=true"], check=True, stdout=sys.stderr)
        config_path = os.path.join(self.path(), "genai_config.json")
        with open(config_path) as file:
            config = json.load(file)
        config["model"]["decoder"]["session_options"]["intra_op_num_threads"] = THREADS
        with open(config_path, "w") as file:
            json.dump(config, file, indent=2)

    def measure(self):
        import onnxruntime_genai as genai
        load, model = seconds(lambda: genai.Model(self.path()))

        def start(length):
            params = genai.GeneratorParams(model)
            params.set_search_options(max_length=length + NEW + 2, min_length=length + NEW + 2, do_sample=False)
            return genai.Generator(model, params)

        def read(generator, length):
            generator.append_tokens(prompt(length))
            generator.generate_next_token()

        def prefill():
            generator = start(PREFILL)
            return seconds(lambda: read(generator, PREFILL))[0]

        def decode(depth):
            length = max(depth, 8)
            generator = start(length)
            read(generator, length)
            return NEW / seconds(lambda: [generator.generate_next_token() for _ in range(NEW)])[0]

        return summary(load, prefill, decode)


class Transom:
    # bits : group [: type of the KV cache]
    variants = {"int8": ["int8:-1", "int8:64", "int8:128", "int8:128:int8"],
                "int4": ["int4:32", "int4:128", "int4:128:int8"], "int3": ["int3:128"]}

    def prepare(self):
        pass

    def measure(self):
        kind, group, cache = (VARIANT + ":auto").split(":")[:3]
        report = os.path.join(WORK, "transom.json")
        depths = ",".join(str(depth) for depth in DEPTHS)
        subprocess.run([os.environ["TRANSOM_BENCH"], MODEL, "--quantization", kind, "--group-size", group,
                        "--kv-cache-dtype", cache, "--threads", str(THREADS), "--prefill", str(PREFILL),
                        "--depth", depths, "--decode-tokens", str(NEW), "--repeats", str(REPEATS), *os.environ.get("TRANSOM_EXTRA", "").split(), "--json",
                        report], check=True, stdout=sys.stderr)
        with open(report) as file:
            numbers = json.load(file)
        lines = {(line["phase"], line["tokens"]): line for line in numbers["lines"]}
        # The bench's share is that of the fastest unit: matrix tiles where there are some. Beside it, that of vectors.
        peaks = numbers["roofline"]
        tiles = max(1, peaks["tile_int8_op_per_s"] / peaks["int8_op_per_s"]) if peaks["int8_op_per_s"] > 0 else 1
        return {"load_s": numbers["load_s"], "prefill": [lines["prefill", PREFILL]["tokens_per_s"]],
                "decode": {depth: lines["decode", depth]["tokens_per_s"] for depth in DEPTHS},
                "peak_bytes": numbers["peak_resident_bytes"],
                "share": {"prefill": lines["prefill", PREFILL]["arithmetic_share"] * tiles,
                          "prefill_tiles": lines["prefill", PREFILL]["arithmetic_share"] if tiles > 1 else None,
                          "decode": {depth: lines["decode", depth]["bandwidth_share"] for depth in DEPTHS}}}


ENGINES = {"transom": Transom, "llama.cpp": LlamaCpp, "ctranslate2": CTranslate2, "openvino": OpenVino,
           "onnxruntime": OnnxRuntime}


def main():
    engine = ENGINES[ENGINE]()
    if VARIANT.startswith("none: "):
        return {"refused": VARIANT[len("none: "):]}
    try:
        with contextlib.redirect_stdout(sys.stderr):
            result = engine.prepare() if ACTION == "prepare" else engine.measure()
        return result or {}
    except Exception as error:  # a peer that cannot do a row says so in the row
        if ACTION == "prepare" and hasattr(engine, "path"):
            shutil.rmtree(engine.path(), ignore_errors=True)
        return {"refused": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}


if __name__ == "__main__":
    ACTION, ENGINE, VARIANT, MODEL, WORK = sys.argv[1:6]
    DEPTHS = [int(depth) for depth in sys.argv[6].split(",")]
    print(json.dumps(main()))
