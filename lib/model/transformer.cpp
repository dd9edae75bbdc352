// SPDX-License-Identifier: Apache-2.0
#include "model/transformer.h"

#include <algorithm>

#include "backend/ops.h"
#include "core/checks.h"
#include "io/file.h"

namespace transom::model {

Transformer::Transformer(ModelSpec spec, std::unique_ptr<ModelWeights> weights,
                         std::shared_ptr<WeightSource> source, Placement placement)
    : spec_(std::move(spec)),
      placement_(std::move(placement)),
      source_(std::move(source)),
      weights_(std::move(weights)) {}

DType Transformer::kv_dtype() const { return model::kv_dtype(spec_, *weights_); }

void Transformer::embed(std::span<const std::int32_t> ids, const TensorView& dst) const {
  backend::Backend& device = placement_.first();
  const TensorView& table = weights_->embedding;
  if (weights_->embedding_file == nullptr) return backend::ops::embed(device, table, ids, dst);
  // A row that is read may map a megabyte around it (large folios of the page cache): 32 of them are enough.
  constexpr std::size_t kRowsKept = 32;
  for (std::size_t first = 0; first < ids.size(); first += kRowsKept) {
    const std::size_t rows = std::min(kRowsKept, ids.size() - first);
    backend::ops::embed(device, table, ids.subspan(first, rows),
                        dst.row_slice(static_cast<std::int64_t>(first), static_cast<std::int64_t>(rows)));
    if (rows_read_.fetch_add(rows) + rows < kRowsKept) continue;
    rows_read_ = 0;
    weights_->embedding_file->release_pages(weights_->embedding_bytes());
  }
}

std::vector<std::string> Transformer::kernel_choices() const {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& what, const LinearLayer& layer) {
    for (const auto& part : layer.parts)
      lines.push_back(core::message(what, " [", part->rows, ", ", part->cols, "]: ", part->choice));
  };
  const bool several = placement_.spans().size() > 1;
  for (const LayerSpan& span : placement_.spans()) {
    if (span.layers() == 0) continue;
    const LayerWeights& first = weights_->layers[static_cast<std::size_t>(span.first)];
    const std::string where = several ? span.device->describe().device + " " : "";
    add(where + "qkv", first.qkv);
    add(where + "output", first.output);
    add(where + "gate_up", first.gate_up);
    add(where + "down", first.down);
  }
  add(several ? placement_.last().describe().device + " head" : "head", weights_->head);
  return lines;
}

}  // namespace transom::model
