// SPDX-License-Identifier: Apache-2.0
// Loading: options, progress, missing pieces, saving.
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "io/safetensors.h"
#include "io/safetensors_write.h"
#include "tests/support/catch.h"
#include "tests/support/environment.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::TemporaryDirectory;
namespace fs = std::filesystem;

namespace {

void copy_stories(const TemporaryDirectory& to) {
  for (const auto& entry : fs::directory_iterator(testing::tinystories())) {
    fs::copy_file(entry.path(), to / entry.path().filename().string());
  }
}

/// Stores every tensor of the story model in another dtype.
void convert_weights(const TemporaryDirectory& directory, DType dtype, std::uint32_t (*convert)(float)) {
  const io::Checkpoint source(testing::tinystories());
  std::vector<std::vector<std::byte>> storage;
  std::vector<io::StoredTensor> tensors;
  for (const io::StoredTensor& tensor : source.tensors()) {
    auto& bytes = storage.emplace_back(static_cast<std::size_t>(tensor.elements()) * dtype_size(dtype));
    for (std::size_t i = 0; i < static_cast<std::size_t>(tensor.elements()); ++i) {
      float value = 0;
      std::memcpy(&value, tensor.bytes.data() + 4 * i, 4);
      const std::uint32_t bits = convert(value);
      std::memcpy(bytes.data() + i * dtype_size(dtype), &bits, dtype_size(dtype));
    }
    tensors.push_back({tensor.name, dtype, tensor.shape, {}, nullptr});
  }
  for (std::size_t i = 0; i < tensors.size(); ++i) tensors[i].bytes = storage[i];
  io::write_safetensors(directory / "model.safetensors", tensors);
}

std::uint32_t to_bf16(float value) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, &value, 4);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// Quantises while loading, saves, loads what was saved: the same logits, and not to be quantised again.
void check_saves_its_integers(const char* method, const char* bits, int group) {
  INFO(method << " " << bits);
  const TemporaryDirectory directory;
  const std::vector<TokenId> ids{1, 30, 400, 500, 7};
  Config config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update(
      {{"quantization", bits}, {"quantization_method", method}, {"quantization_group_size", group}});
  const Model quantised = AutoModel::from_pretrained(testing::tinystories().string(), config);
  const std::string target = directory / "saved";
  quantised.save_pretrained(target);
  const Model saved = AutoModel::from_pretrained(target);
  CHECK(saved.new_session().forward(ids).values == quantised.new_session().forward(ids).values);
  Config again = AutoConfig::from_pretrained(target);
  again.update({{"quantization", "int8"}});
  CHECK(contains(error_of<InvalidArgument>([&] { AutoModel::from_pretrained(target, again); }),
                 "quantised already"));
}

}  // namespace

TEST_CASE("load: info tells what runs") {
  const Model model = AutoModel::from_pretrained(testing::tinystories().string(), {.threads = 1});
  const ModelInfo info = model.info();
  CHECK(info.parameters == 656000 - 656000 % 1000 + info.parameters % 1000);
  CHECK(info.weight_bytes > info.parameters * 4 - 100000);
  CHECK(info.device == "cpu");
  CHECK(info.threads == 1);
  CHECK_FALSE(info.isa.empty());
  CHECK(info.kernels.size() >= 5);
  CHECK(info.load_s > 0);
}

TEST_CASE("load: weights stored in bf16 run as stored") {
  const TemporaryDirectory directory;
  copy_stories(directory);
  convert_weights(directory, DType::bf16, to_bf16);
  const Model exact = AutoModel::from_pretrained(testing::tinystories().string());
  const Model model = AutoModel::from_pretrained(directory.path().string());
  CHECK(model.info().weight_bytes < exact.info().weight_bytes * 6 / 10);
  const auto ids = exact.tokenizer().encode("Once upon a time");
  const Logits a = exact.new_session().forward(ids), b = model.new_session().forward(ids);
  for (std::size_t i = 0; i < a.values.size(); ++i) REQUIRE(b.values[i] == Approx(a.values[i]).margin(0.25));
}

TEST_CASE("load: progress counts up, and false cancels") {
  std::int64_t last = 0, total = 0;
  int calls = 0;
  const Model model =
      AutoModel::from_pretrained(testing::tinystories().string(), {.on_progress = [&](const LoadProgress& p) {
                                   CHECK(p.bytes_done >= last);
                                   last = p.bytes_done;
                                   total = p.bytes_total;
                                   ++calls;
                                   return true;
                                 }});
  CHECK(calls > 10);
  CHECK(last == total);
  const Model none = AutoModel::from_pretrained(testing::tinystories().string(),
                                                {.on_progress = [](const LoadProgress&) { return false; }});
  CHECK_FALSE(none);
  CHECK_THROWS_AS(none.info(), InvalidArgument);
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(AutoModel::from_pretrained(testing::tinystories().string(), {.stop_token = stop.get_token()}));
}

