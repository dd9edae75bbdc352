// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "compress/gptq_file.h"
#include "compress/model_quantizer.h"
#include "io/file.h"

namespace transom::compress {

/// Output in the making: the folder "<output>.partial" beside the output, with a manifest of what is being
/// made and a file for each finished layer. An interrupted run leaves it behind, and the next one may go on.
/// The output itself appears at the end in one step. One run at a time.
class PartialOutput final : public PartStore {
 public:
  /// @param manifest Everything that decides the result: going on is refused when it differs.
  /// @param resume Takes over what an earlier run finished; else it is removed.
  /// @throws InvalidArgument when the output is there already, when the manifest differs, and when the folder
  ///   holds something else.
  PartialOutput(std::filesystem::path output, const std::string& manifest, bool resume,
                const MatrixOptions& options);

  std::optional<std::vector<QuantizedPart>> find(std::int64_t layer) override;
  void keep(std::int64_t layer, std::vector<QuantizedPart> parts) override;

  /// Where the files of the output are made.
  std::filesystem::path result() const { return folder_ / "result"; }
  /// The tensors of all finished layers, mapped. They live as long as this object.
  std::vector<io::StoredTensor> tensors();
  /// Makes the result the output and removes the rest. Afterwards nothing else may be called.
  void finish();

 private:
  std::filesystem::path layer_file(std::int64_t layer, const char* ending) const;
  const io::MappedFile& map_layer(std::int64_t layer);

  std::filesystem::path output_, folder_;
  const MatrixOptions& options_;
  std::vector<std::int64_t> finished_;
  std::vector<std::unique_ptr<io::MappedFile>> mapped_;
};

}  // namespace transom::compress
