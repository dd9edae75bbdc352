// SPDX-License-Identifier: Apache-2.0
// One model, many threads: each thread has a session of its own. Every text must be the one that a session alone gives.
#include <transom/transom.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace {

struct Options {
  std::string model;
  int threads = 4;
  int max_new_tokens = 32;
};

std::string tell(const transom::Model& model, int number, int max_new_tokens) {
  static const std::string kBeginnings[] = {"Once upon a time", "The dog", "Lily and Ben", "One day, a bird"};
  transom::Session session = model.new_session();
  return session.generate(kBeginnings[number % 4], {.max_new_tokens = max_new_tokens}).text;
}

int run(const Options& options) {
  const auto model = transom::AutoModel::from_pretrained(options.model);
  std::vector<std::string> texts(static_cast<std::size_t>(options.threads));
  std::atomic<int> failures{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < options.threads; ++i) {
    threads.emplace_back([&, i] {
      try {
        texts[static_cast<std::size_t>(i)] = tell(model, i, options.max_new_tokens);
      } catch (const transom::Error& error) {
        std::cerr << error.what() << '\n';
        ++failures;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < options.threads; ++i) {
    const std::string& text = texts[static_cast<std::size_t>(i)];
    std::cout << i << ": " << text << '\n';
    if (text != tell(model, i, options.max_new_tokens)) ++failures;
  }
  if (failures > 0) return 1;
  std::cout << options.threads << " sessions, all as alone\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Runs several sessions of one model at once");
  app.add_option("model", options.model, "Model directory or org/name")->required();
  app.add_option("--threads", options.threads, "Sessions, each on a thread of its own")->check(CLI::Range(1, 64));
  app.add_option("--max-new-tokens", options.max_new_tokens, "Tokens a session generates");
  CLI11_PARSE(app, argc, argv);
  return run(options);
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
