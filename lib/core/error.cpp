// SPDX-License-Identifier: Apache-2.0
// The destructors are the key functions: they put each type's vtable and typeinfo into the library, so that
// an exception thrown here is caught by its type in a host application.
#include "transom/error.h"

namespace transom {

Error::~Error() = default;
InvalidArgument::~InvalidArgument() = default;
NotFound::~NotFound() = default;
FormatError::~FormatError() = default;
UnsupportedError::~UnsupportedError() = default;
OutOfMemory::~OutOfMemory() = default;
DeviceError::~DeviceError() = default;

}  // namespace transom
