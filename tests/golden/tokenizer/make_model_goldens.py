# SPDX-License-Identifier: Apache-2.0
"""Makes models.json: small tokenizers of every kind of model and step, trained with a seed-free trainer of the
Hugging Face `tokenizers` package, and what that package makes of the texts in texts.json.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.21.4
    venv/bin/python make_model_goldens.py

The file holds for each name the tokenizer.json as a value ("tokenizer"), the ids of every second text ("encode"), and
random ids with their text ("decode"). The charsmap is a tiny one, written here in the layout of darts-clone.
"""

import base64
import json
import pathlib
import random
import struct

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from make_tokenizer_goldens import mixed_run

HERE = pathlib.Path(__file__).parent


def charsmap(rules):
    """A SentencePiece character map: a double array over the keys, one unit a node, and the replacements."""
    blob, place = b"", {}
    for key, value in rules.items():
        place[key.encode()] = len(blob)
        blob += value.encode() + b"\0"
    nodes = {b""}
    for key in place:
        nodes.update(key[:i] for i in range(len(key) + 1))
    units, where, taken = {}, {b"": 0}, {0}
    for node in sorted(nodes, key=lambda n: (len(n), n)):
        labels = [n[-1] for n in nodes if len(n) == len(node) + 1 and n.startswith(node)]
        here = where[node]
        ends = node in place
        want = labels + ([0] if ends else [])
        base = next(b for b in range(1, 1 << 16) if all((b ^ c) not in taken for c in want)) if want else 0
        offset = base ^ here
        unit = units.get(here, 0)
        assert offset < 1 << 21
        units[here] = unit | (offset << 10) | (1 << 8 if ends else 0)
        for label in labels:
            where[node + bytes([label])] = base ^ label
            taken.add(base ^ label)
            units[base ^ label] = label
        if ends:
            taken.add(base)
            units[base] = (1 << 31) | place[node]
    array = [units.get(i, 1 << 31) for i in range(max(units) + 256)]
    return base64.b64encode(struct.pack("<I", 4 * len(array)) + struct.pack(f"<{len(array)}I", *array) + blob).decode()


RULES = {"\u00e9": "e", "e\u0301": "E", "\ufb01": "fi", "\t": " ", "\n": " ", "\u00a0": " ", "\u200b": "", "\uff01": "!",
         "\u1100": "G", "\u1100\u1161": "GA", "\u2026": "...", "a\u0308": "ae", "'s": "S"}


