// SPDX-License-Identifier: Apache-2.0
/// Arbitrary bytes through the UTF-8 helpers and the normalisation forms.
#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/fuzz/require.h"
#include "text/normalizers/unicode_form.h"
#include "text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace transom::text;
  using transom::fuzz::require;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string mended = replace_invalid_utf8(bytes);
  require(valid_utf8_prefix(mended) == mended.size());
  require((valid_utf8_prefix(bytes) == bytes.size()) == (mended == bytes));

  // Any way to cut the bytes gives the same text, whole characters at a time.
  for (const std::size_t step : {std::size_t{1}, std::size_t{3}}) {
    Utf8Assembler assembler(Utf8Assembler::Policy::per_subpart);
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += step) {
      assembler.push(bytes.substr(i, step), out);
      require(valid_utf8_prefix(out) == out.size());
    }
    assembler.finish(out);
    require(out == mended);
  }

  for (const UnicodeForm form : {UnicodeForm::nfc, UnicodeForm::nfd, UnicodeForm::nfkc, UnicodeForm::nfkd}) {
    const std::string once = to_form(mended, form);
    require(valid_utf8_prefix(once) == once.size());
    require(to_form(once, form) == once);
  }
  const std::string lower = to_lower(mended);
  require(valid_utf8_prefix(lower) == lower.size());
  return 0;
}
