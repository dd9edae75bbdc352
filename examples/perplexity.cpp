// SPDX-License-Identifier: Apache-2.0
// Perplexity of a text in strided windows of --context tokens. With --reference, how far the model is from
// another one: KL divergence and agreement of the best token.
#include <transom/transom.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "text_perplexity.h"

namespace {

using namespace text_perplexity;

struct Options {
  std::string model, text, reference, dtype;
  std::vector<std::string> settings;  // key=value
  Windows windows;
  std::int64_t max_tokens = 0;
};

/// Applies "key=value" to a configuration; a value that is a whole number is one.
void apply(const std::string& setting, transom::Config& config) {
  const std::size_t middle = setting.find('=');
  if (middle == setting.npos) throw transom::InvalidArgument("--set: expected key=value, found " + setting);
  const std::string key = setting.substr(0, middle), text = setting.substr(middle + 1);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) {
    config.update({{key, number}});
  } else {
    config.update({{key, text}});
  }
}

int run(const Options& options) {
  const Windows& windows = options.windows;
  if (windows.context < 2 || windows.stride < 1 || windows.stride > windows.context)
    throw transom::InvalidArgument("expected --context of at least 2 and --stride from 1 to --context");
  auto config = transom::AutoConfig::from_pretrained(options.model);
  for (const std::string& setting : options.settings) apply(setting, config);
  if (!options.dtype.empty()) config.update({{"dtype", options.dtype}});
  const auto model = transom::AutoModel::from_pretrained(options.model, config);
  transom::Model reference;
  if (!options.reference.empty()) {
    reference = transom::AutoModel::from_pretrained(options.reference);
    if (reference.config().vocab_size() != model.config().vocab_size())
      throw transom::InvalidArgument(
          "the reference has another vocabulary: their tokens can not be compared");
  }
  const transom::Tokenizer tokenizer = model.tokenizer();
  const std::vector<transom::TokenId> ids = read_ids(options.text, tokenizer, options.max_tokens);
  const Totals totals = evaluate(model, reference ? &reference : nullptr, ids, windows);

  const auto n = static_cast<double>(totals.tokens);
  const auto bytes = static_cast<double>(tokenizer.decode(Ids(ids).subspan(1)).size());
  std::printf("perplexity %.4f, bits per byte %.4f, %lld tokens scored\n", totals.perplexity(),
              totals.nll / std::log(2.0) / bytes, static_cast<long long>(totals.tokens));
  if (reference) {
    std::printf("against the reference: KL divergence %.6f nats, same best token %.2f %%\n", totals.kl / n,
                100 * static_cast<double>(totals.agreements) / n);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Measures the perplexity of a text");
  app.add_option("model", options.model, "Model directory, or org/name in the local Hugging Face cache")
      ->required();
  app.add_option("text", options.text, "UTF-8 text file")->required();
  app.add_option("--context", options.windows.context, "Tokens of a window");
  app.add_option("--stride", options.windows.stride, "Tokens from one window to the next");
  app.add_option("--max-tokens", options.max_tokens, "Only the first tokens of the text; 0 = all");
  app.add_option("--dtype", options.dtype, "Weights in memory: auto, f32, bf16");
  app.add_option("--set", options.settings,
                 "key=value of the configuration, as quantization=int4; may repeat")
      ->allow_extra_args(false);
  app.add_option("--reference", options.reference, "Model directory to compare with");
  CLI11_PARSE(app, argc, argv);
  return run(options);
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
