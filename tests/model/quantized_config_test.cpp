// SPDX-License-Identifier: Apache-2.0
// What configurations of quantised checkpoints say, and what their zero points and group indices may hold.
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "io/safetensors_write.h"
#include "model/quant/checkpoint_quantization.h"
#include "model/quant/name_pattern.h"
#include "model/quant/quantized_module.h"
#include "model/weights/weight_source.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/error.h"

namespace transom::testing {
namespace {

using model::CheckpointQuantization;
using model::NamePattern;

bool matches(const char* pattern, const char* name) { return NamePattern(pattern, "rule").matches(name); }

CheckpointQuantization parsed(const std::string& json, const std::string& method = "gptq") {
  return model::parse_checkpoint_quantization(io::Json::parse(json, "config.json"),
                                              "config.json: quantization_config", method);
}

template <typename ErrorType>
std::string refusal(const std::string& json) {
  return error_of<ErrorType>([&] { parsed(json); });
}

/// A module "m" of 4-byte words as GPTQ stores it, with its configuration.
struct StoredModule {
  std::int64_t rows = 32, cols = 64, bits = 4, group_size = 32;
  std::string format = "gptq";
  std::vector<std::uint32_t> zeros;
  std::vector<std::int32_t> group_of;
  std::vector<float> scales;

  StoredModule() { reset(); }
  std::int64_t groups() const { return cols / group_size; }
  void reset() {
    zeros.assign(static_cast<std::size_t>(groups() * rows * bits / 32), 0);
    scales.assign(static_cast<std::size_t>(groups() * rows), 0.5f);
    group_of.resize(static_cast<std::size_t>(cols));
    for (std::int64_t i = 0; i < cols; ++i)
      group_of[static_cast<std::size_t>(i)] = static_cast<std::int32_t>(i / group_size);
  }

  std::vector<io::StoredTensor> tensors() {
    weight_.assign(static_cast<std::size_t>(cols * bits / 32 * rows), 0x76543210);
    return {{"m.qweight", DType::i32, {cols * bits / 32, rows}, std::as_bytes(std::span(weight_)), nullptr},
            {"m.qzeros", DType::i32, {groups(), rows * bits / 32}, std::as_bytes(std::span(zeros)), nullptr},
            {"m.scales", DType::f32, {groups(), rows}, std::as_bytes(std::span(scales)), nullptr},
            {"m.g_idx", DType::i32, {cols}, std::as_bytes(std::span(group_of)), nullptr}};
  }

  /// Reads the module from a directory that holds these tensors.
  model::QuantizedModule read(const std::vector<io::StoredTensor>& stored) {
    directory_.write("config.json", R"({"quantization_config": {"quant_method": "gptq", "bits": )" +
                                        std::to_string(bits) +
                                        ", \"group_size\": " + std::to_string(group_size) +
                                        ", \"checkpoint_format\": \"" + format + "\"}}");
    io::write_safetensors(directory_ / "model.safetensors", stored);
    source_.emplace(std::make_shared<io::Checkpoint>(directory_.path()));
    return *model::find_quantized_module(*source_, {"m", rows, cols});
  }

