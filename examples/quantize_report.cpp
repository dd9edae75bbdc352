// SPDX-License-Identifier: Apache-2.0
#include "quantize_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <map>

namespace {

using transom::QuantizedMatrixInfo;

template <typename... Values>
std::string format(const char* pattern, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

double megabytes(std::int64_t bytes) { return static_cast<double>(bytes) / 1e6; }

/// "q_proj" of "model.layers.0.self_attn.q_proj"
std::string kind_of(const std::string& name) { return name.substr(name.rfind('.') + 1); }

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) throw transom::DeviceError("cannot write " + path.string());
}

std::string markdown(const QuantizeReport& report) {
  const transom::QuantizeResult& result = report.result;
  std::string text = "# Quantised: " + report.settings + "\n\n";
  text += format("%.1f MB before, %.1f MB after (%.1f %%). %lld calibration tokens, %.0f s.\n\n",
                 megabytes(result.bytes_before), megabytes(result.bytes_after),
                 100 * megabytes(result.bytes_after) / megabytes(result.bytes_before),
                 static_cast<long long>(result.calibration_tokens), result.seconds);
  if (report.perplexity_before && report.perplexity_after) {
    text +=
        format("Perplexity %.4f before, %.4f after (%+.2f %%).\n\n", *report.perplexity_before,
               *report.perplexity_after, 100 * (*report.perplexity_after / *report.perplexity_before - 1));
  }
  text +=
      "![error of each matrix](quantize_report.svg)\n\n| matrix | shape | loss | error | damping "
      "|\n|---|---|---|---|---|\n";
  for (const QuantizedMatrixInfo& matrix : result.matrices) {
    text += "| " + matrix.name +
            format(" | %lld x %lld | %.4g | %.4g | %.2f |\n", static_cast<long long>(matrix.rows),
                   static_cast<long long>(matrix.cols), matrix.loss, matrix.error, matrix.damping);
  }
  return text;
}

std::string json(const QuantizeReport& report) {
  const transom::QuantizeResult& result = report.result;
  transom::Value::List matrices;
  for (const QuantizedMatrixInfo& matrix : result.matrices) {
    matrices.push_back(transom::Value::Map{{"name", matrix.name},
                                           {"layer", matrix.layer},
                                           {"rows", matrix.rows},
                                           {"cols", matrix.cols},
                                           {"loss", matrix.loss},
                                           {"error", matrix.error},
                                           {"damping", matrix.damping}});
  }
  transom::Value::Map map{
      {"settings", report.settings},       {"bytes_before", result.bytes_before},
      {"bytes_after", result.bytes_after}, {"calibration_tokens", result.calibration_tokens},
      {"seconds", result.seconds},         {"matrices", matrices}};
  if (report.perplexity_before) map.emplace("perplexity_before", *report.perplexity_before);
  if (report.perplexity_after) map.emplace("perplexity_after", *report.perplexity_after);
  return transom::Value(map).to_json() + "\n";
}

/// A line for each kind of matrix: its error (on a logarithmic scale) over the layers.
std::string plot(const transom::QuantizeResult& result) {
  constexpr double kWidth = 720, kHeight = 360, kLeft = 60, kRight = 110, kTop = 20, kBottom = 40;
  constexpr const char* kColours[] = {"#1b6ca8", "#c2410c", "#15803d", "#7e22ce",
                                      "#b91c1c", "#0f766e", "#a16207", "#475569"};
  double low = 0, high = -300, last = 1;
  std::map<std::string, std::vector<std::pair<double, double>>> lines;
  for (const QuantizedMatrixInfo& matrix : result.matrices) {
    if (!(matrix.error > 0)) continue;
    const double error = std::log10(matrix.error);
    low = std::min(low, std::floor(error));
    high = std::max(high, std::ceil(error));
    last = std::max(last, static_cast<double>(matrix.layer));
    lines[kind_of(matrix.name)].emplace_back(static_cast<double>(matrix.layer), error);
  }
  if (high <= low) high = low + 1;
  const auto x = [&](double layer) { return kLeft + layer / last * (kWidth - kLeft - kRight); };
  const auto y = [&](double error) {
    return kTop + (high - error) / (high - low) * (kHeight - kTop - kBottom);
  };
  std::string svg = format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
      kWidth, kHeight);
  for (double power = low; power <= high; power += 1) {
    svg += format(
        "<line x1=\"%g\" x2=\"%g\" y1=\"%g\" y2=\"%g\" stroke=\"#ddd\"/><text x=\"%g\" y=\"%g\" "
        "text-anchor=\"end\">1e%g</text>\n",
        kLeft, kWidth - kRight, y(power), y(power), kLeft - 6, y(power) + 4, power);
  }
  svg +=
      format("<text x=\"%g\" y=\"%g\">layer 0</text><text x=\"%g\" y=\"%g\" text-anchor=\"end\">%g</text>\n",
             kLeft, kHeight - 16, x(last), kHeight - 16, last);
  std::size_t index = 0;
  for (const auto& [kind, points] : lines) {
    const char* const colour = kColours[index % std::size(kColours)];
    svg += format("<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\" points=\"", colour);
    for (const auto& [layer, error] : points) svg += format("%.1f,%.1f ", x(layer), y(error));
    svg += format("\"/><text x=\"%g\" y=\"%g\" fill=\"%s\">", kWidth - kRight + 8,
                  kTop + 16 * static_cast<double>(index + 1), colour) +
           kind + "</text>\n";
    ++index;
  }
  return svg + "</svg>\n";
}

}  // namespace

void write_report(const QuantizeReport& report, const std::filesystem::path& directory) {
  write(directory / "quantize_report.md", markdown(report));
  write(directory / "quantize_report.json", json(report));
  write(directory / "quantize_report.svg", plot(report.result));
}
