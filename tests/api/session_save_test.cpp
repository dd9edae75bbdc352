// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "io/checksum.h"
#include "tests/support/byte_model.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::read_file;
using transom::testing::TemporaryDirectory;

namespace {

namespace fs = std::filesystem;

/// The byte model with runtime settings.
Model byte_model(const TemporaryDirectory& files, const Value::Map& settings = {}) {
  if (!fs::exists(files / "model")) testing::write_byte_model(files / "model");
  Config config = AutoConfig::from_pretrained((files / "model").string());
  config.update(settings);
  return AutoModel::from_pretrained((files / "model").string(), config, {.threads = 1});
}

std::vector<TokenId> some_ids(std::size_t n) {
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < n; ++i) ids.push_back(static_cast<TokenId>((i * 37 + 11) % 256));
  return ids;
}

std::vector<TokenId> ids_of(const Session& session) {
  return {session.tokens().begin(), session.tokens().end()};
}

GenerationConfig new_tokens(std::int64_t n) {
  GenerationConfig config;
  config.max_new_tokens = n;
  config.ignore_eos = true;
  return config;
}

/// Both say the same from here on, whatever is asked.
void check_same(Session& restored, Session& original) {
  REQUIRE(ids_of(restored) == ids_of(original));
  CHECK(restored.kv_bytes() == original.kv_bytes());
  const auto ids = some_ids(5);
  CHECK(restored.forward(ids, LogitsFor::all).values == original.forward(ids, LogitsFor::all).values);
  CHECK(restored.generate("", new_tokens(30)).tokens == original.generate("", new_tokens(30)).tokens);
  CHECK(restored.forward(ids).values == original.forward(ids).values);
}

/// A small saved session: three tokens, two layers.
std::string small_file(const Model& model, const fs::path& path) {
  Session session = model.new_session({.max_context = 16});
  session.forward(some_ids(3));
  session.save(path);
  return read_file(path);
}

// Offsets of the header, see model/sequence/session_file.h.
constexpr std::size_t kVersion = 8, kByteOrder = 12, kContext = 16, kTokens = 32, kPosition = 40,
                      kFurthest = 48, kLayers = 56, kDescriptionBytes = 64, kDescription = 72;

std::int64_t number_at(const std::string& file, std::size_t offset) {
  std::int64_t value = 0;
  std::memcpy(&value, file.data() + offset, sizeof(value));
  return value;
}

/// A file with another number in its header and the checksums that belong to it.
std::string forged(std::string file, std::size_t offset, std::int64_t value) {
  const auto header = kDescription + static_cast<std::size_t>(number_at(file, kDescriptionBytes)) +
                      16 * static_cast<std::size_t>(number_at(file, kLayers));
  std::memcpy(file.data() + offset, &value, sizeof(value));
  for (const std::size_t end : {header, file.size() - 8}) {
    io::Checksum sum;
    sum.add(std::as_bytes(std::span(file.data(), end)));
    const std::uint64_t checksum = sum.value();
    std::memcpy(file.data() + end, &checksum, sizeof(checksum));
  }
  return file;
}

}  // namespace

TEST_CASE("session file: a restored session goes on identically") {
  const TemporaryDirectory files;
  const std::vector<Value::Map> settings{{},
                                         {{"kv_cache_dtype", "bf16"}},
                                         {{"quantization", "int8"}},
                                         {{"attention_window", 8}},
                                         {{"attention_window", 8}, {"attention_sinks", 3}},
                                         {{"attention_window", 7}, {"kv_cache_dtype", "bf16"}},
                                         {{"attention_window", 7}, {"kv_cache_dtype", "int8"}},
                                         {{"attention_window", 7}, {"kv_cache_dtype", "fp8"}}};
  for (const Value::Map& setting : settings) {
    const Model model = byte_model(files, setting);
    // In chunks of 16, 200 tokens go round each ring many times.
    for (const std::size_t length : {1, 9, 200}) {
      Session session = model.new_session({.prefill_chunk = 16});
      session.forward(some_ids(length));
      session.generate("ab", new_tokens(4));
      session.save(files / "text.session");
      Session restored = Session::restore(model, files / "text.session");
      check_same(restored, session);
    }
  }
}

