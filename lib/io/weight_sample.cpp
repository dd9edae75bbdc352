// SPDX-License-Identifier: Apache-2.0
#include "io/weight_sample.h"

#include <algorithm>
#include <string>
#include <vector>

#include "io/checksum.h"

namespace transom::io {

namespace {

// Training changes every value of a tensor that it changes at all: a few places tell.
constexpr std::size_t kSamples = 4, kSampleBytes = 64, kWholeBytes = 4096;

void add_sample(std::span<const std::byte> bytes, Checksum& sum) {
  if (bytes.size() <= kWholeBytes) return sum.add(bytes);
  const std::size_t last = bytes.size() - kSampleBytes;
  for (std::size_t i = 0; i < kSamples; ++i) sum.add(bytes.subspan(last / (kSamples - 1) * i, kSampleBytes));
}

}  // namespace

std::uint64_t sample_weights(const Checkpoint& checkpoint) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& tensor : checkpoint.tensors()) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const StoredTensor* a, const StoredTensor* b) { return a->name < b->name; });
  Checksum sum;
  for (const StoredTensor* tensor : order) {
    const std::string head = tensor->name + '\n' + tensor->describe() + '\n';
    sum.add(std::as_bytes(std::span(head)));
    add_sample(tensor->bytes, sum);
  }
  return sum.value();
}

}  // namespace transom::io
