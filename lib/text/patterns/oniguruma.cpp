// SPDX-License-Identifier: Apache-2.0
/// Regular expressions through Oniguruma, the engine that Hugging Face's tokenizers use by default: the
/// expressions in tokenizer.json are written for its Ruby syntax.
#include <oniguruma.h>

#include <array>
#include <mutex>

#include "text/patterns/oniguruma_init.h"
#include "text/patterns/pattern.h"
#include "text/utf8.h"

namespace transom::text {

void initialize_oniguruma() {
  static std::once_flag once;
  std::call_once(once, [] {
    OnigEncoding encodings[] = {ONIG_ENCODING_UTF8};
    onig_initialize(encodings, 1);
  });
}

namespace {

constexpr std::size_t kMaxExpressionBytes = std::size_t{1} << 16;

// A run of 2 MB of spaces takes one stack entry (some 50 bytes) for each; 8 Mi entries leave room above that
// and stop a hostile expression before it takes the machine's memory.
constexpr unsigned kMaxStackEntries = 8u << 20;

// Backtracking steps allowed in one search: the usual expressions take about two for each byte.
constexpr unsigned long kRetryBase = 1000000;
constexpr unsigned long kRetriesPerByte = 32;

const OnigUChar* bytes_of(const char* p) { return reinterpret_cast<const OnigUChar*>(p); }

std::string error_text(int code, OnigErrorInfo* info) {
  std::array<OnigUChar, ONIG_MAX_ERROR_MESSAGE_LEN> buffer{};
  const int length = info != nullptr ? onig_error_code_to_str(buffer.data(), code, info)
                                     : onig_error_code_to_str(buffer.data(), code);
  return replace_invalid_utf8(
      std::string_view(reinterpret_cast<const char*>(buffer.data()), static_cast<std::size_t>(length)));
}

struct FreeRegion {
  void operator()(OnigRegion* region) const { onig_region_free(region, 1); }
};
struct FreeMatchParam {
  void operator()(OnigMatchParam* param) const { onig_free_match_param(param); }
};

class OnigurumaPattern final : public Pattern {
 public:
  OnigurumaPattern(const std::string& expression, const JsonPath& path) : path_(path.str()) {
    if (expression.size() > kMaxExpressionBytes) {
      path.unsupported(core::message("regular expression of ", expression.size(), " bytes, at most ",
                                     kMaxExpressionBytes, " are supported"));
    }
    initialize_oniguruma();
    OnigErrorInfo info{};
    const char* const begin = expression.data();
    const int code = onig_new(&regex_, bytes_of(begin), bytes_of(begin + expression.size()), ONIG_OPTION_NONE,
                              ONIG_ENCODING_UTF8, ONIG_SYNTAX_RUBY, &info);
    if (code != ONIG_NORMAL) {
      path.fail(core::message("not a valid regular expression: ", error_text(code, &info)));
    }
  }
  OnigurumaPattern(const OnigurumaPattern&) = delete;
  OnigurumaPattern& operator=(const OnigurumaPattern&) = delete;
  ~OnigurumaPattern() override { onig_free(regex_); }

  void find_all(std::string_view text, std::vector<Match>& out) const override {
    const std::unique_ptr<OnigRegion, FreeRegion> region(onig_region_new());
    const std::unique_ptr<OnigMatchParam, FreeMatchParam> limits(onig_new_match_param());
    if (region == nullptr || limits == nullptr) throw OutOfMemory(path_ + ": no memory to match");
    onig_initialize_match_param(limits.get());
    onig_set_match_stack_limit_size_of_match_param(limits.get(), kMaxStackEntries);
    onig_set_retry_limit_in_search_of_match_param(
        limits.get(), kRetryBase + kRetriesPerByte * static_cast<unsigned long>(text.size()));

    std::size_t pos = 0;
    bool had_match = false;
    std::size_t last_end = 0;
    while (pos <= text.size() && search(text, pos, region.get(), limits.get())) {
      const Match match{static_cast<std::size_t>(region->beg[0]), static_cast<std::size_t>(region->end[0])};
      if (match.begin == match.end && had_match && last_end == match.end) {
        pos = match.end < text.size() ? match.end + utf8_length(text[match.end]) : text.size() + 1;
        continue;
      }
      out.push_back(match);
      had_match = true;
      pos = last_end = match.end;
    }
  }

 private:
  /// @return Whether there is a match at or behind `from`.
  bool search(std::string_view text, std::size_t from, OnigRegion* region, OnigMatchParam* limits) const {
    const OnigUChar* const begin = bytes_of(text.data());
    const OnigUChar* const end = begin + text.size();
    const auto code =
        onig_search_with_param(regex_, begin, end, begin + from, end, region, ONIG_OPTION_NONE, limits);
    if (code >= 0) return true;
    if (code == ONIG_MISMATCH) return false;
    throw UnsupportedError(core::message(path_, ": the regular expression gave up on a text of ", text.size(),
                                         " bytes: ", error_text(static_cast<int>(code), nullptr)));
  }

  OnigRegex regex_ = nullptr;
  std::string path_;
};

}  // namespace

std::unique_ptr<Pattern> make_oniguruma_regex(const std::string& expression, const JsonPath& path) {
  return std::make_unique<OnigurumaPattern>(expression, path);
}

}  // namespace transom::text
