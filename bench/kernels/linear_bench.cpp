// SPDX-License-Identifier: Apache-2.0
/// Products of the shapes of a 1.5B model. usage: linear_bench [threads] [name filter] [group] [rows]
///
/// Integers have f16 scales for groups of 128 inputs, or of `group` (0: one f32 scale per output).
/// Decode reads a pool of weights larger than the last-level cache in turn, so that every run reads memory.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "bench/kernels/bench.h"
#include "kernels/cpu/kernel_table.h"

namespace transom::bench {
namespace {

using kernels::LinearArgs;
using kernels::LinearKernel;
using kernels::LinearUse;
using kernels::WeightType;

struct Shape {
  std::size_t k, n;
};
constexpr Shape kShapes[] = {{1536, 2048}, {1536, 1536}, {1536, 17920}, {8960, 1536}, {1536, 151936}};
constexpr const char* kTypeNames[] = {"f32", "bf16", "i8", "i4", "i3", "i2"};
// Beyond a last-level cache of 260 MB.
constexpr std::size_t kPoolBytes = std::size_t{3} << 28;

/// Copies of a weight; contents do not matter for speed as long as they are ordinary numbers.
struct Pool {
  Pool(WeightType type, Shape shape, std::size_t group) {
    kernels::PackedWeight w;
    w.type = type;
    w.n = shape.n;
    w.k = shape.k;
    const std::size_t values = kernels::packed_bytes(type, shape.n, shape.k);
    bytes = values;
    if (kernels::is_integer(type)) {
      w.group = group == 0 ? shape.k : group;
      w.groups = kernels::group_count(shape.k, w.group);
      w.scale_type = group == 0 ? kernels::ScaleType::f32 : kernels::ScaleType::f16;
      bytes += kernels::panel_count(shape.n) * w.groups * 64 * kernels::scale_size(w.scale_type);
    }
    bytes = (bytes + 63) / 64 * 64;
    const std::size_t copies = std::max<std::size_t>(1, (kPoolBytes + bytes - 1) / bytes);
    data = std::make_unique<PageBuffer>(bytes * copies);
    std::memset(data->data(), 0x3c, data->size());
    for (std::size_t i = 0; i < copies; ++i) {
      w.data = data->data() + i * bytes;
      w.scale = static_cast<const char*>(w.data) + values;
      weights.push_back(w);
    }
  }
  std::size_t bytes = 0;  // of one copy, scales included
  std::unique_ptr<PageBuffer> data;
  std::vector<kernels::PackedWeight> weights;
};

class Runner {
 public:
  Runner(Threads& threads, const LinearKernel& kernel, Pool& pool, std::size_t rows)
      : threads_(threads),
        kernel_(kernel),
        pool_(pool),
        rows_(rows),
        k_(pool.weights[0].k),
        n_(pool.weights[0].n),
        src_(rows * k_ * sizeof(float)),
        dst_(rows * n_ * sizeof(float)),
        prepared_(kernel.prepared_bytes(pool.weights[0], rows) + 64) {
    float* src = reinterpret_cast<float*>(src_.data());
    for (std::size_t i = 0; i < rows * k_; ++i) src[i] = static_cast<float>(i % 17) - 8.0f;
    for (std::size_t i = 0; i < threads.size(); ++i) {
      scratch_.push_back(std::make_unique<PageBuffer>(kernel.scratch_bytes(pool.weights[0], rows) + 64));
      own_.push_back(std::make_unique<PageBuffer>(kernel.prepared_bytes(pool.weights[0], rows) + 64));
    }
    if (kernel.create != nullptr) refusal_ = kernel.create(pool.weights[0], 512, &state_);
  }
  ~Runner() {
    if (state_ != nullptr) kernel_.destroy(state_);
  }

  const char* refusal() const { return refusal_; }

  double seconds() {
    next_ = (next_ + 1) % pool_.weights.size();
    LinearArgs args;
    args.src = reinterpret_cast<const float*>(src_.data());
    args.src_stride = k_;
    args.weight = pool_.weights[next_];
    args.dst = reinterpret_cast<float*>(dst_.data());
    args.dst_stride = n_;
    args.n_rows = rows_;
    args.state = state_;
    args.prepared = prepared_.data();
    const std::size_t items = kernel_.prepare_items(rows_);
    const bool each_its_own = rows_ <= kernels::kDecodeRows;
    double total = 0;
    if (!each_its_own) {
      total += threads_.time([&](std::size_t t) {
        kernel_.prepare(args, items * t / threads_.size(), items * (t + 1) / threads_.size());
      });
    }
    return total + threads_.time([&](std::size_t t) {
      LinearArgs mine = args;
      const std::size_t panels = kernels::panel_count(n_);
      mine.panel_begin = panels * t / threads_.size();
      mine.panel_end = panels * (t + 1) / threads_.size();
      mine.scratch = scratch_[t]->data();
      if (each_its_own) {
        mine.prepared = own_[t]->data();
        kernel_.prepare(mine, 0, items);
      }
      kernel_.run(mine);
    });
  }

