// SPDX-License-Identifier: Apache-2.0
#include "transom/auto_model.h"

#include <chrono>

#include "api/model_impl.h"
#include "api/quantizing.h"
#include "backend/registry.h"
#include "core/checks.h"
#include "core/log.h"
#include "generation/generation_file.h"
#include "io/file.h"
#include "io/json.h"
#include "io/model_directory.h"
#include "model/family.h"
#include "model/layers/rope.h"
#include "model/weights/weight_loader.h"
#include "text/tokenizer_loader.h"
#include "transom/auto_config.h"
#include "transom/auto_tokenizer.h"
#include "transom/error.h"

namespace transom {

using core::message;
namespace fs = std::filesystem;

namespace {

model::Placement open_devices(const Config& config, const ModelOptions& options, std::int64_t n_layers) {
  backend::BackendOptions backend_options;
  backend_options.threads = options.threads != 0 ? options.threads : config.get("threads").as<int>();
  backend_options.pin_threads = options.pin_threads;
  backend_options.cuda_graphs = config.get("cuda_graphs").as<bool>();
  const std::string from_config = config.get("device").as<std::string>();
  return model::open_placement(
      options.device == "cpu" ? from_config : options.device, backend_options, n_layers,
      options.gpu_layers != -1 ? options.gpu_layers : config.get("gpu_layers").as<std::int64_t>());
}

std::optional<Tokenizer> load_tokenizer_if_there(const fs::path& directory) {
  if (!text::has_tokenizer(directory)) return std::nullopt;
  return Tokenizer(text::load_tokenizer(directory));
}

GenerationConfig load_defaults(const fs::path& directory, const Config& config) {
  const fs::path path = directory / "generation_config.json";
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return generation::read_generation_config(nullptr, path.string(), config);
  const io::Json json = io::Json::parse_file(path);
  return generation::read_generation_config(&json, path.string(), config);
}

/// Says where the configuration hides tokens that the model was trained to see.
void warn_of_narrowing(const Config& config, const model::ModelSpec& spec) {
  if (!core::log_enabled()) return;
  const Config as_trained = config.without({"attention_window", "attention_sinks", "attention_pattern"});
  const std::vector<model::LayerSpec> trained = model::read_spec(as_trained).layers;
  const std::int64_t longest = model::longest_text(spec.ropes);
  std::size_t narrowed = 0;
  for (std::size_t i = 0; i < trained.size(); ++i) {
    const std::int64_t seen = trained[i].window > 0 ? trained[i].window : longest;
    narrowed += spec.layers[i].window > 0 && spec.layers[i].window < seen;
  }
  if (narrowed == 0) return;
  core::log_message(LogLevel::warning, config.source(), ": attention_window: ", narrowed, " of ",
                    trained.size(),
                    " layers were trained to see more; texts longer than the window lose quality");
}

void check_tokenizer_fits(const Tokenizer& tokenizer, const model::ModelSpec& spec,
                          const fs::path& directory) {
  if (static_cast<std::int64_t>(tokenizer.vocab_size()) <= spec.vocab) return;
  core::log_message(LogLevel::warning, (directory / "tokenizer.json").string(), ": ", tokenizer.vocab_size(),
                    " tokens, the model has embeddings for ", spec.vocab,
                    ": text with the others is refused");
}

Model load(const fs::path& found, const Config& config, const ModelOptions& options) {
  const fs::path directory =
      fs::absolute(found);  // it is needed later, whatever the working directory then is
  const auto start = std::chrono::steady_clock::now();
  if (options.prefix_cache_bytes < 0) {
    throw InvalidArgument(
        message("prefix_cache_bytes: expected 0 or more, found ", options.prefix_cache_bytes));
  }
  model::ModelSpec spec = model::read_spec(config);
  warn_of_narrowing(config, spec);
  std::optional<Tokenizer> tokenizer = load_tokenizer_if_there(directory);
  if (tokenizer) check_tokenizer_fits(*tokenizer, spec, directory);
  GenerationConfig defaults = load_defaults(directory, config);
  auto checkpoint = std::make_shared<const io::Checkpoint>(directory);
  std::shared_ptr<model::WeightSource> source = std::make_shared<model::CheckpointSource>(checkpoint);
  model::Placement placement = open_devices(config, options, spec.n_layers);
  const auto progress = [&](std::string_view tensor, std::int64_t done) {
    if (options.stop_token.stop_requested()) return false;
    return !options.on_progress || options.on_progress({tensor, done, checkpoint->total_bytes()});
  };
  const model::Family& family = *model::find_family(spec.family);
  if (spec.quantization.bits > 0 && source->quantization() != nullptr)
    throw InvalidArgument(
        message("quantization: the weights in ", directory.string(), " are quantised already"));
  model::ModelSpec stored = spec;  // as the weights are found
  if (spec.quantization.bits > 0 && spec.quantization.method == model::QuantizationMethod::gptq) {
    const auto heard = [&](const compress::QuantizedPart& part, std::int64_t) {
      return progress(part.name, 0);
    };
    // Calibration looks into the states that a model leaves in memory.
    const auto& first = placement.spans().front().device;
    const auto calibrating = first->uses_host_memory()
                                 ? first
                                 : backend::open_backend("cpu", {options.threads, options.pin_threads});
    source = api::quantize_on_load(directory, spec, source, *calibrating, options.threads, heard);
    if (source == nullptr) return {};
    stored.quantization = {};
  }
  auto weights = model::load_weights(stored, family.names(), *source, placement, progress);
  if (weights == nullptr) return {};
  auto transformer =
      std::make_unique<model::Transformer>(std::move(spec), std::move(weights), source, std::move(placement));
  for (const std::string& line : transformer->kernel_choices()) core::log(LogLevel::info, line);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::unique_ptr<generation::ConstraintCache> constraints;
  if (tokenizer) constraints = std::make_unique<generation::ConstraintCache>(*tokenizer);
  std::unique_ptr<model::PrefixCache> prefixes;
  if (options.prefix_cache_bytes > 0)
    prefixes = std::make_unique<model::PrefixCache>(options.prefix_cache_bytes);
  return Model(std::make_shared<const api::ModelImpl>(
      api::ModelImpl{config, directory, std::move(checkpoint), std::move(transformer), std::move(tokenizer),
                     std::move(defaults), seconds, std::move(constraints), std::move(prefixes)}));
}

}  // namespace

Model AutoModel::from_pretrained(std::string_view path_or_id, const ModelOptions& options) {
  const fs::path directory = io::find_model_directory(path_or_id);
  return load(directory, AutoConfig::from_pretrained(directory.string()), options);
}

Model AutoModel::from_pretrained(std::string_view path_or_id, const Config& config,
                                 const ModelOptions& options) {
  return load(io::find_model_directory(path_or_id), config, options);
}

Config AutoConfig::from_pretrained(std::string_view path_or_id) {
  const fs::path path = io::find_model_directory(path_or_id) / "config.json";
  return Config::from_json(io::read_text_file(path, std::size_t{64} << 20), path.string());
}

Tokenizer AutoTokenizer::from_pretrained(std::string_view path_or_id) {
  return Tokenizer(text::load_tokenizer(io::find_model_directory(path_or_id)));
}

}  // namespace transom