 private:
  TemporaryDirectory directory_;
  std::optional<model::CheckpointSource> source_;  // holds the file that a module refers to
  std::vector<std::uint32_t> weight_;
};

/// One group's zero points as files hold them.
std::vector<std::uint32_t> stored_zeros(const std::vector<std::uint8_t>& zeros, int bits, bool less_one) {
  std::vector<std::uint32_t> words(zeros.size() * static_cast<std::size_t>(bits) / 32 + 1, 0);
  const std::uint32_t mask = (1u << bits) - 1;
  for (std::size_t i = 0; i < zeros.size(); ++i) {
    // Three bits: each less one; the others: the whole word less one in each field.
    const std::uint64_t field = (zeros[i] - (bits == 3 && less_one ? 1u : 0u)) & mask;
    const std::size_t at = i * static_cast<std::size_t>(bits);
    words[at / 32] |= static_cast<std::uint32_t>(field << at % 32);
    words[at / 32 + 1] |= static_cast<std::uint32_t>(field << at % 32 >> 32);
  }
  words.pop_back();
  if (bits == 3 || !less_one) return words;
  for (std::uint32_t& word : words) word -= bits == 8 ? 0x01010101u : bits == 4 ? 0x11111111u : 0x55555555u;
  return words;
}

}  // namespace

TEST_CASE("name pattern: matches from the start, as Python's re.match") {
  CHECK(matches("model", "model.layers.0"));
  CHECK_FALSE(matches("layers", "model.layers.0"));
  CHECK(matches(".*layers", "model.layers.0"));
  CHECK(matches("model\\.layers\\.0\\.mlp", "model.layers.0.mlp.up_proj"));
  CHECK_FALSE(matches("model\\.layers", "model_layers"));
  CHECK(matches(".*\\.(up|gate)_proj$", "model.layers.1.mlp.gate_proj"));
  CHECK_FALSE(matches(".*\\.(up|gate)_proj$", "model.layers.1.mlp.gate_proj.lora"));
  CHECK(matches("[^a-l]+\\d{2,3}", "mm12"));
  CHECK_FALSE(matches("[^a-l]+\\d{2,3}$", "mm1"));
  CHECK(matches("(?:a|b)*?c", "ababc"));
  CHECK(matches("", "anything"));
  CHECK(matches("(a*)*b", (std::string(5000, 'a') + "b").c_str()));
  CHECK_FALSE(matches("(a*)*b", std::string(5000, 'a').c_str()));  // in linear time
}

TEST_CASE("name pattern: what is no pattern, or beyond the supported ones, is told with its place") {
  for (const char* pattern : {"(", "a)", "[a", "*", "a{3,1}", "\\"}) {
    INFO(pattern);
    CHECK(contains(error_of<FormatError>([&] { NamePattern(pattern, "rule 7"); }), "rule 7: expected"));
  }
  for (const char* pattern : {"(?=a)", "(a)\\1", "(?i)a", "(a{900}){900}"}) {
    INFO(pattern);
    CHECK(contains(error_of<UnsupportedError>([&] { NamePattern(pattern, "rule 7"); }), "rule 7"));
  }
  CHECK_FALSE(error_of<Error>([] { NamePattern(std::string(100000, '('), "rule"); }).empty());
}

TEST_CASE("quantised config: the first rule that matches gives a module its scheme") {
  const CheckpointQuantization gptq = parsed(R"({"quant_method": "gptq", "bits": 4, "group_size": 128,
    "desc_act": true, "dynamic": {"-:.*v_proj": {}, "+:.*\\.0\\.": {"bits": 8}, ".*\\.0\\.mlp": {"bits": 2},
    ".*mlp": {"group_size": 32, "desc_act": false}}})");
  CHECK(gptq.scheme_of("model.layers.0.mlp.up_proj").bits == 8);
  CHECK(gptq.scheme_of("model.layers.0.mlp.up_proj").group_size == 128);
  CHECK(gptq.scheme_of("model.layers.1.mlp.up_proj").bits == 4);
  CHECK(gptq.scheme_of("model.layers.1.mlp.up_proj").group_size == 32);
  CHECK_FALSE(gptq.scheme_of("model.layers.1.mlp.up_proj").act_order);
  CHECK(gptq.scheme_of("lm_head").act_order);
  CHECK(contains(error_of<FormatError>([&] { gptq.scheme_of("model.layers.0.self_attn.v_proj"); }),
                 "is not quantised by the rule \"-:.*v_proj\""));
  CHECK_FALSE(gptq.plain_zeros);
  CHECK(parsed(R"({"bits": 4, "group_size": -1, "checkpoint_format": "gptq_v2"})").plain_zeros);
}

TEST_CASE("quantised config: groups of compressed-tensors by name, by pattern, then all linear ones") {
  const CheckpointQuantization quantization =
      parsed(R"({"quant_method": "compressed-tensors", "config_groups": {
    "a": {"targets": ["Linear"], "weights": {"num_bits": 4, "strategy": "group", "group_size": 32}},
    "b": {"targets": ["re:.*mlp"], "weights": {"num_bits": 8, "strategy": "channel"}},
    "c": {"targets": ["model.layers.0.mlp.up_proj"], "weights": {"num_bits": 2, "group_size": 64}}}})");
  CHECK(quantization.scheme_of("model.layers.0.self_attn.q_proj").bits == 4);
  CHECK(quantization.scheme_of("model.layers.1.mlp.up_proj").bits == 8);
  CHECK(quantization.scheme_of("model.layers.1.mlp.up_proj").group_size == -1);
  CHECK(quantization.scheme_of("model.layers.0.mlp.up_proj").bits == 2);
}

