// SPDX-License-Identifier: Apache-2.0
// Models with layers on the CPU and on the emulated GPU, seen from inside.
#include "model/placement.h"

#include <memory>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "tests/model/small_models.h"
#include "tests/support/catch.h"

namespace transom {
namespace {

using backend::CudaBackend;
using testing::Ids;

TEST_CASE("placement: the GPU's part of a decode step is a graph, with layers before it as without") {
  for (const std::int64_t layers : {3, 2, 0}) {
    INFO(layers << " layers");
    const auto gpu = std::make_shared<CudaBackend>(0, true);
    const auto transformer = testing::load_small_model("llama-mha", {}, [&](std::int64_t n_layers) {
      if (layers == n_layers) return model::Placement(gpu, n_layers);
      return model::Placement(testing::two_threads(), gpu, n_layers, layers);
    });
    model::Sequence sequence(*transformer, {.max_context = 64, .prefill_chunk = 16});
    sequence.forward(Ids{1, 2, 3, 4, 5}, false, {});
    const std::int64_t before = gpu->replays();
    for (std::int32_t id = 0; id < 6; ++id) testing::last_logits(sequence, {id});
    CHECK(gpu->replays() - before == 4);  // the first was launched, the second captured
  }
}

}  // namespace
}  // namespace transom