TEST_CASE("load: impossible options") {
  const std::string stories = testing::tinystories().string();
  CHECK_THROWS_AS(AutoModel::from_pretrained(stories, {.device = "quantum"}), InvalidArgument);
  CHECK_THROWS_AS(AutoModel::from_pretrained(stories, {.device = "cuda:x"}), InvalidArgument);
  CHECK_THROWS_AS(AutoModel::from_pretrained(stories, {.threads = -3}), InvalidArgument);
  CHECK_THROWS_AS(AutoModel::from_pretrained("no/such-model"), NotFound);
}

TEST_CASE("load: TRANSOM_CPU_ISA chooses the kernels") {
  const std::string stories = testing::tinystories().string();
  // tests/CMakeLists.txt runs this whole program once for each instruction set.
  if (const char* forced = std::getenv("TRANSOM_CPU_ISA")) {
    CHECK(AutoModel::from_pretrained(stories).info().isa == forced);
  }
  {
    const testing::EnvironmentVariable scalar("TRANSOM_CPU_ISA", "scalar");
    CHECK(AutoModel::from_pretrained(stories).info().isa == "scalar");
  }
  const testing::EnvironmentVariable unknown("TRANSOM_CPU_ISA", "avx9");
  CHECK(contains(error_of<InvalidArgument>([&] { AutoModel::from_pretrained(stories); }), "TRANSOM_CPU_ISA"));
}

TEST_CASE("load: without tokenizer files ids still work, text does not") {
  const TemporaryDirectory directory;
  copy_stories(directory);
  fs::remove(directory / "tokenizer.json");
  const Model model = AutoModel::from_pretrained(directory.path().string());
  const std::vector<TokenId> ids{1, 80, 147};
  int calls = 0;
  const Generation result =
      model.generate(ids, {.max_new_tokens = 3, .ignore_eos = true}, [&](std::string_view piece) {
        CHECK(piece.empty());
        ++calls;
        return true;
      });
  CHECK(result.tokens.size() == 3);
  CHECK(result.text.empty());
  CHECK(calls == 3);
  CHECK(contains(error_of<NotFound>([&] { model.generate("text"); }), "tokenizer.json"));
  CHECK_THROWS_AS(model.tokenizer(), NotFound);
  GenerationConfig stops;
  stops.stop = {"x"};
  CHECK_THROWS_AS(model.generate(ids, stops), NotFound);
}

TEST_CASE("load: an untied model without a head, a missing and a misshapen tensor") {
  const TemporaryDirectory directory;
  copy_stories(directory);
  auto config = AutoConfig::from_pretrained(directory.path().string());
  config.update({{"num_hidden_layers", 3}});
  const auto missing =
      error_of<FormatError>([&] { AutoModel::from_pretrained(directory.path().string(), config); });
  CHECK(contains(missing, "model.layers.2.input_layernorm.weight"));
  CHECK(contains(missing, directory.path().string()));
  config = AutoConfig::from_pretrained(directory.path().string());
  config.update({{"intermediate_size", 385}});
  const auto shape =
      error_of<FormatError>([&] { AutoModel::from_pretrained(directory.path().string(), config); });
  CHECK(contains(shape, "model.safetensors"));
  CHECK(contains(shape, "gate_proj"));
  CHECK(contains(shape, "[385, 128]"));
  CHECK(contains(shape, "[384, 128]"));
  config = AutoConfig::from_pretrained(directory.path().string());
  config.update({{"tie_word_embeddings", false}});
  CHECK(
      contains(error_of<FormatError>([&] { AutoModel::from_pretrained(directory.path().string(), config); }),
               "model.embed_tokens.weight"));
}

TEST_CASE("save: what was loaded loads again") {
  const TemporaryDirectory directory;
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"attention_window", 64}, {"threads", 1}, {"gpu_layers", 0}, {"cuda_graphs", false}});
  const Model model = AutoModel::from_pretrained(testing::tinystories().string(), config);
  const fs::path target = directory / "deep" / "saved";
  model.save_pretrained(target);
  model.save_pretrained(target);  // over itself
  const Model again = AutoModel::from_pretrained(target.string());
  CHECK(again.config().attention_window() == 64);
  for (const char* key : {"threads", "gpu_layers", "cuda_graphs"}) CHECK_FALSE(again.config().contains(key));
  CHECK(again.generate("The dog", {.max_new_tokens = 8}).text ==
        model.generate("The dog", {.max_new_tokens = 8}).text);
  for (const auto& entry : fs::directory_iterator(target))
    CHECK_FALSE(contains(entry.path().string(), ".tmp"));
  {
    std::vector<std::jthread> threads;  // several at once, into one directory
    for (int i = 0; i < 4; ++i) threads.emplace_back([&] { model.save_pretrained(target); });
  }
  CHECK(AutoModel::from_pretrained(target.string()).info().parameters == model.info().parameters);
  config.update({{"quantization", "int8"}});
  const Model quantised = AutoModel::from_pretrained(testing::tinystories().string(), config);
  CHECK_THROWS_AS(quantised.save_pretrained(target), InvalidArgument);  // there is a model
}

