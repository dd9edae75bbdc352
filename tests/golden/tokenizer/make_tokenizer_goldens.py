# SPDX-License-Identifier: Apache-2.0
"""Makes the golden files of tests/text with the Hugging Face `tokenizers` package.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.21.4
    venv/bin/python make_tokenizer_goldens.py DATA TINYSTORIES

DATA holds hf/*.tokenizer.json.gz and gguf/ggml-vocab-*.{gguf,gguf.inp,gguf.out}; TINYSTORIES is a directory with
a tokenizer.json. Written beside this script: texts.json, the texts, and <name>.json for each tokenizer:
`encode` has the ids of each text with the special tokens of the post-processor, `decode` has random ids and their
text with and without special tokens. The script also checks its tokenizers against the .out files.

Version 0.23 gives the same ids, but it decodes an added token with "normalized": true to its normalised spelling
and no longer knows it as special. Transom follows the file, as 0.21 does.
"""

import gzip
import json
import pathlib
import random
import struct
import sys

import tokenizers

HERE = pathlib.Path(__file__).parent
SEPARATOR = "\n__ggml_vocab_test__\n"


# --- vocabularies that exist only as GGUF ---------------------------------------------------------------------

def read_gguf(path):
    """Returns the metadata of a GGUF file (version 2 or 3)."""
    data = path.read_bytes()
    pos = 0

    def take(fmt):
        nonlocal pos
        value = struct.unpack_from("<" + fmt, data, pos)[0]
        pos += struct.calcsize("<" + fmt)
        return value

    def string():
        nonlocal pos
        n = take("Q")
        pos += n
        return data[pos - n:pos].decode("utf-8")

    formats = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

    def value(kind):
        if kind == 8:
            return string()
        if kind == 9:
            inner, n = take("I"), take("Q")
            return [value(inner) for _ in range(n)]
        return take(formats[kind])

    assert data[:4] == b"GGUF"
    pos = 8
    take("Q")
    n_pairs = take("Q")
    return {string(): value(take("I")) for _ in range(n_pairs)}


CASED = """
41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C 38E-3A1
3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B 1D6B-1D77 1D79-1D9A
1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D 1F80-1FB4 1FB6-1FBC 1FBE 1FC2-1FC4
1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 210A-2113 2115 2119-211D 2124 2126 2128
212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B 2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D
A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3
104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF 1E900-1E943
"""
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"


def cased_class():
    return "".join("-".join(chr(int(h, 16)) for h in part.split("-")) for part in CASED.split())


DEEPSEEK_LLM = ["[\r\n]", "\\s?[" + cased_class() + "]+",
                "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", "\\s+$", CJK]
DEEPSEEK_CODER = ["[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", CJK]


def tokenizer_from_gguf(path, expressions):
    """A byte-level tokenizer.json of a GGUF vocabulary. Token types other than 1 (normal) become added tokens."""
    meta = read_gguf(path)
    tokens, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    splits = [{"type": "Split", "pattern": {"Regex": e}, "behavior": "Isolated", "invert": False}
              for e in expressions]
    return {
        "version": "1.0",
        "added_tokens": [{"id": i, "content": t, "single_word": False, "lstrip": False, "rstrip": False,
                          "normalized": False, "special": k == 3}
                         for i, (t, k) in enumerate(zip(tokens, kinds)) if k != 1],
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": splits + [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}]},
        "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
        "model": {"type": "BPE", "vocab": {t: i for i, t in enumerate(tokens) if kinds[i] == 1},
                  "merges": meta["tokenizer.ggml.merges"]},
    }


# --- texts ----------------------------------------------------------------------------------------------------

