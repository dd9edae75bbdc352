// SPDX-License-Identifier: Apache-2.0
#include "compress/partial_output.h"

#include <algorithm>
#include <map>
#include <ostream>
#include <system_error>

#include "core/checks.h"
#include "core/count.h"
#include "io/companion_files.h"
#include "io/json.h"
#include "io/json_write.h"
#include "io/safetensors_write.h"
#include "transom/error.h"

namespace transom::compress {

using core::message;
namespace fs = std::filesystem;

namespace {

constexpr const char* kManifest = "manifest.json";
constexpr std::size_t kMaxManifest = 1 << 20;

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

/// Nothing, or an empty directory.
bool is_free(const fs::path& path) {
  std::error_code ignored;
  return !is_there(path) || (fs::is_directory(path, ignored) && fs::is_empty(path, ignored));
}

void remove_folder(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) throw DeviceError(message(path.string(), ": cannot remove: ", error.message()));
}

}  // namespace

PartialOutput::PartialOutput(fs::path output, const std::string& manifest, bool resume,
                             const MatrixOptions& options)
    : options_(options) {
  if (!output.has_filename()) output = output.parent_path();  // "name/" is "name"
  // What is made is renamed at the end to what the path means: a folder can not take the place of a link.
  output_ = io::behind_links(output);
  if (!output_.has_filename()) output_ = output_.parent_path();
  folder_ = output_;
  folder_ += ".partial";
  if (!is_free(output_)) {
    throw InvalidArgument(
        message(output_.string(), ": expected no such directory, or an empty one, found files in it"));
  }
  const fs::path file = folder_ / kManifest;
  if (!is_free(folder_)) {
    if (!is_there(file))
      throw InvalidArgument(
          message(folder_.string(), ": holds something else than unfinished output; remove it first"));
    if (resume && io::read_text_file(file, kMaxManifest) != manifest) {
      throw InvalidArgument(message(file.string(),
                                    ": the run to be resumed had other settings, another model or ",
                                    "another calibration text; it had ",
                                    io::read_text_file(file, kMaxManifest), ", expected ", manifest));
    }
    if (!resume) remove_folder(folder_);
  }
  io::make_directory(folder_);
  io::replace_file(file, [&](std::ostream& out) { out << manifest; });
  if (is_there(result())) remove_folder(result());
}

fs::path PartialOutput::layer_file(std::int64_t layer, const char* ending) const {
  return folder_ / message("layer-", layer, ending);
}

const io::MappedFile& PartialOutput::map_layer(std::int64_t layer) {
  return *mapped_.emplace_back(std::make_unique<io::MappedFile>(layer_file(layer, ".safetensors")));
}

std::optional<std::vector<QuantizedPart>> PartialOutput::find(std::int64_t layer) {
  // The description is written last: where it is, the layer is whole.
  const fs::path description = layer_file(layer, ".json");
  if (!is_there(description)) return std::nullopt;
  const std::string where = description.string();
  const io::Json json = io::Json::parse_file(description);
  const io::MappedFile file(layer_file(layer, ".safetensors"));
  std::map<std::string, io::StoredTensor> tensors;
  for (io::StoredTensor& tensor : io::parse_safetensors(file.bytes(), file.path().string()))
    tensors.emplace(tensor.name, tensor);
  std::vector<QuantizedPart> parts;
  for (const io::Json& item : json.at("parts", where).as_array(where)) {
    QuantizedPart part;
    part.name = item.at("name", where).as_string(where);
    part.loss = item.at("loss", where).as_double(where);
    part.output_error = item.at("output_error", where).as_double(where);
    part.damping = item.at("damping", where).as_double(where);
    std::vector<io::StoredTensor> four;
    for (const char* kind : {".qweight", ".qzeros", ".scales", ".g_idx"}) {
      const auto found = tensors.find(part.name + kind);
      if (found == tensors.end())
        throw FormatError(message(file.path().string(), ": tensor \"", part.name, kind, "\" is missing"));
      four.push_back(found->second);
    }
    part.matrix = unpack_part(four, item.at("rows", where).as_int(where),
                              item.at("cols", where).as_int(where), options_);
    parts.push_back(std::move(part));
  }
  finished_.push_back(layer);
  return parts;
}

void PartialOutput::keep(std::int64_t layer, std::vector<QuantizedPart> parts) {
  std::vector<OwnedTensor> owned;
  std::string description;
  for (QuantizedPart& part : parts) {
    description += message(description.empty() ? "" : ",", "\n  {\"name\": ", io::json_string(part.name),
                           ", \"rows\": ", part.matrix.rows, ", \"cols\": ", part.matrix.cols,
                           ", \"loss\": ", io::json_number(part.loss),
                           ", \"output_error\": ", io::json_number(part.output_error),
                           ", \"damping\": ", io::json_number(part.damping), "}");
    std::ranges::move(pack_part(part, options_.grid), std::back_inserter(owned));
    part.matrix = {};
  }
  std::vector<io::StoredTensor> tensors;
  for (const OwnedTensor& tensor : owned) tensors.push_back(tensor.tensor);
  io::write_safetensors(layer_file(layer, ".safetensors"), tensors);
  io::replace_file(layer_file(layer, ".json"),
                   [&](std::ostream& out) { out << "{\"parts\": [" << description << "\n]}\n"; });
  finished_.push_back(layer);
}

std::vector<io::StoredTensor> PartialOutput::tensors() {
  std::vector<io::StoredTensor> all;
  for (const std::int64_t layer : finished_) {
    const io::MappedFile& file = map_layer(layer);
    for (io::StoredTensor& tensor : io::parse_safetensors(file.bytes(), file.path().string())) {
      tensor.file = &file;
      all.push_back(std::move(tensor));
    }
  }
  return all;
}

void PartialOutput::finish() {
  mapped_.clear();
  std::error_code error;
  fs::rename(result(), output_, error);
  if (error) {
    throw DeviceError(
        message(result().string(), ": cannot rename to ", output_.string(), ": ", error.message()));
  }
  remove_folder(folder_);
}

}  // namespace transom::compress