TEST_CASE("save: what was rounded while loading is saved as the same integers") {
  check_saves_its_integers("rtn", "int8", 0);
  check_saves_its_integers("rtn", "int4", 32);
  check_saves_its_integers("rtn", "int3", -1);
}

// The calibration takes minutes with portable kernels.
TEST_CASE("save: what GPTQ made while loading is saved as the same integers", "[long]") {
  check_saves_its_integers("gptq", "int8", 0);
  check_saves_its_integers("gptq", "int4", 32);
  check_saves_its_integers("gptq", "int3", -1);
}

TEST_CASE("save: chat templates go along") {
  const TemporaryDirectory directory;
  copy_stories(directory);
  directory.write("chat_template.jinja", "D{{ messages[0].content }}");
  directory.write("additional_chat_templates/tool_use.jinja", "T");
  const TemporaryDirectory target;
  AutoModel::from_pretrained(directory.path().string()).save_pretrained(target.path());
  const Tokenizer saved = AutoTokenizer::from_pretrained(target.path().string());
  CHECK(saved.chat_template_names() == std::vector<std::string>{"default", "tool_use"});
  CHECK(saved.apply_chat_template({{{"user", "x"}}}) == "Dx");
  CHECK(saved.apply_chat_template({{{"user", "x"}}}, {.tools_json = "[]"}) == "T");
}

TEST_CASE("save: links to another model's files are replaced, and the other model stays") {
  constexpr const char* kTemplate = "additional_chat_templates/tool_use.jinja";
  const TemporaryDirectory source, other, target;
  copy_stories(source);
  source.write(kTemplate, "T");
  other.write(kTemplate, "another model's");
  fs::create_directory_symlink(other / "additional_chat_templates", target / "additional_chat_templates");
  for (const auto& entry : fs::directory_iterator(testing::tinystories())) {
    const std::string name = entry.path().filename();
    fs::create_symlink(other.write(name, "another model's"), target / name);
  }
  const fs::path link = other / "link";
  fs::create_directory_symlink(target.path(), link);
  const Model model = AutoModel::from_pretrained(source.path().string());
  model.save_pretrained(link);
  CHECK(fs::is_symlink(fs::symlink_status(link)));
  const Model again = AutoModel::from_pretrained(target.path().string());
  CHECK(again.generate("The dog", {.max_new_tokens = 8}).text ==
        model.generate("The dog", {.max_new_tokens = 8}).text);
  CHECK(again.tokenizer().apply_chat_template({{{"user", "x"}}}, {.template_name = "tool_use"}) == "T");
  fs::remove(link);
  for (const auto& entry : fs::recursive_directory_iterator(other.path()))
    if (entry.is_regular_file()) CHECK(entry.file_size() == 15);
}

TEST_CASE("save: a directory whose files are links, saved over itself, becomes one of files") {
  const TemporaryDirectory source, directory;
  copy_stories(source);
  source.write("additional_chat_templates/tool_use.jinja", "T");
  for (const auto& entry : fs::directory_iterator(source.path()))
    fs::create_symlink(entry.path(), directory / entry.path().filename().string());
  Config config = AutoConfig::from_pretrained(directory.path().string());
  config.update({{"attention_window", 64}});
  AutoModel::from_pretrained(directory.path().string(), config).save_pretrained(directory.path());
  CHECK(fs::is_regular_file(fs::symlink_status(directory / "model.safetensors")));
  CHECK(AutoConfig::from_pretrained(directory.path().string()).attention_window() == 64);
  CHECK(AutoConfig::from_pretrained(source.path().string()).attention_window() != 64);
  const std::vector<std::string> templates{"tool_use"};
  for (const TemporaryDirectory* one : {&source, &directory})
    CHECK(AutoTokenizer::from_pretrained(one->path().string()).chat_template_names() == templates);
}

TEST_CASE("save: a model that was rounded while loading goes into the directory behind a link") {
  const TemporaryDirectory directory;
  const fs::path link = directory / "link";
  fs::create_symlink("there", link);  // not there yet
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"quantization", "int8"}});
  AutoModel::from_pretrained(testing::tinystories().string(), config).save_pretrained(link);
  CHECK(fs::is_symlink(fs::symlink_status(link)));
  CHECK(AutoModel::from_pretrained((directory / "there").string()).info().parameters > 0);
}
