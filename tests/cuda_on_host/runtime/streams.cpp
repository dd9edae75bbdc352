// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/runtime/streams.h"

#include <algorithm>
#include <utility>

#include "tests/cuda_on_host/runtime/memory_pools.h"

namespace transom::cuda_on_host {
namespace {

struct Streams {
  Stream default_stream;
  std::vector<std::unique_ptr<Stream>> others;
  cudaError_t error = cudaSuccess;  // of work that was done
  std::int64_t device_synchronisations = 0;
};

Streams& streams() {
  static Streams all;
  return all;
}

bool exists(const Stream* stream) {
  const auto& others = streams().others;
  return stream == nullptr || stream == &streams().default_stream ||
         std::any_of(others.begin(), others.end(), [&](const auto& other) { return other.get() == stream; });
}

void run_first(Stream& stream) {
  const Work work = std::move(stream.queue.front());
  stream.queue.pop_front();
  const cudaError_t error = work.run();
  if (error == cudaSuccess) return;
  if (streams().error == cudaSuccess) streams().error = error;
  stream.queue.clear();  // what follows a fault is never done
}

void run_all(Stream& stream) {
  while (!stream.queue.empty()) run_first(stream);
}

cudaError_t take_error() { return note(std::exchange(streams().error, cudaSuccess)); }

bool any_capture() {
  const auto& others = streams().others;
  return std::any_of(others.begin(), others.end(),
                     [](const auto& stream) { return stream->capture != nullptr; });
}

}  // namespace

std::recursive_mutex& device_lock() {
  static std::recursive_mutex lock;
  return lock;
}

Stream& resolve(cudaStream_t stream) { return stream == nullptr ? streams().default_stream : *stream; }

cudaError_t enqueue(cudaStream_t stream, Work work) {
  if (!exists(stream)) return note(cudaErrorInvalidResourceHandle);
  Stream& to = resolve(stream);
  if (to.capture) {
    if (to.capture->invalid) return note(cudaErrorStreamCaptureInvalidated);
    to.capture->graph.work.push_back(std::move(work));
    if (&to != to.capture->origin) to.capture->open.insert(&to);
    return cudaSuccess;
  }
  Stream& default_stream = streams().default_stream;
  if (&to == &default_stream) {
    if (any_capture()) return note(cudaErrorStreamCaptureImplicit);
    for (const auto& other : streams().others)
      if (other->blocking) run_all(*other);
  } else if (to.blocking) {
    run_all(default_stream);
  }
  to.queue.push_back(std::move(work));
  return cudaSuccess;
}

cudaError_t drain(Stream& stream) {
  run_all(stream);
  shrink_pools();
  return take_error();
}

cudaError_t drain_all() {
  ++streams().device_synchronisations;
  run_all(streams().default_stream);
  for (const auto& stream : streams().others) run_all(*stream);
  shrink_pools();
  return take_error();
}

std::int64_t device_synchronisations() {
  const std::lock_guard lock(device_lock());
  return streams().device_synchronisations;
}

cudaError_t complete(const std::shared_ptr<Record>& record) {
  while (!record->done && !record->stream->queue.empty()) run_first(*record->stream);
  record->done = true;  // also where a fault has swept it away
  shrink_pools();
  return take_error();
}

cudaError_t refuse_in_capture() {
  for (const auto& stream : streams().others) {
    if (!stream->capture || stream->capture->mode == cudaStreamCaptureModeRelaxed) continue;
    if (stream->capture->mode == cudaStreamCaptureModeThreadLocal &&
        stream->capture->thread != std::this_thread::get_id())
      continue;
    stream->capture->invalid = true;
    return note(cudaErrorStreamCaptureUnsupported);
  }
  return cudaSuccess;
}

void release_capture(const Capture& capture) {
  for (const auto& stream : streams().others)
    if (stream->capture.get() == &capture) stream->capture.reset();
}

}  // namespace transom::cuda_on_host

