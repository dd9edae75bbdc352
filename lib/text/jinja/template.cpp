// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/template.h"

#include <algorithm>

#include "text/jinja/evaluator.h"
#include "text/jinja/parser.h"
#include "text/utf8.h"

namespace transom::text::jinja {

Template Template::compile(std::string_view source, std::string name) {
  auto body = std::make_shared<Body>();
  body->name = std::move(name);
  body->source = source;
  body->block = parse_template(source, body->name);
  Template made;
  made.body_ = std::move(body);
  return made;
}

std::string Template::render(Variables variables, const RenderLimits& limits, const Clock& clock) const {
  Runtime runtime(body_->name, limits, clock);
  return Evaluator(runtime, std::move(variables)).render(body_->block);
}

Value make_list(std::vector<Value> items) {
  auto made = std::make_shared<Sequence>();
  for (const Value& item : items) made->depth = std::max(made->depth, item.depth() + 1);
  made->items = std::move(items);
  return Value(std::shared_ptr<const Sequence>(std::move(made)));
}

Value make_dict(std::vector<Dict::Item> items) {
  auto made = std::make_shared<Dict>();
  for (const Dict::Item& item : items) made->depth = std::max(made->depth, item.second.depth() + 1);
  made->items = std::move(items);
  return Value(std::shared_ptr<const Dict>(std::move(made)));
}

Value from_json(const io::Json& json, std::string_view where) {
  switch (json.kind()) {
    case io::Json::Kind::null:
      return Value();
    case io::Json::Kind::boolean:
      return Value(json.as_bool(where));
    case io::Json::Kind::integer:
      return Value(json.as_int(where));
    case io::Json::Kind::number:
      return Value(json.as_double(where));
    case io::Json::Kind::string:
      return Value(replace_invalid_utf8(json.as_string(where)));
    case io::Json::Kind::array: {
      std::vector<Value> items;
      for (const io::Json& item : json.as_array(where)) items.push_back(from_json(item, where));
      return make_list(std::move(items));
    }
    case io::Json::Kind::object: {
      std::vector<Dict::Item> items;
      for (const auto& [key, value] : json.as_object(where)) {
        items.emplace_back(Value(replace_invalid_utf8(key)), from_json(value, where));
      }
      return make_dict(std::move(items));
    }
  }
  return Value();
}

}  // namespace transom::text::jinja
