// SPDX-License-Identifier: Apache-2.0
// Makes a quantised copy of a model directory, by GPTQ or by rounding to nearest, and reports what it cost.
#include <transom/transom.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <string>

#include "quantize_report.h"
#include "text_perplexity.h"

namespace {

struct Options {
  std::string source, output, method = "gptq", evaluate, report;
  bool asymmetric = false;
  transom::QuantizeOptions quantize;
};

/// A bar a layer, and the loss of each matrix; only the losses where nobody looks.
bool show_progress(const transom::QuantizationProgress& progress) {
  const transom::QuantizedMatrixInfo& matrix = progress.matrix;
  std::printf("%-44s loss %-10.4g error %.4g\n", matrix.name.c_str(), matrix.loss, matrix.error);
  std::fflush(stdout);
  if (isatty(STDERR_FILENO) != 0) {
    constexpr int kWidth = 40;
    const auto filled = static_cast<std::size_t>(kWidth * progress.done / progress.total);
    std::fprintf(stderr, "[%-*s] layer %lld of %lld\r", kWidth, std::string(filled, '=').c_str(),
                 static_cast<long long>(matrix.layer + 1), static_cast<long long>(progress.layers));
  }
  return true;
}

std::string describe(const Options& options) {
  const transom::QuantizeOptions& quantize = options.quantize;
  std::string text = options.method + ", " + std::to_string(quantize.bits) + " bits, group size " +
                     std::to_string(quantize.group_size) +
                     (quantize.symmetric ? ", symmetric" : ", asymmetric");
  if (quantize.act_order) text += ", act-order";
  if (quantize.static_groups) text += ", static groups";
  if (quantize.mse_search) text += ", MSE search";
  if (quantize.lm_head) text += ", with the head";
  return text;
}

double perplexity(const std::string& directory, const std::string& text) {
  auto config = transom::AutoConfig::from_pretrained(directory);
  config.update({{"dtype", "f32"}});
  const auto model = transom::AutoModel::from_pretrained(directory, config);
  const auto ids = text_perplexity::read_ids(text, model.tokenizer(), 20000);
  return text_perplexity::evaluate(model, nullptr, ids, {}).perplexity();
}

int run(Options& options) {
  options.quantize.symmetric = !options.asymmetric;
  options.quantize.method =
      options.method == "rtn" ? transom::QuantizationMethod::rtn : transom::QuantizationMethod::gptq;
  options.quantize.on_progress = show_progress;
  QuantizeReport report;
  report.settings = describe(options);
  report.result = transom::quantize(options.source, options.output, options.quantize);
  if (!options.evaluate.empty()) {
    report.perplexity_before = perplexity(options.source, options.evaluate);
    report.perplexity_after = perplexity(options.output, options.evaluate);
    std::printf("perplexity %.4f -> %.4f\n", *report.perplexity_before, *report.perplexity_after);
  }
  write_report(report, options.report.empty() ? options.output : options.report);
  std::printf("%s: %.1f MB -> %.1f MB in %.0f s\n", options.output.c_str(),
              static_cast<double>(report.result.bytes_before) / 1e6,
              static_cast<double>(report.result.bytes_after) / 1e6, report.result.seconds);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  transom::QuantizeOptions& quantize = options.quantize;
  CLI::App app("Makes a quantised copy of a model directory");
  app.add_option("source", options.source, "Model directory, or org/name in the local Hugging Face cache")
      ->required();
  app.add_option("output", options.output, "Directory to make")->required();
  app.add_option("--bits", quantize.bits, "8, 4, 3 or 2");
  app.add_option("--group-size", quantize.group_size, "Inputs that share a scale; -1 = whole rows");
  app.add_flag("--asym,!--sym", options.asymmetric,
               "A zero point for each group too; --sym, the default: none");
  app.add_flag("--act-order", quantize.act_order, "GPTQ settles the largest inputs first");
  app.add_flag("--static-groups", quantize.static_groups, "With --act-order: groups stay neighbours");
  app.add_flag("--mse", quantize.mse_search, "Looks for the scales with the least error of rounding");
  app.add_flag("--published-range", quantize.published_range,
               "Symmetric scales are positive, as in GPTQ's reference code");
  app.add_option("--damping", quantize.damping, "Share of the mean of the Hessian's diagonal added to it");
  app.add_option("--calibration", quantize.calibration, "UTF-8 text for GPTQ; default: a bundled one");
  app.add_option("--samples", quantize.samples, "Sequences taken from it");
  app.add_option("--sequence-length", quantize.sequence_length, "Tokens of each");
  app.add_flag("--lm-head", quantize.lm_head, "Quantises the output head too");
  app.add_option("--method", options.method, "gptq or rtn")->check(CLI::IsMember({"gptq", "rtn"}));
  app.add_option("--spill", quantize.spill, "Folder for a scratch file with the activations");
  app.add_flag("--resume", quantize.resume, "Goes on where an interrupted run stopped");
  app.add_option("--threads", quantize.threads, "0 = every core");
  app.add_option("--evaluate", options.evaluate, "Held-out text: perplexity before and after");
  app.add_option("--report", options.report, "Directory for the report; default: the output");
  CLI11_PARSE(app, argc, argv);
  return run(options);
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
