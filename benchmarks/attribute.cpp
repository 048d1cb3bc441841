// Times attribution of a given text with the default model (or another) and prints one JSON object:
//   attribute METHOD DTYPE RUNS THREADS INPUT GENERATED OUT.json [MODEL]
// The limit is what a perfect implementation would need: the floating-point operations of the exact
// algorithm at the rate of this machine's matrix products, measured in the same run. OUT.json gets
// the scores, one per token and step, so that they can be checked before the times are believed.
#include <ATen/Parallel.h>

#include <chrono>
#include <iostream>

#include "inseq/attribution_model.h"
#include "io/model_location.h"
#include "models/stack/architecture.h"
#include "models/stack/device.h"

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

/// Sizes that decide how much work there is.
struct Sizes {
  double hidden, inner, layers, q, kv, vocab;  // q, kv: units of all query and key heads

  static Sizes of(const models::Config& c) {
    const double heads = static_cast<double>(c.size({"num_attention_heads"}));
    const double hidden = static_cast<double>(c.size({"hidden_size"}));
    const double head_dim =
        static_cast<double>(c.size({"head_dim"}, static_cast<int64_t>(hidden / heads)));
    return {hidden,
            static_cast<double>(c.size({"intermediate_size"})),
            static_cast<double>(c.size({"num_hidden_layers"})),
            heads * head_dim,
            static_cast<double>(c.size({"num_key_value_heads"})) * head_dim,
            static_cast<double>(c.size({"vocab_size"}))};
  }
  double attention_maps() const { return hidden * (2 * q + 2 * kv); }
  double feed_forward_maps() const { return 3 * hidden * inner; }
};

/// Operations (two per multiplication) of explaining positions [first, last) by gradients: one
/// forward pass, and for each step a pullback over the tokens before it. In the last layer only a
/// step's own row is non-zero, but for the keys and values.
double gradient_operations(const Sizes& s, int64_t first, int64_t last) {
  const double layer = s.attention_maps() + s.feed_forward_maps(),
               tokens = static_cast<double>(last - 1);
  double total = 2 * tokens * s.layers * layer + 2 * 2 * s.q * tokens * tokens / 2 * s.layers;
  for (int64_t p = first; p < last; ++p) {
    const double rows = static_cast<double>(p);
    total += 2 * 2 * s.vocab * s.hidden;  // logits and their pullback
    total += 2 * (s.layers - 1) * rows * layer + 2 * (layer - 2 * s.hidden * s.kv) +
             2 * rows * 2 * s.hidden * s.kv;
    total +=
        (s.layers - 1) * 4 * 2 * s.q * rows * rows / 2 + 4 * 2 * s.q * rows;  // causal attention
  }
  return total;
}

/// Operations per second of matrix products of the shape that a block has.
double product_rate(const Sizes& s, at::ScalarType type) {
  const int64_t rows = 280, in = static_cast<int64_t>(s.hidden),
                out = static_cast<int64_t>(2 * s.inner);
  const Tensor a = at::randn({rows, out}).to(type), b = at::randn({out, in}).to(type);
  double best = 0;
  for (int trial = 0; trial < 8; ++trial) {
    const auto start = Clock::now();
    for (int i = 0; i < 8; ++i) at::mm(a, b);
    best = std::max(best, 8 * 2.0 * static_cast<double>(rows * in * out) / seconds_since(start));
  }
  return best;
}

int run(const std::vector<std::string>& arguments) {
  INSEQ_CHECK(arguments.size() >= 7, InvalidArgument,
              "usage: attribute METHOD DTYPE RUNS THREADS INPUT GENERATED OUT.json [MODEL]");
  const std::string name = arguments.size() > 7 ? arguments[7] : "";
  LoadOptions loading;
  loading.dtype = arguments[1];
  loading.threads = std::stoi(arguments[3]);
  const auto model = AttributionModel::load(name, loading);
  AttributeOptions options;
  options.method = arguments[0];
  options.granular = false;
  AttributionOutput out = model.attribute({arguments[4]}, {arguments[5]}, options);  // warm-up
  std::vector<double> times;
  for (int i = 0; i < std::stoi(arguments[2]); ++i) {
    const auto start = Clock::now();
    out = model.attribute({arguments[4]}, {arguments[5]}, options);
    times.push_back(seconds_since(start));
  }
  save(out, arguments[6]);

  const auto location = io::locate_model(name);
  const Sizes sizes = Sizes::of(models::open_model_files(location.path, location.is_gguf).config);
  const at::NoGradGuard no_grad;
  const SequenceAttribution& s = out.sequences[0];
  const double rate = product_rate(sizes, models::parse_dtype(arguments[1]));
  const double work = gradient_operations(sizes, s.attr_pos_start, s.attr_pos_end);
  std::cout << Json{{"times", times},
                    {"median", median(times)},
                    {"steps", s.attr_pos_end - s.attr_pos_start},
                    {"tokens", s.target.size()},
                    {"operations", work},
                    {"rate", rate},
                    {"limit", work / rate}}
            << "\n";
  return 0;
}

}  // namespace
}  // namespace inseq

int main(int argc, char** argv) {
  try {
    return inseq::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "bench: " << error.what() << "\n";
    return 1;
  }
}
