#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "inseq/attribution_model.h"
#include "support/formula_model.h"
#include "support/run_program.h"
#include "support/temporary_folder.h"

namespace inseq::test {

using Words = std::vector<std::string>;

/// Runs `inseq` and checks what holds for every run: no stack traces, and escape sequences only
/// where there is a terminal.
inline RunResult inseq(const Words& arguments, const RunOptions& options = {}) {
  RunResult result = run_program(INSEQ_BINARY, arguments, options);
  for (const char* trace :
       {"Exception raised from", "frame #", "terminate called", "should not have happened"}) {
    EXPECT_EQ((result.out + result.err).find(trace), std::string::npos) << result.err;
  }
  EXPECT_TRUE(options.out_columns > 0 || result.out.find('\x1b') == std::string::npos)
      << result.out;
  EXPECT_TRUE(options.err_columns > 0 || result.err.find('\x1b') == std::string::npos)
      << result.err;
  return result;
}

/// The folder of a tiny model, written once a process.
inline std::string model_folder(const std::string& name = "llama_base") {
  static std::map<std::string, std::unique_ptr<TemporaryFolder>> folders;
  if (!folders.contains(name)) {
    folders[name] = std::make_unique<TemporaryFolder>();
    write_model_folder(name, folders[name]->path());
  }
  return folders[name]->path();
}

inline Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

/// `inseq attribute -m <tiny model>` with further arguments.
inline RunResult attribute(const Words& arguments, const RunOptions& options = {}) {
  return inseq(with({"attribute", "-m", model_folder()}, arguments), options);
}

/// Texts to explain without generation; the tiny Llama makes 7 tokens of what is explained.
inline const Words kTexts = {"-i", "The dog", "-g", "The dog ate the food"};

/// Expects a failure: this exit code, nothing on standard output, and one line on standard error
/// with all of `parts`.
inline void expect_failure(const RunResult& result, int exit_code, const Words& parts) {
  EXPECT_EQ(result.exit_code, exit_code) << result.err;
  EXPECT_EQ(result.out, "");
  EXPECT_TRUE(result.err.starts_with("inseq: ")) << result.err;
  EXPECT_EQ(result.err.find('\n') + 1, result.err.size()) << "needed is one line: " << result.err;
  for (const std::string& part : parts) {
    EXPECT_NE(result.err.find(part), std::string::npos)
        << "lacks \"" << part << "\": " << result.err;
  }
}

inline void expect_contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << "lacks \"" << part << "\":\n" << text;
}

inline size_t count_of(const std::string& part, const std::string& text) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

/// The largest difference of two tensors; infinite when shapes or the places of NaNs differ.
inline double difference(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined() ? 0 : INFINITY;
  if (a.sizes() != b.sizes() || !a.isnan().equal(b.isnan())) return INFINITY;
  return a.numel() == 0 ? 0 : (a - b).nan_to_num(0).abs().max().item<double>();
}

}  // namespace inseq::test
