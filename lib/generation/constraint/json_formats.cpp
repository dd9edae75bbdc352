// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/json_formats.h"

#include <utility>

namespace transom::generation {

namespace {

// RFC 3339 dates and times (without leap seconds), RFC 4122 UUIDs, RFC 5321 mailboxes (dot strings), RFC 1123
// host names, RFC 3986 URIs with an authority, ISO 8601 durations.
#define TRANSOM_DATE                                                                       \
  "[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]" \
  "[0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))"
#define TRANSOM_TIME                                                                          \
  "(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3])" \
  ":[0-5][0-9])"
#define TRANSOM_LABEL "[A-Za-z0-9](?:[A-Za-z0-9-]{0,30}[A-Za-z0-9])?"
#define TRANSOM_HOST TRANSOM_LABEL "(?:\\." TRANSOM_LABEL "){0,5}"
#define TRANSOM_ATOM "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,16}"
#define TRANSOM_BYTE "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"

constexpr std::pair<std::string_view, std::string_view> kFormats[] = {
    {"date", "^" TRANSOM_DATE "$"},
    {"time", "^" TRANSOM_TIME "$"},
    {"date-time", "^" TRANSOM_DATE "T" TRANSOM_TIME "$"},
    {"duration",
     "^P(?:[0-9]{1,4}W|(?:[0-9]{1,4}Y(?:[0-9]{1,4}M(?:[0-9]{1,4}D)?)?|[0-9]{1,4}M(?:[0-9]{1,4}D)?|[0-9]{1,4}"
     "D)"
     "(?:T(?:[0-9]{1,4}H(?:[0-9]{1,4}M(?:[0-9]{1,4}S)?)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|[0-9]{1,4}S))?|"
     "T(?:[0-9]{1,4}H(?:[0-9]{1,4}M(?:[0-9]{1,4}S)?)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|[0-9]{1,4}S))$"},
    {"uuid", "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"},
    {"email", "^" TRANSOM_ATOM "(?:\\." TRANSOM_ATOM "){0,3}@" TRANSOM_HOST "$"},
    {"hostname", "^" TRANSOM_HOST "$"},
    {"ipv4", "^(?:" TRANSOM_BYTE "\\.){3}" TRANSOM_BYTE "$"},
    {"ipv6",
     "^(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}$|^(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,2})?::"
     "(?:[0-9a-fA-F]{1,4}(?::[0-9a-fA-F]{1,4}){0,3})?$"},
    {"uri",
     "^[A-Za-z][A-Za-z0-9+.-]{1,15}://" TRANSOM_HOST "(?::[0-9]{1,4})?(?:/[A-Za-z0-9._~!$&'()*+,;=:@-]*)*"
     "(?:\\?[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?(?:#[A-Za-z0-9._~!$&'()*+,;=:@/?-]*)?$"},
};

#undef TRANSOM_DATE
#undef TRANSOM_TIME
#undef TRANSOM_LABEL
#undef TRANSOM_HOST
#undef TRANSOM_ATOM
#undef TRANSOM_BYTE

}  // namespace

std::string_view format_expression(std::string_view format) {
  for (const auto& [name, expression] : kFormats) {
    if (name == format) return expression;
  }
  return {};
}

}  // namespace transom::generation
