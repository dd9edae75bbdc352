// SPDX-License-Identifier: Apache-2.0
/// Methods of str that answer a question: isdigit, isupper and so on.
#include "text/jinja/lookup.h"
#include "text/jinja/members.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace transom::text::jinja {

namespace {

bool is_alphanumeric(char32_t c) { return is_alphabetic(c) || is_numeric(c); }
bool is_ascii(char32_t c) { return c < 0x80; }

template <bool (*Predicate)(char32_t)>
Value every(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind<0>(runtime, "a method of str", arguments, {}, 0);
  runtime.charge(4 * self.string().size());
  return Value(all_of(self.string(), Predicate));
}

Value isascii_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind<0>(runtime, "isascii", arguments, {}, 0);
  runtime.charge(4 * self.string().size());
  return Value(self.string().empty() || all_of(self.string(), is_ascii));
}

/// There is a cased letter, and all of them are of this case.
template <bool (*Wanted)(char32_t)>
Value all_cased(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind<0>(runtime, "a method of str", arguments, {}, 0);
  runtime.step(self.string().size() / 16);
  bool found = false;
  const char* p = self.string().data();
  const char* const end = p + self.string().size();
  while (p != end) {
    const char32_t c = next_code_point(p);
    if (!is_cased_letter(c)) continue;
    if (!Wanted(c)) return Value(false);
    found = true;
  }
  return Value(found);
}

/// Capitals stand only behind what has no case, small letters only behind letters.
Value istitle_method(Runtime& runtime, const Value& self, const Arguments& arguments) {
  bind<0>(runtime, "istitle", arguments, {}, 0);
  runtime.step(self.string().size() / 16);
  bool found = false;
  bool in_word = false;
  const char* p = self.string().data();
  const char* const end = p + self.string().size();
  while (p != end) {
    const char32_t c = next_code_point(p);
    const bool cased = is_cased_letter(c);
    if (cased && in_word == !is_lower(c)) return Value(false);
    found = found || cased;
    in_word = cased;
  }
  return Value(found);
}

constexpr Named<Method> kMethods[] = {
    {"isalpha", every<is_alphabetic>}, {"isalnum", every<is_alphanumeric>},
    {"isdigit", every<is_decimal>},    {"isdecimal", every<is_decimal>},
    {"isnumeric", every<is_numeric>},  {"isspace", every<is_python_space>},
    {"isascii", isascii_method},       {"isupper", all_cased<is_upper>},
    {"islower", all_cased<is_lower>},  {"istitle", istitle_method},
};

}  // namespace

Method find_string_predicate(std::string_view name) { return look_up(kMethods, name); }

}  // namespace transom::text::jinja