TEST_CASE("quantised config: AutoGPTQ's and AutoAWQ's own files count where config.json says nothing") {
  const TemporaryDirectory directory;
  directory.write("config.json", "{}");
  CHECK_FALSE(model::read_checkpoint_quantization(directory.path()));
  directory.write("quant_config.json", R"({"w_bit": 4, "q_group_size": 64, "version": "GEMM"})");
  CHECK(model::read_checkpoint_quantization(directory.path())->method == model::CheckpointMethod::awq);
  CHECK(model::read_checkpoint_quantization(directory.path())->scheme.group_size == 64);
  directory.write("quantize_config.json", R"({"bits": 3, "group_size": 128})");
  CHECK(model::read_checkpoint_quantization(directory.path())->scheme.bits == 3);
  directory.write("config.json", R"({"quantization_config": {"quant_method": "gptq", "bits": 8}})");
  CHECK(model::read_checkpoint_quantization(directory.path())->scheme.bits == 8);
}

TEST_CASE("quantised config: wrong values are told with file, key, what was expected and found") {
  CHECK(contains(refusal<UnsupportedError>(R"({"bits": 5})"),
                 "config.json: quantization_config.bits: 5 bits are not supported (8, 4, 3 and 2 are)"));
  CHECK(contains(refusal<FormatError>(R"({"bits": 0})"), "expected a count of bits, found 0"));
  CHECK(contains(refusal<FormatError>(R"({"bits": "4"})"), "quantization_config.bits"));
  CHECK(contains(refusal<FormatError>(R"({"group_size": 32})"), "missing member \"bits\""));
  for (const char* size : {"0", "-2"}) {
    CHECK(contains(refusal<FormatError>(std::string(R"({"bits": 4, "group_size": )") + size + "}"),
                   std::string("group_size: expected -1 or a positive size, found ") + size));
  }
  CHECK(contains(refusal<FormatError>(R"({"bits": 4, "desc_act": 1})"), "quantization_config.desc_act"));
  CHECK(contains(refusal<FormatError>("[4]"), "quantization_config"));
  CHECK(contains(refusal<FormatError>(R"({"bits": 4, "dynamic": []})"), "quantization_config.dynamic"));
  CHECK(contains(refusal<FormatError>(R"({"bits": 4, "dynamic": {"+:(": {}}})"), "dynamic.\"+:(\""));
  CHECK(contains(refusal<UnsupportedError>(R"({"bits": 4, "dynamic": {"a": {"bits": 7}}})"),
                 "dynamic.\"a\".bits"));
  CHECK(contains(refusal<UnsupportedError>(R"({"bits": 4, "checkpoint_format": "marlin"})"), "marlin"));
  CHECK(contains(refusal<UnsupportedError>(R"({"bits": 4, "is_marlin_format": true})"), "marlin"));
  CHECK(contains(refusal<UnsupportedError>(R"({"quant_method": "exl2", "bits": 4})"),
                 "quantised by \"exl2\" are not supported (gptq, awq, compressed-tensors are)"));
  CHECK(contains(refusal<UnsupportedError>(R"({"quant_method": "awq", "bits": 4, "version": "gemv"})"),
                 "\"gemv\" is not supported (gemm is)"));
  const auto compressed = [](const std::string& rest) {
    return R"({"quant_method": "compressed-tensors", )" + rest + "}";
  };
  CHECK(contains(refusal<FormatError>(compressed("\"a\": 1")), "config_groups"));
  CHECK(contains(refusal<UnsupportedError>(compressed(R"("format": "float-quantized", "config_groups": {})")),
                 "float-quantized"));
  CHECK(contains(refusal<UnsupportedError>(compressed(
                     R"("config_groups": {"g": {"targets": ["Linear"], "weights": {"type": "float",
                     "num_bits": 8}}})")),
                 "config_groups.g.weights.type"));
  CHECK(contains(refusal<FormatError>(compressed(R"("config_groups": {"g": {"weights": {"num_bits": 8}}})")),
                 "targets"));
}

