// SPDX-License-Identifier: Apache-2.0
#include "bench/model/long_context.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <span>
#include <sstream>

#include "bench/model/report.h"
#include "io/json_write.h"
#include "model/sequence/sequence.h"

namespace transom::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kChunk = 512, kFirst = 1024;

double resident_mb() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1e6;
}

/// A prompt that one pattern reads, chunk by chunk.
class Reading {
 public:
  Reading(Options options, const std::string& pattern, const LongContext& settings)
      : loaded_(load(options, pattern, settings)), curve_{pattern, {}} {
    const model::Transformer& transformer = *loaded_.transformer;
    {  // warms up
      model::Sequence sequence(transformer, {kFirst, kChunk});
      sequence.forward(random_ids(kFirst, transformer.spec().vocab), false, {});
    }
    const double before = resident_mb();
    sequence_ = std::make_unique<model::Sequence>(transformer, model::SequenceOptions{settings.most, kChunk});
    memory_mb_ = resident_mb() - before;
  }

  void read(std::span<const std::int32_t> chunk) {
    const double before = resident_mb();
    const auto start = Clock::now();
    sequence_->forward(chunk, false, {});
    seconds_ += std::chrono::duration<double>(Clock::now() - start).count();
    memory_mb_ += resident_mb() - before;
    if (sequence_->position() < next_) return;
    curve_.points.push_back({next_, seconds_, memory_mb_});
    next_ *= 2;
  }

  const ContextCurve& curve() const { return curve_; }
  std::int64_t vocab() const { return loaded_.transformer->spec().vocab; }
  double seconds() const { return seconds_; }

 private:
  static Loaded load(Options& options, const std::string& pattern, const LongContext& settings) {
    options.window = pattern == "full" ? -1 : settings.window;
    options.attention_pattern = pattern == "log_stride" ? "log_stride" : "window";
    return load_model(options);
  }

  Loaded loaded_;
  ContextCurve curve_;
  std::unique_ptr<model::Sequence> sequence_;
  double seconds_ = 0, memory_mb_ = 0;
  std::int64_t next_ = kFirst;
};

/// All patterns read the same prompt in turns, a chunk each, so that what else the machine does meets all.
std::vector<ContextCurve> read_in_turns(const Options& options, const LongContext& settings) {
  std::vector<std::unique_ptr<Reading>> readings;
  for (const char* pattern : {"full", "window", "log_stride"})
    readings.push_back(std::make_unique<Reading>(options, pattern, settings));
  const std::vector<std::int32_t> ids = random_ids(settings.most, readings.front()->vocab());
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  for (std::int64_t at = 0; at < settings.most; at += kChunk) {
    double seconds = 0;
    for (const auto& reading : readings) {
      reading->read(std::span(ids).subspan(static_cast<std::size_t>(at), kChunk));
      seconds += reading->seconds();
    }
    if (terminal)
      std::fprintf(stderr, "\r%lld tokens, %.0f s ", static_cast<long long>(at + kChunk), seconds);
  }
  if (terminal) std::fprintf(stderr, "\r%40s\r", "");
  std::vector<ContextCurve> curves;
  for (const auto& reading : readings) curves.push_back(reading->curve());
  return curves;
}

std::string to_json(const std::vector<ContextCurve>& curves, const std::string& command) {
  std::ostringstream out;
  out << "{\n  \"command\": " << io::json_string(command) << ",\n  \"patterns\": {\n";
  for (const ContextCurve& curve : curves) {
    out << "    \"" << curve.pattern << "\": {\"exponent\": " << curve.exponent() << ", \"points\": [";
    for (const ContextCurve::Point& point : curve.points) {
      out << (&point == &curve.points.front() ? "" : ", ") << "{\"tokens\": " << point.tokens
          << ", \"seconds\": " << point.seconds << ", \"cache_mb\": " << point.cache_mb << "}";
    }
    out << "]}" << (&curve == &curves.back() ? "" : ",") << "\n";
  }
  out << "  }\n}\n";
  return out.str();
}

void print_table(const std::vector<ContextCurve>& curves) {
  std::printf("%-10s", "tokens");
  for (const ContextCurve& curve : curves) std::printf("%26s", curve.pattern.c_str());
  std::printf("\n");
  for (std::size_t i = 0; i < curves.front().points.size(); ++i) {
    std::printf("%-10lld", static_cast<long long>(curves.front().points[i].tokens));
    for (const ContextCurve& curve : curves)
      std::printf("%14.2f s %7.1f MB", curve.points[i].seconds, curve.points[i].cache_mb);
    std::printf("\n");
  }
  std::printf("%-10s", "exponent");
  for (const ContextCurve& curve : curves) std::printf("%26.2f", curve.exponent());
  std::printf("\n");
}

