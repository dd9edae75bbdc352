// SPDX-License-Identifier: Apache-2.0
/// Captures of streams, replayed as they were: the same kernels with the same values of their arguments.
#include <algorithm>

#include "tests/cuda_on_host/runtime/device.h"
#include "tests/cuda_on_host/runtime/streams.h"

using namespace transom::cuda_on_host;
using Lock = std::lock_guard<std::recursive_mutex>;

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  const Lock lock(device_lock());
  if (stream == nullptr) return note(cudaErrorStreamCaptureUnsupported);
  if (stream->capture) return note(cudaErrorStreamCaptureInvalidated);
  if (lacks(Lack::memory_to_begin_captures)) return note(cudaErrorMemoryAllocation);
  stream->capture = std::make_shared<Capture>();
  stream->capture->mode = mode;
  stream->capture->origin = stream;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const Lock lock(device_lock());
  *graph = nullptr;
  if (stream == nullptr || !stream->capture || stream->capture->origin != stream)
    return note(cudaErrorInvalidValue);
  const std::shared_ptr<Capture> capture = stream->capture;
  release_capture(*capture);
  if (capture->invalid) return note(cudaErrorStreamCaptureInvalidated);
  if (!capture->open.empty()) return note(cudaErrorStreamCaptureUnjoined);
  if (lacks(Lack::memory_to_end_captures)) return note(cudaErrorMemoryAllocation);
  *graph = new Graph(std::move(capture->graph));
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  const Lock lock(device_lock());
  const Stream& asked = resolve(stream);
  *status = !asked.capture           ? cudaStreamCaptureStatusNone
            : asked.capture->invalid ? cudaStreamCaptureStatusInvalidated
                                     : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  if (lacks(Lack::memory_of_graphs)) return note(cudaErrorMemoryAllocation);
  *exec = new GraphExec{graph->work};
  return cudaSuccess;
}

/// Takes over a graph of the same shape: the same kernels in the same order.
cudaError_t cudaGraphExecUpdate(cudaGraphExec_t exec, cudaGraph_t graph,
                                cudaGraphExecUpdateResultInfo* info) {
  const Lock lock(device_lock());
  const bool same = std::equal(exec->work.begin(), exec->work.end(), graph->work.begin(), graph->work.end(),
                               [](const Work& a, const Work& b) { return a.kernel == b.kernel; });
  if (info != nullptr) info->result = same ? cudaGraphExecUpdateSuccess : cudaGraphExecUpdateError;
  if (!same) return note(cudaErrorGraphExecUpdateFailure);
  exec->work = graph->work;
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  const Lock lock(device_lock());
  if (lacks(Lack::memory_to_launch_graphs)) return note(cudaErrorMemoryAllocation);
  for (const Work& work : exec->work)
    if (const cudaError_t error = enqueue(stream, work)) return error;
  return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t, cudaStream_t) {
  return lacks(Lack::memory_to_upload_graphs) ? note(cudaErrorMemoryAllocation) : cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  const Lock lock(device_lock());  // its memory goes with it
  delete graph;
  return cudaSuccess;
}
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  const Lock lock(device_lock());
  delete exec;
  return cudaSuccess;
}
