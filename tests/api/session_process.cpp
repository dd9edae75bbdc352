// SPDX-License-Identifier: Apache-2.0
/// One half of a test of two processes:
///
///   session_process save <folder>
///     writes a model; for each kind of cache reads a long prompt, generates, saves the session, and writes
///     what the same text says next
///   session_process restore <folder>
///     restores the sessions and compares what they say; then damages the files in many places, and expects
///     each to be refused
#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/byte_model.h"
#include "transom/transom.h"

namespace {

namespace fs = std::filesystem;
using namespace transom;

constexpr std::int64_t kPromptTokens = 20'000;
constexpr int kTokensBefore = 20, kTokensAfter = 40;

struct Kind {
  const char* name;
  Value::Map settings;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kinds{
      {"full-f32", {{"kv_cache_dtype", "f32"}}},
      {"full-int8", {{"kv_cache_dtype", "int8"}}},
      {"full-fp8", {{"kv_cache_dtype", "fp8_e4m3"}}},
      {"window-f32", {{"attention_window", 48}, {"kv_cache_dtype", "f32"}}},
      {"window-int8", {{"attention_window", 48}, {"kv_cache_dtype", "int8"}}},
      {"sinks-bf16", {{"attention_window", 24}, {"attention_sinks", 2}, {"kv_cache_dtype", "bf16"}}},
      {"stride-f32",
       {{"attention_window", 24}, {"attention_pattern", "log_stride"}, {"kv_cache_dtype", "f32"}}},
      {"stride-int8",
       {{"attention_window", 24}, {"attention_pattern", "log_stride"}, {"kv_cache_dtype", "int8"}}}};
  return kinds;
}

Model load(const fs::path& folder, const Kind& kind) {
  auto config = AutoConfig::from_pretrained((folder / "model").string());
  config.update(kind.settings);
  return AutoModel::from_pretrained((folder / "model").string(), config,
                                    {.threads = 2, .pin_threads = false});
}

fs::path file_of(const fs::path& folder, const Kind& kind, const char* what) {
  return folder / (std::string(kind.name) + what);
}

GenerationConfig settings(int tokens) { return {.max_new_tokens = tokens, .ignore_eos = true}; }

std::vector<TokenId> prompt() {
  std::vector<TokenId> ids;
  std::uint32_t state = 1;  // numbers of Numerical Recipes: any text without a period will do
  for (std::int64_t i = 0; i < kPromptTokens; ++i) {
    state = state * 1664525 + 1013904223;
    ids.push_back(static_cast<TokenId>(state >> 24));
  }
  return ids;
}

/// What a text says next, and the bits of the scores of what would come then: after so long a text a greedy
/// choice alone would hardly tell whether every key is in its place.
std::vector<std::uint32_t> next(Session& session) {
  std::vector<std::uint32_t> result;
  for (const TokenId id : session.generate("", settings(kTokensAfter)).tokens)
    result.push_back(static_cast<std::uint32_t>(id));
  const TokenId last = session.tokens().front();
  for (const float logit : session.forward({&last, 1}).values)
    result.push_back(std::bit_cast<std::uint32_t>(logit));
  return result;
}

void save(const fs::path& folder, const Kind& kind) {
  const Model model = load(folder, kind);
  auto session = model.new_session({.max_context = kPromptTokens + 100});
  session.generate(prompt(), settings(kTokensBefore));
  // Of a fork, so that saving can not have changed what is expected.
  auto twin = session.fork();
  session.save(file_of(folder, kind, ".session"));
  std::ofstream out(file_of(folder, kind, ".expected"));
  for (const std::uint32_t number : next(twin)) out << number << '\n';
  if (!out.flush()) throw DeviceError("cannot write what is expected");
}

/// Whether the restored session says what the saved one would have said.
bool goes_on(const fs::path& folder, const Kind& kind, const Model& model) {
  auto session = Session::restore(model, file_of(folder, kind, ".session"));
  if (session.position() != kPromptTokens + kTokensBefore) return false;
  const auto said = next(session);
  std::ifstream in(file_of(folder, kind, ".expected"));
  std::vector<std::uint32_t> expected;
  for (std::uint32_t number = 0; in >> number;) expected.push_back(number);
  return expected.size() > kTokensAfter && said == expected;
}

template <typename Expected>
bool refused(const Model& model, const fs::path& file) {
  try {
    Session::restore(model, file);
  } catch (const Expected&) {
    return true;
  }
  return false;
}

/// Places all over a file: its header and its end byte by byte, and between them a few hundred.
std::vector<std::int64_t> places(std::int64_t size) {
  constexpr std::int64_t kEdge = 100, kBetween = 211;
  std::vector<std::int64_t> result;
  for (std::int64_t i = 0; i < size;
       i += i < kEdge || i >= size - kEdge ? 1 : std::max<std::int64_t>(size / kBetween, 1))
    result.push_back(i);
  return result;
}

/// Turns bytes over, one at a time. @return Places where that went unnoticed.
int missed_flips(const Model& model, const fs::path& file) {
  // Bytes of the version say that the file is of another one.
  constexpr std::int64_t kVersion = 8, kVersionEnd = 12;
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  int missed = 0;
  for (const std::int64_t at : places(static_cast<std::int64_t>(fs::file_size(file)))) {
    bytes.seekg(at);
    const auto good = static_cast<char>(bytes.get());
    const auto put = [&](char byte) { bytes.seekp(at).put(byte).flush(); };
    put(static_cast<char>(good ^ (1 << at % 8)));
    const bool version = at >= kVersion && at < kVersionEnd;
    if (!(version ? refused<UnsupportedError>(model, file) : refused<FormatError>(model, file))) ++missed;
    put(good);
  }
  return bytes ? missed : 1;
}

/// Cuts the file shorter and shorter. @return Lengths that were taken for a session.
int missed_cuts(const Model& model, const fs::path& file) {
  auto lengths = places(static_cast<std::int64_t>(fs::file_size(file)));
  std::ranges::reverse(lengths);
  int missed = 0;
  for (const std::int64_t length : lengths) {
    fs::resize_file(file, static_cast<std::uintmax_t>(length));
    if (!refused<FormatError>(model, file)) ++missed;
  }
  return missed;
}

bool check(const fs::path& folder, const Kind& kind) {
  const Model model = load(folder, kind);
  if (!goes_on(folder, kind, model)) {
    std::cerr << kind.name << ": the restored session says something else\n";
    return false;
  }
  const fs::path damaged = file_of(folder, kind, ".damaged");
  fs::copy_file(file_of(folder, kind, ".session"), damaged, fs::copy_options::overwrite_existing);
  const int flips = missed_flips(model, damaged);
  const int cuts = missed_cuts(model, damaged);
  if (flips + cuts > 0)
    std::cerr << kind.name << ": " << flips << " damaged and " << cuts << " shortened files were restored\n";
  return flips + cuts == 0;
}

int run(std::string_view half, const fs::path& folder) {
  if (half == "save") {
    fs::remove_all(folder);
    testing::write_byte_model(folder / "model");
    for (const Kind& kind : kinds()) save(folder, kind);
    return 0;
  }
  const auto failed = std::ranges::count_if(kinds(), [&](const Kind& kind) { return !check(folder, kind); });
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 3) {
    std::cerr << "session_process save|restore FOLDER\n";
    return 2;
  }
  return run(argv[1], argv[2]);
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
