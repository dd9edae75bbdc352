// SPDX-License-Identifier: Apache-2.0
//
// Whole models: what is written, what an interruption leaves, and what can go wrong.
#include "transom/quantize.h"

#include <sys/resource.h>

#include <cmath>
#include <csignal>
#include <map>

#include "compress/gptq_file.h"
#include "compress/quantize_checkpoint.h"
#include "core/count.h"
#include "core/float_convert.h"
#include "io/safetensors.h"
#include "io/safetensors_write.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/auto_config.h"
#include "transom/auto_model.h"
#include "transom/error.h"
#include "transom/session.h"

namespace transom {
namespace {

namespace fs = std::filesystem;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::read_file;
using transom::testing::TemporaryDirectory;
using transom::testing::tinystories;

QuantizeOptions small(int bits = 4, std::int64_t group_size = 32) {
  QuantizeOptions options;
  options.bits = bits;
  options.group_size = group_size;
  options.samples = 6;
  options.sequence_length = 64;
  options.threads = 2;
  return options;
}

std::map<std::string, std::string> files_of(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(directory))
    files[entry.path().filename()] = read_file(entry.path());
  return files;
}

/// A directory with the floats that a quantised one stands for.
void write_dequantized(const fs::path& quantized, const fs::path& out,
                       const compress::MatrixOptions& options) {
  const io::Checkpoint checkpoint(quantized);
  std::vector<std::vector<float>> floats;
  std::vector<io::StoredTensor> tensors;
  for (const io::StoredTensor& tensor : checkpoint.tensors()) {
    if (tensor.name.ends_with(".qweight")) {
      const std::string name = tensor.name.substr(0, tensor.name.size() - 8);
      const std::vector<io::StoredTensor> four{tensor, *checkpoint.find(name + ".qzeros"),
                                               *checkpoint.find(name + ".scales"),
                                               *checkpoint.find(name + ".g_idx")};
      const std::int64_t rows = tensor.shape[1], cols = four[3].shape[0];
      const compress::QuantizedMatrix matrix = compress::unpack_part(four, rows, cols, options);
      std::vector<float>& values = floats.emplace_back(core::count(rows * cols));
      for (std::int64_t row = 0; row < rows; ++row)
        matrix.dequantize_row(row, std::span(values).subspan(core::count(row * cols), core::count(cols)));
      tensors.push_back({name + ".weight", DType::f32, {rows, cols}, {}, nullptr});
    } else if (!tensor.name.ends_with(".qzeros") && !tensor.name.ends_with(".scales") &&
               !tensor.name.ends_with(".g_idx")) {
      std::vector<float>& values = floats.emplace_back(core::count(tensor.elements()));
      core::to_float(tensor.dtype, tensor.bytes.data(), values);
      tensors.push_back({tensor.name, DType::f32, tensor.shape, {}, nullptr});
    }
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = std::as_bytes(std::span(floats[i]));
  fs::create_directories(out);
  io::write_safetensors(out / "model.safetensors", tensors);
  fs::copy_file(tinystories() / "config.json", out / "config.json");
}

std::vector<float> logits_of(const fs::path& directory) {
  auto config = AutoConfig::from_pretrained(directory.string());
  config.update({{"dtype", "f32"}});
  const Model model = AutoModel::from_pretrained(directory.string(), config);
  const std::vector<TokenId> ids{1, 20, 300, 41, 52, 63, 74, 85};
  return model.new_session().forward(ids, LogitsFor::all).values;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i] - b[i]), 2);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

}  // namespace

TEST_CASE("a quantised model computes nearly what the model computes, and more bits come nearer") {
  const TemporaryDirectory folder;
  const std::vector<float> wanted = logits_of(tinystories());
  double before = 1e9;
  for (const int bits : {2, 3, 4, 8}) {
    INFO(bits << " bits");
    const fs::path output = folder / std::to_string(bits),
                   floats = folder / (std::to_string(bits) + "-floats");
    const QuantizeResult result = quantize(tinystories().string(), output, small(bits));
    CHECK(result.finished);
    CHECK(result.calibration_tokens == 6 * 64);
    compress::MatrixOptions options;
    options.grid.bits = bits;
    options.group_size = 32;
    write_dequantized(output, floats, options);
    const double now = distance(wanted, logits_of(floats));
    CHECK(now < before / 1.5);
    before = now;
  }
  CHECK(before < 0.05);
}

TEST_CASE("every setting gives a directory with the same names and sizes, and nothing unfinished") {
  const TemporaryDirectory folder;
  const io::Checkpoint source(tinystories());
  int index = 0;
  for (const bool symmetric : {true, false}) {
    for (const bool act_order : {true, false}) {
      QuantizeOptions options = small(4, act_order ? 64 : -1);
      options.symmetric = symmetric;
      options.act_order = act_order;
      options.static_groups = symmetric;
      options.method = index == 3 ? QuantizationMethod::rtn : QuantizationMethod::gptq;
      options.spill = index == 0 ? folder.path() : fs::path();
      const fs::path output = folder / std::to_string(index++);
      const QuantizeResult result = quantize(tinystories().string(), output, options);
      const io::Checkpoint written(output);
      std::size_t expected = source.tensors().size() + 3 * result.matrices.size();
      CHECK(written.tensors().size() == expected);
      CHECK_FALSE(fs::exists(output.string() + ".partial"));
      const std::string config = read_file(output / "config.json");
      CHECK(contains(config,
                     symmetric ? "\"checkpoint_format\": \"gptq\"" : "\"checkpoint_format\": \"gptq_v2\""));
      CHECK(contains(config, act_order ? "\"desc_act\": true" : "\"desc_act\": false"));
      CHECK(read_file(output / "tokenizer.json") == read_file(tinystories() / "tokenizer.json"));
    }
  }
}

