// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/race_detector.h"

namespace transom::cuda_on_host {
namespace {

constexpr std::size_t kLanes = 32;

}  // namespace

void RaceDetector::begin_launch(const std::string& kernel, std::size_t shared_bytes) {
  kernel_ = kernel;
  shared_bytes_ = shared_bytes;
  told_.clear();
  const auto known = small_cells_.lower_bound({kernel, 0});
  make_cells(known != small_cells_.end() && known->first == kernel ? known->second : 4);
}

/// What cells held before is of earlier blocks, and means nothing.
void RaceDetector::make_cells(std::size_t cell_bytes) {
  cell_bytes_ = cell_bytes;
  const std::size_t n = (shared_bytes_ + cell_bytes - 1) / cell_bytes;
  if (cells_.size() < n) cells_.resize(n);
}

void RaceDetector::begin_block() {
  block_begin_ = ++block_time_;
  warp_time_.fill(0);
}

inline RaceDetector::Event RaceDetector::now(std::size_t thread, Site site) const {
  return {site, block_time_, warp_time_[thread / kLanes], static_cast<std::uint16_t>(thread)};
}

inline bool RaceDetector::in_order(const Event& before, const Event& now) const {
  if (before.block_time < now.block_time || before.thread == now.thread) return true;
  return before.thread / kLanes == now.thread / kLanes && before.warp_time < now.warp_time;
}

/// Makes cells smaller where bytes ask for it: a cell becomes several that hold the same.
inline RaceDetector::Cells RaceDetector::cells(std::size_t offset, std::size_t bytes) {
  while ((offset | bytes) % cell_bytes_ != 0) {
    const std::vector<Cell> larger = cells_;
    make_cells(cell_bytes_ / 2);
    for (std::size_t i = 0; i < cells_.size() && i / 2 < larger.size(); ++i) cells_[i] = larger[i / 2];
    small_cells_.insert({kernel_, cell_bytes_});
  }
  Cell* const first = cells_.data() + offset / cell_bytes_;
  return {first, first + bytes / cell_bytes_};
}

bool RaceDetector::tell(const char* what, const Event& before, const char* what_now, const Event& now) {
  if (!told_.insert({before.site, now.site}).second) return false;
  race_ = std::string("race in shared memory: ") + what + " at " + to_string(before.site) + " by thread " +
          std::to_string(before.thread) + " and " + what_now + " at " + to_string(now.site) + " by thread " +
          std::to_string(now.thread) +
          (before.copy ? ", with no cp_async_wait or no barrier between" : ", with no barrier between");
  return true;
}

bool RaceDetector::read(std::size_t thread, std::size_t offset, std::size_t bytes, Site site) {
  const Event event = now(thread, site);
  bool race = false;
  const Cells touched = cells(offset, bytes);
  for (Cell* cell = touched.begin; cell < touched.end; ++cell) {
    const Event& written = cell->written;
    if (under_way(written)) {
      race |= tell("cp_async", written, "read", event);
    } else if (!in_order(written, event)) {
      race |= tell("write", written, "read", event);
    }
    // The newest reader first; the other one stays when it is of another warp in the same stretch.
    Event& newest = cell->read[0];
    const bool other_warp = newest.thread / kLanes != thread / kLanes;
    if (newest.thread != thread && (other_warp || cell->read[1].block_time < block_time_))
      cell->read[1] = newest;
    newest = event;
  }
  return race;
}

inline bool RaceDetector::check_write(const Cell& cell, const Event& now) {
  const Event& written = cell.written;
  if (under_way(written)) return tell("cp_async", written, "write", now);
  if (!in_order(written, now)) return tell("write", written, "write", now);
  for (const Event& read : cell.read)
    if (!in_order(read, now)) return tell("read", read, "write", now);
  return false;
}

bool RaceDetector::write(std::size_t thread, std::size_t offset, std::size_t bytes, Site site) {
  const Event event = now(thread, site);
  bool race = false;
  const Cells touched = cells(offset, bytes);
  for (Cell* cell = touched.begin; cell < touched.end; ++cell) {
    race |= check_write(*cell, event);
    cell->written = event;
  }
  return race;
}

bool RaceDetector::begin_copy(std::size_t thread, std::size_t offset, std::size_t bytes, Site site) {
  const bool race = write(thread, offset, bytes, site);
  const Cells touched = cells(offset, bytes);
  for (Cell* cell = touched.begin; cell < touched.end; ++cell) cell->written.copy = true;
  return race;
}

void RaceDetector::end_copy(std::size_t thread, std::size_t offset, std::size_t bytes, Site site) {
  const Event event = now(thread, site);
  const Cells touched = cells(offset, bytes);
  for (Cell* cell = touched.begin; cell < touched.end; ++cell) cell->written = event;
}

}  // namespace transom::cuda_on_host
