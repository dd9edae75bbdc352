// SPDX-License-Identifier: Apache-2.0
#include "text/sentencepiece/model_file.h"

#include "core/checks.h"
#include "text/models/vocabulary.h"
#include "text/sentencepiece/proto_reader.h"
#include "text/utf8.h"
#include "transom/error.h"

namespace transom::text {

namespace {

using Wire = ProtoField::Wire;

// As for other models: time grows with the longest token.
constexpr std::size_t kMaxPieceBytes = 1024;

/// Whether the field has this number; its wire type must then be the expected one.
bool is_field(const ProtoField& field, std::uint32_t number, Wire wire, const std::string& where) {
  if (field.number != number) return false;
  if (field.wire != wire) throw FormatError(core::message(where, ": field ", number, " has another type"));
  return true;
}

SentencePieceFile::Piece parse_piece(std::string_view bytes, const std::string& where) {
  SentencePieceFile::Piece piece;
  ProtoReader reader(bytes, where);
  for (ProtoField field; reader.next(field);) {
    if (is_field(field, 1, Wire::bytes, where)) piece.text = field.bytes;
    if (is_field(field, 2, Wire::fixed32, where)) piece.score = field.as_float();
    if (is_field(field, 3, Wire::varint, where)) {
      if (field.value < 1 || field.value > 6) {
        throw FormatError(core::message(where, ": expected a kind from 1 to 6, found ", field.value));
      }
      piece.kind = static_cast<SentencePieceFile::Kind>(field.value);
    }
  }
  if (piece.text.empty() || valid_utf8_prefix(piece.text) != piece.text.size()) {
    throw FormatError(core::message(where, ": expected a piece of text in UTF-8"));
  }
  if (piece.text.size() > kMaxPieceBytes) {
    throw UnsupportedError(core::message(where, ": a piece of ", piece.text.size(), " bytes, at most ",
                                         kMaxPieceBytes, " are supported"));
  }
  if (!(piece.score >= -1e30F && piece.score <= 1e30F)) {
    throw FormatError(core::message(where, ": expected a score, found ", piece.score));
  }
  return piece;
}

void parse_trainer(std::string_view bytes, const std::string& where, SentencePieceFile& file) {
  ProtoReader reader(bytes, where);
  for (ProtoField field; reader.next(field);) {
    if (is_field(field, 3, Wire::varint, where)) {
      if (field.value < 1 || field.value > 4) {
        throw FormatError(core::message(where, ": expected a model type from 1 to 4, found ", field.value));
      }
      file.algorithm = static_cast<SentencePieceFile::Algorithm>(field.value);
    }
    if (is_field(field, 24, Wire::varint, where)) file.whitespace_as_suffix = field.value != 0;
    if (is_field(field, 35, Wire::varint, where)) file.byte_fallback = field.value != 0;
    if (is_field(field, 46, Wire::bytes, where)) file.bos_piece = field.bytes;
    if (is_field(field, 47, Wire::bytes, where)) file.eos_piece = field.bytes;
  }
}

void parse_normalizer(std::string_view bytes, const std::string& where, SentencePieceFile& file) {
  ProtoReader reader(bytes, where);
  for (ProtoField field; reader.next(field);) {
    if (is_field(field, 2, Wire::bytes, where)) file.charsmap = field.bytes;
    if (is_field(field, 3, Wire::varint, where)) file.add_dummy_prefix = field.value != 0;
    if (is_field(field, 4, Wire::varint, where)) file.remove_extra_whitespaces = field.value != 0;
    if (is_field(field, 5, Wire::varint, where)) file.escape_whitespaces = field.value != 0;
  }
}

}  // namespace

SentencePieceFile parse_sentencepiece(std::string_view bytes, const std::string& where) {
  SentencePieceFile file;
  ProtoReader reader(bytes, where);
  for (ProtoField field; reader.next(field);) {
    if (is_field(field, 1, Wire::bytes, where)) {
      const std::string piece = core::message(where, ": piece ", file.pieces.size());
      if (file.pieces.size() >= static_cast<std::size_t>(kMaxTokenId)) {
        throw UnsupportedError(core::message(piece, ": expected fewer than ", kMaxTokenId, " pieces"));
      }
      file.pieces.push_back(parse_piece(field.bytes, piece));
    }
    if (is_field(field, 2, Wire::bytes, where)) parse_trainer(field.bytes, where + ": trainer_spec", file);
    if (is_field(field, 3, Wire::bytes, where))
      parse_normalizer(field.bytes, where + ": normalizer_spec", file);
  }
  if (file.pieces.empty())
    throw FormatError(core::message(where, ": expected a SentencePiece model, found no piece"));
  return file;
}

}  // namespace transom::text
