// SPDX-License-Identifier: Apache-2.0
#include "text/post_processor.h"

#include "text/models/vocabulary.h"

namespace transom::text {

namespace {

/// Appends the ids of an entry of "special_tokens".
void append_special_ids(const io::Json& tokens, const std::string& name, const JsonPath& path,
                        std::vector<TokenId>& out) {
  const io::Json& entry = tokens.at(name, path);
  const JsonPath entry_path = path.member(name);
  const JsonPath ids_path = entry_path.member("ids");
  std::size_t i = 0;
  for (const io::Json& id : entry.at("ids", entry_path).as_array(ids_path)) {
    out.push_back(read_token_id(id, ids_path.element(i++)));
  }
}

SpecialFrame load_template(const io::Json& json, const JsonPath& path) {
  SpecialFrame frame;
  const JsonPath single_path = path.member("single");
  const JsonPath tokens_path = path.member("special_tokens");
  const io::Json& tokens = json.at("special_tokens", path);
  bool seen_text = false;
  std::size_t i = 0;
  for (const io::Json& part : json.at("single", path).as_array(single_path)) {
    const JsonPath part_path = single_path.element(i++);
    if (const io::Json* special = part.find("SpecialToken")) {
      const std::string& name = required_string(*special, "id", part_path.member("SpecialToken"));
      append_special_ids(tokens, name, tokens_path, seen_text ? frame.suffix : frame.prefix);
      continue;
    }
    const io::Json* sequence = part.find("Sequence");
    if (sequence == nullptr) part_path.fail("expected {\"SpecialToken\": ...} or {\"Sequence\": ...}");
    const std::string& name = required_string(*sequence, "id", part_path.member("Sequence"));
    if (name != "A" || seen_text) {
      part_path.unsupported("a template for one text that does not hold sequence A exactly once");
    }
    seen_text = true;
  }
  if (!seen_text)
    single_path.unsupported("a template for one text that does not hold sequence A exactly once");
  return frame;
}

/// Reads ["[SEP]", 102].
TokenId load_pair(const io::Json& json, std::string_view key, const JsonPath& path) {
  const JsonPath pair_path = path.member(key);
  const std::vector<io::Json>& pair = json.at(key, path).as_array(pair_path);
  if (pair.size() != 2)
    pair_path.fail(core::message("expected a token and its id, found ", pair.size(), " values"));
  return read_token_id(pair[1], pair_path.element(1));
}

SpecialFrame load_sequence(const io::Json& json, const JsonPath& path) {
  SpecialFrame frame;
  const JsonPath list_path = path.member("processors");
  std::size_t i = 0;
  for (const io::Json& processor : json.at("processors", path).as_array(list_path)) {
    const SpecialFrame outer = load_post_processor(processor, list_path.element(i++));
    frame.prefix.insert(frame.prefix.begin(), outer.prefix.begin(), outer.prefix.end());
    frame.suffix.insert(frame.suffix.end(), outer.suffix.begin(), outer.suffix.end());
  }
  return frame;
}

}  // namespace

SpecialFrame load_post_processor(const io::Json& json, const JsonPath& path) {
  if (json.is_null()) return {};
  const std::string& type = required_string(json, "type", path);
  if (type == "ByteLevel") return {};
  if (type == "TemplateProcessing") return load_template(json, path);
  if (type == "Sequence") return load_sequence(json, path);
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    return {{load_pair(json, "cls", path)}, {load_pair(json, "sep", path)}};
  }
  path.member("type").unsupported(core::message("post-processor \"", type, "\" is not supported"));
}

}  // namespace transom::text
