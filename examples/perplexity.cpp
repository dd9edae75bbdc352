// SPDX-License-Identifier: Apache-2.0
// Perplexity of a text in strided windows, as Hugging Face documents it: every window of --context tokens
// scores its last --stride ones (the first window all of its), so that each token is scored once with as much
// context as possible. With --reference, how far the model is from another one: KL divergence and agreement
// of the best token.
#include <transom/transom.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

namespace {

using Ids = std::span<const transom::TokenId>;

struct Options {
  std::string model, text, reference, quantization, dtype;
  std::int64_t context = 1024, stride = 512, max_tokens = 0;
};

struct Totals {
  double nll = 0, kl = 0;  // nats
  std::int64_t tokens = 0, agreements = 0;
};

double log_sum_exp(std::span<const float> row) {
  const float best = *std::max_element(row.begin(), row.end());
  double sum = 0;
  for (const float x : row) sum += std::exp(static_cast<double>(x - best));
  return std::log(sum) + static_cast<double>(best);
}

/// KL(reference || model) of the next token.
double divergence(std::span<const float> reference, std::span<const float> model) {
  const double a = log_sum_exp(reference), b = log_sum_exp(model);
  double kl = 0;
  for (std::size_t i = 0; i < reference.size(); ++i) {
    const double p = static_cast<double>(reference[i]) - a, q = static_cast<double>(model[i]) - b;
    kl += std::exp(p) * (p - q);
  }
  return kl;
}

std::ptrdiff_t best_of(std::span<const float> row) {
  return std::max_element(row.begin(), row.end()) - row.begin();
}

class Scorer {
 public:
  Scorer(const transom::Model& model, const transom::Model* reference, std::int64_t context)
      : session_(model.new_session({.max_context = context})) {
    if (reference != nullptr) reference_ = reference->new_session({.max_context = context});
  }

  /// Scores window[first...] given everything before it in the window. The first token of a window has no
  /// context.
  void score(Ids window, std::size_t first, Totals& totals) {
    session_.reset();
    if (reference_) reference_->reset();
    first = std::max(first, std::size_t{1});
    // The scores of a token come out where the one before it is read. Rows of logits are large: few at a
    // time.
    if (first > 1) {
      session_.forward(window.first(first - 1));
      if (reference_) reference_->forward(window.first(first - 1));
    }
    constexpr std::size_t kRows = 64;
    for (std::size_t begin = first; begin < window.size(); begin += kRows) {
      const std::size_t n = std::min(kRows, window.size() - begin);
      score_rows(window.subspan(begin - 1, n), window.subspan(begin, n), totals);
    }
  }

 private:
  void score_rows(Ids read, Ids next, Totals& totals) {
    const transom::Logits logits = session_.forward(read, transom::LogitsFor::all);
    std::optional<transom::Logits> expected;
    if (reference_) expected = reference_->forward(read, transom::LogitsFor::all);
    for (std::size_t i = 0; i < next.size(); ++i) {
      const auto row = logits.row(static_cast<std::int64_t>(i));
      totals.nll += log_sum_exp(row) - static_cast<double>(row[static_cast<std::size_t>(next[i])]);
      ++totals.tokens;
      if (!expected) continue;
      const auto wanted = expected->row(static_cast<std::int64_t>(i));
      totals.kl += divergence(wanted, row);
      totals.agreements += best_of(wanted) == best_of(row) ? 1 : 0;
    }
  }

  transom::Session session_;
  std::optional<transom::Session> reference_;
};

/// A bar that stays on its line; nothing where nobody looks.
void show_progress(std::int64_t done, std::int64_t all, const Totals& totals) {
  if (isatty(STDERR_FILENO) == 0 || totals.tokens == 0) return;
  constexpr int kWidth = 40;
  const int filled = static_cast<int>(kWidth * done / all);
  std::fprintf(stderr, "\r[%-*s] %3d %%  perplexity %.4f ", kWidth,
               std::string(static_cast<std::size_t>(filled), '=').c_str(), static_cast<int>(100 * done / all),
               std::exp(totals.nll / static_cast<double>(totals.tokens)));
  if (done == all) std::fputc('\n', stderr);
}

Totals evaluate(const transom::Model& model, const transom::Model* reference, Ids ids,
                const Options& options) {
  Totals totals;
  Scorer scorer(model, reference, options.context);
  const auto size = static_cast<std::int64_t>(ids.size());
  std::int64_t scored = 0;  // tokens before this one are done
  for (std::int64_t begin = 0; scored < size; begin += options.stride) {
    const std::int64_t end = std::min(begin + options.context, size);
    scorer.score(ids.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
                 static_cast<std::size_t>(scored - begin), totals);
    scored = end;
    show_progress(scored, size, totals);
  }
  return totals;
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw transom::NotFound("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

int run(const Options& options) {
  if (options.context < 2 || options.stride < 1 || options.stride > options.context)
    throw transom::InvalidArgument("expected --context of at least 2 and --stride from 1 to --context");
  auto config = transom::AutoConfig::from_pretrained(options.model);
  if (!options.quantization.empty()) config.update({{"quantization", options.quantization}});
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
  std::vector<transom::TokenId> ids = tokenizer.encode(read_text(options.text));
  if (options.max_tokens > 0) ids.resize(std::min(ids.size(), static_cast<std::size_t>(options.max_tokens)));
  if (ids.size() < 2)
    throw transom::InvalidArgument(options.text + ": expected a text of at least two tokens");
  const Totals totals = evaluate(model, reference ? &reference : nullptr, ids, options);

  const auto n = static_cast<double>(totals.tokens);
  const auto bytes = static_cast<double>(tokenizer.decode(Ids(ids).subspan(1)).size());
  std::printf("perplexity %.4f, bits per byte %.4f, %lld tokens scored\n", std::exp(totals.nll / n),
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
  app.add_option("--context", options.context, "Tokens of a window");
  app.add_option("--stride", options.stride, "Tokens from one window to the next");
  app.add_option("--max-tokens", options.max_tokens, "Only the first tokens of the text; 0 = all");
  app.add_option("--dtype", options.dtype, "Weights in memory: auto, f32, bf16");
  app.add_option("--quantization", options.quantization, "none, int8");
  app.add_option("--reference", options.reference, "Model directory to compare with");
  CLI11_PARSE(app, argc, argv);
  return run(options);
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
