// Times beam search of a model with an encoder and prints one JSON object:
//   beams FOLDER SOURCE.json OPTIONS.json RUNS THREADS
// SOURCE.json: lists of source ids of one length; OPTIONS.json: generation options. beams.py runs
// it beside transformers.
#include <ATen/Parallel.h>

#include <chrono>
#include <iostream>

#include "generation/generation.h"
#include "inseq/process_memory.h"
#include "io/file.h"
#include "models/stack/architecture.h"

namespace inseq {
namespace {

using Rows = std::vector<std::vector<int64_t>>;

Rows rows_of(const at::Tensor& ids) {
  Rows rows;
  for (int64_t i = 0; i < ids.size(0); ++i) {
    const at::Tensor row = ids[i].contiguous();
    rows.emplace_back(row.const_data_ptr<int64_t>(), row.const_data_ptr<int64_t>() + row.numel());
  }
  return rows;
}

int run(const std::vector<std::string>& arguments) {
  at::set_num_threads(std::stoi(arguments.at(4)));
  const at::NoGradGuard no_grad;
  const auto model = models::build_model(models::open_model_files(arguments.at(0), false), {});
  std::vector<at::Tensor> sources;
  for (const auto& row : nlohmann::json::parse(io::read_text(arguments.at(1))).get<Rows>()) {
    sources.push_back(at::tensor(row, at::kLong));
  }
  const auto options = generation::read_options(
      {.user = nlohmann::ordered_json::parse(io::read_text(arguments.at(2)))});
  const at::Tensor ids = at::stack(sources);
  const at::Tensor start =
      at::tensor(generation::decoder_prompt(options), at::kLong).expand({ids.size(0), -1});
  const generation::Prompt prompt{start.contiguous(), at::ones_like(start), ids,
                                  at::ones_like(ids)};
  std::vector<double> seconds;
  generation::Generated made;
  for (int i = 0; i <= std::stoi(arguments.at(3)); ++i) {
    const auto begin = std::chrono::steady_clock::now();
    made = generation::generate(*model, prompt, options);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    if (i > 0) seconds.push_back(took.count());  // the first warms up
  }
  std::cout << nlohmann::json{{"seconds", seconds}, {"ids", rows_of(made.ids)}}.dump() << "\n";
  return 0;
}

}  // namespace
}  // namespace inseq

int main(int argc, char** argv) {
  inseq::prepare_process_memory();
  try {
    return inseq::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