TEST_CASE("session file: the file holds used slots only") {
  const TemporaryDirectory files;
  const Model model = byte_model(files, {{"attention_window", 8}});
  Session session = model.new_session({.prefill_chunk = 16});
  session.forward(some_ids(100));
  session.save(files / "short");
  session.forward(some_ids(800));
  session.save(files / "long");
  CHECK(fs::file_size(files / "long") == fs::file_size(files / "short") + 800 * 4);
  const Model full = byte_model(files);
  Session small = full.new_session();
  small.forward(some_ids(900));
  small.truncate(2);
  small.save(files / "cut");
  CHECK(fs::file_size(files / "cut") < 4096);
}

TEST_CASE("session file: an empty session") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  Session session = model.new_session({.max_context = 20});
  session.save(files / "empty");
  Session restored = Session::restore(model, files / "empty");
  CHECK(restored.position() == 0);
  CHECK(restored.forward(some_ids(4)).values == session.forward(some_ids(4)).values);
  CHECK(contains(error_of<InvalidArgument>([&] { restored.forward(some_ids(17)); }), "holds 20"));
}

TEST_CASE("session file: what can be cut back, and what cannot, is the same after restoring") {
  const TemporaryDirectory files;
  const Model model = byte_model(files, {{"attention_window", 8}, {"attention_sinks", 1}});
  Session session = model.new_session({.prefill_chunk = 16});
  session.forward(some_ids(60));
  session.truncate(55);
  session.save(files / "cut");
  Session restored = Session::restore(model, files / "cut");
  CHECK_THROWS_AS(session.truncate(20), InvalidArgument);
  CHECK_THROWS_AS(restored.truncate(20), InvalidArgument);
  session.truncate(50);
  restored.truncate(50);
  check_same(restored, session);
}

TEST_CASE("session file: forks are saved by themselves") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  Session session = model.new_session();
  session.forward(some_ids(30));
  Session fork = session.fork();
  fork.save(files / "shared");  // the cache is shared still
  fork.forward(some_ids(3));
  session.forward(some_ids(7));
  fork.save(files / "fork");
  session.save(files / "session");
  Session shared = Session::restore(model, files / "shared");
  CHECK(shared.position() == 30);
  shared.forward(some_ids(3));
  Session restored_fork = Session::restore(model, files / "fork");
  CHECK(shared.fork().forward(some_ids(2)).values == restored_fork.fork().forward(some_ids(2)).values);
  check_same(restored_fork, fork);
  Session restored = Session::restore(model, files / "session");
  check_same(restored, session);
}

TEST_CASE("session file: a callback can not save the session that calls it") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  Session session = model.new_session();
  std::string refusal;
  session.generate("abc", new_tokens(4), [&](std::string_view) {
    refusal = error_of<InvalidArgument>([&] { session.save(files / "busy"); });
    return true;
  });
  CHECK(contains(refusal, "can not save"));
  CHECK_FALSE(fs::exists(files / "busy"));
}

TEST_CASE("session file: a save that fails leaves the old file") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  Session session = model.new_session();
  CHECK_THROWS_AS(session.save(files / "no such folder" / "text"), DeviceError);
  CHECK_THROWS_AS(Session::restore(model, files / "missing"), NotFound);
  CHECK_THROWS_AS(Session::restore(model, files.path()), FormatError);
  CHECK_THROWS_AS(Session::restore(Model(), files / "missing"), InvalidArgument);
}

TEST_CASE("session file: damage to any byte is found") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  const std::string good = small_file(model, files / "good");
  REQUIRE(good.size() < 6000);
  std::size_t missed = 0;
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (const int flip : {0x01, 0x80, 0xff}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ flip);
      const fs::path path = files.write("bad", bad);
      const bool version = i >= kVersion && i < kByteOrder;
      const std::string error = version ? error_of<UnsupportedError>([&] { Session::restore(model, path); })
                                        : error_of<FormatError>([&] { Session::restore(model, path); });
      if (!contains(error, path.string()) || !contains(error, "expected")) ++missed;
    }
  }
  CHECK(missed == 0);
}

