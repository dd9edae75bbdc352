// SPDX-License-Identifier: Apache-2.0
#include "text/plain_files.h"

#include <algorithm>
#include <string>
#include <utility>

#include "io/file.h"
#include "text/models/bpe.h"
#include "text/models/merge_list.h"
#include "text/models/word_piece.h"
#include "text/normalizers/bert.h"
#include "text/sentencepiece/sentencepiece_loader.h"

namespace transom::text {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 28;

/// The steps of a byte-level class, in the words of tokenizer.json.
struct ByteLevelClass {
  std::string_view names;  // with a space around each; the first is the one without a configuration
  const char* normalizer;
  const char* split;  // before the bytes; null for ByteLevel's own
  const char* special_tokens;
  bool has_frame;  // cls and sep around the text
};

constexpr ByteLevelClass kByteLevelClasses[] = {
    {" GPT2Tokenizer CodeGenTokenizer ", "null", nullptr,
     R"({"bos_token": "<|endoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"})", false},
    {" Qwen2Tokenizer ", R"({"type": "NFC"})",
     R"({"Regex": "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"})",
     R"({"eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "<|endoftext|>"})", false},
    {" RobertaTokenizer BartTokenizer LongformerTokenizer ", "null", nullptr,
     R"({"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "unk_token": "<unk>",
         "pad_token": "<pad>", "mask_token": {"content": "<mask>", "lstrip": true}})",
     true},
};

constexpr std::string_view kBertNames = " BertTokenizer DistilBertTokenizer ElectraTokenizer ";
constexpr std::string_view kBertTokens = R"({"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
    "cls_token": "[CLS]", "mask_token": "[MASK]"})";

constexpr std::string_view kSentencePieceNames =
    " LlamaTokenizer CodeLlamaTokenizer GemmaTokenizer T5Tokenizer ";

/// The class without "Fast", which changes nothing; empty when the configuration names none.
std::string class_of(const NamedJson& config) {
  if (config.json == nullptr) return {};
  std::string name = string_member(*config.json, "tokenizer_class", "", JsonPath(config.where));
  if (name.ends_with("Fast")) name.resize(name.size() - 4);
  return name;
}

bool is_among(std::string_view names, const std::string& name) {
  return name.empty() || names.find(" " + name + " ") != names.npos;
}

bool config_flag(const NamedJson& config, std::string_view key, bool fallback) {
  return config.json == nullptr ? fallback : bool_member(*config.json, key, fallback, JsonPath(config.where));
}

[[noreturn]] void unknown_class(const std::string& name, const fs::path& file, std::string_view known) {
  throw UnsupportedError(core::message(file.string(), ": a tokenizer of the class \"", name,
                                       "\" can be read from tokenizer.json only; known without it are",
                                       known));
}

/// Calls use(line, its number from 0) for each line, without its line end.
template <typename Use>
void for_each_line(std::string_view text, const Use& use) {
  for (std::size_t number = 0; !text.empty(); ++number) {
    const std::size_t newline = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, newline);
    if (line.ends_with('\r')) line.remove_suffix(1);
    use(line, number);
    text.remove_prefix(std::min(newline + 1, text.size()));
  }
}

/// What stands around a text of the classes with cls and sep.
SpecialFrame cls_and_sep(const PlainTokenizer& tokenizer, const NamedJson& config, const fs::path& file) {
  const NamedJson defaults{&tokenizer.special_tokens, file.string()};
  SpecialFrame frame;
  for (const auto& [key, ids] :
       {std::pair{"cls_token", &frame.prefix}, std::pair{"sep_token", &frame.suffix}}) {
    const std::string name = special_token_name(key, config, {}, defaults).value_or("");
    const std::optional<TokenId> id = tokenizer.parts.model->vocabulary().find(name);
    if (!id)
      throw FormatError(
          core::message(file.string(), ": expected the ", key, " \"", name, "\" among the tokens"));
    ids->push_back(*id);
  }
  return frame;
}

PlainTokenizer load_byte_level(const fs::path& vocab, const fs::path& merges, const NamedJson& config) {
  const std::string name = class_of(config);
  const auto* const found =
      std::find_if(std::begin(kByteLevelClasses), std::end(kByteLevelClasses),
                   [&](const ByteLevelClass& one) { return is_among(one.names, name); });
  if (found == std::end(kByteLevelClasses)) {
    std::string known;
    for (const ByteLevelClass& one : kByteLevelClasses) known += one.names;
    unknown_class(name, vocab, known);
  }
  const JsonPath vocab_path(vocab.string());
  const JsonPath merges_path(merges.string());
  Vocabulary vocabulary = load_vocabulary(io::Json::parse_file(vocab), vocab_path);
  const std::string text = io::read_text_file(merges, kMaxFileBytes);
  MergeList list(vocabulary, "", static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1,
                 merges_path);
  for_each_line(text, [&list](std::string_view line, std::size_t number) {
    if (!line.empty() && !line.starts_with("#version")) list.add_line(line, number);
  });

  PlainTokenizer out;
  out.special_tokens = io::Json::parse(found->special_tokens, name);
  TokenizerImpl::Parts& parts = out.parts;
  PairTable pairs = list.take();
  parts.model =
      std::make_unique<BpeModel>(std::move(vocabulary), std::move(pairs), BpeOptions{}, std::nullopt);
  parts.normalizer = load_normalizer(io::Json::parse(found->normalizer, name), JsonPath(name));
  const std::string bytes =
      core::message(R"({"type": "ByteLevel", "add_prefix_space": )",
                    config_flag(config, "add_prefix_space", false) ? "true" : "false", R"(, "use_regex": )",
                    found->split == nullptr ? "true" : "false", "}");
  const std::string steps =
      found->split == nullptr
          ? bytes
          : core::message(R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "behavior": "Isolated",
                                    "pattern": )",
                          found->split, "}, ", bytes, "]}");
  parts.pre_tokenizer = load_pre_tokenizer(io::Json::parse(steps, name), JsonPath(name));
  set_decoder(io::Json::parse(R"({"type": "ByteLevel"})", name), JsonPath(name), parts);
  if (found->has_frame) parts.frame = cls_and_sep(out, config, vocab);
  return out;
}

