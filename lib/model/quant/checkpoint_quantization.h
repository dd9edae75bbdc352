// SPDX-License-Identifier: Apache-2.0
/// How a checkpoint that is already quantised says that it is stored.
///
/// Which modules are integers is told by their tensors; this tells what those tensors mean. It is read from
/// the directory that holds the weights and not from a Config, because it describes the files, and because
/// the order of its rules matters.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "model/quant/module_scheme.h"
#include "model/quant/name_pattern.h"
#include "transom/config.h"

namespace transom::model {

enum class CheckpointMethod { gptq, awq, compressed_tensors };

/// Modules whose scheme differs from the checkpoint's.
struct ModuleRule {
  NamePattern pattern;
  std::string text;  // of the pattern, for messages
  bool stays_float = false;
  ModuleScheme scheme;
};

/// A group of compressed-tensors: the modules that share a scheme.
struct SchemeTarget {
  enum class Kind { name, pattern, every_linear };  // in the order in which they win
  Kind kind = Kind::every_linear;
  std::string name;
  std::optional<NamePattern> pattern;
  ModuleScheme scheme;
};

struct CheckpointQuantization {
  CheckpointMethod method = CheckpointMethod::gptq;
  std::string where;  // file and key, for messages
  /// GPTQ: zero points are stored as they are (gptq_v2), not less one.
  bool plain_zeros = false;
  ModuleScheme scheme;                // gptq, awq; bits of the first group with compressed-tensors
  std::vector<ModuleRule> rules;      // gptq, awq: the first that matches wins
  std::vector<SchemeTarget> targets;  // compressed-tensors

  /// What the tensors of the module hold. @throws FormatError when the configuration knows no scheme for it.
  const ModuleScheme& scheme_of(const std::string& module) const;
};

/// From `quantization_config` of config.json, else quantize_config.json, else quant_config.json; nothing when
/// there is none of them. @throws FormatError, UnsupportedError for a method or layout that this version does
/// not read.
std::optional<CheckpointQuantization> read_checkpoint_quantization(const std::filesystem::path& directory);

/// The same from the JSON itself. @param where Names it in messages.
/// @param default_method The method when the JSON names none.
CheckpointQuantization parse_checkpoint_quantization(const io::Json& json, const std::string& where,
                                                     const std::string& default_method = "gptq");

/// The text of a config.json with this quantization_config. Not by Config, which forgets the order of rules.
std::string with_quantization_config(const Config& config, const std::string& quantization_config);

}  // namespace transom::model
