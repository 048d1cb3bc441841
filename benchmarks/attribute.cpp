// Times attribution of a given text and prints one JSON object:
//   attribute JOB.json
// The job, with the names of the options: model, method, dtype, runs, threads, input, generated,
// attribute_target, attribution_args, attr_pos_start, attr_pos_end, memory_limit; out: the file
// that gets the scores, one per token and step, so that they can be checked before the times are
// believed; product: [rows, in, out] of the matrix products whose rate is measured, or nothing.
#include <ATen/Parallel.h>

#include <chrono>
#include <iostream>

#include "inseq/attribution_model.h"
#include "inseq/process_memory.h"
#include "io/file.h"
#include "models/stack/device.h"
#include "nn/linear.h"

namespace inseq {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

/// Operations per second of matrix products [rows, in] x [in, out].
double product_rate(const std::vector<int64_t>& shape, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  const int64_t rows = shape.at(0), in = shape.at(1), out = shape.at(2);
  // The fastest product there is here: at::mm, or oneDNN's on packed weights.
  const Tensor a = at::randn({rows, in}).to(type), b = at::randn({in, out}).to(type);
  const nn::Linear packed(b, Tensor());
  double best = 0;
  for (int trial = 0; trial < 16; ++trial) {
    const auto start = Clock::now();
    for (int i = 0; i < 8; ++i) trial % 2 == 0 ? at::mm(a, b) : packed.pullback(a);
    best = std::max(best, 8 * 2.0 * static_cast<double>(rows * in * out) / seconds_since(start));
  }
  return best;
}

AttributeOptions options_of(const Json& job) {
  AttributeOptions options;
  options.method = job.at("method");
  options.granular = false;
  options.attribute_target = job.value("attribute_target", false);
  options.attribution_args = job.value("attribution_args", Json::object());
  options.memory_limit = job.value("memory_limit", int64_t{0});
  if (job.contains("attr_pos_start")) options.attr_pos_start = job["attr_pos_start"];
  if (job.contains("attr_pos_end")) options.attr_pos_end = job["attr_pos_end"];
  return options;
}

int run(const Json& job) {
  const std::string dtype = job.at("dtype");
  LoadOptions loading;
  loading.dtype = dtype;
  loading.threads = job.at("threads");
  const auto model = AttributionModel::load(job.at("model"), loading);
  const AttributeOptions options = options_of(job);
  const std::vector<std::string> input{job.at("input")}, generated{job.at("generated")};
  const int runs = job.at("runs");
  std::vector<double> times;
  AttributionOutput out;
  for (int i = 0; i <= runs; ++i) {
    const auto start = Clock::now();
    out = model.attribute(input, generated, options);
    if (i > 0 || runs == 0) times.push_back(seconds_since(start));  // the first warms up
  }
  save(out, job.at("out"));
  const SequenceAttribution& s = out.sequences[0];
  Json result{{"times", times},         {"median", median(times)},   {"first", s.attr_pos_start},
              {"last", s.attr_pos_end}, {"source", s.source.size()}, {"tokens", s.target.size()}};
  if (const auto deltas = s.step_scores.find("deltas"); deltas != s.step_scores.end())
    result["gap"] = deltas->second.abs().max().item<double>();  // of completeness
  if (job.contains("product"))
    result["rate"] = product_rate(job["product"], models::parse_dtype(dtype));
  std::cout << result << "\n";
  return 0;
}

}  // namespace
}  // namespace inseq

int main(int argc, char** argv) {
  inseq::prepare_process_memory();
  try {
    INSEQ_CHECK(argc == 2, inseq::InvalidArgument, "usage: attribute JOB.json");
    return inseq::run(inseq::Json::parse(inseq::io::read_text(argv[1])));
  } catch (const std::exception& error) {
    std::cerr << "bench: " << error.what() << "\n";
    return 1;
  }
}
