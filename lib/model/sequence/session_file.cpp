// SPDX-License-Identifier: Apache-2.0
#include "model/sequence/session_file.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "backend/ops.h"
#include "core/checks.h"
#include "core/count.h"
#include "io/checksum.h"
#include "transom/error.h"

namespace transom::model {

using core::count;
using core::message;

namespace {

static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

constexpr std::string_view kMagic = "TRANSOMS";
constexpr std::uint32_t kVersion = 1, kByteOrder = 0x01020304;
// The cache goes through the host in pieces of about this size.
constexpr std::int64_t kPieceBytes = 1 << 20;

/// The slots of a layer in the order of the file, in pieces: each(first, count).
template <typename Each>
void for_each_piece(const backend::KvCacheView& layer, const std::vector<KvCache::Slots>& used,
                    const Each& each) {
  const std::int64_t piece = std::max<std::int64_t>(1, kPieceBytes / backend::ops::kv_slot_bytes(layer));
  for (const KvCache::Slots& slots : used) {
    for (std::int64_t at = 0; at < slots.count; at += piece)
      each(slots.first + at, std::min(piece, slots.count - at));
  }
}

std::int64_t total(const std::vector<KvCache::Slots>& used) {
  std::int64_t slots = 0;
  for (const KvCache::Slots& part : used) slots += part.count;
  return slots;
}

class Writer {
 public:
  explicit Writer(std::ostream& out) : out_(out) {}

  void bytes(std::span<const std::byte> bytes) {
    sum_.add(bytes);
    out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  template <typename Number>
  void number(Number value) {
    bytes(std::as_bytes(std::span(&value, 1)));
  }
  void checksum() { number(sum_.value()); }

 private:
  std::ostream& out_;
  io::Checksum sum_;
};

class Reader {
 public:
  Reader(std::span<const std::byte> file, const std::string& where,
         const std::function<void(std::span<const std::byte>)>& read)
      : rest_(file), where_(where), read_(read) {}

  std::size_t left() const { return rest_.size(); }

  std::span<const std::byte> bytes(std::size_t size) {
    if (size > rest_.size()) {
      throw FormatError(message(where_, ": expected a session of ", size - rest_.size(),
                                " bytes more, found the end of the file"));
    }
    const auto bytes = rest_.first(size);
    rest_ = rest_.subspan(size);
    sum_.add(bytes);
    return bytes;
  }
  template <typename Number>
  Number number() {
    Number value;
    std::memcpy(&value, bytes(sizeof(Number)).data(), sizeof(Number));
    return value;
  }
  void checksum() {
    const std::uint64_t expected = sum_.value();
    const auto found = number<std::uint64_t>();
    if (found != expected) {
      throw FormatError(
          message(where_, ": the session is damaged: expected the checksum ", expected, ", found ", found));
    }
  }
  void done(std::span<const std::byte> bytes) const {
    if (read_) read_(bytes);
  }

