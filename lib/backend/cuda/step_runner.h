// SPDX-License-Identifier: Apache-2.0
/// Runs steps on a stream, and replays those that come again as CUDA graphs.
///
/// A step is a function that calls ops. It is first walked without launching anything: its ops only sign,
/// with everything that their launches depend on, and put what changes from step to step (ids, positions,
/// tables) into slots. A step whose signature is that of a graph is replayed: one upload of the slots, one
/// launch. A signature that recent steps had is captured, so also those of sessions that decode in turn; any
/// other step is walked again and launched op by op. So whatever is captured was launched once, with its
/// kernels loaded and its scratch allocated. Chunks of a prompt are steps like others: an op whose launch
/// depended on a position would have to sign it.
///
/// Graphs only save time. A step that cannot become one, most often because the driver has no memory for it,
/// is launched op by op, and is not tried again for a long while.
#pragma once

#include <cuda_runtime.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/cuda_check.h"
#include "backend/cuda/device_arena.h"
#include "backend/cuda/profiler_range.h"
#include "backend/cuda/step_memory.h"

namespace transom::backend {

/// Everything that the launches of a step depend on, in 64 bits.
class Signature {
 public:
  void add(std::uint64_t word) {
    // The finaliser of MurmurHash3: every bit of a word reaches every bit of the sum.
    std::uint64_t mixed = (value_ ^ word) * 0xff51afd7ed558ccdull;
    mixed = (mixed ^ mixed >> 33) * 0xc4ceb9fe1a85ec53ull;
    value_ = (mixed ^ mixed >> 29) + 0x9e3779b97f4a7c15ull;
  }
  template <typename T>
  requires std::is_integral_v<T> || std::is_enum_v<T>
  void add(T value) { add(static_cast<std::uint64_t>(value)); }
  void add(float value) { add(std::uint64_t{std::bit_cast<std::uint32_t>(value)}); }
  void add(const void* pointer) { add(std::uint64_t{reinterpret_cast<std::uintptr_t>(pointer)}); }
  void add(const TensorView& view);
  /// The geometry, and not where blocks lie: that goes through slots.
  void add(const KvCacheView& cache);

  friend bool operator==(const Signature&, const Signature&) = default;

 private:
  std::uint64_t value_ = 0;
};

class StepRunner {
 public:
  /// Of the stream of an arena that outlives it. @param graphs false: every step is launched op by op.
  StepRunner(DeviceArena& arena, bool graphs);
  ~StepRunner();
  StepRunner(const StepRunner&) = delete;
  StepRunner& operator=(const StepRunner&) = delete;

  /// Runs a step and waits for it. One at a time.
  void run(const std::function<void()>& step);
  /// The same for what is no step of a model: never captured.
  void run_once(const std::function<void()>& step);

  // For the ops of the step that runs.
  cudaStream_t stream() const { return stream_; }
  StepMemory& memory() { return memory_; }
  /// Launches an op, or only signs it. parts: what the launch depends on, other than the contents of slots.
  /// The driver loads a kernel when it is first launched: where it finds no memory for it, the launch is
  /// called once more, so it launches one kernel, or its first one begins anew.
  template <typename Launch, typename... Parts>
  void op(const char* name, const Launch& launch, const Parts&... parts) {
    signature_.add(name);
    (signature_.add(parts), ...);
    if (mode_ == Mode::sign) return;
    const ProfilerRange range(name);
    if (mode_ == Mode::capture) return check_cuda(launch(stream_), name);  // nothing may wait now
    memory_.upload(stream_);
    const auto call = [&] { return launch(stream_); };
    check_cuda(arena_.with_room(call, name, ": the driver finds no memory for its kernels"), name);
  }
  /// Copies from the device when the step is done.
  void download(std::span<float> dst, const TensorView& src);
  void download(std::span<std::int32_t> dst, const std::int32_t* src);

  /// Scratch that graphs know has moved.
  void forget_graphs();

  std::int64_t replays() const { return replays_; }

 private:
  enum class Mode { sign, launch, capture };
  struct Graph {
    Signature signature;
    cudaGraphExec_t graph = nullptr;
    std::int64_t last_used = 0;
  };
  struct Download {
    std::span<std::byte> dst;
    const std::byte* staged = nullptr;
  };

  /// A step that no graph was made of.
  struct Candidate {
    Signature signature;
    std::int64_t capture_from = 0;  // steps_
  };

  void walk(Mode mode, const std::function<void()>& step);
  /// A recent step's with this signature, which is forgotten; a new one that may not be captured yet.
  Candidate take_candidate(const Signature& signature);
  void remember(const Candidate& candidate);
  /// False where the driver has no memory for it: then nothing was launched.
  bool replay(Graph& graph);
  /// Null where the step cannot be recorded for want of memory, or for what the driver says against it.
  cudaGraph_t record(const std::function<void()>& step);
  /// Null where the driver refuses.
  cudaGraphExec_t instantiate(cudaGraph_t graph);
  /// Null as above: ops launched one by one need none.
  Graph* capture(const std::function<void()>& step);
  void forget(Graph& graph);
  void finish();
  void download_bytes(std::span<std::byte> dst, const void* src);
  std::byte* stage(std::size_t bytes);

  bool graphs_;
  DeviceArena& arena_;
  cudaStream_t stream_;
  StepMemory memory_;
  Mode mode_ = Mode::launch;
  Signature signature_;
  bool capturable_ = true;
  std::vector<Graph> captured_;
  std::vector<Candidate> candidates_;  // recent steps that were launched op by op, the latest last
  std::vector<Download> downloads_;
  std::vector<core::Buffer> staging_;  // of downloads, one each
  std::int64_t steps_ = 0, replays_ = 0;
};

}  // namespace transom::backend
