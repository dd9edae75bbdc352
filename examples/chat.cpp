// SPDX-License-Identifier: Apache-2.0
// A chat in the terminal. The session reads only what is new in each turn; Ctrl-C stops the answer.
#include <signal.h>
#include <transom/transom.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

struct Options {
  std::string model, system, history, chat_template, quantization;
  std::int64_t window = 0;
  transom::GenerationConfig generation;
};

volatile std::sig_atomic_t interrupted = 0;

/// Without SA_RESTART, so that Ctrl-C also gives back a line that is being typed.
void install_interrupt_handler() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);
}

/// Colours where a person reads, none in a file.
class Colours {
 public:
  const char* prompt() const { return on_ ? "\033[1;32m" : ""; }
  const char* note() const { return on_ ? "\033[2m" : ""; }
  const char* off() const { return on_ ? "\033[0m" : ""; }

 private:
  bool on_ = isatty(STDOUT_FILENO) != 0;
};

class Chat {
 public:
  Chat(const transom::Model& model, const Options& options)
      : session_(model.new_session()), options_(options) {
    template_options_.chat_template = options.chat_template;
    reset();
    if (!options.history.empty()) load(options.history);
  }

  void run() {
    std::cout << colours_.note() << "/reset, /save FILE, /quit; Ctrl-C stops an answer" << colours_.off()
              << '\n';
    std::string line;
    while (read_line(line)) {
      if (line.empty()) continue;
      if (line == "/quit") break;
      if (line == "/reset") {
        reset();
      } else if (line.starts_with("/save")) {
        save(line.size() > 6 ? line.substr(6) : "chat.json");
      } else if (line.starts_with("/")) {
        std::cout << colours_.note() << "no such command: " << line << colours_.off() << '\n';
      } else {
        answer(line);
      }
    }
    std::cout << '\n';
  }

 private:
  bool read_line(std::string& line) {
    while (true) {
      std::cout << colours_.prompt() << "> " << colours_.off() << std::flush;
      interrupted = 0;
      if (std::getline(std::cin, line)) return true;
      if (interrupted == 0) return false;  // end of input
      std::cin.clear();
      std::clearerr(stdin);
      std::cout << '\n';
    }
  }

  void reset() {
    messages_.clear();
    if (!options_.system.empty()) messages_.push_back({"system", options_.system});
  }

  void answer(const std::string& question) {
    messages_.push_back({"user", question});
    interrupted = 0;
    try {
      const transom::Generation answer =
          session_.chat(messages_, options_.generation, print, template_options_);
      std::cout << '\n';
      messages_.push_back({"assistant", answer.text});
      if (answer.finish_reason == transom::FinishReason::length)
        std::cout << colours_.note() << "(cut off: --max-new-tokens)" << colours_.off() << '\n';
    } catch (const transom::InvalidArgument& error) {  // the text is longer than the context, say
      messages_.pop_back();
      std::cout << colours_.note() << error.what() << "; /reset begins anew" << colours_.off() << '\n';
    }
  }

  static bool print(std::string_view piece) {
    std::cout << piece << std::flush;
    return interrupted == 0;
  }

  void save(const std::string& path) const {
    nlohmann::ordered_json json = nlohmann::ordered_json::array();
    for (const transom::ChatMessage& message : messages_)
      json.push_back({{"role", message.role}, {"content", message.content}});
    if (std::ofstream(path) << json.dump(2) << '\n') {
      std::cout << colours_.note() << messages_.size() << " messages in " << path << colours_.off() << '\n';
    } else {
      std::cout << colours_.note() << "cannot write " << path << colours_.off() << '\n';
    }
  }

  void load(const std::string& path) {
    std::ifstream file(path);
    if (!file) throw transom::NotFound("cannot read " + path);
    try {
      messages_.clear();
      for (const auto& message : nlohmann::ordered_json::parse(file))
        messages_.push_back({message.at("role"), message.at("content")});
    } catch (const nlohmann::json::exception& error) {
      throw transom::FormatError(path +
                                 ": expected a list of messages with role and content: " + error.what());
    }
  }

  transom::Session session_;
  const Options& options_;
  transom::ChatTemplateOptions template_options_;
  std::vector<transom::ChatMessage> messages_;
  Colours colours_;
};

void add_options(CLI::App& app, Options& options) {
  app.add_option("model", options.model, "Model directory, or org/name in the local Hugging Face cache")
      ->required();
  app.add_option("--system", options.system, "System message");
  app.add_option("--history", options.history, "Go on with a conversation that /save wrote");
  app.add_option("--chat-template", options.chat_template,
                 "Jinja text, for a model without a template of its own");
  app.add_option("--quantization", options.quantization, "none, int8");
  app.add_option("--attention-window", options.window, "Tokens that every layer sees; 0 = as the model says");
  app.add_option_function<int>(
         "--max-new-tokens", [&options](int n) { options.generation.max_new_tokens = n; }, "Longest answer")
      ->default_val(1024)
      ->force_callback();
  app.add_option_function<float>(
      "--temperature",
      [&options](float value) {
        options.generation.do_sample = value > 0;
        if (value > 0) options.generation.temperature = value;
      },
      "0 = always the most probable token (default: as the model says)");
  app.add_option_function<std::uint64_t>(
      "--seed", [&options](std::uint64_t seed) { options.generation.seed = seed; }, "Seed of sampling");
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  CLI::App app("Chats with a language model");
  add_options(app, options);
  CLI11_PARSE(app, argc, argv);
  auto config = transom::AutoConfig::from_pretrained(options.model);
  config.update({{"attention_window", options.window}});
  if (!options.quantization.empty()) config.update({{"quantization", options.quantization}});
  const auto model = transom::AutoModel::from_pretrained(options.model, config);
  if (options.chat_template.empty() && !model.tokenizer().has_chat_template())
    throw transom::NotFound(options.model +
                            " has no chat template: it only continues text (see transom-stream)");
  install_interrupt_handler();
  Chat(model, options).run();
  return 0;
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
