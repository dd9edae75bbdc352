# SPDX-License-Identifier: Apache-2.0
"""Makes plain.json: tokenizers without tokenizer.json, and what their own libraries make of texts.json.

    python3 -m venv venv && venv/bin/pip install sentencepiece==0.2.3 transformers==5.24.0
    venv/bin/python make_plain_goldens.py STORIES

`sentencepiece` holds trained models (base64) with the ids of SentencePiece itself; of STORIES/tok512.model only the ids
are kept. Texts that spell a control symbol are left out, because Transom recognises those unless told otherwise.
`directories` holds the files of old model directories, with the ids and decoded texts of `transformers`.
"""

import base64
import io
import json
import pathlib
import sys
import tempfile

import sentencepiece
import tokenizers
import transformers

HERE = pathlib.Path(__file__).parent


def rules():
    pairs = {"\u00e9": "e", "e\u0301": "E", "\ufb01": "fi", "\t": " ", "\n": " ", "\u00a0": " ", "\u200b": "", "\uff01": "!",
             "\u2026": "...", "\u1100\u1161": "GA", "\u1100": "G", "'s": "S", "'st": "ST", "\u3000": "  "}
    return "".join(" ".join(f"{ord(c):X}" for c in key) + "\t" + " ".join(f"{ord(c):X}" for c in value) + "\n"
                   for key, value in pairs.items())


def train(texts, **options):
    with tempfile.TemporaryDirectory() as folder:
        tsv = pathlib.Path(folder) / "rules.tsv"
        tsv.write_text(rules())
        if options.pop("with_rules", False):
            options["normalization_rule_tsv"] = str(tsv)
        else:
            options["normalization_rule_name"] = "identity"
        out = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(texts), model_writer=out, hard_vocab_limit=False,
                                                 minloglevel=2, num_threads=1, **options)
        return out.getvalue()


def sentencepiece_goldens(texts, stories):
    ascii_texts = [t for t in texts if t.isascii() and len(t) < 120 for _ in range(2)]
    extra = ["\u3000a \u3000 b ", "'st 's", "  two  spaces  <user> x<user>y ", "a<user>"]
    models = {
        "unigram-rules": train(ascii_texts, model_type="unigram", vocab_size=260, with_rules=True, control_symbols=["<ctl>"],
                               user_defined_symbols=["<user>"], remove_extra_whitespaces=False),
        "unigram-trimmed": train(ascii_texts, model_type="unigram", vocab_size=520, byte_fallback=True, with_rules=True,
                                 remove_extra_whitespaces=True),
        "bpe-bytes": train(ascii_texts, model_type="bpe", vocab_size=560, byte_fallback=True, remove_extra_whitespaces=False,
                           split_digits=True, user_defined_symbols=["<user>"]),
        "bpe-plain": train(ascii_texts, model_type="bpe", vocab_size=300, add_dummy_prefix=False),
        "char": train(ascii_texts, model_type="char", vocab_size=200),
    }
    out = {}
    for name, model in list(models.items()) + [("tok512", (stories / "tok512.model").read_bytes())]:
        sp = sentencepiece.SentencePieceProcessor(model_proto=model)
        control = [sp.id_to_piece(i) for i in range(sp.get_piece_size()) if sp.is_control(i) or sp.is_unknown(i)]
        cases = []
        for text in texts[::3] + extra:
            if any(c in text for c in control) or "\x00" in text or text.startswith("<user>"):
                continue
            if "trimmed" in name and "<user>" in text:
                continue
            ids = sp.encode(text)
            case = {"text": text, "ids": ids}
            if not any(sp.is_unknown(i) for i in ids):
                case["decoded"] = sp.decode(ids)
            cases.append(case)
        out[name] = {"cases": cases}
        if name in models:
            out[name]["model"] = base64.b64encode(model).decode()
        print(name, sp.get_piece_size(), len(cases), len(model))
    return out


def write_directory(folder, files):
    for name, content in files.items():
        (folder / name).write_text(content)


def directory_goldens(texts):
    ascii_texts = [t for t in texts if t.isascii() and len(t) < 120 for _ in range(2)]
    bpe = tokenizers.Tokenizer(tokenizers.models.BPE())
    bpe.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.train_from_iterator(ascii_texts, tokenizers.trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<|endoftext|>", "<s>", "</s>", "<pad>", "<unk>", "<mask>"],
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    model = json.loads(bpe.to_str())["model"]
    merges = "#version: 0.2\n" + "".join(" ".join(pair) + "\n" for pair in model["merges"])
    byte_level = {"vocab.json": json.dumps(model["vocab"]), "merges.txt": merges}
    n = len(model["vocab"])
    piece = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    piece.normalizer = tokenizers.normalizers.BertNormalizer()
    piece.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    piece.train_from_iterator(ascii_texts, tokenizers.trainers.WordPieceTrainer(
        vocab_size=400, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]))
    words = json.loads(piece.to_str())["model"]["vocab"]
    vocab_txt = "".join(w + "\n" for w in sorted(words, key=words.get))
    directories = {
        "gpt2": (transformers.GPT2Tokenizer, {**byte_level, "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "GPT2Tokenizer", "add_bos_token": True})}),
        "qwen2": (transformers.Qwen2Tokenizer, {**byte_level, "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "clean_up_tokenization_spaces": True,
             "added_tokens_decoder": {str(n): {"content": "<|im_start|>", "special": True, "normalized": False, "lstrip": False,
                                               "rstrip": False, "single_word": False},
                                      str(n + 1): {"content": "<|im_end|>", "special": True, "normalized": False, "lstrip": False,
                                                   "rstrip": False, "single_word": False}}})}),
        "roberta": (transformers.RobertaTokenizer, {**byte_level, "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "RobertaTokenizer"})}),
        "bert": (transformers.BertTokenizer, {"vocab.txt": vocab_txt, "tokenizer_config.json": json.dumps(
            {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "clean_up_tokenization_spaces": True}),
            "added_tokens.json": json.dumps({"<extra> Word": len(words)})}),
    }
    out = {}
    for name, (kind, files) in directories.items():
        with tempfile.TemporaryDirectory() as folder:
            write_directory(pathlib.Path(folder), files)
            tokenizer = kind.from_pretrained(folder)
        cases = []
        for text in texts[1::5] + ["The quick brown 's fox , isn't ' it ? a<mask> b", "a <|im_end|> b", "an <extra> Word, <extra> word", "do not . . we 're"]:
            ids = tokenizer(text)["input_ids"]
            cases.append({"text": text, "ids": ids, "skip": tokenizer.decode(ids, skip_special_tokens=True),
                          "keep": tokenizer.decode(ids, skip_special_tokens=False)})
        out[name] = {"files": files, "cases": cases, "bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id}
        print(name, len(tokenizer), len(cases))
    return out


def main():
    texts = json.loads((HERE / "texts.json").read_text())
    out = {"made_by": f"sentencepiece {sentencepiece.__version__}, transformers {transformers.__version__}",
           "sentencepiece": sentencepiece_goldens(texts, pathlib.Path(sys.argv[1])), "directories": directory_goldens(texts)}
    (HERE / "plain.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


main()