 private:
  Threads& threads_;
  const LinearKernel& kernel_;
  Pool& pool_;
  std::size_t rows_, k_, n_, next_ = 0;
  PageBuffer src_, dst_, prepared_;
  std::vector<std::unique_ptr<PageBuffer>> scratch_, own_;
  void* state_ = nullptr;
  const char* refusal_ = nullptr;
};

double peak_of(const Roofline& r, WeightType type, kernels::Isa isa) {
  if (kernels::is_integer(type) && isa >= kernels::Isa::avx512_vnni) return r.best_int8_op_per_s();
  if (type == WeightType::bf16 && isa >= kernels::Isa::avx512_bf16) return r.best_bf16_flop_per_s();
  return r.f32_flop_per_s;
}

struct Filter {
  const char* name;
  std::size_t group, rows;  // rows 0: all
};

LinearUse use_of(std::size_t rows) {
  if (rows <= kernels::kDecodeRows) return LinearUse::decode;
  return rows <= kernels::kFewRows ? LinearUse::few : LinearUse::prefill;
}

/// Whether some kernel of this type has the name that is asked for: pools are large.
bool wanted(kernels::Isa isa, WeightType type, const char* name) {
  for (const auto use : {LinearUse::decode, LinearUse::few, LinearUse::prefill}) {
    const kernels::LinearCandidates candidates = kernels::linear_candidates(isa, type, use);
    for (std::size_t i = 0; i + 1 < candidates.count; ++i) {
      if (candidates.list[i].kernel != nullptr && std::strstr(candidates.list[i].name, name) != nullptr)
        return true;
    }
  }
  return false;
}

void bench_weight(Threads& threads, const Roofline& roof, kernels::Isa isa, WeightType type, Shape shape,
                  const Filter& filter) {
  if (!wanted(isa, type, filter.name)) return;
  Pool pool(type, shape, filter.group);
  for (const std::size_t rows : {1, 4, 8, 32, 128, 512}) {
    if ((filter.rows == 0 && shape.n > 100000 && rows > 32) || (filter.rows != 0 && rows != filter.rows))
      continue;
    const kernels::LinearCandidates candidates = kernels::linear_candidates(isa, type, use_of(rows));
    for (std::size_t i = 0; i + 1 < candidates.count; ++i) {  // the last is the reference
      const kernels::LinearCandidate& c = candidates.list[i];
      if (c.kernel == nullptr || std::strstr(c.name, filter.name) == nullptr) continue;
      Runner runner(threads, *c.kernel, pool, rows);
      if (runner.refusal() != nullptr) continue;
      const double seconds = fastest([&] { return runner.seconds(); });
      const double rate = static_cast<double>(pool.bytes) / seconds;
      const double flops = 2.0 * static_cast<double>(rows * shape.k * shape.n) / seconds;
      std::printf(
          "%-4s k %5zu n %6zu rows %4zu  %-24s %9.1f us  %6.1f GB/s %5.1f %%  %7.1f GFLOP/s %5.1f %%\n",
          kTypeNames[static_cast<int>(type)], shape.k, shape.n, rows, c.name, seconds * 1e6, rate * 1e-9,
          100 * rate / roof.read_bytes_per_s, flops * 1e-9, 100 * flops / peak_of(roof, type, isa));
      std::fflush(stdout);
    }
  }
}

}  // namespace
}  // namespace transom::bench

int main(int argc, char** argv) {
  using namespace transom;
  const kernels::KernelSelection selection = kernels::select_isa_from_environment();
  if (selection.error != nullptr) {
    std::fprintf(stderr, "TRANSOM_CPU_ISA: %s\n", selection.error);
    return 1;
  }
  const std::size_t n_threads = bench::thread_count(argc, argv);
  const bench::Roofline roof = bench::measure_roofline(n_threads);
  bench::print(roof);
  bench::Threads threads(n_threads);
  const bench::Filter filter{argc > 2 ? argv[2] : "",
                             argc > 3 ? static_cast<std::size_t>(std::atoi(argv[3])) : 128,
                             argc > 4 ? static_cast<std::size_t>(std::atoi(argv[4])) : 0};
  for (int i = 0; i < kernels::kWeightTypeCount; ++i) {
    for (const bench::Shape shape : bench::kShapes) {
      bench::bench_weight(threads, roof, selection.isa, static_cast<kernels::WeightType>(i), shape, filter);
    }
  }
}
