// SPDX-License-Identifier: Apache-2.0
#include "io/model_directory.h"

#include <cstdlib>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"

using transom::InvalidArgument;
using transom::NotFound;
using transom::io::find_model_directory;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::TemporaryDirectory;

namespace {

/// Sets a variable (or unsets it, with nullptr) for one scope.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old, had_ = true;
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  }
  ~Environment() { had_ ? ::setenv(name_, old_.c_str(), 1) : ::unsetenv(name_); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const char* name_;
  std::string old_;
  bool had_ = false;
};

}  // namespace

TEST_CASE("model directory: a directory is taken as it is") {
  const TemporaryDirectory directory;
  CHECK(find_model_directory(directory.path().string()) == directory.path());
}

TEST_CASE("model directory: the Hugging Face cache") {
  const TemporaryDirectory cache;
  cache.write("hub/models--org--name/refs/main", "abc123\n");
  cache.write("hub/models--org--name/snapshots/abc123/config.json", "{}");
  cache.write("hub/models--org--name/snapshots/other/config.json", "{}");
  cache.write("hub/models--org--single/snapshots/only/config.json", "{}");
  cache.write("hub/models--org--evil/refs/main", "../../..");
  const Environment cache_variable("HF_HUB_CACHE", nullptr);
  const Environment home("HF_HOME", cache.path().c_str());
  CHECK(find_model_directory("org/name") == cache / "hub/models--org--name/snapshots/abc123");
  CHECK(find_model_directory("org/single") == cache / "hub/models--org--single/snapshots/only");
  CHECK(contains(error_of<NotFound>([] { find_model_directory("org/evil"); }), "refs/main"));
  {
    const TemporaryDirectory other;
    const Environment wins("HF_HUB_CACHE", other.path().c_str());
    other.write("models--org--name/snapshots/x/config.json", "{}");
    CHECK(find_model_directory("org/name") == other / "models--org--name/snapshots/x");
  }
}

TEST_CASE("model directory: not found names every place") {
  const TemporaryDirectory cache;
  const Environment cache_variable("HF_HUB_CACHE", cache.path().c_str());
  const std::string message = error_of<NotFound>([] { find_model_directory("org/missing"); });
  CHECK(contains(message, "org/missing"));
  CHECK(contains(message, (cache / "models--org--missing/refs/main").string()));
  CHECK(contains(message, (cache / "models--org--missing/snapshots").string()));
  CHECK(contains(error_of<NotFound>([] { find_model_directory("/no/such/place"); }), "/no/such/place"));
  CHECK(contains(error_of<InvalidArgument>([] { find_model_directory(""); }), "empty"));
  const auto file = cache.write("file", "x");
  CHECK(contains(error_of<InvalidArgument>([&] { find_model_directory(file.string()); }), "is a file"));
}