TRICKY = [
    "don't I'LL we'Ve it's O'Reilly '\u017f 'S 'd'm't", "\u0130stanbul \u01c5 \u00df\ufb00\ufb01 \u212a\u212b \u1fd3\u0390",
    "e\u0301 \u00e9 a\u0308\u0323 a\u0323\u0308 \u1100\u1161\u11a8 \uac01 \u0958 \u2126 \ufb2c \u0344",
    "\u200bzero\u200cwidth\u200djoin\u2060er\ufeff", "\u0085nel\u00a0nbsp\u2028ls\u2029ps\u3000ideo\u180emvs\u001cfs",
    "\x00\x01\x02 nul\x00s \x7f\x80\x9f", "\ufffd \ufffd\ufffd \uffff \U0010ffff \U000e0001 \ue000",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea \U0001f44d\U0001f3fd \u2764\ufe0f",
    "123 1234567 1,234.56 \u0661\u0662\u0663 \u00bd\u00b2\u2167 \u4e00\u4e8c\u4e09 \u3007 12\u4e2d34 \uff11\uff12\uff13",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01\u3053\u3093\u306b\u3061\u306f\u30ab\u30bf\u30ab\u30ca\u30fb\ud55c\uad6d\uc5b4 mixed\u4e2dtext\u6587",
    "\u0627\u0644\u0639\u0631\u0628\u064a\u0629 \u05e2\u05b4\u05d1\u05b0\u05e8\u05b4\u05d9\u05ea \u0939\u093f\u0928\u094d\u0926\u0940 \u0e44\u0e17\u0e22 \u10e5\u10d0\u10e0 \u13e3\u13b3\u13a9",
    "   leading", "trailing   ", "a  b   c    d     e", "\n\n\n", " \n \n ", "a\n\n  b\r\n\r\n c\r d", "\t\t if x:\n\t\t\treturn  y\n",
    "x" * 300, " " * 300, "\n" * 100, "ab" * 200, "=" * 150, "-\n" * 60, "9" * 50, "\U0001f600" * 30, "\u4e2d" * 100, "a\u0301" * 50,
    "http://user:pw@example.com:8080/path?q=1&r=%20#frag", "C:\\Windows\\System32\\*.dll", "foo_bar-baz.qux[0]->next::value<T>()",
    "def f(x, *a, **k): return {'a': [1, 2.5e-3], \"b\": None}  # \u00e9", "<html><body class=\"a\">&amp;&nbsp;</body></html>",
    "$100 \u20ac50 \u00a320 \u00a51000 100% \u2030 \u221e \u2260 \u2264 \u222b \u2211", "\u201cquoted\u201d \u2018single\u2019 \u00abguillemets\u00bb \u2014 \u2013 \u2026",
    "<0x0A> <0x41><unk><s></s> <|endoftext|> <|im_start|>user\nhi<|im_end|>", "<|endoftext|><|endoftext|>", " <|im_start|> a", "a<|im_end|> b",
    "<\uff5cUser\uff5c>Hello<\uff5cAssistant\uff5c><think>hm</think>", "<\uff5cbegin\u2581of\u2581sentence\uff5c>x<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<|user|>\nHi<|end|>\n<|assistant|> ok", "<|start_story|>Once<|end_story|>", "<|start_story|> Once <|end_story|>  <unk>", "</s>  two spaces", "a </s> b",
    "\u2581\u2581x\u2581y \u2581", "\u0120word\u010a", "\u00c4\u0120", "<s> x<s>", "<", "<|", "<|im_st", "|>", "", " ", "'", "''s", "'s", " 's", "\u017f", "'\u017fx", "'R'e 'rE", "'l'L",
    "1 22 333 4444 55555", "a1b2c3", "\u00e91\u00e92", "A\u0300\u0301\u0302\u0303B", "\u0300\u0301x", " \u0300x", "\u0301", "!\u0301a", "\u00ad soft\u00adhyphen",
    "_under_score__x", "@user #tag $var", "~`!@#$%^&*()-_=+[{]}\\|;:'\",<.>/?", "!abc \"abc\" (abc) /abc :abc", "...\n...\r\n", "?!\n\n!?", " !\n a", "\u3002\n\uff01\r\n\u3001x",
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the sunshine.",
    "The quick brown fox jumps over the lazy dog. THE QUICK BROWN FOX! tHe QuIcK", "Pneumonoultramicroscopicsilicovolcanoconiosis antidisestablishmentarianism",
]
ALPHABETS = [
    "abcdefgh  ABC''std.,!\n", " \t\n\r\u00a0\u3000\u2028xx", "0123456789 ,.a", "\u4e00\u4e8c\u3042\u30ab\uac00\u4e2d\uff0c\u3002 a1\n",
    "\u00e9\u0301e\u0308a\u0323\u1100\u1161\u11a8\uac00 ", "'sStTrReEvVmMlLdD\u017f ab", "<|>imstardend_\uff5c\u2581 ",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~aZ \n", "\U0001f600\U0001f468\u200d\u2764\ufe0f\U0001d400\U00010400x ",
    "\u0430\u0431\u0412\u03b1\u0391\u05d0\u0627\u0660\u0967\u216b\u00bd \u0e01\u0e31",
]