def build():
    """Yields name, tokenizer before training, trainer."""
    meta = "\u2581"
    special = ["<unk>", "<s>", "</s>"]

    def unigram(n=260, unk="<unk>"):
        return trainers.UnigramTrainer(vocab_size=n, special_tokens=special, unk_token=unk, max_piece_length=8)

    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")])
    t.pre_tokenizer = pre_tokenizers.Metaspace(meta, "always")
    t.decoder = decoders.Metaspace(meta, "always")
    yield "unigram-metaspace", t, unigram()

    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.Strip(left=False, right=True)])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.UnicodeScripts(), pre_tokenizers.Metaspace(meta, "first", split=False)])
    t.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(meta, "first")])
    yield "unigram-bytes", t, unigram()

    t = Tokenizer(models.Unigram())
    t.pre_tokenizer = pre_tokenizers.Metaspace(meta, "never")
    t.decoder = decoders.Sequence([decoders.Replace(meta, " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    yield "unigram-precompiled", t, unigram()

    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=20))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.decoder = decoders.WordPiece("##", True)
    yield "wordpiece-bert", t, trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"])

    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.CharDelimiterSplit("-"), pre_tokenizers.Punctuation("merged_with_previous"),
                                               pre_tokenizers.Digits(False), pre_tokenizers.WhitespaceSplit()])
    t.decoder = decoders.WordPiece("@@", False)
    yield "wordpiece-cased", t, trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]"], continuing_subword_prefix="@@")

    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.NFC()])
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    yield "wordlevel", t, trainers.WordLevelTrainer(vocab_size=300, special_tokens=special)

    t = Tokenizer(models.WordLevel(unk_token="<unk>"))
    t.normalizer = normalizers.NFKD()
    t.pre_tokenizer = pre_tokenizers.FixedLength(2)
    t.decoder = decoders.CTC("<pad>", "|", True)
    yield "wordlevel-fixed-ctc", t, trainers.WordLevelTrainer(vocab_size=300, special_tokens=["<unk>", "<pad>"])

    t = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>", fuse_unk=True))
    t.normalizer = normalizers.Lowercase()
    t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(r"'s|\p{L}+|\p{N}|[^\s\p{L}\p{N}]+"), "removed", invert=True)])
    t.decoder = decoders.BPEDecoder("</w>")
    yield "bpe-suffix", t, trainers.BpeTrainer(vocab_size=400, special_tokens=special, end_of_word_suffix="</w>")

    t = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, ignore_merges=True, fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend(meta), normalizers.Replace(" ", meta)])
    t.decoder = decoders.Sequence([decoders.Replace(meta, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    yield "bpe-plain", t, trainers.BpeTrainer(vocab_size=400, special_tokens=special)


def finish(name, tokenizer):
    """The trained tokenizer with what a trainer cannot give it."""
    value = json.loads(tokenizer.to_str())
    model = value["model"]
    if name == "unigram-bytes":
        model["byte_fallback"] = True
        model["vocab"] += [[f"<0x{b:02X}>", -20.0] for b in range(256)]
        model["vocab"] += [["\u4f60\u597d", -9.5], ["\u4f60", -9.5], ["a a", -1.5]]
    if name == "unigram-precompiled":
        value["normalizer"] = {"type": "Precompiled", "precompiled_charsmap": charsmap(RULES)}
        model["vocab"].append(["a", -1.0])  # a second id for a token: the later one counts
    if name == "bpe-plain":
        for b in range(256):
            model["vocab"].setdefault(f"<0x{b:02X}>", len(model["vocab"]))
    if name == "wordpiece-bert":
        value["post_processor"] = json.loads(processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]).__getstate__())
    if name == "wordpiece-cased":
        value["post_processor"] = {"type": "Sequence", "processors": [
            {"type": "RobertaProcessing", "sep": ["[UNK]", 0], "cls": ["[UNK]", 0], "trim_offsets": True, "add_prefix_space": True},
            {"type": "BertProcessing", "sep": ["a", model["vocab"]["a"]], "cls": ["b", model["vocab"]["b"]]}]}
    if name == "wordlevel":
        n = len(model["vocab"])
        flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False}
        value["added_tokens"] += [{"id": n, "content": "Quick", **flags, "single_word": True},
                                  {"id": n + 1, "content": "FOX", **flags, "normalized": True, "lstrip": True, "rstrip": True}]
    return value


def main():
    texts = json.loads((HERE / "texts.json").read_text())
    out = {"made_by": "tokenizers " + tokenizers.__version__}
    for name, tokenizer, trainer in build():
        tokenizer.train_from_iterator([t for t in texts if t.isascii() and len(t) < 120] * 2, trainer)
        value = finish(name, tokenizer)
        tokenizer = Tokenizer.from_str(json.dumps(value))
        encoded = [tokenizer.encode(text).ids for text in texts[::2]]
        rng = random.Random(5)
        n = tokenizer.get_vocab_size()
        decode = []
        for i in range(40):  # some fall out, see mixed_run
            some = rng.choice(encoded)
            first = rng.randint(0, max(0, len(some) - 2))
            ids = [rng.randrange(n) for _ in range(rng.randint(1, 8))] if i % 3 == 0 else some[first:first + 12] + [rng.randrange(n)]
            if name == "wordlevel-fixed-ctc":
                ids = [k for k in ids for _ in range(rng.randint(1, 2))]
            if mixed_run([tokenizer.id_to_token(k) or "" for k in ids]):
                continue
            decode.append({"ids": ids, "skip": tokenizer.decode(ids), "keep": tokenizer.decode(ids, skip_special_tokens=False)})
        out[name] = {"tokenizer": value, "encode": encoded, "decode": decode}
        print(name, tokenizer.get_vocab_size(), sum(map(len, encoded)), len(json.dumps(out[name])))
    (HERE / "models.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


main()
