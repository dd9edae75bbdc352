// SPDX-License-Identifier: Apache-2.0
/// Products of many rows by oneDNN's matmul; contract in linear_args.h.
///
/// The weight is read in place: a run of panels is a matrix [k, 64 * panels] in oneDNN's format BA16a64b
/// (f32), BA16a64b2a (bf16) or BA16a64b4a (i8). Shapes are part of a primitive, so create makes one for each
/// number of rows 16, 32 .. kMostRows and for slices of kSlicePanels panels and of one; a call is covered by
/// these, the largest first. The last rows are covered by a tile that ends with the last row: rows computed
/// twice give the same numbers, because products go to scratch first and scale, bias and old values are
/// applied after.
///
/// Rows are prepared as one dense matrix: f32, bf16 (rounded to nearest even), or u8 = q + 128, since u8 x s8
/// is what the hardware multiplies; the sums of each output's integers correct that. Integers with several
/// groups or with zero points are refused.
///
/// Threads are the caller's. oneDNN's OpenMP is held to one thread around creation and execution, on this
/// thread only.
///
/// Thread-safety: a state is immutable after create; scratch and scratchpad belong to the call.
#include "kernels/cpu/onednn/linear.h"

#include <math.h>
#include <string.h>

#include <algorithm>
#include <array>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/cpu/kernel_table.h"

// Of the OpenMP runtime that oneDNN brings; this file is compiled without OpenMP.
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int count);
}