TEST_CASE("session file: a file that is too short or too long is refused") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  const std::string good = small_file(model, files / "good");
  std::size_t missed = 0;
  for (std::size_t size = 0; size < good.size(); ++size) {
    const fs::path path = files.write("bad", std::string_view(good).substr(0, size));
    if (error_of<FormatError>([&] { Session::restore(model, path); }).empty()) ++missed;
  }
  CHECK(missed == 0);
  const fs::path longer = files.write("bad", good + '\0');
  CHECK(contains(error_of<FormatError>([&] { Session::restore(model, longer); }), "after the header"));
}

TEST_CASE("session file: lengths are not trusted, whoever computed the checksum") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  const std::string good = small_file(model, files / "good");
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  const auto capacity = kDescription + static_cast<std::size_t>(number_at(good, kDescriptionBytes));
  for (const std::size_t field :
       {kTokens, kPosition, kFurthest, kLayers, kDescriptionBytes, capacity, capacity + 8, capacity + 24}) {
    for (const std::int64_t value : {std::int64_t{-1}, kMost, std::int64_t{1} << 40, std::int64_t{1} << 61}) {
      const fs::path path = files.write("bad", forged(good, field, value));
      INFO("field at " << field << ", value " << value);
      CHECK(error_of<FormatError>([&] { Session::restore(model, path); }) != "");
    }
  }
  for (const std::int64_t context : {std::int64_t{0}, std::int64_t{-5}, kMost}) {
    const fs::path path = files.write("bad", forged(good, kContext, context));
    CHECK(contains(error_of<FormatError>([&] { Session::restore(model, path); }), "context"));
  }
  CHECK_NOTHROW(Session::restore(model, files.write("same", forged(good, kTokens, 3))));
}

TEST_CASE("session file: another model, other weights and other settings are refused by name") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  small_file(model, files / "text");
  const auto refusal = [&](const Model& other) {
    return error_of<InvalidArgument>([&] { Session::restore(other, files / "text"); });
  };
  CHECK(contains(refusal(byte_model(files, {{"attention_window", 8}})),
                 "expected attention_window=8, found attention_window=0"));
  CHECK(contains(refusal(byte_model(files, {{"attention_window", 8}, {"attention_sinks", 2}})),
                 "expected attention_sinks=2, found attention_sinks=0"));
  CHECK(contains(refusal(byte_model(files, {{"kv_cache_dtype", "bf16"}})),
                 "expected kv_cache_dtype=BF16, found kv_cache_dtype=F32"));
  CHECK(contains(refusal(byte_model(files, {{"quantization", "int8"}, {"kv_cache_dtype", "f32"}})),
                 "expected quantization_bits=8"));
  CHECK(contains(refusal(byte_model(files, {{"rope_theta", 5000.0}})), "expected rope_theta=5000"));
  CHECK(contains(refusal(AutoModel::from_pretrained(testing::tinystories().string(), {.threads = 1})),
                 "expected vocab_size=2048, found vocab_size=258"));
  // A limit of the context is the session's own.
  CHECK(Session::restore(byte_model(files, {{"max_context", 7}}), files / "text").position() == 3);

  std::string weights = read_file(files / "model" / "model.safetensors");
  weights.back() = static_cast<char>(weights.back() ^ 1);
  testing::write_byte_model(files / "other");
  files.write("other/model.safetensors", weights);
  const Model other = AutoModel::from_pretrained((files / "other").string(), {.threads = 1});
  CHECK(contains(refusal(other), "expected weights="));
}

TEST_CASE("session file: another version and another byte order say so") {
  const TemporaryDirectory files;
  const Model model = byte_model(files);
  std::string file = small_file(model, files / "text");
  std::string version = file, order = file;
  version[kVersion] = 2;
  std::reverse(order.begin() + kByteOrder, order.begin() + kByteOrder + 4);
  CHECK(
      contains(error_of<UnsupportedError>([&] { Session::restore(model, files.write("version", version)); }),
               "expected version 1 of the session format, found 2"));
  CHECK(contains(error_of<FormatError>([&] { Session::restore(model, files.write("order", order)); }),
                 "little-endian"));
}
