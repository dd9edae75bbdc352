// SPDX-License-Identifier: Apache-2.0
/// What tokenizer_config.json changes about tokenizer.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/tokenizer_impl.h"
#include "text/tokenizer_loader.h"

namespace transom::text {

/// Applies the configuration in the way of the Python library:
/// - `added_tokens_decoder` adds tokens, and its flags win over those of tokenizer.json;
/// - a special token (bos_token and so on, a string or an object with "content") that the vocabulary has
///   becomes a special added token; one that it lacks is ignored unless it must be added to texts;
/// - `bos_token` and `eos_token` name the BOS and EOS ids;
/// - `chat_template` gives the chat templates where no files do, and the special tokens are variables for
/// them;
/// - for tokenizer classes of the Llama kind `add_bos_token` (true when absent) and `add_eos_token` (false)
///   replace the template of tokenizer.json; all other classes use the file's own, and without tokenizer.json
///   either flag works for any class;
/// - `clean_up_tokenization_spaces` takes spaces before English punctuation out of decoded text, but not for
///   BPE unless the key that says so is set as well.
/// Where tokenizer_config.json has no such key, special_tokens_map.json is asked, and then the defaults of
/// the class.
/// @param class_defaults Null where there is a tokenizer.json, which makes such defaults needless.
/// @throws FormatError
void apply_tokenizer_config(const NamedJson& config, const NamedJson& special_tokens_map,
                            const NamedJson* class_defaults, TokenizerImpl::Parts& parts);

/// Adds the tokens of added_tokens.json, {"content": id, ...}, which old directories have. Call it before
/// apply_tokenizer_config, which knows the special ones.
void apply_added_tokens(const NamedJson& added_tokens, const NamedJson& config,
                        const NamedJson& special_tokens_map, TokenizerImpl::Parts& parts);

/// @return The spelling of a special token such as "cls_token", from the first file that has the key.
std::optional<std::string> special_token_name(std::string_view key, const NamedJson& config,
                                              const NamedJson& special_tokens_map,
                                              const NamedJson& class_defaults);

}  // namespace transom::text