namespace transom::kernels::onednn {
namespace {

constexpr size_t kRowBuckets[] = {512, 256, 128, 64, 32, 16};
constexpr size_t kMostRows = kRowBuckets[0];
// 4 panels x 512 rows of f32 products are 512 KB of L2.
constexpr size_t kSlicePanels = 4;
// Largest scratchpad that scratch_bytes books; create refuses a primitive that wants more.
constexpr size_t kScratchpadBytes = size_t{4} << 20;

/// Holds oneDNN to the calling thread.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

template <WeightType kType>
struct Format;
template <>
struct Format<WeightType::f32> {
  using Row = float;
  static constexpr auto row = dnnl::memory::data_type::f32, weight = dnnl::memory::data_type::f32;
  static constexpr auto product = dnnl::memory::data_type::f32;
  static constexpr auto tag = dnnl::memory::format_tag::BA16a64b;
};
template <>
struct Format<WeightType::bf16> {
  using Row = uint16_t;
  static constexpr auto row = dnnl::memory::data_type::bf16, weight = dnnl::memory::data_type::bf16;
  static constexpr auto product = dnnl::memory::data_type::f32;
  static constexpr auto tag = dnnl::memory::format_tag::BA16a64b2a;
};
template <>
struct Format<WeightType::i8> {
  using Row = uint8_t;
  static constexpr auto row = dnnl::memory::data_type::u8, weight = dnnl::memory::data_type::s8;
  static constexpr auto product = dnnl::memory::data_type::s32;
  static constexpr auto tag = dnnl::memory::format_tag::BA16a64b4a;
};

struct Primitive {
  size_t rows = 0, panels = 0;
  dnnl::memory::desc row_desc, weight_desc, product_desc, scratchpad_desc;
  dnnl::matmul matmul;
};

struct State {
  dnnl::engine engine;
  std::vector<float> scale;              // i8: [n]
  std::vector<int32_t> column_sum;       // i8: [n], of q - 128
  std::vector<Primitive> whole, single;  // kSlicePanels panels and one panel, in order of kRowBuckets
};

template <WeightType kType>
Primitive make_primitive(const dnnl::engine& engine, size_t k, size_t rows, size_t panels) {
  using F = Format<kType>;
  using Dims = dnnl::memory::dims;
  const auto m = static_cast<dnnl_dim_t>(rows), inputs = static_cast<dnnl_dim_t>(k);
  const auto n = static_cast<dnnl_dim_t>(panels * kPanelColumns);
  Primitive p;
  p.rows = rows;
  p.panels = panels;
  p.row_desc = dnnl::memory::desc(Dims{m, inputs}, F::row, Dims{inputs, 1});
  p.weight_desc = dnnl::memory::desc(Dims{inputs, n}, F::weight, F::tag);
  p.product_desc = dnnl::memory::desc(Dims{m, n}, F::product, Dims{n, 1});
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc desc(engine, p.row_desc, p.weight_desc, p.product_desc, attr);
  const std::string implementation = desc.impl_info_str();
  if (implementation.find("ref") != std::string::npos)
    throw dnnl::error(dnnl_unimplemented, "only the reference");
  p.scratchpad_desc = desc.scratchpad_desc();
  if (p.scratchpad_desc.get_size() > kScratchpadBytes) throw dnnl::error(dnnl_out_of_memory, "scratchpad");
  p.matmul = dnnl::matmul(desc);
  return p;
}

void add_scales(const PackedWeight& weight, State& state) {
  const int8_t* data = static_cast<const int8_t*>(weight.data);
  state.scale.resize(weight.n);
  state.column_sum.resize(weight.n);
  for (size_t out = 0; out < weight.n; ++out) {
    const uint16_t* halves = static_cast<const uint16_t*>(weight.scale);
    state.scale[out] = weight.scale_type == ScaleType::f32   ? static_cast<const float*>(weight.scale)[out]
                       : weight.scale_type == ScaleType::f16 ? f16_to_f32(halves[out])
                                                             : bf16_to_f32(halves[out]);
    for (size_t i = 0; i < weight.k; ++i)
      state.column_sum[out] += data[packed_index(WeightType::i8, weight.k, out, i)];
  }
}

template <WeightType kType>
const char* create(const PackedWeight& weight, size_t n_rows, void** state) {
  if (n_rows < kSmallestRows) return "rows < 16";
  if (is_integer(kType) && (weight.groups > 1 || weight.zero != nullptr)) return "groups or zero points";
  try {
    const OneThread one_thread;
    auto made = std::make_unique<State>();
    made->engine = dnnl::engine(dnnl::engine::kind::cpu, 0);
    if (is_integer(kType)) add_scales(weight, *made);
    for (const size_t rows : kRowBuckets) {
      if (panel_count(weight.n) >= kSlicePanels) {
        made->whole.push_back(make_primitive<kType>(made->engine, weight.k, rows, kSlicePanels));
      }
      made->single.push_back(make_primitive<kType>(made->engine, weight.k, rows, 1));
    }
    *state = made.release();
    return nullptr;
  } catch (const dnnl::error& error) {
    return error.status == dnnl_out_of_memory ? "oneDNN wants too much scratch"
                                              : "oneDNN has no fast product here";
  } catch (const std::bad_alloc&) {
    return "out of memory";
  }
}

void destroy(void* state) { delete static_cast<State*>(state); }

// ---- prepared rows: scales [rows rounded up to 16] f32, then the matrix [max(rows, 16)][k] ----

constexpr size_t kItemRows = 16;

constexpr size_t scale_count(size_t n_rows) { return (n_rows + 15) / 16 * 16; }

/// Bytes of the matrix begin 64-byte aligned: scale_count is a multiple of 16.
template <WeightType kType>
typename Format<kType>::Row* prepared_rows(const LinearArgs& args) {
  return reinterpret_cast<typename Format<kType>::Row*>(static_cast<float*>(args.prepared) +
                                                        scale_count(args.n_rows));
}

template <WeightType kType>
size_t prepared_bytes(const PackedWeight& weight, size_t n_rows) {
  return scale_count(n_rows) * sizeof(float) +
         std::max(n_rows, kSmallestRows) * weight.k * sizeof(typename Format<kType>::Row);
}

size_t prepare_items(size_t n_rows) { return (n_rows + kItemRows - 1) / kItemRows; }

template <WeightType kType>
void prepare(const LinearArgs& args, size_t item_begin, size_t item_end) {
  const size_t k = args.weight.k, row_begin = item_begin * kItemRows;
  const size_t row_end = std::min(args.n_rows, item_end * kItemRows);
  auto* rows = prepared_rows<kType>(args);
  if constexpr (kType == WeightType::i8) {
    // The integers of quantize_rows, moved up by 128.
    static const KernelTable& table = kernel_table(best_isa());
    table.quantize_rows.run({args.src, args.src_stride, k, row_begin, row_end,
                             reinterpret_cast<int8_t*>(rows), k, static_cast<float*>(args.prepared)});
    for (size_t i = row_begin * k; i < row_end * k; ++i) rows[i] = static_cast<uint8_t>(rows[i] ^ 0x80u);
  } else {
    for (size_t r = row_begin; r < row_end; ++r) {
      const float* src = args.src + r * args.src_stride;
      if constexpr (kType == WeightType::f32) {
        memcpy(rows + r * k, src, k * sizeof(float));
      } else {
        for (size_t i = 0; i < k; ++i) rows[r * k + i] = f32_to_bf16(src[i]);
      }
    }
  }
  // A tile of 16 rows is multiplied even for fewer.
  if (row_end == args.n_rows && args.n_rows < kSmallestRows) {
    memset(rows + args.n_rows * k, 0, (kSmallestRows - args.n_rows) * k * sizeof(rows[0]));
  }
}

// ---- products, then scale, bias and old values ----

/// Products [rows][columns] of the rows [row, row + rows) and the outputs from `out` on.
template <WeightType kType>
void finish(const LinearArgs& args, size_t row, size_t rows, size_t out, size_t columns,
            const void* products) {
  const PackedWeight& w = args.weight;
  const size_t count = std::min(columns, w.n - out);
  for (size_t r = 0; r < rows && row + r < args.n_rows; ++r) {
    float* __restrict dst = args.dst + (row + r) * args.dst_stride + out;
    const float* bias = w.bias == nullptr ? nullptr : w.bias + out;
    const auto put = [&](size_t i, float value) {
      if (bias != nullptr) value += bias[i];
      dst[i] = args.accumulate ? dst[i] + value : value;
    };
    if constexpr (kType == WeightType::i8) {
      const float row_scale = static_cast<const float*>(args.prepared)[row + r];
      const int32_t* sums = static_cast<const int32_t*>(products) + r * columns;
      const State& state = *static_cast<const State*>(args.state);
      for (size_t i = 0; i < count; ++i) {
        put(i, static_cast<float>(sums[i] - 128 * state.column_sum[out + i]) *
                   (row_scale * state.scale[out + i]));
      }
    } else {
      const float* sums = static_cast<const float*>(products) + r * columns;
      for (size_t i = 0; i < count; ++i) put(i, sums[i]);
    }
  }
}

template <WeightType kType>
void multiply(const LinearArgs& args, const State& state, dnnl::stream& stream, const Primitive& p,
              size_t row, size_t panel, size_t skip) {
  const char* weights =
      static_cast<const char*>(args.weight.data) + panel * panel_bytes(kType, args.weight.k);
  char* products = static_cast<char*>(args.scratch);
  char* scratchpad = products + kMostRows * kSlicePanels * kPanelColumns * sizeof(float);
  p.matmul.execute(
      stream, {{DNNL_ARG_SRC,
                dnnl::memory(p.row_desc, state.engine, prepared_rows<kType>(args) + row * args.weight.k)},
               {DNNL_ARG_WEIGHTS, dnnl::memory(p.weight_desc, state.engine, const_cast<char*>(weights))},
               {DNNL_ARG_DST, dnnl::memory(p.product_desc, state.engine, products)},
               {DNNL_ARG_SCRATCHPAD, dnnl::memory(p.scratchpad_desc, state.engine, scratchpad)}});
  const size_t columns = p.panels * kPanelColumns;
  finish<kType>(args, row + skip, p.rows - skip, panel * kPanelColumns, columns,
                products + skip * columns * sizeof(float));
}

/// All rows against the panels that `primitives` are for. skip: rows of the last tile that an earlier one
/// finished.
template <WeightType kType>
void multiply_rows(const LinearArgs& args, const State& state, dnnl::stream& stream,
                   const std::vector<Primitive>& primitives, size_t panel) {
  size_t row = 0;
  for (const Primitive& p : primitives) {
    for (; args.n_rows - row >= p.rows; row += p.rows) multiply<kType>(args, state, stream, p, row, panel, 0);
  }
  if (row == args.n_rows) return;
  const size_t start = args.n_rows < kSmallestRows ? 0 : args.n_rows - kSmallestRows;
  multiply<kType>(args, state, stream, primitives.back(), start, panel, row - start);
}

/// The contract has no error of a product. Should oneDNN fail here after create went well (it could not get
/// memory), the results are NaN, which no caller takes for an answer.
void spoil(const LinearArgs& args) {
  const size_t out_end = std::min(args.weight.n, args.panel_end * kPanelColumns);
  for (size_t r = 0; r < args.n_rows; ++r) {
    float* dst = args.dst + r * args.dst_stride;
    for (size_t i = args.panel_begin * kPanelColumns; i < out_end; ++i) dst[i] = NAN;
  }
}

template <WeightType kType>
void run(const LinearArgs& args) {
  try {
    const OneThread one_thread;
    const State& state = *static_cast<const State*>(args.state);
    dnnl::stream stream(state.engine);
    for (size_t panel = args.panel_begin; panel < args.panel_end;) {
      const bool whole = args.panel_end - panel >= kSlicePanels;
      multiply_rows<kType>(args, state, stream, whole ? state.whole : state.single, panel);
      panel += whole ? kSlicePanels : 1;
    }
  } catch (const dnnl::error&) {
    spoil(args);
  } catch (const std::bad_alloc&) {
    spoil(args);
  }
}

size_t scratch_bytes(const PackedWeight&, size_t) {
  return kMostRows * kSlicePanels * kPanelColumns * sizeof(float) + kScratchpadBytes;
}

template <WeightType kType>
constexpr LinearKernel make_kernel(const char* name) {
  LinearKernel kernel;
  kernel.name = name;
  kernel.type = kType;
  kernel.prepared_bytes = prepared_bytes<kType>;
  kernel.prepare_items = prepare_items;
  kernel.prepare = prepare<kType>;
  kernel.scratch_bytes = scratch_bytes;
  kernel.run = run<kType>;
  kernel.create = create<kType>;
  kernel.destroy = destroy;
  return kernel;
}

}  // namespace

bool available() { return true; }

constexpr LinearKernel kLinearF32 = make_kernel<WeightType::f32>("oneDNN f32");
constexpr LinearKernel kLinearBf16 = make_kernel<WeightType::bf16>("oneDNN bf16");
constexpr LinearKernel kLinearI8 = make_kernel<WeightType::i8>("oneDNN i8");

}  // namespace transom::kernels::onednn