 private:
  std::span<const std::byte> rest_;
  const std::string& where_;
  const std::function<void(std::span<const std::byte>)>& read_;
  io::Checksum sum_;
};

struct LayerSlots {
  std::int64_t capacity = 0, slots = 0;
};

struct Header {
  std::int64_t context = 0, chunk = 0, tokens = 0, position = 0, furthest = 0;
  std::vector<LayerSlots> layers;
};

void check_form(Reader& in, const std::string& where) {
  const auto magic = in.bytes(kMagic.size());
  if (!std::ranges::equal(magic, std::as_bytes(std::span(kMagic))))
    throw FormatError(
        message(where, ": expected a session, which begins with ", kMagic, ", found another file"));
  const auto version = in.number<std::uint32_t>();
  const auto order = in.number<std::uint32_t>();
  if (order != kByteOrder) {
    throw FormatError(message(where, ": expected a session of a little-endian machine (the mark ", kByteOrder,
                              "), found the mark ", order));
  }
  if (version != kVersion) {
    throw UnsupportedError(
        message(where, ": expected version ", kVersion, " of the session format, found ", version));
  }
}

/// A line of a file for a message.
std::string shown(std::string_view line) {
  constexpr std::size_t kMost = 80;
  std::string text(line.substr(0, kMost));
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

void check_description(std::string_view found, std::string_view expected, const std::string& where) {
  const auto next_line = [](std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
  };
  while (found != expected) {
    const std::string_view ours = next_line(expected), theirs = next_line(found);
    if (ours == theirs && !(expected.empty() && found.empty())) continue;
    throw InvalidArgument(message(where, ": the session is of another model or other settings: expected ",
                                  shown(ours), ", found ", shown(theirs)));
  }
}

void check_range(const char* name, std::int64_t found, std::int64_t least, std::int64_t most,
                 const std::string& where) {
  if (found >= least && found <= most) return;
  throw FormatError(message(where, ": ", name, ": expected ", least, " to ", most, ", found ", found));
}

Header read_header(Reader& in, const std::string& where, std::string_view description) {
  check_form(in, where);
  Header header;
  for (std::int64_t* field :
       {&header.context, &header.chunk, &header.tokens, &header.position, &header.furthest})
    *field = in.number<std::int64_t>();
  const auto layers = in.number<std::uint64_t>();
  const auto description_bytes = in.number<std::uint64_t>();
  const auto theirs = in.bytes(description_bytes);
  if (layers > in.left() / sizeof(LayerSlots)) {
    throw FormatError(message(where, ": expected ", layers, " layers, found the end of the file"));
  }
  for (std::uint64_t i = 0; i < layers; ++i) {
    const auto capacity = in.number<std::int64_t>(), slots = in.number<std::int64_t>();
    header.layers.push_back({capacity, slots});
  }
  in.checksum();
  check_description({reinterpret_cast<const char*>(theirs.data()), theirs.size()}, description, where);
  check_range("context", header.context, 1, kUnbounded, where);
  check_range("chunk", header.chunk, 1, std::min<std::int64_t>(header.context, kMaxChunk), where);
  check_range("tokens", header.tokens, 0, header.context, where);
  check_range("position", header.position, 0, header.tokens, where);
  check_range("furthest position", header.furthest, header.position, header.context, where);
  return header;
}

/// Whether the rest of the file has just the length that the header asks for. Nothing overflows: no count is
/// beyond 2^40, and products are only made of what the file can hold.
void check_length(const Header& header, const Reader& in, const ModelSpec& spec, DType kv_dtype,
                  const std::string& where) {
  check_range("layers", static_cast<std::int64_t>(header.layers.size()), spec.n_layers, spec.n_layers, where);
  const std::int64_t slot = 2 * spec.n_kv_heads * backend::kv_row_bytes(kv_dtype, spec.head_dim);
  const auto left = static_cast<std::int64_t>(in.left());
  std::int64_t needed = header.tokens * 4 + 8;
  for (const LayerSlots& layer : header.layers) {
    check_range("slots of a layer", layer.slots, 0, left / slot, where);
    needed += layer.slots * slot;
    if (needed > left) break;
  }
  if (needed != left)
    throw FormatError(message(where, ": expected ", needed, " bytes after the header, found ", left));
}

void read_layer(Reader& in, const std::vector<KvCache::Slots>& used, const backend::KvCacheView& layer,
                backend::Backend& backend) {
  for_each_piece(layer, used, [&](std::int64_t first, std::int64_t slots) {
    const auto bytes = in.bytes(count(slots * backend::ops::kv_slot_bytes(layer)));
    backend::ops::kv_write(backend, bytes, first, slots, layer);
    in.done(bytes);
  });
}

}  // namespace

void write_session(std::ostream& stream, const Sequence& sequence, std::span<const std::int32_t> tokens,
                   std::string_view description) {
  const KvCache& cache = sequence.cache();
  Writer out(stream);
  out.bytes(std::as_bytes(std::span(kMagic)));
  out.number(kVersion);
  out.number(kByteOrder);
  for (const std::int64_t value :
       {sequence.context(), sequence.chunk(), static_cast<std::int64_t>(tokens.size()), sequence.position(),
        sequence.furthest(), static_cast<std::int64_t>(cache.layers()),
        static_cast<std::int64_t>(description.size())})
    out.number(value);
  out.bytes(std::as_bytes(std::span(description)));
  for (std::size_t i = 0; i < cache.layers(); ++i) {
    out.number(cache.layer(i).keys.extent[1]);
    out.number(total(cache.used_slots(i, sequence.position(), sequence.furthest())));
  }
  out.checksum();
  out.bytes(std::as_bytes(tokens));
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < cache.layers(); ++i) {
    const backend::KvCacheView& layer = cache.layer(i);
    backend::Backend& device = cache.device_of(i);
    const auto used = cache.used_slots(i, sequence.position(), sequence.furthest());
    for_each_piece(layer, used, [&](std::int64_t first, std::int64_t slots) {
      bytes.resize(count(slots * backend::ops::kv_slot_bytes(layer)));
      backend::ops::kv_read(device, layer, first, slots, bytes);
      out.bytes(bytes);
    });
  }
  out.checksum();
}

SavedText read_session(std::span<const std::byte> file, const std::string& where,
                       const Transformer& transformer, std::string_view description,
                       const std::function<void(std::span<const std::byte>)>& read) {
  Reader in(file, where, read);
  const Header header = read_header(in, where, description);
  check_length(header, in, transformer.spec(), transformer.kv_dtype(), where);
  SavedText text;
  text.tokens.resize(count(header.tokens));
  const auto ids = in.bytes(text.tokens.size() * sizeof(std::int32_t));
  if (!ids.empty()) std::memcpy(text.tokens.data(), ids.data(), ids.size());
  text.sequence = std::make_unique<Sequence>(transformer, SequenceOptions{header.context, header.chunk});
  const KvCache& cache = text.sequence->cache();
  const auto used_slots = [&](std::size_t layer) {
    return cache.used_slots(layer, header.position, header.furthest);
  };
  for (std::size_t i = 0; i < cache.layers(); ++i) {
    const std::int64_t capacity = cache.layer(i).keys.extent[1], slots = total(used_slots(i));
    check_range("capacity of a layer", header.layers[i].capacity, capacity, capacity, where);
    check_range("slots of a layer", header.layers[i].slots, slots, slots, where);
  }
  text.sequence->resume(header.position, header.furthest);
  for (std::size_t i = 0; i < cache.layers(); ++i)
    read_layer(in, used_slots(i), cache.layer(i), cache.device_of(i));
  in.checksum();
  for (const std::int32_t id : text.tokens) check_range("token", id, 0, transformer.spec().vocab - 1, where);
  return text;
}

}  // namespace transom::model
