// SPDX-License-Identifier: Apache-2.0
#include "text/sentencepiece/proto_reader.h"

#include <bit>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::text {

namespace {

std::uint64_t little_endian(std::string_view bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) value = (value << 8) | static_cast<unsigned char>(bytes[i]);
  return value;
}

}  // namespace

float ProtoField::as_float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }

bool ProtoReader::next(ProtoField& field) {
  if (pos_ == message_.size()) return false;
  const std::uint64_t tag = varint();
  const std::uint64_t number = tag >> 3;
  if (number == 0 || number > 0x1FFFFFFF) fail(core::message("field number ", number));
  field = {};
  field.number = static_cast<std::uint32_t>(number);
  switch (tag & 7) {
    case 0:
      field.wire = ProtoField::Wire::varint;
      field.value = varint();
      break;
    case 1:
      field.wire = ProtoField::Wire::fixed64;
      field.value = little_endian(take(8));
      break;
    case 2:
      field.wire = ProtoField::Wire::bytes;
      field.bytes = take(varint());
      break;
    case 5:
      field.wire = ProtoField::Wire::fixed32;
      field.value = little_endian(take(4));
      break;
    default:
      fail(core::message("wire type ", tag & 7, " of field ", number));
  }
  return true;
}

std::uint64_t ProtoReader::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(take(1)[0]);
    if (shift == 63 && byte > 1) break;
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  fail("a number of more than 64 bits");
}

std::string_view ProtoReader::take(std::uint64_t n) {
  if (n > message_.size() - pos_) {
    fail(core::message("expected ", n, " more bytes, found ", message_.size() - pos_));
  }
  const std::string_view bytes = message_.substr(pos_, static_cast<std::size_t>(n));
  pos_ += bytes.size();
  return bytes;
}

void ProtoReader::fail(std::string_view problem) const {
  throw FormatError(core::message(where_, ": byte ", pos_, " of ", message_.size(), ": ", problem));
}

}  // namespace transom::text
