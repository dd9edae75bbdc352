// SPDX-License-Identifier: Apache-2.0
/// @file
/// The exceptions that Transom throws. The leaves differ by who can mend the cause:
///
///   InvalidArgument   the caller: an argument, option or configuration value is impossible
///   NotFound          the caller: a file, directory, model id, token or tensor is not there
///   FormatError       whoever made the file: it is truncated, corrupt or contradicts itself
///   UnsupportedError  nobody now: the input is legal, this version of Transom cannot do it
///   OutOfMemory       the machine: an allocation failed
///   DeviceError       the machine: a device or driver failed, or an operating system call did
///
/// A message says what was expected, what was found, and where (file, tensor, key or operation).
/// Cancelling is never an error: see FinishReason::cancelled.
#pragma once

#include <stdexcept>
#include <string>

#include "transom/export.h"

namespace transom {

enum class ErrorCode { invalid_argument, not_found, format, unsupported, out_of_memory, device };

/// Base of every exception thrown by Transom. what() is a complete English sentence or two.
class TRANSOM_API Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ~Error() override;
  Error(const Error&) = default;
  Error& operator=(const Error&) = default;

  /// Which leaf this is, for callers that switch instead of catching leaves.
  ErrorCode code() const noexcept { return code_; }

 private:
  ErrorCode code_;
};

class TRANSOM_API InvalidArgument : public Error {
 public:
  explicit InvalidArgument(const std::string& message) : Error(ErrorCode::invalid_argument, message) {}
  ~InvalidArgument() override;
  InvalidArgument(const InvalidArgument&) = default;
};

class TRANSOM_API NotFound : public Error {
 public:
  explicit NotFound(const std::string& message) : Error(ErrorCode::not_found, message) {}
  ~NotFound() override;
  NotFound(const NotFound&) = default;
};

class TRANSOM_API FormatError : public Error {
 public:
  explicit FormatError(const std::string& message) : Error(ErrorCode::format, message) {}
  ~FormatError() override;
  FormatError(const FormatError&) = default;
};

class TRANSOM_API UnsupportedError : public Error {
 public:
  explicit UnsupportedError(const std::string& message) : Error(ErrorCode::unsupported, message) {}
  ~UnsupportedError() override;
  UnsupportedError(const UnsupportedError&) = default;
};

class TRANSOM_API OutOfMemory : public Error {
 public:
  explicit OutOfMemory(const std::string& message) : Error(ErrorCode::out_of_memory, message) {}
  ~OutOfMemory() override;
  OutOfMemory(const OutOfMemory&) = default;
};

class TRANSOM_API DeviceError : public Error {
 public:
  explicit DeviceError(const std::string& message) : Error(ErrorCode::device, message) {}
  ~DeviceError() override;
  DeviceError(const DeviceError&) = default;
};

}  // namespace transom
