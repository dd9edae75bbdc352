// SPDX-License-Identifier: Apache-2.0
//
// One layer against the published implementation (tests/golden/gptq). Sums are taken in another order here,
// so a weight that lies between two integers may fall to the other side, and its row then goes another way
// that is as good.
#include <Eigen/Core>
#include <cmath>
#include <map>
#include <string>

#include "backend/registry.h"
#include "compress/gptq.h"
#include "compress/hessian.h"
#include "core/count.h"
#include "io/json.h"
#include "io/safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"

namespace transom::compress {
namespace {

using core::count;
using transom::testing::source_directory;

template <typename T>
std::span<const T> values_of(const io::StoredTensor& tensor) {
  return {reinterpret_cast<const T*>(tensor.bytes.data()), tensor.bytes.size() / sizeof(T)};
}

class Golden {
 public:
  Golden() : file_(folder() / "layer.safetensors") {
    for (io::StoredTensor& tensor : io::parse_safetensors(file_.bytes(), "layer.safetensors"))
      tensors_.emplace(tensor.name, tensor);
    cases_ = io::Json::parse_file(folder() / "cases.json");
  }
  const io::StoredTensor& tensor(const std::string& name) const { return tensors_.at(name); }
  const std::vector<io::Json>& cases() const { return cases_.at("cases", "cases").as_array("cases"); }
  float input_scale() const {
    return static_cast<float>(cases_.at("input_scale", "cases").as_double("input_scale"));
  }
  std::int64_t rows() const { return tensor("weight").shape[0]; }
  std::int64_t cols() const { return tensor("weight").shape[1]; }

 private:
  static std::filesystem::path folder() { return source_directory() / "tests" / "golden" / "gptq"; }

  io::MappedFile file_;
  std::map<std::string, io::StoredTensor> tensors_;
  io::Json cases_;
};

MatrixOptions options_of(const io::Json& json) {
  MatrixOptions options;
  options.grid.bits = static_cast<int>(json.at("bits", "case").as_int("bits"));
  options.grid.zero_points = !json.at("sym", "case").as_bool("sym");
  options.grid.search_norm = json.at("mse", "case").as_double("mse");
  options.group_size = json.at("group_size", "case").as_int("group_size");
  options.act_order = json.at("desc_act", "case").as_bool("desc_act");
  options.static_groups = json.at("static_groups", "case").as_bool("static_groups");
  return options;
}

std::vector<float> inputs_of(const Golden& golden) {
  std::vector<float> x;
  for (const std::int8_t value : values_of<std::int8_t>(golden.tensor("inputs")))
    x.push_back(static_cast<float>(value) * golden.input_scale());
  return x;
}

std::vector<float> hessian_of(std::vector<float>& x, std::int64_t cols, backend::Backend& backend) {
  Hessian hessian(cols, backend);
  const auto tokens = static_cast<std::int64_t>(x.size()) / cols;
  const core::TensorView view = core::TensorView::dense(x.data(), DType::f32, {tokens, cols});
  // Two unequal parts, as calibration data comes.
  hessian.add(view.row_slice(0, 250));
  hessian.add(view.row_slice(250, tokens - 250));
  return hessian.take();
}

/// |X (W - Q)^T|^2 in f64.
double error_of(const Golden& golden, const QuantizedMatrix& matrix, const std::vector<float>& x) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Matrix difference(matrix.rows, matrix.cols);
  for (std::int64_t row = 0; row < matrix.rows; ++row)
    matrix.dequantize_row(row, {difference.row(row).data(), count(matrix.cols)});
  difference -=
      Eigen::Map<const Matrix>(values_of<float>(golden.tensor("weight")).data(), matrix.rows, matrix.cols);
  const Eigen::Map<const Matrix> inputs(x.data(), static_cast<Eigen::Index>(x.size()) / matrix.cols,
                                        matrix.cols);
  return (inputs.cast<double>() * difference.cast<double>().transpose()).squaredNorm();
}

void check_grids(const QuantizedMatrix& matrix, std::span<const float> scales,
                 std::span<const std::uint8_t> zeros) {
  REQUIRE(scales.size() == matrix.scales.size());
  for (std::size_t i = 0; i < scales.size(); ++i) {
    CHECK(std::abs(matrix.scales[i] / scales[i] - 1) < 1e-3f);
    CHECK(matrix.zeros[i] == zeros[i]);
  }
}

}  // namespace

TEST_CASE("one layer becomes the same integers as by the published implementation") {
  const Golden golden;
  const auto backend = backend::open_backend("cpu", {});
  core::ThreadPool pool(2, false);
  std::vector<float> x = inputs_of(golden);
  REQUIRE(golden.cases().size() == 22);
  for (std::size_t index = 0; index < golden.cases().size(); ++index) {
    INFO("case " << index);
    const auto expected = [&](const char* name) -> const io::StoredTensor& {
      return golden.tensor(std::to_string(index) + "." + name);
    };
    const Gptq gptq(hessian_of(x, golden.cols(), *backend), golden.cols(), options_of(golden.cases()[index]),
                    pool, "layer");
    const GptqResult result = gptq.quantize(values_of<float>(golden.tensor("weight")), golden.rows());
    const auto integers = values_of<std::uint8_t>(expected("integers"));
    REQUIRE(integers.size() == result.matrix.values.size());
    std::size_t same = 0;
    for (std::size_t i = 0; i < integers.size(); ++i) same += integers[i] == result.matrix.values[i] ? 1 : 0;
    CHECK(static_cast<double>(same) >= 0.995 * static_cast<double>(integers.size()));

    const auto groups = values_of<std::int32_t>(expected("g_idx"));
    CHECK(std::equal(groups.begin(), groups.end(), result.matrix.group_of.begin(),
                     result.matrix.group_of.end()));
    CHECK(error_of(golden, result.matrix, x) <= 1.01 * values_of<double>(expected("error"))[0]);
    // Theirs is divided by the number of inputs once more.
    const auto tokens = static_cast<double>(golden.tensor("inputs").shape[0]);
    CHECK(std::abs(result.loss / tokens / values_of<double>(expected("loss"))[0] - 1) < 0.01);
    check_grids(result.matrix, values_of<float>(expected("scales")),
                values_of<std::uint8_t>(expected("zeros")));
  }
}

}  // namespace transom::compress
