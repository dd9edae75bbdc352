// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_loader.h"

#include <utility>

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

}  // namespace

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
  parts.decoder = load_decoder(member_or_null(json, "decoder"), root.member("decoder"));
  parts.chat_templates = std::move(template_files);
  parts.speller = load_token_speller(member_or_null(json, "decoder"), root.member("decoder"));
  apply_tokenizer_config(config, special_tokens_map, parts);
  auto loaded = std::make_shared<const TokenizerImpl>(std::move(parts));
  check_frame(loaded->frame(), *loaded, root.member("post_processor"));
  return loaded;
}

std::shared_ptr<const TokenizerImpl> from_json(const io::Json& tokenizer, std::string where) {
  return tokenizer_from_json({&tokenizer, std::move(where)});
}

std::shared_ptr<const TokenizerImpl> load_tokenizer(const std::filesystem::path& directory) {
  const std::filesystem::path tokenizer_path = directory / "tokenizer.json";
  const io::Json tokenizer = io::Json::parse_file(tokenizer_path);
  const auto read_optional = [&directory](const char* name, io::Json& json) {
    const std::filesystem::path path = directory / name;
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return NamedJson{};
    json = io::Json::parse_file(path);
    return NamedJson{&json, path.string()};
  };
  io::Json config;
  io::Json special_tokens_map;
  const NamedJson named_config = read_optional("tokenizer_config.json", config);
  const NamedJson named_map = read_optional("special_tokens_map.json", special_tokens_map);
  return tokenizer_from_json({&tokenizer, tokenizer_path.string()}, named_config, named_map,
                             ChatTemplates::from_files(directory));
}

}  // namespace transom::text
