// SPDX-License-Identifier: Apache-2.0
#include "text/utf8.h"

#include <cstdint>
#include <cstring>

namespace transom::text {

namespace {

struct LeadByte {
  std::size_t length;          // bytes of the character, 0 for a byte that cannot begin one
  unsigned char second_first;  // the range of the second byte excludes overlong forms and surrogates
  unsigned char second_last;
};

LeadByte classify(unsigned char lead) {
  if (lead < 0x80) return {1, 0, 0};
  if (lead < 0xC2) return {0, 0, 0};
  if (lead < 0xE0) return {2, 0x80, 0xBF};
  if (lead == 0xE0) return {3, 0xA0, 0xBF};
  if (lead == 0xED) return {3, 0x80, 0x9F};
  if (lead < 0xF0) return {3, 0x80, 0xBF};
  if (lead == 0xF0) return {4, 0x90, 0xBF};
  if (lead < 0xF4) return {4, 0x80, 0xBF};
  if (lead == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

Utf8Step examine_utf8(std::string_view bytes) {
  const auto at = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const LeadByte lead = classify(at(0));
  if (lead.length == 0) return {Utf8Step::Kind::invalid, 1, kReplacementCharacter};
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (i == bytes.size()) return {Utf8Step::Kind::incomplete, i, kReplacementCharacter};
    const unsigned char first = i == 1 ? lead.second_first : 0x80;
    const unsigned char last = i == 1 ? lead.second_last : 0xBF;
    if (at(i) < first || at(i) > last) return {Utf8Step::Kind::invalid, i, kReplacementCharacter};
  }
  const char* p = bytes.data();
  return {Utf8Step::Kind::valid, lead.length, next_code_point(p)};
}

std::size_t valid_utf8_prefix(std::string_view bytes) {
  std::size_t i = 0;
  while (i < bytes.size()) {
    while (i + 8 <= bytes.size()) {  // eight ASCII bytes at a time
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + i, sizeof word);
      if ((word & 0x8080808080808080u) != 0) break;
      i += 8;
    }
    if (i == bytes.size()) break;
    const Utf8Step step = examine_utf8(bytes.substr(i));
    if (step.kind != Utf8Step::Kind::valid) return i;
    i += step.length;
  }
  return i;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  Utf8Assembler assembler(Utf8Assembler::Policy::per_subpart);
  assembler.push(bytes, out);
  assembler.finish(out);
  return out;
}

void append_utf8(std::string& out, char32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point <= 0xDFFF)) {
    code_point = kReplacementCharacter;
  }
  const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

void Utf8Assembler::push(std::string_view bytes, std::string& out) {
  std::string joined;
  if (!pending_.empty()) {
    joined = std::move(pending_);
    joined.append(bytes);
    bytes = joined;
    pending_.clear();
  }
  while (!bytes.empty()) {
    const std::size_t n_valid = valid_utf8_prefix(bytes);
    out.append(bytes.substr(0, n_valid));
    bytes.remove_prefix(n_valid);
    if (bytes.empty()) return;
    const Utf8Step step = examine_utf8(bytes);
    if (step.kind == Utf8Step::Kind::incomplete) {
      pending_.assign(bytes);
      return;
    }
    append_invalid(step.length, out);
    bytes.remove_prefix(step.length);
  }
}

void Utf8Assembler::finish(std::string& out) {
  if (!pending_.empty()) append_invalid(pending_.size(), out);
  pending_.clear();
}

void Utf8Assembler::append_invalid(std::size_t n_bytes, std::string& out) const {
  const std::size_t n_written = policy_ == Policy::per_byte ? n_bytes : 1;
  for (std::size_t i = 0; i < n_written; ++i) out.append(kReplacementUtf8);
}

}  // namespace transom::text