PlainTokenizer load_bert(const fs::path& file, const NamedJson& config) {
  const std::string name = class_of(config);
  if (!is_among(kBertNames, name)) unknown_class(name, file, kBertNames);
  PlainTokenizer out;
  out.special_tokens = io::Json::parse(kBertTokens, name);
  Vocabulary vocabulary;
  for_each_line(io::read_text_file(file, kMaxFileBytes), [&](std::string_view line, std::size_t number) {
    const JsonPath path = JsonPath(file.string()).element(number);
    if (number >= static_cast<std::size_t>(kMaxTokenId)) path.unsupported("too many tokens");
    vocabulary.add(line, static_cast<TokenId>(number), true);
  });
  WordPieceOptions options;
  options.unk_token = special_token_name("unk_token", config, {}, {}).value_or(options.unk_token);
  BertNormalizerOptions normalizer;
  normalizer.lowercase = config_flag(config, "do_lower_case", true);
  normalizer.handle_chinese_chars = config_flag(config, "tokenize_chinese_chars", true);
  normalizer.strip_accents = config_flag(config, "strip_accents", normalizer.lowercase);
  out.parts.model = std::make_unique<WordPieceModel>(std::move(vocabulary), std::move(options));
  out.parts.normalizer = make_bert_normalizer(normalizer);
  out.parts.pre_tokenizer =
      load_pre_tokenizer(io::Json::parse(R"({"type": "BertPreTokenizer"})", name), JsonPath(name));
  set_decoder(io::Json::parse(R"({"type": "WordPiece"})", name), JsonPath(name), out.parts);
  out.parts.frame = cls_and_sep(out, config, file);
  return out;
}

/// T5's sentinels stand behind the pieces, the highest number first.
void add_sentinels(const NamedJson& config, TokenizerImpl::Parts& parts) {
  if (config.json == nullptr || config.json->find_value("added_tokens_decoder") != nullptr) return;
  const JsonPath path = JsonPath(config.where).member("extra_ids");
  const io::Json* const member = config.json->find_value("extra_ids");
  const std::int64_t n = member == nullptr ? 100 : member->as_int(path);
  if (n < 0 || n > 10000) path.fail(core::message("expected 0 to 10000, found ", n));
  const auto first = static_cast<TokenId>(parts.model->vocabulary().id_end());
  for (TokenId i = 0; i < n; ++i) {
    AddedToken token;
    token.id = first + i;
    token.content = core::message("<extra_id_", n - 1 - i, ">");
    token.special = true;
    add_checked(parts.added, std::move(token), parts.model->vocabulary(), path);
  }
}

PlainTokenizer load_sentencepiece(const fs::path& file, const NamedJson& config) {
  const std::string name = class_of(config);
  if (!is_among(kSentencePieceNames, name)) unknown_class(name, file, kSentencePieceNames);
  const PrependScheme prefix =
      config_flag(config, "legacy", false) ? PrependScheme::always : PrependScheme::first;
  PlainTokenizer out;
  out.parts = parts_from_sentencepiece(io::read_text_file(file, kMaxFileBytes), file.string(), prefix);
  if (name == "T5Tokenizer") {
    out.parts.frame.suffix = out.parts.eos_ids;
    add_sentinels(config, out.parts);
  }
  return out;
}

}  // namespace

std::optional<std::string> find_plain_files(const fs::path& directory) {
  std::error_code ignored;
  const auto exists = [&](const char* file) { return fs::exists(directory / file, ignored); };
  for (const char* file : {"tokenizer.model", "spiece.model"}) {
    if (exists(file)) return file;
  }
  if (exists("vocab.json") && exists("merges.txt")) return "vocab.json";
  return exists("vocab.txt") ? std::optional<std::string>("vocab.txt") : std::nullopt;
}

std::optional<PlainTokenizer> load_plain_files(const fs::path& directory, const NamedJson& config) {
  const std::optional<std::string> file = find_plain_files(directory);
  if (!file) return std::nullopt;
  if (file->ends_with(".model")) return load_sentencepiece(directory / *file, config);
  if (*file == "vocab.txt") return load_bert(directory / *file, config);
  return load_byte_level(directory / *file, directory / "merges.txt", config);
}

}  // namespace transom::text
