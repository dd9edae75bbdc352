// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "backend/backend.h"
#include "transom/error.h"

namespace transom::testing {

/// Memory of the host that can run out.
class SmallBackend final : public backend::Backend {
 public:
  using Buffer = backend::Buffer;
  using View = backend::KvCacheView;
  explicit SmallBackend(backend::Backend& host) : host_(host) {}
  bool full = false;

  backend::BackendInfo describe() const override { return host_.describe(); }
  Buffer allocate(std::size_t bytes, const char* purpose, Buffer::Pages pages) override {
    if (full) throw OutOfMemory(purpose);
    return host_.allocate(bytes, purpose, pages);
  }
  void kv_copy(const View& from, std::int64_t first, std::int64_t end, const View& to) override {
    host_.kv_copy(from, first, end, to);
  }
  void kv_read(const View& cache, std::int64_t slot, std::int64_t n, std::span<std::byte> bytes) override {
    host_.kv_read(cache, slot, n, bytes);
  }
  void kv_write(std::span<const std::byte> bytes, std::int64_t slot, std::int64_t n,
                const View& cache) override {
    host_.kv_write(bytes, slot, n, cache);
  }

  // A cache asks for nothing else.
  using Prepared = backend::PreparedLinear;
  using Tables = backend::RopeTables;
  using Params = backend::AttentionParams;
  bool uses_host_memory() const override { return true; }
  void upload(const core::TensorView&, std::span<const std::byte>) override {}
  void download(std::span<float>, const core::TensorView&) override {}
  void synchronize() override {}
  std::unique_ptr<Prepared> prepare_linear(const backend::LinearWeights&) override { return {}; }
  void reserve(const backend::WorkspaceLimits&) override {}
  void execute(const std::function<void()>&) override {}
  void embed(const core::TensorView&, std::span<const std::int32_t>, const core::TensorView&) override {}
  void rms_norm(const core::TensorView&, const core::TensorView&, float, const core::TensorView&) override {}
  void linear(const Prepared&, const core::TensorView&, const core::TensorView&, bool) override {}
  void rope_table(std::span<const std::int64_t>, std::span<const float>, float, const Tables&) override {}
  void rope(const core::TensorView&, const Tables&) override {}
  void kv_append(const core::TensorView&, const core::TensorView&, std::int64_t, const View&) override {}
  void attention(const core::TensorView&, const core::TensorView*, const View&, const Params&,
                 const core::TensorView&) override {}
  void gated_linear(const Prepared&, const Prepared*, const core::TensorView&,
                    const core::TensorView&) override {}
  void gather_rows(const core::TensorView&, std::span<const std::int64_t>, const core::TensorView&) override {
  }

 private:
  backend::Backend& host_;
};

}  // namespace transom::testing