def make_texts(data):
    inp = (data / "gguf/ggml-vocab-gpt-2.gguf.inp").read_bytes().decode("utf-8")
    texts = inp.split(SEPARATOR)[:-1] + TRICKY
    rng = random.Random(7)
    for alphabet in ALPHABETS:
        for _ in range(10):
            texts.append("".join(rng.choice(alphabet) for _ in range(rng.randint(1, 40))))
    for _ in range(20):
        chars = (rng.choice([rng.randrange(0x20, 0x7f), rng.randrange(0xa0, 0x3100), rng.randrange(0x3100, 0xd7a0),
                             rng.randrange(0x1f300, 0x1f700)]) for _ in range(rng.randint(1, 25)))
        texts.append("".join(map(chr, chars)))
    return texts


# --- goldens --------------------------------------------------------------------------------------------------

def byte_of(token):
    return int(token[3:5], 16) if len(token) == 6 and token.startswith("<0x") and token.endswith(">") else None


def mixed_run(tokens):
    """Whether a run of byte tokens is invalid UTF-8 but holds a valid character: Transom keeps that character,
    the package replaces every byte of the run."""
    run, runs = bytearray(), []
    for token in tokens + [""]:
        byte = byte_of(token)
        if byte is not None:
            run.append(byte)
        elif run:
            runs.append(bytes(run))
            run = bytearray()
    for run in runs:
        try:
            run.decode("utf-8")
        except UnicodeDecodeError:
            if run.decode("utf-8", errors="ignore"):
                return True
    return False


def random_ids(tokenizer, encoded, rng):
    """Lists of ids: anything, mostly single bytes and characters, and pieces of real text."""
    n = tokenizer.get_vocab_size(with_added_tokens=True)
    lists = []
    while len(lists) < 60:
        kind = len(lists) % 3
        if kind == 0:
            ids = [rng.randrange(n) for _ in range(rng.randint(1, 12))]
        elif kind == 1:
            ids = [rng.randrange(min(n, 300)) for _ in range(rng.randint(1, 12))]
        else:
            text = rng.choice(encoded)
            first = rng.randint(0, max(0, len(text) - 2))
            ids = text[first:first + 12] + [rng.randrange(n)]
        if not mixed_run([tokenizer.id_to_token(i) or "" for i in ids]):
            lists.append(ids)
    return lists


def write(name, tokenizer, texts):
    encoded = [tokenizer.encode(text).ids for text in texts]
    decode = [{"ids": ids, "skip": tokenizer.decode(ids, skip_special_tokens=True),
               "keep": tokenizer.decode(ids, skip_special_tokens=False)}
              for ids in random_ids(tokenizer, encoded, random.Random(11))]
    golden = {"made_by": "tokenizers " + tokenizers.__version__, "encode": encoded, "decode": decode}
    (HERE / (name + ".json")).write_text(json.dumps(golden, separators=(",", ":")) + "\n")


def check(name, tokenizer, data):
    """Compares with the ids that the vocabulary's own test file has."""
    base = data / "gguf" / ("ggml-vocab-" + name)
    texts = pathlib.Path(str(base) + ".gguf.inp").read_bytes().decode("utf-8").split(SEPARATOR)[:-1]
    lines = pathlib.Path(str(base) + ".gguf.out").read_text().split("\n")
    for i, text in enumerate(texts):
        want = [int(t) for t in lines[i].split()]
        got = tokenizer.encode(text, add_special_tokens=False).ids
        if got != want:
            print(f"{name}: {text!r}: expected {want}, found {got}")


def main():
    data, tinystories = map(pathlib.Path, sys.argv[1:3])
    texts = make_texts(data)
    (HERE / "texts.json").write_text(json.dumps(texts, separators=(",", ":")) + "\n")
    hf = {}
    for path in sorted(data.glob("hf/*.tokenizer.json.gz")):
        hf[path.name.split(".")[0]] = tokenizers.Tokenizer.from_str(gzip.decompress(path.read_bytes()).decode("utf-8"))
    hf["tinystories"] = tokenizers.Tokenizer.from_file(str(tinystories / "tokenizer.json"))
    for name, expressions in (("deepseek-llm", DEEPSEEK_LLM), ("deepseek-coder", DEEPSEEK_CODER)):
        built = tokenizer_from_gguf(data / f"gguf/ggml-vocab-{name}.gguf", expressions)
        hf[name] = tokenizers.Tokenizer.from_str(json.dumps(built))
        check(name, hf[name], data)
    for name, own in (("gpt-2", "gpt2"), ("qwen2", "qwen2"), ("deepseek-r1-qwen", "qwen2"),
                      ("llama-spm", "phi3v-llama2"), ("phi-3", "phi3v-llama2")):
        check(name, hf[own], data)
    for name, tokenizer in hf.items():
        write(name, tokenizer, texts)


if __name__ == "__main__":
    main()
