// SPDX-License-Identifier: Apache-2.0
// Streams text with all common options on the command line; timings at the end.
#include <transom/transom.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>
#include <string>

namespace {

struct Options {
  std::string model, prompt;
  transom::ModelOptions model_options;
  transom::GenerationConfig generation;
  std::string quantization, dtype, kv_cache_dtype, assistant;
  std::int64_t window = 0, sinks = 0, max_context = 0;
  bool verbose = false;
};

template <typename T>
void add_optional(CLI::App& app, const std::string& name, std::optional<T>& target, const std::string& help) {
  app.add_option_function<T>(name, [&target](const T& value) { target = value; }, help);
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("model", options.model, "Model directory, or org/name in the local Hugging Face cache")->required();
  app.add_option("prompt", options.prompt, "Text to continue")->required();
  app.add_option("--threads", options.model_options.threads, "Threads; 0 = every core");
  app.add_flag_callback(
      "--no-pin", [&options] { options.model_options.pin_threads = false; }, "Do not pin threads to cores");
  app.add_option("--dtype", options.dtype, "Weights in memory: auto, f32, bf16");
  app.add_option("--quantization", options.quantization, "none, int8, int4, int3, int2");
  app.add_option("--kv-cache-dtype", options.kv_cache_dtype, "auto, f32, bf16, int8, fp8");
  app.add_option("--attention-window", options.window, "Tokens that every layer sees; 0 = as the model says, -1 = all");
  app.add_option("--attention-sinks", options.sinks, "First tokens that stay visible beyond the window");
  app.add_option("--max-context", options.max_context, "Tokens that the session holds; 0 = as the model says");
  transom::GenerationConfig& generation = options.generation;
  add_optional(app, "--max-new-tokens", generation.max_new_tokens, "Tokens to generate at most");
  add_optional(app, "--min-new-tokens", generation.min_new_tokens, "No end of text before so many tokens");
  app.add_option_function<float>(
      "--temperature",
      [&generation](float value) {
        generation.do_sample = true;
        generation.temperature = value;
      },
      "Sample with this temperature (default: the most probable token)");
  add_optional(app, "--top-k", generation.top_k, "Sample among the k most probable tokens; 0 = all");
  add_optional(app, "--top-p", generation.top_p, "Sample among the tokens that hold this probability");
  add_optional(app, "--min-p", generation.min_p, "Drop tokens below this share of the best one");
  add_optional(app, "--repetition-penalty", generation.repetition_penalty, "Penalty on tokens seen before; 1 = none");
  add_optional(app, "--seed", generation.seed, "Seed of sampling");
  app.add_option("--stop", generation.stop, "End before this text (may be repeated)")->allow_extra_args(false);
  add_optional(app, "--prompt-lookup", generation.prompt_lookup_num_tokens,
               "Guess up to so many tokens from what the text said before; the text stays the same");
  app.add_option("--assistant", options.assistant, "A smaller model with the same tokenizer that guesses instead");
  app.add_flag("--ignore-eos", generation.ignore_eos, "Go on after the end of the text");
  app.add_flag("--verbose", options.verbose, "Show the kernels chosen, and the library's log");
}

volatile std::sig_atomic_t interrupted = 0;

/// Ctrl-C ends generation, not the program: the text so far and the timings are still printed.
void install_interrupt_handler() {
  std::signal(SIGINT, [](int) { interrupted = 1; });
}

transom::Config make_config(const Options& options) {
  auto config = transom::AutoConfig::from_pretrained(options.model);
  if (!options.quantization.empty()) config.update({{"quantization", options.quantization}});
  if (!options.dtype.empty()) config.update({{"dtype", options.dtype}});
  if (!options.kv_cache_dtype.empty()) config.update({{"kv_cache_dtype", options.kv_cache_dtype}});
  config.update({{"attention_window", options.window},
                 {"attention_sinks", options.sinks},
                 {"max_context", options.max_context}});
  return config;
}

const char* reason_text(transom::FinishReason reason) {
  switch (reason) {
    case transom::FinishReason::eos: return "end of text";
    case transom::FinishReason::stop: return "stop string";
    case transom::FinishReason::length: return "length";
    case transom::FinishReason::cancelled: return "cancelled";
  }
  return "?";
}

void print_timings(const transom::Generation& generation) {
  const transom::Timings& t = generation.timings;
  const auto rate = [](std::int64_t tokens, double seconds) {
    return seconds > 0 ? static_cast<double>(tokens) / seconds : 0.0;
  };
  std::fprintf(stderr,
               "\nload %.2f s; prompt %lld tokens, %.1f tokens/s; generated %lld tokens, %.1f tokens/s (%s); "
               "peak memory %.0f MB\n",
               t.load_s, static_cast<long long>(t.prompt_tokens), rate(t.prompt_tokens, t.prefill_s),
               static_cast<long long>(t.new_tokens), rate(t.new_tokens - 1, t.decode_s),
               reason_text(generation.finish_reason), static_cast<double>(t.peak_bytes) / 1e6);
  if (t.drafted_tokens > 0) {
    std::fprintf(stderr, "guessed %lld tokens, of which %lld were right\n", static_cast<long long>(t.drafted_tokens),
                 static_cast<long long>(t.accepted_tokens));
  }
}

int run(Options& options) {
  if (options.verbose) {
    transom::set_log_sink([](transom::LogLevel, std::string_view line) { std::cerr << "[transom] " << line << '\n'; });
  }
  const auto model = transom::AutoModel::from_pretrained(options.model, make_config(options), options.model_options);
  if (!options.assistant.empty()) {
    options.generation.assistant_model = std::make_shared<const transom::Model>(
        transom::AutoModel::from_pretrained(options.assistant, options.model_options));
  }
  install_interrupt_handler();
  std::cout << options.prompt << std::flush;
  const auto generation = model.generate(options.prompt, options.generation, [](std::string_view piece) {
    std::cout << piece << std::flush;
    return interrupted == 0 && std::cout.good();
  });
  std::cout << std::endl;
  if (!std::cout) {
    std::cerr << "cannot write the standard output\n";
    return 1;
  }
  print_timings(generation);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Streams text from a language model");
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  return run(options);
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
