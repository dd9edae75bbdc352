// SPDX-License-Identifier: Apache-2.0
// A step of the model: tokens in, through the layers of each device in turn, logits or tokens out.
#include <algorithm>
#include <functional>

#include "backend/ops.h"
#include "model/fitting_layers.h"
#include "model/layers/decoder_block.h"
#include "model/sequence/sequence.h"
#include "model/sequence/sequence_workspace.h"
#include "transom/error.h"

namespace transom::model {

namespace ops = backend::ops;

namespace {

/// Copies the hidden state of a step, which lies in memory of this process, to the next device. Between the
/// steps of the two devices and in neither: so the next one's graph need not know where the state came from.
void hand_over(const TensorView& from, const TensorView& to, backend::Backend& device) {
  const auto bytes = static_cast<std::size_t>(from.rows() * from.columns()) * sizeof(float);
  device.upload(to, {static_cast<const std::byte*>(from.data), bytes});
}

}  // namespace

void Sequence::run_layers(const Transformer& transformer, Workspace& workspace,
                          std::span<const TokenRun> runs, std::span<const std::int32_t> ids,
                          const std::function<void()>& after) {
  const ModelSpec& spec = transformer.spec();
  const std::span<const LayerSpan> spans = transformer.placement().spans();
  const auto tokens = static_cast<std::int64_t>(ids.size());
  for (std::size_t s = 0; s < spans.size(); ++s) {
    const LayerSpan& span = spans[s];
    const bool last = s + 1 == spans.size();
    if (span.layers() == 0 && !(last && after)) continue;  // of a prompt, chunks that only fill caches
    backend::Backend& device = *span.device;
    SpanWorkspace& space = workspace.spans[s];
    BlockWorkspace work = space.first_rows(tokens);
    work.row_numbers = std::span(workspace.row_numbers).first(ids.size());
    if (s > 0) hand_over(workspace.spans[s - 1].first_rows(tokens).x, work.x, device);
    const auto step = [&] {
      if (s == 0) transformer.embed(ids, work.x);
      for (RopeGroup& rope : space.ropes) rope.fill(runs, device);
      for (std::int64_t i = span.first; i < span.end; ++i) {
        const auto layer = static_cast<std::size_t>(i);
        const RopeGroup& rope = space.ropes[space.rope_of_layer[static_cast<std::size_t>(i - span.first)]];
        run_decoder_block(spec, layer, transformer.weights().layers, {i == span.first, i + 1 == span.end},
                          rope, runs, work, device);
      }
      if (last && after) after();
    };
    try {
      device.execute(std::cref(step));    // a reference: std::function then allocates nothing
    } catch (const OutOfMemory& error) {  // of scratch that only the step could size
      const auto [context, chunk] = workspace.size;
      throw OutOfMemory(error.what() + fitting_layers(error, spec, transformer.placement(),
                                                      transformer.weights(), context, chunk, true));
    }
  }
}

void Sequence::run_step(const Transformer& transformer, Workspace& workspace, std::span<const TokenRun> runs,
                        std::span<const std::int32_t> ids, std::int64_t first_scored,
                        const Results& results) {
  const auto scoring = [&] {
    score(transformer, workspace, first_scored, static_cast<std::int64_t>(ids.size()), results);
  };
  const bool scored = !results.logits.empty() || !results.choices.empty();
  run_layers(transformer, workspace, runs, ids, scored ? std::function<void()>(std::cref(scoring)) : nullptr);
}

TensorView Sequence::norm_rows(const Transformer& transformer, Workspace& workspace, std::int64_t row,
                               std::int64_t rows) {
  const SpanWorkspace& space = workspace.spans.back();
  const TensorView normed = space.scored.row_slice(0, rows);
  ops::rms_norm(transformer.placement().last(), space.block.x.row_slice(row, rows),
                transformer.weights().final_norm, static_cast<float>(transformer.spec().norm_epsilon),
                normed);
  return normed;
}

void Sequence::score(const Transformer& transformer, Workspace& workspace, std::int64_t row, std::int64_t end,
                     Results results) {
  backend::Backend& device = transformer.placement().last();
  while (row < end) {
    const std::int64_t rows = std::min(workspace.score_rows, end - row);
    const TensorView out = workspace.spans.back().logits.row_slice(0, rows);
    apply(device, transformer.weights().head, norm_rows(transformer, workspace, row, rows), out);
    row += rows;
    if (results.choices.empty()) {
      const auto floats = static_cast<std::size_t>(rows * transformer.spec().vocab);
      device.download(results.logits.first(floats), out);
      results.logits = results.logits.subspan(floats);
    } else {
      const auto choices = static_cast<std::size_t>(rows);
      ops::choose(device, out, results.choices.first(choices), results.chosen.first(choices));
      results.choices = results.choices.subspan(choices);
      results.chosen = results.chosen.subspan(choices);
    }
  }
}

}  // namespace transom::model
