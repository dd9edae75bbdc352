// SPDX-License-Identifier: Apache-2.0
#include "io/model_directory.h"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "core/checks.h"
#include "io/file.h"
#include "transom/error.h"

namespace transom::io {

using core::message;
namespace fs = std::filesystem;

namespace {

std::optional<fs::path> environment_path(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

std::optional<fs::path> hub_cache() {
  if (auto path = environment_path("HF_HUB_CACHE")) return path;
  if (auto path = environment_path("HF_HOME")) return *path / "hub";
  if (auto path = environment_path("XDG_CACHE_HOME")) return *path / "huggingface" / "hub";
  if (auto path = environment_path("HOME")) return *path / ".cache" / "huggingface" / "hub";
  return std::nullopt;
}

bool is_repo_part(std::string_view part) {
  const auto legal = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  return !part.empty() && part.size() <= 96 && part != "." && part != ".." &&
         std::all_of(part.begin(), part.end(), legal);
}

/// "models--org--name" when the text is a repository id.
std::optional<std::string> cache_folder(std::string_view id) {
  const std::size_t slash = id.find('/');
  if (slash == id.npos) return is_repo_part(id) ? std::optional(message("models--", id)) : std::nullopt;
  const std::string_view org = id.substr(0, slash), name = id.substr(slash + 1);
  if (!is_repo_part(org) || !is_repo_part(name)) return std::nullopt;
  return message("models--", org, "--", name);
}

bool directory_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

/// The commit that refs/main names, without surrounding blanks; empty when there is none.
std::string main_commit(const fs::path& repository) {
  try {
    std::string commit = read_text_file(repository / "refs" / "main", 256);
    while (!commit.empty() && static_cast<unsigned char>(commit.back()) <= ' ') commit.pop_back();
    return is_repo_part(commit) ? commit : std::string();
  } catch (const Error&) {
    return {};
  }
}

std::vector<fs::path> snapshots_of(const fs::path& repository) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(repository / "snapshots", error), end; !error && it != end;
       it.increment(error)) {
    if (directory_exists(it->path())) found.push_back(it->path());
  }
  return found;
}

}  // namespace

fs::path find_model_directory(std::string_view path_or_id) {
  if (path_or_id.find('\0') != path_or_id.npos) throw InvalidArgument("the model path holds a zero byte");
  if (path_or_id.empty())
    throw InvalidArgument("expected a model directory or org/name, found an empty string");
  fs::path path{std::string(path_or_id)};
  if (directory_exists(path)) return path;
  std::error_code ignored;
  if (fs::exists(path, ignored)) {
    throw InvalidArgument(
        message("\"", path_or_id, "\" is a file: expected the directory that holds config.json"));
  }
  std::string looked =
      message("no model \"", path_or_id, "\"; looked at: directory ", fs::absolute(path, ignored).string());
  const auto folder = cache_folder(path_or_id);
  const auto cache = hub_cache();
  if (!folder) throw NotFound(looked + "; it is no org/name id, so the Hugging Face cache was not searched");
  if (!cache)
    throw NotFound(looked +
                   "; no Hugging Face cache (HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HOME are unset)");

  const fs::path repository = *cache / *folder;
  const std::string commit = main_commit(repository);
  if (!commit.empty()) {
    fs::path snapshot = repository / "snapshots" / commit;
    if (directory_exists(snapshot)) return snapshot;
    looked += "; " + snapshot.string();
  } else {
    looked += "; " + (repository / "refs" / "main").string();
  }
  const std::vector<fs::path> snapshots = snapshots_of(repository);
  if (snapshots.size() == 1) return snapshots.front();
  looked += message(
      "; ", (repository / "snapshots").string(),
      snapshots.empty() ? "" : message(" (", snapshots.size(), " snapshots, none named by refs/main)"));
  throw NotFound(looked);
}

}  // namespace transom::io
