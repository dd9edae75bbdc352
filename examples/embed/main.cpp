// SPDX-License-Identifier: Apache-2.0
// A host application: it owns its threads and its output, and treats the model as one more object.
#include <transom/transom.h>

#include <cstdio>
#include <string>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: embed MODEL_DIRECTORY\n");
    return 2;
  }
  try {
    transom::ModelOptions options;
    options.threads = 1;          // the host decides
    options.pin_threads = false;  // its other threads use the cores too
    const transom::Model model = transom::AutoModel::from_pretrained(argv[1], options);
    const transom::Generation story = model.generate("Once upon a time", {.max_new_tokens = 24});
    std::printf("transom %s: %s\n", std::string(transom::version()).c_str(), story.text.c_str());
    return story.tokens.size() == 24 ? 0 : 1;
  } catch (const transom::NotFound& error) {
    std::fprintf(stderr, "where is the model? %s\n", error.what());
  } catch (const transom::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
  }
  return 1;
}
