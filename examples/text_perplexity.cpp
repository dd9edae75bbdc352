// SPDX-License-Identifier: Apache-2.0
#include "text_perplexity.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>

namespace text_perplexity {

namespace {

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
               totals.perplexity());
  if (done == all) std::fputc('\n', stderr);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw transom::NotFound("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

double Totals::perplexity() const { return std::exp(nll / static_cast<double>(tokens)); }

Totals evaluate(const transom::Model& model, const transom::Model* reference, Ids ids,
                const Windows& windows) {
  Totals totals;
  Scorer scorer(model, reference, windows.context);
  const auto size = static_cast<std::int64_t>(ids.size());
  std::int64_t scored = 0;  // tokens before this one are done
  for (std::int64_t begin = 0; scored < size; begin += windows.stride) {
    const std::int64_t end = std::min(begin + windows.context, size);
    scorer.score(ids.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)),
                 static_cast<std::size_t>(scored - begin), totals);
    scored = end;
    show_progress(scored, size, totals);
  }
  return totals;
}

std::vector<transom::TokenId> read_ids(const std::string& path, const transom::Tokenizer& tokenizer,
                                       std::int64_t max_tokens) {
  std::vector<transom::TokenId> ids = tokenizer.encode(read_text(path));
  if (max_tokens > 0) ids.resize(std::min(ids.size(), static_cast<std::size_t>(max_tokens)));
  if (ids.size() < 2) throw transom::InvalidArgument(path + ": expected a text of at least two tokens");
  return ids;
}

}  // namespace text_perplexity
