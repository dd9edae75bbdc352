// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/step_runner.h"

#include <algorithm>
#include <cstring>

#include "backend/cuda/pinned_memory.h"

namespace transom::backend {

namespace {

// Graphs of the sessions that decode in turn, and of their batch sizes.
constexpr std::size_t kMostGraphs = 32;
// As many sessions in turn get their graphs. Of more, those that come too late for one stay without, rather
// than that every step captures what the next one throws away.
constexpr std::size_t kMostRecent = kMostGraphs;
// Logits of more rows than a decode step has would pin memory without need.
constexpr std::size_t kMostStagedBytes = std::size_t{16} << 20;

}  // namespace

void Signature::add(const TensorView& view) {
  add(view.data);
  add(view.dtype);
  for (int i = 0; i < view.rank; ++i) {
    add(view.extent[static_cast<std::size_t>(i)]);
    add(view.stride[static_cast<std::size_t>(i)]);
  }
}

void Signature::add(const KvCacheView& cache) {
  add(cache.keys);
  for (const std::int64_t n : {cache.block_slots, cache.sinks, cache.levels, cache.level_slots}) add(n);
}

StepRunner::StepRunner(DeviceArena& arena, bool graphs)
    : graphs_(graphs), arena_(arena), stream_(arena.stream()), memory_(arena) {}

StepRunner::~StepRunner() { forget_graphs(); }

void StepRunner::forget_graphs() {
  for (const Graph& graph : captured_) cudaGraphExecDestroy(graph.graph);
  captured_.clear();
}

void StepRunner::walk(Mode mode, const std::function<void()>& step) {
  mode_ = mode;
  memory_.restart();
  downloads_.clear();
  signature_ = {};
  capturable_ = true;
  step();
}

bool StepRunner::take_recent(const Signature& signature) { return std::erase(recent_, signature) != 0; }

void StepRunner::remember(const Signature& signature) {
  if (recent_.size() == kMostRecent) recent_.erase(recent_.begin());
  recent_.push_back(signature);
}

void StepRunner::run(const std::function<void()>& step) {
  if (!graphs_) return run_once(step);
  ++steps_;
  walk(Mode::sign, step);
  const Signature signature = signature_;
  const bool capturable = capturable_;
  const auto known = std::ranges::find(captured_, signature, &Graph::signature);
  if (known != captured_.end()) {
    replay(*known);
    ++replays_;
  } else if (Graph* const captured = capturable && take_recent(signature) ? capture(step) : nullptr;
             captured != nullptr) {
    replay(*captured);
  } else {
    run_once(step);
    if (capturable) remember(signature);
    return;
  }
  finish();
}

void StepRunner::run_once(const std::function<void()>& step) {
  try {
    walk(Mode::launch, step);
  } catch (...) {
    cudaStreamSynchronize(stream_);  // what was launched still reads the slots
    throw;
  }
  finish();
}

void StepRunner::replay(Graph& graph) {
  const ProfilerRange range("replay");
  graph.last_used = steps_;
  memory_.upload(stream_);
  check_cuda(cudaGraphLaunch(graph.graph, stream_), "cudaGraphLaunch");
}

cudaGraph_t StepRunner::record(const std::function<void()>& step) {
  cudaGraph_t graph = nullptr;
  const auto held = arena_.hold();
  check_cuda(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
  try {
    walk(Mode::capture, step);
  } catch (...) {
    cudaStreamEndCapture(stream_, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  check_cuda(cudaStreamEndCapture(stream_, &graph), "cudaStreamEndCapture");
  return graph;
}

StepRunner::Graph* StepRunner::capture(const std::function<void()>& step) {
  const cudaGraph_t graph = record(step);
  Graph captured{signature_, nullptr, steps_};
  cudaError_t status = cudaGraphInstantiate(&captured.graph, graph, 0);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    arena_.make_room();  // the driver takes the memory of graphs beside the pool
    status = cudaGraphInstantiate(&captured.graph, graph, 0);
  }
  cudaGraphDestroy(graph);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    return nullptr;
  }
  check_cuda(status, "cudaGraphInstantiate");
  if (captured_.size() < kMostGraphs) return &captured_.emplace_back(captured);
  Graph& oldest = *std::ranges::min_element(captured_, {}, &Graph::last_used);
  cudaGraphExecDestroy(oldest.graph);
  oldest = captured;
  return &oldest;
}

void StepRunner::download(std::span<float> dst, const TensorView& src) {
  signature_.add(src);
  download_bytes(std::as_writable_bytes(dst), src.data);
}

void StepRunner::download(std::span<std::int32_t> dst, const std::int32_t* src) {
  signature_.add(src);
  signature_.add(dst.size());
  download_bytes(std::as_writable_bytes(dst), src);
}

void StepRunner::download_bytes(std::span<std::byte> dst, const void* src) {
  capturable_ = capturable_ && dst.size() <= kMostStagedBytes;
  if (mode_ == Mode::launch) {
    check_cuda(cudaMemcpyAsync(dst.data(), src, dst.size(), cudaMemcpyDeviceToHost, stream_),
               "cudaMemcpyAsync");
    return;
  }
  if (!capturable_) return;
  std::byte* const staged = stage(dst.size());
  downloads_.push_back({dst, staged});
  if (mode_ == Mode::sign) return;
  check_cuda(cudaMemcpyAsync(staged, src, dst.size(), cudaMemcpyDeviceToHost, stream_), "cudaMemcpyAsync");
}

std::byte* StepRunner::stage(std::size_t bytes) {
  // A graph copies into the memory that it was captured with: the n-th download keeps its own.
  const std::size_t index = downloads_.size();
  if (index == staging_.size()) staging_.emplace_back();
  core::Buffer& buffer = staging_[index];
  if (buffer.size() < bytes) {
    forget_graphs();  // they know the smaller one
    buffer = allocate_pinned(bytes, "results of a step");
  }
  return buffer.data();
}

void StepRunner::finish() {
  check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");
  for (const Download& download : downloads_)
    std::memcpy(download.dst.data(), download.staged, download.dst.size());
}

}  // namespace transom::backend