TEST_CASE("a scratch file and the number of threads change nothing") {
  const TemporaryDirectory folder;
  QuantizeOptions options = small();
  quantize(tinystories().string(), folder / "a", options);
  options.spill = folder.path();
  options.threads = 1;
  quantize(tinystories().string(), folder / "b", options);
  CHECK(files_of(folder / "a") == files_of(folder / "b"));
}

TEST_CASE("an interrupted run resumes to the same bytes") {
  const TemporaryDirectory folder;
  quantize(tinystories().string(), folder / "whole", small());
  for (const std::int64_t stop_at : {3, 7, 9}) {  // inside the first layer, at its end, inside the second
    INFO("stopped after " << stop_at);
    const fs::path output = folder / std::to_string(stop_at);
    QuantizeOptions options = small();
    options.on_progress = [&](const QuantizationProgress& progress) { return progress.done < stop_at; };
    const QuantizeResult stopped = quantize(tinystories().string(), output, options);
    CHECK_FALSE(stopped.finished);
    CHECK_FALSE(fs::exists(output));
    options.on_progress = {};
    options.resume = true;
    const QuantizeResult resumed = quantize(tinystories().string(), output, options);
    CHECK(resumed.finished);
    CHECK(resumed.matrices.size() == 14);
    CHECK(files_of(output) == files_of(folder / "whole"));
  }
}

TEST_CASE("a run is resumed with its own settings only") {
  const TemporaryDirectory folder;
  QuantizeOptions options = small();
  options.on_progress = [](const QuantizationProgress&) { return false; };
  quantize(tinystories().string(), folder / "out", options);
  options = small(8);
  options.resume = true;
  CHECK(
      contains(error_of<InvalidArgument>([&] { quantize(tinystories().string(), folder / "out", options); }),
               "the run to be resumed had other settings"));
  options.resume = false;  // begins anew
  CHECK(quantize(tinystories().string(), folder / "out", options).finished);
}

TEST_CASE("an output that is there, and a folder of somebody else, are left alone") {
  const TemporaryDirectory folder;
  folder.write("out/precious.txt", "x");
  CHECK(
      contains(error_of<InvalidArgument>([&] { quantize(tinystories().string(), folder / "out", small()); }),
               "found files in it"));
  folder.write("other.partial/precious.txt", "x");
  CHECK(contains(
      error_of<InvalidArgument>([&] { quantize(tinystories().string(), folder / "other", small()); }),
      "holds something else"));
  CHECK(fs::exists(folder / "out/precious.txt"));
  CHECK(fs::exists(folder / "other.partial/precious.txt"));
}

TEST_CASE("impossible options are told before any work") {
  const TemporaryDirectory folder;
  const auto problem = [&](auto change) {
    QuantizeOptions options = small();
    change(options);
    return error_of<InvalidArgument>([&] { quantize(tinystories().string(), folder / "out", options); });
  };
  CHECK(contains(problem([](QuantizeOptions& o) { o.bits = 5; }), "bits: expected 2, 3, 4 or 8, found 5"));
  CHECK(contains(problem([](QuantizeOptions& o) { o.group_size = 48; }),
                 "group_size: expected -1 or a multiple of 32"));
  CHECK(contains(problem([](QuantizeOptions& o) { o.group_size = 0; }), "group_size"));
  CHECK(contains(problem([](QuantizeOptions& o) { o.damping = 1; }), "damping"));
  CHECK(contains(problem([](QuantizeOptions& o) { o.samples = 0; }), "samples"));
  CHECK(contains(problem([](QuantizeOptions& o) { o.sequence_length = 1; }), "sequence_length"));
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("an empty calibration text, and one that is not there, are errors") {
  const TemporaryDirectory folder;
  QuantizeOptions options = small();
  options.calibration = folder.write("empty.txt", "");
  CHECK(contains(error_of<FormatError>([&] { quantize(tinystories().string(), folder / "out", options); }),
                 "expected a calibration text of at least 64 tokens, found 0"));
  options.calibration = folder / "none.txt";
  CHECK(contains(error_of<NotFound>([&] { quantize(tinystories().string(), folder / "out", options); }),
                 "none.txt"));
  CHECK_FALSE(fs::exists(folder / "out"));
}

TEST_CASE("a disk that is full is an error, and the output stays absent") {
  const TemporaryDirectory folder;
  rlimit before{};
  ::getrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit limited = before;
  limited.rlim_cur = 100000;  // smaller than a layer
  ::setrlimit(RLIMIT_FSIZE, &limited);
  const std::string problem =
      error_of<DeviceError>([&] { quantize(tinystories().string(), folder / "out", small()); });
  QuantizeOptions spilled = small();
  spilled.spill = folder.path();
  const std::string scratch =
      error_of<DeviceError>([&] { quantize(tinystories().string(), folder / "out2", spilled); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  CHECK(contains(problem, "cannot write"));
  CHECK(contains(scratch, "scratch file"));
  CHECK_FALSE(fs::exists(folder / "out"));
  QuantizeOptions again = small();
  again.resume = true;
  CHECK(quantize(tinystories().string(), folder / "out", again).finished);
}

}  // namespace transom
