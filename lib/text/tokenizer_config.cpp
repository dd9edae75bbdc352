// SPDX-License-Identifier: Apache-2.0
#include "text/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "text/decoders/decode_stages.h"
#include "text/models/bpe.h"

namespace transom::text {

namespace {

/// The spelling of a special token, and where it was found.
struct NamedToken {
  std::string content;
  JsonPath path;
  const io::Json* json;  // a string, or an object with flags
};

std::string token_content(const io::Json& json, const JsonPath& path) {
  return json.is_object() ? required_string(json, "content", path) : json.as_string(path);
}

/// The files that may name special tokens, the one that counts first.
using Sources = std::array<const NamedJson*, 3>;

std::optional<NamedToken> find_token(std::string_view key, const Sources& sources) {
  for (const NamedJson* file : sources) {
    if (file->json == nullptr) continue;
    const io::Json* value = file->json->find(key);
    if (value == nullptr) continue;
    if (value->is_null()) return std::nullopt;  // an explicit null is an answer
    const JsonPath path = JsonPath(file->where).member(key);
    return NamedToken{token_content(*value, path), path, value};
  }
  return std::nullopt;
}

TokenId parse_id(const std::string& key, const JsonPath& path) {
  std::int64_t id = -1;
  const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
  if (error != std::errc() || end != key.data() + key.size() || id < 0 || id >= kMaxTokenId) {
    path.fail(
        core::message("expected a token id from 0 to ", kMaxTokenId - 1, " as key, found \"", key, "\""));
  }
  return static_cast<TokenId>(id);
}

void add_listed_tokens(const NamedJson& config, TokenizerImpl::Parts& parts) {
  if (config.json == nullptr) return;
  const io::Json* list = config.json->find_value("added_tokens_decoder");
  if (list == nullptr) return;
  const JsonPath list_path = JsonPath(config.where).member("added_tokens_decoder");
  for (const auto& [key, entry] : list->as_object(list_path)) {
    const JsonPath path = list_path.member(key);
    AddedToken token = load_added_token(entry, path);
    token.id = parse_id(key, list_path);
    if (token.content.empty()) continue;
    add_checked(parts.added, std::move(token), parts.model->vocabulary(), path);
  }
}

/// Makes a token special unless it is an added token already, whose flags then stand.
void mark_special(const NamedToken& named, TokenizerImpl::Parts& parts) {
  if (named.content.empty() || parts.added.find(named.content) != nullptr) return;
  const std::optional<TokenId> id = parts.model->vocabulary().find(named.content);
  if (!id) return;
  AddedToken token;
  if (named.json->is_object()) {
    token = load_added_token(*named.json, named.path);
    token.normalized = bool_member(*named.json, "normalized", false, named.path);
  }
  token.id = *id;
  token.content = named.content;
  token.special = true;
  add_checked(parts.added, std::move(token), parts.model->vocabulary(), named.path);
}

void mark_special_list(std::string_view key, const NamedJson& file, TokenizerImpl::Parts& parts) {
  const io::Json* list = file.json != nullptr ? file.json->find_value(key) : nullptr;
  if (list == nullptr || !list->is_array()) return;
  const JsonPath path = JsonPath(file.where).member(key);
  std::size_t i = 0;
  for (const io::Json& entry : list->as_array(path)) {
    const JsonPath entry_path = path.element(i++);
    mark_special({token_content(entry, entry_path), entry_path, &entry}, parts);
  }
}

/// Tokens that only one kind of model has, by name ("image_token"): for its chat template to write.
void add_model_tokens(const NamedJson& config, TokenizerImpl::Parts& parts) {
  for (const std::string_view key : {"extra_special_tokens", "model_specific_special_tokens"}) {
    const io::Json* tokens = config.json != nullptr ? config.json->find_value(key) : nullptr;
    if (tokens == nullptr || !tokens->is_object()) continue;
    const JsonPath path = JsonPath(config.where).member(key);
    for (const auto& [name, token] : tokens->as_object(path)) {
      parts.chat_templates.add_special_token(name, token_content(token, path.member(name)));
    }
  }
}

std::optional<TokenId> id_of(const NamedToken& named, const TokenizerImpl::Parts& parts) {
  if (const AddedToken* added = parts.added.find(named.content)) return added->id;
  return parts.model->vocabulary().find(named.content);
}

/// Whether the class rebuilds the template from its flags (update_post_processor in the Python library).
bool builds_own_template(std::string tokenizer_class) {
  if (tokenizer_class.ends_with("Fast")) tokenizer_class.resize(tokenizer_class.size() - 4);
  return tokenizer_class == "LlamaTokenizer" || tokenizer_class == "CodeLlamaTokenizer" ||
         tokenizer_class == "GemmaTokenizer" || tokenizer_class == "CohereTokenizer";
}

void rebuild_frame(const NamedJson& config, const std::optional<NamedToken>& bos,
                   const std::optional<NamedToken>& eos, bool without_tokenizer_json,
                   TokenizerImpl::Parts& parts) {
  if (config.json == nullptr) return;
  const JsonPath root(config.where);
  const bool own_template = builds_own_template(string_member(*config.json, "tokenizer_class", "", root));
  const bool has_flag = config.json->find_value("add_bos_token") != nullptr;
  const bool has_either = has_flag || config.json->find_value("add_eos_token") != nullptr;
  // Without any flag and without a BOS token there is nothing to rebuild from.
  if (own_template ? !has_flag && !bos && !parts.bos_id : !without_tokenizer_json || !has_either) return;
  SpecialFrame frame;
  const auto put = [&](std::string_view flag, bool fallback, const std::optional<NamedToken>& token,
                       const std::optional<TokenId>& known, std::vector<TokenId>& out) {
    if (!bool_member(*config.json, flag, fallback, root)) return;
    if (!token && !known) root.member(flag).fail("expected a token to add, but none is named");
    const std::optional<TokenId> id = token ? id_of(*token, parts) : known;
    if (!id) token->path.fail(core::message("token \"", token->content, "\" is not in the vocabulary"));
    out.push_back(*id);
  };
  const std::optional<TokenId> known_eos =
      parts.eos_ids.empty() ? std::nullopt : std::optional(parts.eos_ids.front());
  put("add_bos_token", own_template, bos, parts.bos_id, frame.prefix);
  put("add_eos_token", false, eos, known_eos, frame.suffix);
  parts.frame = std::move(frame);
}

constexpr std::array<std::string_view, 7> kTokenKeys = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                        "pad_token", "cls_token", "mask_token"};

/// Newer versions of the Python library leave texts of BPE alone, which the rules would damage.
void add_clean_up(const NamedJson& config, TokenizerImpl::Parts& parts) {
  if (config.json == nullptr) return;
  const JsonPath root(config.where);
  if (!bool_member(*config.json, "clean_up_tokenization_spaces", false, root)) return;
  const bool is_bpe = dynamic_cast<const BpeModel*>(parts.model.get()) != nullptr;
  constexpr std::string_view kForBpeToo =
      "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output";
  if (is_bpe && !bool_member(*config.json, kForBpeToo, false, root)) return;
  for (DecodeStageFactory& stage : clean_up_stages()) parts.decoder.push_back(std::move(stage));
  parts.speller = nullptr;  // whether a token keeps its space depends on the next
}

}  // namespace

