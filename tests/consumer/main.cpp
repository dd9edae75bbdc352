// SPDX-License-Identifier: Apache-2.0
// A small program of another project: it must meet our names and nobody else's.
//   consumer MODEL_DIR
#include <transom/transom.h>

#include <iostream>
#include <string>

#if defined(NLOHMANN_JSON_VERSION_MAJOR) || defined(ONIGURUMA) || defined(UTF8PROC_VERSION_MAJOR) || \
    defined(DNNL_VERSION_MAJOR) || defined(EIGEN_WORLD_VERSION) || defined(_OPENMP)
#error "a third party of the library has reached its user"
#endif

namespace {

/// An error must cross the border of the library as its own type.
bool reports_a_missing_model() {
  try {
    transom::AutoModel::from_pretrained("/no/such/model");
  } catch (const transom::NotFound& error) {
    return error.code() == transom::ErrorCode::not_found;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (!reports_a_missing_model()) {
    std::cerr << "a missing model is not reported as NotFound\n";
    return 1;
  }
  const auto model = transom::AutoModel::from_pretrained(argv[1]);
  std::string streamed;
  const auto generation =
      model.generate("Once upon a time", {.max_new_tokens = 12}, [&](std::string_view piece) {
        streamed += piece;
        return true;
      });
  std::cout << "version " << transom::version() << ": " << streamed << '\n';
  if (streamed != generation.text || generation.tokens.empty()) {
    std::cerr << "streamed [" << streamed << "], returned [" << generation.text << "]\n";
    return 1;
  }
}