using namespace transom::cuda_on_host;
using Lock = std::lock_guard<std::recursive_mutex>;

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  const Lock lock(device_lock());
  streams().others.push_back(std::make_unique<Stream>());
  *stream = streams().others.back().get();
  (*stream)->blocking = flags != cudaStreamNonBlocking;
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  const Lock lock(device_lock());
  if (stream == nullptr || !exists(stream)) return note(cudaErrorInvalidResourceHandle);
  const cudaError_t error = drain(*stream);
  auto& others = streams().others;
  others.erase(
      std::find_if(others.begin(), others.end(), [&](const auto& other) { return other.get() == stream; }));
  return error;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  const Lock lock(device_lock());
  if (!exists(stream)) return note(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_in_capture()) return error;
  if (resolve(stream).capture) {  // of another thread
    stream->capture->invalid = true;
    return note(cudaErrorStreamCaptureUnsupported);
  }
  return stream == nullptr ? drain_all() : drain(*stream);
}

/// Does a piece of work, so that a loop of queries ends.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  const Lock lock(device_lock());
  if (!exists(stream)) return note(cudaErrorInvalidResourceHandle);
  if (const cudaError_t error = refuse_in_capture()) return error;
  Stream& asked = resolve(stream);
  if (!asked.queue.empty()) run_first(asked);
  const cudaError_t error = take_error();
  return error != cudaSuccess ? error : asked.queue.empty() ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaDeviceSynchronize() {
  const Lock lock(device_lock());
  if (const cudaError_t error = refuse_in_capture()) return error;
  return drain_all();
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, void (*function)(void*), void* data) {
  const Lock lock(device_lock());
  return enqueue(stream, {[=] {
                            function(data);
                            return cudaSuccess;
                          },
                          nullptr});
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = new Event;
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const Lock lock(device_lock());
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  const Lock lock(device_lock());
  Stream& at = resolve(stream);
  event->capture = at.capture;
  event->captured_stream = &at;
  if (at.capture) return cudaSuccess;
  event->record = std::make_shared<Record>();
  event->record->stream = &at;
  return enqueue(stream, {[record = event->record] {
                            record->done = true;
                            record->time = std::chrono::steady_clock::now();
                            return cudaSuccess;
                          },
                          nullptr});
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  const Lock lock(device_lock());
  Stream& waiting = resolve(stream);
  if (event->capture) {
    // Work is captured in the order of the calls, which keeps what the event says. A stream from outside
    // joins.
    if (waiting.capture && waiting.capture != event->capture) return note(cudaErrorStreamCaptureInvalidated);
    waiting.capture = event->capture;
    if (&waiting != event->captured_stream) event->capture->open.erase(event->captured_stream);
    if (&waiting != event->capture->origin) event->capture->open.insert(&waiting);
    return cudaSuccess;
  }
  if (!event->record) return cudaSuccess;
  if (waiting.capture) return note(cudaErrorStreamCaptureUnsupported);
  return enqueue(stream, {[record = event->record] {
                            while (!record->done && !record->stream->queue.empty())
                              run_first(*record->stream);
                            return cudaSuccess;
                          },
                          nullptr});
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const Lock lock(device_lock());
  if (event->capture) return note(cudaErrorStreamCaptureUnsupported);
  return event->record ? complete(event->record) : cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  const Lock lock(device_lock());
  if (event->capture) return note(cudaErrorStreamCaptureUnsupported);
  if (!event->record || event->record->done) return cudaSuccess;
  if (event->record->stream->queue.empty()) return cudaSuccess;
  run_first(*event->record->stream);
  const cudaError_t error = take_error();
  return error != cudaSuccess ? error : event->record->done ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  const Lock lock(device_lock());
  if (!begin->record || !end->record) return note(cudaErrorInvalidResourceHandle);
  if (!begin->record->done || !end->record->done) return note(cudaErrorNotReady);
  *milliseconds = std::chrono::duration<float, std::milli>(end->record->time - begin->record->time).count();
  return cudaSuccess;
}
