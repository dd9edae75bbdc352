// SPDX-License-Identifier: Apache-2.0
/// Reads the wire format of protocol buffers, field by field. A tokenizer.model needs four message types of
/// strings and numbers, which is no reason for a library.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace transom::text {

/// One field. Which member counts depends on the wire type.
struct ProtoField {
  enum class Wire { varint, fixed64, bytes, fixed32 };
  std::uint32_t number = 0;
  Wire wire = Wire::varint;
  std::uint64_t value = 0;  ///< varint, fixed64, fixed32
  std::string_view bytes;   ///< of the message's own memory

  float as_float() const;  ///< of a fixed32
};

class ProtoReader {
 public:
  /// @param where Names the file or message in errors.
  ProtoReader(std::string_view message, std::string where) : message_(message), where_(std::move(where)) {}

  /// Reads the next field.
  /// @return false at the end.
  /// @throws FormatError saying at which byte of the message what is wrong.
  bool next(ProtoField& field);

 private:
  std::uint64_t varint();
  std::string_view take(std::uint64_t n);
  [[noreturn]] void fail(std::string_view problem) const;

  std::string_view message_;
  std::string where_;
  std::size_t pos_ = 0;
};

}  // namespace transom::text
