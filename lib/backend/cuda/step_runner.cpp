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
constexpr std::size_t kMostCandidates = kMostGraphs;
// Steps until a refused one is tried again. A try may wait for all models of the process.
constexpr std::int64_t kPauseAfterRefusal = 10'000;
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

StepRunner::Candidate StepRunner::take_candidate(const Signature& signature) {
  const auto known = std::ranges::find(candidates_, signature, &Candidate::signature);
  if (known == candidates_.end()) return {signature, steps_ + 1};
  const Candidate taken = *known;
  candidates_.erase(known);
  return taken;
}

void StepRunner::remember(const Candidate& candidate) {
  if (candidates_.size() == kMostCandidates) candidates_.erase(candidates_.begin());
  candidates_.push_back(candidate);
}

void StepRunner::run(const std::function<void()>& step) {
  if (!graphs_) return run_once(step);
  ++steps_;
  walk(Mode::sign, step);
  const Signature signature = signature_;
  const auto known = std::ranges::find(captured_, signature, &Graph::signature);
  if (known != captured_.end() && replay(*known)) {
    ++replays_;
    return finish();
  }
  if (!capturable_) return run_once(step);
  Candidate candidate = take_candidate(signature);
  if (steps_ >= candidate.capture_from) {
    Graph* const captured = capture(step);
    if (captured != nullptr && replay(*captured)) return finish();
    candidate.capture_from = steps_ + kPauseAfterRefusal;
  }
  run_once(step);
  remember(candidate);
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

bool StepRunner::replay(Graph& graph) {
  const ProfilerRange range("replay");
  graph.last_used = steps_;
  memory_.upload(stream_);
  const cudaError_t status = cudaGraphLaunch(graph.graph, stream_);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    check_cuda(cudaStreamSynchronize(stream_), "cudaStreamSynchronize");  // the slots will be written again
    forget(graph);
    return false;
  }
  check_cuda(status, "cudaGraphLaunch");
  return true;
}

cudaGraph_t StepRunner::record(const std::function<void()>& step) {
  cudaGraph_t graph = nullptr;
  const auto held = arena_.hold();
  if (cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal) != cudaSuccess) {
    cudaGetLastError();
    return nullptr;
  }
  const auto end = [&] {
    if (cudaStreamEndCapture(stream_, &graph) == cudaSuccess) return;
    cudaGetLastError();
    graph = nullptr;
  };
  const auto drop = [&] {
    end();
    if (graph != nullptr) cudaGraphDestroy(graph);
    graph = nullptr;
  };
  try {
    walk(Mode::capture, step);
    end();
  } catch (const OutOfMemory&) {
    drop();  // a kernel that is loaded when it is first launched may fit when it is not in a graph
  } catch (...) {
    drop();
    throw;
  }
  return graph;
}

cudaGraphExec_t StepRunner::instantiate(cudaGraph_t graph) {
  const auto attempt = [&](cudaGraphExec_t& made) {
    const cudaError_t status = cudaGraphInstantiate(&made, graph, 0);
    // Takes the memory now, when nothing of the step has run.
    return status == cudaSuccess ? cudaGraphUpload(made, stream_) : status;
  };
  cudaGraphExec_t made = nullptr;
  for (const bool last : {false, true}) {
    const cudaError_t status = attempt(made);
    if (status == cudaSuccess) return made;
    cudaGetLastError();
    if (made != nullptr) cudaGraphExecDestroy(made);
    made = nullptr;
    if (last || status != cudaErrorMemoryAllocation) break;
    arena_.make_room();  // the driver takes the memory of graphs beside the pool
  }
  return nullptr;
}

StepRunner::Graph* StepRunner::capture(const std::function<void()>& step) {
  const cudaGraph_t graph = record(step);
  if (graph == nullptr) return nullptr;
  const Graph captured{signature_, instantiate(graph), steps_};
  cudaGraphDestroy(graph);
  if (captured.graph == nullptr) return nullptr;
  if (captured_.size() == kMostGraphs) forget(*std::ranges::min_element(captured_, {}, &Graph::last_used));
  return &captured_.emplace_back(captured);
}

void StepRunner::forget(Graph& graph) {
  cudaGraphExecDestroy(graph.graph);
  graph = captured_.back();
  captured_.pop_back();
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
