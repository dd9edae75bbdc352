// SPDX-License-Identifier: Apache-2.0
// Reads a document of any length through a window of constant memory, then answers questions about it.
//
//   transom-long-document MODEL book.txt --question "Who is the hero?"
//   zcat books.gz | transom-long-document MODEL - --attention-window 2048
#include <transom/transom.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Options {
  std::string model, document = "-", pattern = "window", quantization = "none";
  std::vector<std::string> questions;
  std::int64_t window = 2048, sinks = 4;
  std::size_t most_bytes = 0;
  std::int64_t max_context = 0;
  int threads = 0, max_new_tokens = 64;
  bool compare = false;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Where `text` can be cut without cutting a character of UTF-8, or all of it when it is none.
std::size_t last_character(const std::string& text) {
  constexpr std::size_t kLongest = 4;
  for (std::size_t end = text.size(); end > 0 && text.size() - end < kLongest; --end) {
    const auto byte = static_cast<unsigned char>(text[end - 1]);
    if (byte < 0x80) return text.size();
    if (byte >= 0xc0) return end - 1;  // the character it begins may go on
  }
  return text.size();
}

/// Hands out a stream in pieces that end with a line, so that no word is cut, wherever lines are not endless.
class Pieces {
 public:
  Pieces(std::istream& in, std::size_t most) : in_(in), left_(most) {}

  /// @return False at the end.
  bool next(std::string& piece) {
    constexpr std::size_t kBytes = 1 << 14;
    const std::size_t before = rest_.size(), wanted = std::min(kBytes, left_);
    rest_.resize(before + wanted);
    in_.read(rest_.data() + before, static_cast<std::streamsize>(wanted));
    const auto got = static_cast<std::size_t>(in_.gcount());
    rest_.resize(before + got);
    left_ -= got;
    if (rest_.empty()) return false;
    const bool more = got == wanted && left_ > 0;
    const std::size_t line = more ? rest_.rfind('\n') : std::string::npos;
    const std::size_t end = line != std::string::npos ? line + 1 : more ? last_character(rest_) : rest_.size();
    piece = rest_.substr(0, end);
    rest_.erase(0, end);
    return true;
  }

 private:
  std::istream& in_;
  std::size_t left_;
  std::string rest_;
};

/// What one way of reading cost.
struct Reading {
  std::int64_t tokens = 0;
  double seconds = 0;
  std::int64_t cache_bytes = 0;
};

class Progress {
 public:
  explicit Progress(std::size_t total_bytes) : total_(total_bytes), shown_(::isatty(STDERR_FILENO) != 0) {}

  void show(std::size_t bytes, std::int64_t tokens, const transom::Session& session) const {
    if (!shown_) return;
    constexpr std::size_t kWidth = 30;
    const std::size_t done = total_ > 0 ? std::min(kWidth, bytes * kWidth / total_) : 0;
    std::string bar(done, '=');
    bar.resize(kWidth, ' ');
    std::fprintf(stderr, "\r[%s] %lld tokens, %.0f tokens/s, KV cache %.1f MB ", bar.c_str(),
                 static_cast<long long>(tokens), static_cast<double>(tokens) / seconds_since(start_),
                 static_cast<double>(session.kv_bytes()) / 1e6);
  }
  void clear() const {
    if (shown_) std::fprintf(stderr, "\r%90s\r", "");
  }