/// Seconds over tokens, both logarithmic, as SVG.
std::string plot(const std::vector<ContextCurve>& curves, const std::string& title) {
  constexpr double kWidth = 640, kHeight = 400, kLeft = 60, kRight = 110, kTop = 40, kBottom = 40;
  constexpr const char* kColours[] = {"#c0392b", "#2471a3", "#1e8449"};
  const double first = std::log2(static_cast<double>(curves.front().points.front().tokens));
  double last = first + 1, low = 1e9, high = -1e9;
  for (const ContextCurve& curve : curves) {
    for (const ContextCurve::Point& point : curve.points) {
      last = std::max(last, std::log2(static_cast<double>(point.tokens)));
      low = std::min(low, std::floor(std::log10(point.seconds)));
      high = std::max(high, std::ceil(std::log10(point.seconds)));
    }
  }
  const auto x = [&](double tokens) {
    return kLeft + (std::log2(tokens) - first) / (last - first) * (kWidth - kLeft - kRight);
  };
  const auto y = [&](double seconds) {
    return kTop + (high - std::log10(seconds)) / std::max(high - low, 1.0) * (kHeight - kTop - kBottom);
  };
  std::ostringstream svg;
  svg << "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " << kWidth << ' ' << kHeight
      << "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" "
         "fill=\"white\"/>\n<text x=\""
      << kLeft << "\" y=\"20\" font-size=\"14\">" << title << "</text>\n";
  for (double power = low; power <= high; ++power) {
    const double at = y(std::pow(10.0, power));
    svg << "<path d=\"M" << kLeft << ' ' << at << "H" << kWidth - kRight << "\" stroke=\"#ddd\"/><text x=\""
        << kLeft - 6 << "\" y=\"" << at + 4 << "\" text-anchor=\"end\">" << std::pow(10.0, power)
        << " s</text>\n";
  }
  for (const ContextCurve::Point& point : curves.front().points) {
    const auto tokens = static_cast<double>(point.tokens);
    svg << "<text x=\"" << x(tokens) << "\" y=\"" << kHeight - kBottom + 18 << "\" text-anchor=\"middle\">"
        << point.tokens / 1024 << "K</text>\n";
  }
  constexpr double kLabelHeight = 14;
  std::vector<double> labels;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const char* colour = kColours[i % 3];
    svg << "<polyline fill=\"none\" stroke-width=\"2\" stroke=\"" << colour << "\" points=\"";
    for (const ContextCurve::Point& point : curves[i].points)
      svg << x(static_cast<double>(point.tokens)) << ',' << y(point.seconds) << ' ';
    double label = y(curves[i].points.back().seconds) + 4;
    const auto covered = [&](double other) { return std::abs(other - label) < kLabelHeight; };
    while (std::ranges::any_of(labels, covered)) label -= kLabelHeight;
    labels.push_back(label);
    svg << "\"/><text x=\"" << kWidth - kRight + 8 << "\" y=\"" << label << "\" fill=\"" << colour << "\">"
        << curves[i].pattern << "</text>\n";
  }
  svg << "</svg>\n";
  return svg.str();
}

}  // namespace

double ContextCurve::exponent() const {
  constexpr std::size_t kPoints = 3;
  const std::size_t n = std::min(kPoints, points.size());
  if (n < 2) return 0;
  double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
  for (std::size_t i = points.size() - n; i < points.size(); ++i) {
    const double x = std::log(static_cast<double>(points[i].tokens)), y = std::log(points[i].seconds);
    sum_x += x;
    sum_y += y;
    sum_xx += x * x;
    sum_xy += x * y;
  }
  const auto count = static_cast<double>(n);
  return (count * sum_xy - sum_x * sum_y) / (count * sum_xx - sum_x * sum_x);
}

void print_long_context(const Options& options, const LongContext& settings, const std::string& command) {
  const std::vector<ContextCurve> curves = read_in_turns(options, settings);
  print_table(curves);
  if (!settings.json_file.empty()) write_file(settings.json_file, to_json(curves, command));
  if (!settings.svg_file.empty())
    write_file(settings.svg_file,
               plot(curves, "Reading a prompt, window of " + std::to_string(settings.window) + " tokens"));
}

}  // namespace transom::bench
