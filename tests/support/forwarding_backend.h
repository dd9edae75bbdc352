// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>

#include "backend/backend.h"

namespace transom::testing {

/// A device whose work is another device's, for tests that change one thing about it.
class ForwardingBackend : public backend::Backend {
 public:
  using View = core::TensorView;
  using Cache = backend::KvCacheView;
  using Prepared = backend::PreparedLinear;

  explicit ForwardingBackend(std::shared_ptr<backend::Backend> host) : host_(std::move(host)) {}
  /// The same for a device that outlives it.
  explicit ForwardingBackend(backend::Backend& host) : host_(std::shared_ptr<void>(), &host) {}

  backend::BackendInfo describe() const override { return host_->describe(); }
  backend::Buffer allocate(std::size_t bytes, const char* purpose, backend::Buffer::Pages pages) override {
    return host_->allocate(bytes, purpose, pages);
  }
  bool uses_host_memory() const override { return host_->uses_host_memory(); }
  void upload(const View& dst, std::span<const std::byte> src) override { host_->upload(dst, src); }
  void download(std::span<float> dst, const View& src) override { host_->download(dst, src); }
  void synchronize() override { host_->synchronize(); }
  std::unique_ptr<Prepared> prepare_linear(const backend::LinearWeights& weights) override {
    return host_->prepare_linear(weights);
  }
  void reserve(const backend::WorkspaceLimits& limits) override { host_->reserve(limits); }
  void execute(const std::function<void()>& step) override { host_->execute(step); }
  void embed(const View& table, std::span<const std::int32_t> ids, const View& dst) override {
    host_->embed(table, ids, dst);
  }
  void rms_norm(const View& src, const View& weight, float epsilon, const View& dst) override {
    host_->rms_norm(src, weight, epsilon, dst);
  }
  void linear(const Prepared& weight, const View& src, const View& dst, bool accumulate) override {
    host_->linear(weight, src, dst, accumulate);
  }
  void rope_table(std::span<const std::int64_t> positions, std::span<const float> inv_freq, float magnitude,
                  const backend::RopeTables& tables) override {
    host_->rope_table(positions, inv_freq, magnitude, tables);
  }
  void rope(const View& x, const backend::RopeTables& tables) override { host_->rope(x, tables); }
  void kv_append(const View& keys, const View& values, std::int64_t first, const Cache& cache) override {
    host_->kv_append(keys, values, first, cache);
  }
  void kv_copy(const Cache& from, std::int64_t first, std::int64_t end, const Cache& to) override {
    host_->kv_copy(from, first, end, to);
  }
  void kv_read(const Cache& cache, std::int64_t slot, std::int64_t n, std::span<std::byte> bytes) override {
    host_->kv_read(cache, slot, n, bytes);
  }
  void kv_write(std::span<const std::byte> bytes, std::int64_t slot, std::int64_t n,
                const Cache& cache) override {
    host_->kv_write(bytes, slot, n, cache);
  }
  void attention(const View& q, const View* q_sink, const Cache& cache,
                 const backend::AttentionParams& params, const View& dst) override {
    host_->attention(q, q_sink, cache, params, dst);
  }
  void gated_linear(const Prepared& gate, const Prepared* up, const View& src, const View& dst) override {
    host_->gated_linear(gate, up, src, dst);
  }
  void gather_rows(const View& src, std::span<const std::int64_t> rows, const View& dst) override {
    host_->gather_rows(src, rows, dst);
  }

 private:
  std::shared_ptr<backend::Backend> host_;
};

}  // namespace transom::testing