void apply_tokenizer_config(const NamedJson& config, const NamedJson& special_tokens_map,
                            const NamedJson* class_defaults, TokenizerImpl::Parts& parts) {
  const NamedJson none;
  const Sources sources = {&config, &special_tokens_map, class_defaults != nullptr ? class_defaults : &none};
  for (const NamedJson* file : sources) {
    if (file->json != nullptr) file->json->as_object(file->where);
  }
  add_listed_tokens(config, parts);
  if (parts.chat_templates.empty()) parts.chat_templates.add_from_config(config);
  for (const std::string_view key : kTokenKeys) {
    const std::optional<NamedToken> token = find_token(key, sources);
    if (!token) continue;
    mark_special(*token, parts);
    parts.chat_templates.add_special_token(std::string(key), token->content);
  }
  add_model_tokens(config, parts);
  for (const std::string_view key : {"additional_special_tokens", "extra_special_tokens"}) {
    mark_special_list(key, config, parts);
    mark_special_list(key, special_tokens_map, parts);
  }
  const std::optional<NamedToken> bos = find_token("bos_token", sources);
  const std::optional<NamedToken> eos = find_token("eos_token", sources);
  if (bos) parts.bos_id = id_of(*bos, parts);
  if (eos) {
    if (const std::optional<TokenId> id = id_of(*eos, parts)) parts.eos_ids = {*id};
  }
  rebuild_frame(config, bos, eos, class_defaults != nullptr, parts);
  add_clean_up(config, parts);
}

void apply_added_tokens(const NamedJson& added_tokens, const NamedJson& config,
                        const NamedJson& special_tokens_map, TokenizerImpl::Parts& parts) {
  if (added_tokens.json == nullptr) return;
  const JsonPath root(added_tokens.where);
  const Sources sources = {&config, &special_tokens_map, &config};
  for (const auto& [content, id] : added_tokens.json->as_object(root)) {
    const JsonPath path = root.member(content);
    AddedToken token;
    token.id = read_token_id(id, path);
    token.content = content;
    token.special = std::any_of(kTokenKeys.begin(), kTokenKeys.end(), [&](std::string_view key) {
      const std::optional<NamedToken> named = find_token(key, sources);
      return named && named->content == token.content;
    });
    token.normalized = !token.special;
    if (!token.content.empty()) add_checked(parts.added, std::move(token), parts.model->vocabulary(), path);
  }
}

std::optional<std::string> special_token_name(std::string_view key, const NamedJson& config,
                                              const NamedJson& special_tokens_map,
                                              const NamedJson& class_defaults) {
  const std::optional<NamedToken> token = find_token(key, {&config, &special_tokens_map, &class_defaults});
  return token ? std::optional(token->content) : std::nullopt;
}

}  // namespace transom::text
