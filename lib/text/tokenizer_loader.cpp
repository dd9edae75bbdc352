// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_loader.h"

#include <utility>

#include "text/plain_files.h"
#include "text/tokenizer_config.h"

namespace transom::text {

namespace {

void check_version(const io::Json& json, const JsonPath& path) {
  const std::string version = string_member(json, "version", "1.0", path);
  if (version != "1.0") {
    path.member("version").unsupported(core::message("expected version \"1.0\", found \"", version, "\""));
  }
}

/// @throws FormatError when the frame holds an id that no token has: the model could not look it up.
void check_frame(const SpecialFrame& frame, const TokenizerImpl& tokenizer, const JsonPath& path) {
  for (const std::vector<TokenId>* ids : {&frame.prefix, &frame.suffix}) {
    for (const TokenId id : *ids) {
      if (!tokenizer.spelling(id)) path.fail(core::message("id ", id, " is not in the vocabulary"));
    }
  }
}

/// Null when the optional member is absent.
const io::Json& member_or_null(const io::Json& json, std::string_view key) {
  static const io::Json null;
  const io::Json* found = json.find(key);
  return found == nullptr ? null : *found;
}

/// A JSON file that need not be there.
class OptionalFile {
 public:
  OptionalFile(const std::filesystem::path& directory, const char* name) {
    const std::filesystem::path path = directory / name;
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return;
    json_ = io::Json::parse_file(path);
    named_ = {&json_, path.string()};
  }
  OptionalFile(const OptionalFile&) = delete;
  OptionalFile& operator=(const OptionalFile&) = delete;

  const NamedJson& named() const { return named_; }

 private:
  io::Json json_;
  NamedJson named_;
};

std::shared_ptr<const TokenizerImpl> finish(TokenizerImpl::Parts parts, const JsonPath& root) {
  auto loaded = std::make_shared<const TokenizerImpl>(std::move(parts));
  check_frame(loaded->frame(), *loaded, root.member("post_processor"));
  return loaded;
}

}  // namespace

void set_decoder(const io::Json& json, const JsonPath& path, TokenizerImpl::Parts& parts) {
  parts.decoder = load_decoder(json, path);
  parts.speller = load_token_speller(json, path);
}

std::shared_ptr<const TokenizerImpl> tokenizer_from_json(const NamedJson& tokenizer, const NamedJson& config,
                                                         const NamedJson& special_tokens_map,
                                                         ChatTemplates template_files) {
  const JsonPath root(tokenizer.where);
  const io::Json& json = *tokenizer.json;
  json.as_object(root);
  check_version(json, root);
  TokenizerImpl::Parts parts;
  parts.model = load_model(json.at("model", root), root.member("model"));
  parts.added = load_added_tokens(json.find_value("added_tokens"), parts.model->vocabulary(),
                                  root.member("added_tokens"));
  parts.normalizer = load_normalizer(member_or_null(json, "normalizer"), root.member("normalizer"));
  parts.pre_tokenizer =
      load_pre_tokenizer(member_or_null(json, "pre_tokenizer"), root.member("pre_tokenizer"));
  parts.frame = load_post_processor(member_or_null(json, "post_processor"), root.member("post_processor"));
  set_decoder(member_or_null(json, "decoder"), root.member("decoder"), parts);
  parts.chat_templates = std::move(template_files);
  apply_tokenizer_config(config, special_tokens_map, nullptr, parts);
  return finish(std::move(parts), root);
}

std::shared_ptr<const TokenizerImpl> from_json(const io::Json& tokenizer, std::string where) {
  return tokenizer_from_json({&tokenizer, std::move(where)});
}

bool has_tokenizer(const std::filesystem::path& directory) {
  std::error_code ignored;
  return std::filesystem::exists(directory / "tokenizer.json", ignored) ||
         find_plain_files(directory).has_value();
}

std::shared_ptr<const TokenizerImpl> load_tokenizer(const std::filesystem::path& directory) {
  const OptionalFile config(directory, "tokenizer_config.json");
  const OptionalFile special_tokens_map(directory, "special_tokens_map.json");
  const std::filesystem::path tokenizer_path = directory / "tokenizer.json";
  std::error_code ignored;
  if (!std::filesystem::exists(tokenizer_path, ignored)) {
    if (std::optional<PlainTokenizer> plain = load_plain_files(directory, config.named())) {
      const NamedJson defaults{plain->special_tokens.is_null() ? nullptr : &plain->special_tokens,
                               "defaults"};
      const OptionalFile added_tokens(directory, "added_tokens.json");
      plain->parts.chat_templates = ChatTemplates::from_files(directory);
      apply_added_tokens(added_tokens.named(), config.named(), special_tokens_map.named(), plain->parts);
      apply_tokenizer_config(config.named(), special_tokens_map.named(), &defaults, plain->parts);
      return finish(std::move(plain->parts), JsonPath(directory.string()));
    }
  }
  const io::Json tokenizer = io::Json::parse_file(tokenizer_path);
  return tokenizer_from_json({&tokenizer, tokenizer_path.string()}, config.named(),
                             special_tokens_map.named(), ChatTemplates::from_files(directory));
}

}  // namespace transom::text