TEST_CASE("quantised module: zero points of 0 borrow from their neighbours in files of the first version") {
  for (const int bits : {8, 4, 3, 2}) {
    for (const char* format : {"gptq", "gptq_v2"}) {
      INFO(bits << " bits, " << format);
      StoredModule module;
      module.bits = bits;
      module.format = format;
      module.reset();
      std::vector<std::uint8_t> wanted(static_cast<std::size_t>(module.rows));
      for (std::size_t row = 0; row < wanted.size(); ++row)  // many zeros, at the first and last place too
        wanted[row] = static_cast<std::uint8_t>(row % 3 == 0 || row == 31 ? 0 : row * 7 % (1u << bits));
      const std::vector<std::uint32_t> words = stored_zeros(wanted, bits, module.format == "gptq");
      module.zeros = words;
      module.zeros.insert(module.zeros.end(), words.begin(), words.end());
      const model::QuantizedModule read = module.read(module.tensors());
      REQUIRE(read.format.zero_points);
      std::vector<std::uint8_t> values(static_cast<std::size_t>(module.rows * module.cols)),
          zeros(wanted.size() * 2);
      std::vector<float> scales(zeros.size());
      read.reader(0, module.rows, {values.data(), scales.data(), zeros.data()});
      for (std::size_t row = 0; row < wanted.size(); ++row) {
        CHECK(static_cast<int>(zeros[2 * row]) == static_cast<int>(wanted[row]));
        CHECK(static_cast<int>(zeros[2 * row + 1]) == static_cast<int>(wanted[row]));
      }
    }
  }
}

TEST_CASE("quantised module: impossible groups, shapes, types and scales name the tensor") {
  StoredModule good;
  CHECK_NOTHROW(good.read(good.tensors()));
  const auto problem = [](auto change) {
    StoredModule module;
    change(module);
    return error_of<FormatError>([&] { module.read(module.tensors()); });
  };
  CHECK(contains(problem([](StoredModule& m) { m.group_of[5] = 2; }),
                 "groups from 0 to 1, found 2 for input 5"));
  CHECK(contains(problem([](StoredModule& m) { m.group_of[5] = -1; }), "m.g_idx"));
  CHECK(contains(problem([](StoredModule& m) { m.group_of[40] = 0; }), "found more in group 0"));
  CHECK(contains(problem([](StoredModule& m) { m.scales[3] = std::nanf(""); }), "m.scales"));
  CHECK(contains(problem([](StoredModule& m) { m.scales[3] = HUGE_VALF; }), "finite scales"));
  const std::pair<const char*, std::vector<std::int64_t>> shapes[] = {
      {"m.qweight", {16, 16}}, {"m.qzeros", {4, 2}}, {"m.scales", {1, 64}}, {"m.g_idx", {32, 2}}};
  for (const auto& [name, shape] : shapes) {
    StoredModule module;
    std::vector<io::StoredTensor> tensors = module.tensors();
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i].name != name) continue;
      std::vector<io::StoredTensor> other = tensors;
      other[i].shape = shape;
      INFO(name);
      CHECK(contains(error_of<FormatError>([&] { module.read(other); }), name));
      other = tensors;
      other[i].dtype = other[i].dtype == DType::i32 ? DType::f32 : DType::i32;
      CHECK(contains(error_of<FormatError>([&] { module.read(other); }), name));
      if (i != 1 && i != 2) continue;  // without qweight it is no quantised module; g_idx may be missing
      other = tensors;
      other.erase(other.begin() + static_cast<std::ptrdiff_t>(i));
      CHECK(contains(error_of<FormatError>([&] { module.read(other); }), name));
    }
  }
  StoredModule odd;
  odd.rows = 20;  // 20 outputs of 4 bits end within a word
  odd.zeros.resize(5);
  odd.scales.resize(40);
  std::vector<io::StoredTensor> tensors = odd.tensors();
  tensors[1].shape = {1, 5};
  CHECK(contains(error_of<UnsupportedError>([&] { odd.read(tensors); }), "module \"m\" [20, 64]"));
}

}  // namespace transom::testing
