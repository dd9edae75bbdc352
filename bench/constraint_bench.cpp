// SPDX-License-Identifier: Apache-2.0
/// What constrained output costs: compiling, and a mask for each token, against the decode step of a model.
///
///   transom-constraint-bench DIRECTORY [WEIGHT_BYTES]
///
/// DIRECTORY holds a tokenizer.json. Texts of 1000 tokens are written by random choice under each constraint,
/// from a fresh start, so that the first walks over the vocabulary count. A decode step reads all weights
/// once: it takes at least WEIGHT_BYTES (3087167488: R1-Distill-Qwen-1.5B in bf16) over the machine's
/// measured read bandwidth.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <limits>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/roofline.h"
#include "generation/constraint/constraint.h"
#include "text/tokenizer_loader.h"
#include "transom/error.h"

namespace {

using namespace transom;
using namespace transom::generation;
using Clock = std::chrono::steady_clock;

constexpr int kTokens = 1000;

struct Case {
  const char* name;
  ConstraintKind kind;
  const char* source;
};

constexpr Case kCases[] = {
    {"any JSON object", ConstraintKind::json_schema, R"({"type": "object"})"},
    {"schema, an order", ConstraintKind::json_schema,
     R"({"type": "array", "items": {"$ref": "#/$defs/order"}, "minItems": 100,
      "$defs": {"order": {"type": "object", "properties": {
        "id": {"type": "string", "format": "uuid"}, "customer": {"type": "string", "minLength": 1, "maxLength": 80},
        "placed": {"type": "string", "format": "date-time"}, "status": {"enum": ["new", "paid", "shipped", "returned"]},
        "total": {"type": "number", "minimum": 0}, "notes": {"type": ["string", "null"], "maxLength": 500},
        "lines": {"type": "array", "minItems": 1, "maxItems": 50, "items": {"type": "object", "properties": {
          "sku": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{6}$"}, "count": {"type": "integer", "minimum": 1,
          "maximum": 999}, "text": {"type": "string", "maxLength": 200}}, "required": ["sku", "count"]}}},
        "required": ["id", "customer", "status", "total", "lines"]}}})"},
    {"schema, a recursive tree", ConstraintKind::json_schema,
     R"({"$defs": {"node": {"type": "object", "properties": {
        "name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
        "required": ["name", "children"]}}, "$ref": "#/$defs/node"})"},
    {"regex, sentences", ConstraintKind::regex, "([A-Z][a-z]+( [a-z]+){3,12}[.!?] ?){400}"},
    {"regex, any letters", ConstraintKind::regex, "[\\p{L} ]{4000,}"},
    {"grammar, arithmetic", ConstraintKind::grammar,
     "root ::= sum (\"=\" sum)* \"\\n\"\nsum ::= product ([+-] product)*\nproduct ::= value ([*/] value)*\n"
     "value ::= [0-9]{1,9} | [a-z] [a-z0-9]* | \"(\" sum \")\"\n"},
};

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

/// Chooses among the allowed tokens as a model would: common ones (short ids) more often. Not the end of the
/// text.
TokenId choose(const std::vector<float>& logits, std::mt19937& random) {
  const auto n = static_cast<TokenId>(logits.size());
  for (int tries = 0; tries < 200; ++tries) {
    const double share = std::generate_canonical<double, 32>(random);
    const auto id = static_cast<TokenId>(share * share * share * n);
    if (logits[static_cast<std::size_t>(id)] == 0) return id;
  }
  const auto start = static_cast<TokenId>(random() % static_cast<unsigned>(n));
  for (TokenId i = 0; i < n; ++i) {
    const TokenId id = (start + i) % n;
    if (logits[static_cast<std::size_t>(id)] == 0) return id;
  }
  return -1;
}

void run_case(const Case& one, const std::shared_ptr<const TokenTable>& table, double step_ms) {
  const auto start = Clock::now();
  const auto constraint = compile(one.kind, one.source, table);
  const double compile_ms = milliseconds_since(start);
  std::mt19937 random(1);
  double total = 0, most = 0, late = 0;
  int n = 0;
  Matcher matcher(constraint, {});
  std::vector<float> logits(table->size());
  for (; n < kTokens; ++n) {
    std::fill(logits.begin(), logits.end(), 0.0f);
    const auto before = Clock::now();
    if (!matcher.mask(logits)) {
      matcher = Matcher(constraint, {});  // the text was complete: another one
      continue;
    }
    double taken = milliseconds_since(before);
    const TokenId id = choose(logits, random);
    const auto accept = Clock::now();
    matcher.accept(id);
    taken += milliseconds_since(accept);
    total += taken;
    most = std::max(most, taken);
    if (n >= kTokens / 2) late += taken;
  }
  std::cout << one.name << ": compile " << compile_ms << " ms; mask and accept: mean " << total / kTokens
            << " ms, second half " << late / (kTokens / 2) << " ms, most " << most << " ms; mean "
            << 100 * total / kTokens / step_ms << " % of a decode step\n";
}

void run(const std::filesystem::path& directory, double weight_bytes) {
  const auto tokenizer = text::load_tokenizer(directory);
  const double bandwidth = bench::measure_roofline(std::thread::hardware_concurrency()).read_bytes_per_s;
  const double step_ms = 1e3 * weight_bytes / bandwidth;
  const auto start = Clock::now();
  const auto table = std::make_shared<const TokenTable>(*tokenizer);
  std::cout << "vocabulary of " << table->size() << " tokens: table " << milliseconds_since(start) << " ms, "
            << table->nodes().size() << " nodes\ndecode step: " << weight_bytes << " bytes at "
            << bandwidth / 1e9 << " GB/s, " << step_ms << " ms\n";
  for (const Case& one : kCases) run_case(one, table, step_ms);
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2 || argc > 3) {
    std::cerr << "usage: transom-constraint-bench DIRECTORY [WEIGHT_BYTES]\n";
    return 2;
  }
  run(argv[1], argc == 3 ? std::atof(argv[2]) : 3087167488.0);
  return 0;
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
