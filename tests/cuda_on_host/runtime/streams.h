// SPDX-License-Identifier: Apache-2.0
/// Queues of work, events in them, and captures. Everything here is used under device_lock().
#pragma once

#include <cuda_runtime.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace transom::cuda_on_host {

std::recursive_mutex& device_lock();

/// A piece of work. kernel: what it launches, or null.
struct Work {
  std::function<cudaError_t()> run;
  const void* kernel = nullptr;
};

/// Work in the order of the calls that captured it.
struct Graph {
  std::vector<Work> work;
};
struct GraphExec {
  std::vector<Work> work;
};

struct Capture {
  Graph graph;
  cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal;
  Stream* origin = nullptr;
  std::thread::id thread = std::this_thread::get_id();
  std::set<Stream*> open;  // forked off, with work that nothing has waited for
  bool invalid = false;
};

struct Stream {
  std::deque<Work> queue;
  bool blocking = true;  // takes turns with the default stream
  std::shared_ptr<Capture> capture;
};

/// One recording of an event.
struct Record {
  Stream* stream = nullptr;
  bool done = false;
  std::chrono::steady_clock::time_point time;
};
struct Event {
  std::shared_ptr<Record> record;
  std::shared_ptr<Capture> capture;  // recorded during one, by this stream
  Stream* captured_stream = nullptr;
};

/// Puts work at the end of a stream (null: the default one), or into its capture.
cudaError_t enqueue(cudaStream_t stream, Work work);
/// Does all work of a stream, or of all streams; the first error of any work since the last such call.
cudaError_t drain(Stream& stream);
cudaError_t drain_all();
/// How often someone waited for all streams: drain_all().
std::int64_t device_synchronisations();
/// Does work until the recording is reached.
cudaError_t complete(const std::shared_ptr<Record>& record);
/// For calls that wait or allocate, which a capture forbids, that of a thread only to this thread: an error,
/// and the capture is invalid then.
cudaError_t refuse_in_capture();
/// Sets all streams of a capture free.
void release_capture(const Capture& capture);

Stream& resolve(cudaStream_t stream);
/// Remembers an error for cudaGetLastError, and returns it.
cudaError_t note(cudaError_t error);

}  // namespace transom::cuda_on_host
