// SPDX-License-Identifier: Apache-2.0
#include "transom/model.h"

#include <ostream>

#include "api/batch.h"
#include "api/model_impl.h"
#include "api/quantizing.h"
#include "api/score.h"
#include "api/session_impl.h"
#include "core/checks.h"
#include "io/companion_files.h"
#include "io/json.h"
#include "io/json_write.h"
#include "io/safetensors_write.h"
#include "model/quant/checkpoint_quantization.h"
#include "transom/error.h"

namespace transom {

using core::message;
namespace fs = std::filesystem;

namespace {

/// The configuration as other programs read it: keys that only say how to run here, on this machine, are left
/// out.
std::string portable_config(const Config& config, const fs::path& directory) {
  const Config portable = config.without({"device", "gpu_layers", "cuda_graphs", "threads", "dtype"});
  const io::Json stored = io::Json::parse_file(directory / "config.json");
  const io::Json* const quantization = stored.find_value("quantization_config");
  if (quantization == nullptr) return portable.to_json();
  return model::with_quantization_config(portable, io::json_text(*quantization, 1));
}

/// Whether two tokenizers name the same tokens. A sample tells: a guess from a wrong one costs time only.
bool same_vocabulary(const Tokenizer& a, const Tokenizer& b) {
  constexpr std::size_t kSample = 499;
  if (a.vocab_size() != b.vocab_size()) return false;
  const std::size_t step = a.vocab_size() / kSample + 1;
  for (std::size_t id = 0; id < a.vocab_size(); id += step) {
    const auto token = static_cast<TokenId>(id);
    if (a.id_to_token(token) != b.id_to_token(token)) return false;
  }
  return true;
}

}  // namespace

namespace api {

const Tokenizer& ModelImpl::require_tokenizer() const {
  if (!tokenizer) {
    throw NotFound(message("the model has no tokenizer: ", (directory / "tokenizer.json").string(),
                           " is missing; give token ids instead of text"));
  }
  return *tokenizer;
}

generation::Settings ModelImpl::settings(const GenerationConfig& own, std::int64_t prompt_tokens) const {
  generation::Settings settings =
      generation::resolve(own, defaults, prompt_tokens, transformer->spec().vocab);
  if (!settings.stop.empty()) require_tokenizer();
  if (!own.negative_prompt.empty()) {
    if (!own.negative_prompt_ids.empty())
      throw InvalidArgument("negative_prompt: expected text or ids, found both");
    settings.negative_prompt = require_tokenizer().encode(own.negative_prompt);
  }
  if (own.assistant_model != nullptr && settings.speculation.most > 0)
    settings.speculation.draft_model = draft_model(*own.assistant_model);
  const std::int64_t context = model::default_context(transformer->spec());
  if (static_cast<std::int64_t>(settings.negative_prompt.size()) > context) {
    throw InvalidArgument(message("negative_prompt: expected at most the ", context,
                                  " tokens of the context, found ", settings.negative_prompt.size()));
  }
  const auto constrain = [&](generation::ConstraintKind kind, const std::string& source) {
    if (source.empty()) return;
    require_tokenizer();
    settings.constraint = constraints->get(kind, source);
  };
  constrain(generation::ConstraintKind::json_schema, own.json_schema);
  constrain(generation::ConstraintKind::regex, own.regex);
  constrain(generation::ConstraintKind::grammar, own.grammar);
  return settings;
}

const model::Transformer* ModelImpl::draft_model(const Model& assistant) const {
  const ModelImpl& other = assistant.impl();
  if (tokenizer && other.tokenizer && !same_vocabulary(*tokenizer, *other.tokenizer))
    throw InvalidArgument(
        "assistant_model: expected a model with the same tokenizer, found another vocabulary");
  return other.transformer.get();
}

generation::Call ModelImpl::call(const generation::Settings& settings) const {
  const std::int64_t vocab = transformer->spec().vocab;
  if (!tokenizer) return {settings, nullptr, vocab};
  return {settings, &*tokenizer, std::min(vocab, static_cast<std::int64_t>(tokenizer->vocab_size()))};
}

}  // namespace api

Model::Model(std::shared_ptr<const api::ModelImpl> impl) : impl_(std::move(impl)) {}

const api::ModelImpl& Model::impl() const {
  if (impl_ == nullptr)
    throw InvalidArgument("the model is empty: it was never loaded, or loading was cancelled");
  return *impl_;
}

const Config& Model::config() const { return impl().config; }
Tokenizer Model::tokenizer() const { return impl().require_tokenizer(); }

ModelInfo Model::info() const {
  const model::Transformer& transformer = *impl().transformer;
  const model::Placement& placement = transformer.placement();
  const backend::BackendInfo device = placement.describe();
  ModelInfo info;
  info.parameters = transformer.weights().parameters;
  info.weight_bytes = transformer.weights().bytes;
  info.decode_bytes = transformer.weights().decode_bytes;
  info.device = device.device;
  if (!placement.last().uses_host_memory()) info.gpu_layers = placement.spans().back().layers();
  info.isa = device.isa;
  info.threads = device.threads;
  info.load_s = impl().load_s;
  if (impl().prefixes) info.prefix_cache_bytes = impl().prefixes->bytes();
  info.kernels = transformer.kernel_choices();
  return info;
}

Generation Model::generate(std::string_view prompt, const GenerationConfig& config,
                           const TokenCallback& on_text) const {
  return new_session().generate(prompt, config, on_text);
}

Generation Model::generate(std::span<const TokenId> prompt, const GenerationConfig& config,
                           const TokenCallback& on_text) const {
  return new_session().generate(prompt, config, on_text);
}

Generation Model::chat(std::span<const ChatMessage> messages, const GenerationConfig& config,
                       const TokenCallback& on_text, const ChatTemplateOptions& chat) const {
  return new_session().chat(messages, config, on_text, chat);
}

std::vector<Generation> Model::generate_all(std::string_view prompt, const GenerationConfig& config) const {
  return generate_all(impl().require_tokenizer().encode(prompt), config);
}

std::vector<Generation> Model::generate_all(std::span<const TokenId> prompt,
                                            const GenerationConfig& config) const {
  impl();
  return api::SessionImpl(impl_, {}).generate_all(prompt, config);
}

std::vector<Generation> Model::generate_batch(std::span<const std::string> prompts,
                                              const GenerationConfig& config,
                                              const BatchCallback& on_text) const {
  std::vector<std::vector<TokenId>> ids;
  for (const std::string& prompt : prompts) ids.push_back(impl().require_tokenizer().encode(prompt));
  return generate_batch(ids, config, on_text);
}

std::vector<Generation> Model::generate_batch(std::span<const std::vector<TokenId>> prompts,
                                              const GenerationConfig& config,
                                              const BatchCallback& on_text) const {
  return api::generate_batch(impl(), prompts, config, on_text);
}

std::vector<Score> Model::score(std::string_view prompt, std::span<const std::string> continuations) const {
  return api::score(impl(), prompt, continuations);
}

std::vector<Score> Model::score(std::span<const TokenId> prompt,
                                std::span<const std::vector<TokenId>> continuations) const {
  return api::score(impl(), prompt, continuations);
}

Session Model::new_session(const SessionOptions& options) const {
  impl();
  return Session(std::make_unique<api::SessionImpl>(impl_, options));
}

void Model::save_pretrained(const fs::path& directory) const {
  const api::ModelImpl& body = impl();
  if (body.transformer->spec().quantization.bits > 0) {
    const Config config =
        body.config.without({"device", "gpu_layers", "cuda_graphs", "threads", "dtype", "quantization",
                             "quantization_method", "quantization_group_size"});
    return api::save_quantized(config, *body.checkpoint, body.transformer->spec(), directory);
  }
  io::make_directory(directory);
  for (const std::string& name : body.checkpoint->file_names())
    io::copy_whole_file(body.directory / name, directory / name);
  io::copy_companion_files(body.directory, directory);
  for (const char* name : {"quantize_config.json", "quant_config.json"}) {
    if (fs::exists(body.directory / name)) io::copy_whole_file(body.directory / name, directory / name);
  }
  const std::string config = portable_config(body.config, body.directory);
  io::replace_file(directory / "config.json", [&](std::ostream& out) { out << config << '\n'; });
}

}  // namespace transom
