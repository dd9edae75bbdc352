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

/// Every form of a value that the header promises must be in the library.
bool reads_values(const transom::Config& config) {
  const transom::Value::Map map{{"list", transom::Value::List{1, 2.5, true}}};
  return config.get("hidden_size").as<int>() == 128 && config.get("hidden_size").as<std::int64_t>() == 128 &&
         config.get("rope_theta").as<float>() == config.get("rope_theta").as<double>() &&
         config.get("tie_word_embeddings").as<bool>() && config.get("model_type").as<std::string>() == "llama" &&
         transom::Value(map).as<transom::Value::Map>().at("list").as<transom::Value::List>().size() == 3;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  if (!reports_a_missing_model()) {
    std::cerr << "a missing model is not reported as NotFound\n";
    return 1;
  }
  const auto model = transom::AutoModel::from_pretrained(argv[1]);
  if (!reads_values(model.config())) {
    std::cerr << "a value does not read back\n";
    return 1;
  }
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