 private:
  std::size_t total_;
  bool shown_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

void answer(const transom::Session& session, const Options& options) {
  for (const std::string& question : options.questions) {
    std::cout << "\nQuestion: " << question << "\nAnswer:" << std::flush;
    transom::Session here = session.fork();  // one question does not see the other
    here.generate("\n\nQuestion: " + question + "\nAnswer:",
                  {.max_new_tokens = options.max_new_tokens, .stop = {"\n"}}, [](std::string_view piece) {
                    std::cout << piece << std::flush;
                    return true;
                  });
    std::cout << std::endl;
  }
}

/// Reads `in` to its end, or `most` bytes of it, and answers the questions.
Reading read(const transom::Model& model, const std::string& name, const transom::SessionOptions& limits,
             std::istream& in, std::size_t total_bytes, const Options& options) {
  transom::Session session = model.new_session(limits);
  const Progress progress(total_bytes);
  Reading reading;
  Pieces pieces(in, options.most_bytes > 0 ? options.most_bytes : static_cast<std::size_t>(-1));
  const auto start = std::chrono::steady_clock::now();
  std::size_t bytes = 0;
  for (std::string piece; pieces.next(piece);) {
    const auto ids =
        model.tokenizer().encode(piece, {.add_special_tokens = reading.tokens == 0, .parse_special = false});
    if (!ids.empty()) session.forward(ids);
    reading.tokens += static_cast<std::int64_t>(ids.size());
    bytes += piece.size();
    progress.show(bytes, reading.tokens, session);
  }
  progress.clear();
  reading.seconds = seconds_since(start);
  reading.cache_bytes = session.kv_bytes();
  if (reading.tokens == 0) throw transom::InvalidArgument("the document is empty");
  std::printf("%s: %lld tokens in %.1f s, %.0f tokens/s, KV cache %.1f MB\n", name.c_str(),
              static_cast<long long>(reading.tokens), reading.seconds,
              static_cast<double>(reading.tokens) / reading.seconds, static_cast<double>(reading.cache_bytes) / 1e6);
  std::fflush(stdout);
  answer(session, options);
  return reading;
}

transom::Model load(const Options& options, bool full) {
  auto config = transom::AutoConfig::from_pretrained(options.model);
  config.update({{"quantization", options.quantization},
                 {"attention_window", full ? std::int64_t{-1} : options.window}});
  if (!full) {
    config.update({{"attention_sinks", options.pattern == "window" ? options.sinks : std::int64_t{0}},
                   {"attention_pattern", options.pattern}});
  }
  return transom::AutoModel::from_pretrained(options.model, config, {.threads = options.threads});
}

std::ifstream open(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::error_code ignored;
  if (!in || std::filesystem::is_directory(path, ignored)) throw transom::NotFound("cannot read " + path);
  return in;
}

/// Full attention against the pattern. It needs a document that can be read twice.
void compare(const Options& options) {
  if (options.document == "-") throw transom::InvalidArgument("--compare reads the document twice: expected a file");
  std::vector<Reading> readings;
  std::ifstream in = open(options.document);
  std::string text(std::istreambuf_iterator<char>(in), {});
  if (options.most_bytes > 0) text.resize(std::min(text.size(), options.most_bytes));
  for (const bool full : {true, false}) {
    const transom::Model model = load(options, full);
    transom::SessionOptions limits;
    // Beyond what the model was trained for, if need be: the cost is what is compared.
    constexpr std::size_t kRoomForQuestions = 1024;
    limits.max_context = static_cast<std::int64_t>(model.tokenizer().encode(text).size() + kRoomForQuestions);
    std::istringstream document(text);
    readings.push_back(read(model, full ? "full" : options.pattern, limits, document, text.size(), options));
  }
  std::printf("\n%s against full attention: %.2f times as fast, KV cache %.3f of the size\n", options.pattern.c_str(),
              readings[0].seconds / readings[1].seconds,
              static_cast<double>(readings[1].cache_bytes) / static_cast<double>(readings[0].cache_bytes));
}

int run(const Options& options) {
  if (options.compare) {
    compare(options);
    return 0;
  }
  const transom::Model model = load(options, false);
  transom::SessionOptions limits;
  limits.max_context = options.max_context;
  if (options.document == "-") {
    read(model, options.pattern, limits, std::cin, 0, options);
    return 0;
  }
  // A pipe has no size: the bar then stays empty.
  std::error_code ignored;
  const bool plain = std::filesystem::is_regular_file(options.document, ignored);
  const std::size_t bytes = plain ? std::filesystem::file_size(options.document, ignored) : 0;
  std::ifstream in = open(options.document);
  read(model, options.pattern, limits, in, options.most_bytes > 0 ? std::min(bytes, options.most_bytes) : bytes, options);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Reads a document of any length through a window, and answers questions about it");
  app.add_option("model", options.model, "Model directory, or org/name in the local Hugging Face cache")->required();
  app.add_option("document", options.document, "A text file; - = standard input (default)");
  app.add_option("--question", options.questions, "Asked when all is read (may be repeated)")->allow_extra_args(false);
  app.add_option("--attention-window", options.window, "Tokens that every layer sees")->check(CLI::Range(1, 1 << 30));
  app.add_option("--attention-sinks", options.sinks, "First tokens that stay visible (pattern window)");
  app.add_option("--attention-pattern", options.pattern, "window, log_stride, log_stride_exact");
  app.add_option("--quantization", options.quantization, "none, int8, int4, int3, int2");
  app.add_option("--max-bytes", options.most_bytes, "Read so many bytes of the document; 0 = all")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--max-context", options.max_context, "Tokens that the session holds (pattern log_stride_exact)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--max-new-tokens", options.max_new_tokens, "Tokens of an answer, at most")->check(CLI::PositiveNumber);
  app.add_option("--threads", options.threads, "Threads; 0 = every core");
  app.add_flag("--compare", options.compare, "Read it with full attention too, and show both");
  CLI11_PARSE(app, argc, argv);
  const int status = run(options);
  if (!std::cout.flush() || std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::cerr << "cannot write the standard output\n";
    return 1;
  }
  return status;
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
