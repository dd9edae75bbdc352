# SPDX-License-Identifier: Apache-2.0
"""Makes eval.json: hashes of the ids that the Hugging Face package gives to whole books.

    venv/bin/python make_eval_goldens.py DATA TINYSTORIES

DATA is the folder with tokenizers/ and text/eval/*.xz; TINYSTORIES a directory with a tokenizer.json. A text is cut
behind the first newline after every 256 KiB; `eval.json` has for each tokenizer and text one hash a chunk. The test
unpacks the same files with the xz program where both are at hand.
"""

import gzip
import json
import lzma
import pathlib
import sys

import tokenizers

from make_tokenizer_goldens import DEEPSEEK_CODER, DEEPSEEK_LLM, tokenizer_from_gguf

HERE = pathlib.Path(__file__).parent
CHUNK = 1 << 18


def chunks(data):
    begin = 0
    while begin < len(data):
        found = data.find(b"\n", min(begin + CHUNK, len(data)))
        end = len(data) if found < 0 else found + 1
        yield data[begin:end].decode("utf-8")
        begin = end


def digest(ids):
    value = len(ids)
    for i in ids:
        value = (value * 0x9E3779B97F4A7C15 + i) & 0xFFFFFFFFFFFFFFFF
    return f"{value:016x}"


def main():
    data, tinystories = map(pathlib.Path, sys.argv[1:3])
    hf = {}
    for path in sorted(data.glob("tokenizers/hf/*.tokenizer.json.gz")):
        hf[path.name.split(".")[0]] = gzip.decompress(path.read_bytes()).decode("utf-8")
    hf["tinystories"] = (tinystories / "tokenizer.json").read_text()
    for name, expressions in (("deepseek-llm", DEEPSEEK_LLM), ("deepseek-coder", DEEPSEEK_CODER)):
        hf[name] = json.dumps(tokenizer_from_gguf(data / f"tokenizers/gguf/ggml-vocab-{name}.gguf", expressions))
    for name, golden in json.loads((HERE / "models.json").read_text()).items():
        if isinstance(golden, dict):
            hf["models/" + name] = json.dumps(golden["tokenizer"])
    out = {"made_by": "tokenizers " + tokenizers.__version__}
    for path in sorted((data / "text/eval").glob("*.xz")):
        texts = list(chunks(lzma.decompress(path.read_bytes())))
        out[path.name] = {}
        for name, text in hf.items():
            tokenizer = tokenizers.Tokenizer.from_str(text)
            out[path.name][name] = [digest(e.ids) for e in tokenizer.encode_batch(texts)]
            print(path.name, name)
    (HERE / "eval.json").write_text(json.dumps(out, indent=0).replace(",\n\"", ", \"") + "\n")


main()
