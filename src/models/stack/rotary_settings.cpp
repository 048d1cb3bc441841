#include "models/stack/rotary_settings.h"

#include <cmath>

#include "inseq/error.h"

namespace inseq::models {
namespace {

/// The entries of a configuration that describe rotary positions.
struct Rope {
  const Config& config;  // the whole
  Config settings;
  int64_t rotary;
  double theta;

  /// Tokens of the context that the model was first trained with.
  int64_t original_positions() const {
    constexpr const char* kKey = "original_max_position_embeddings";
    if (config.has(kKey)) return config.size({kKey});  // Phi 3's place wins in transformers
    return settings.size({kKey}, config.size({"max_position_embeddings"}, 2048));
  }

  double positive(const char* key, std::optional<double> fallback = {}) const {
    const double value = settings.number(key, fallback);
    INSEQ_CHECK(value > 0 && std::isfinite(value), FormatError, settings.path(), ": \"", key,
                "\" is ", value, ", needed is more than 0");
    return value;
  }

  /// `factor`, or how much longer the context has become.
  double factor_or_growth() const {
    if (settings.has("factor")) return positive("factor");
    return static_cast<double>(config.size({"max_position_embeddings"}, 2048)) /
           static_cast<double>(original_positions());
  }
};

/// The factors of a list that has one for each frequency.
std::vector<double> factors_of(const Rope& rope, const char* key) {
  const Json& all = rope.settings.json();
  const Json list = all.contains(key) ? all.at(key) : Json();
  const auto needed = static_cast<size_t>(rope.rotary / 2);
  INSEQ_CHECK(list.is_array() && list.size() == needed, FormatError, rope.settings.path(), ": \"",
              key, "\" must be a list of ", needed, " numbers, one for each frequency");
  std::vector<double> out;
  for (const Json& value : list) {
    const double factor = value.is_number() ? value.get<double>() : 0;
    INSEQ_CHECK(factor > 0 && std::isfinite(factor), FormatError, rope.settings.path(), ": \"", key,
                "\" holds ", value.dump(), ", needed are numbers of more than 0");
    out.push_back(factor);
  }
  return out;
}

std::unique_ptr<nn::RotaryFrequencies> read_llama3(const Rope& rope) {
  const double low = rope.settings.number("low_freq_factor"),
               high = rope.settings.number("high_freq_factor");
  INSEQ_CHECK(low > 0 && high > low, FormatError, rope.settings.path(), ": low_freq_factor ", low,
              " and high_freq_factor ", high, " must satisfy 0 < low < high");
  return nn::llama3_frequencies(rope.rotary, rope.theta,
                                {rope.positive("factor"), low, high, rope.original_positions()});
}

/// 0.1 scale ln(factor) + 1, the paper's growth of attention.
double yarn_growth(double factor, double scale) {
  return factor <= 1 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0;
}

std::unique_ptr<nn::RotaryFrequencies> read_yarn(const Rope& rope) {
  const Config& settings = rope.settings;
  INSEQ_CHECK(rope.theta > 1, FormatError, settings.path(), ": rope_theta is ", rope.theta,
              ", yarn needs more than 1");
  nn::YarnScaling scaling;
  scaling.factor = rope.factor_or_growth();
  scaling.original_positions = rope.original_positions();
  // A zero counts as absent.
  const auto or_default = [&](const char* key, double fallback) {
    return settings.number(key, 0.0) == 0 ? fallback : rope.positive(key);
  };
  scaling.beta_fast = or_default("beta_fast", 32.0);
  scaling.beta_slow = or_default("beta_slow", 1.0);
  scaling.whole_dimensions = settings.flag("truncate", true);
  const double scale = settings.number("mscale", 0.0),
               scale_all = settings.number("mscale_all_dim", 0.0);
  const bool both = scale != 0 && scale_all != 0;
  const double growth =
      both ? yarn_growth(scaling.factor, scale) / yarn_growth(scaling.factor, scale_all)
           : yarn_growth(scaling.factor, 1.0);
  scaling.magnitude = settings.number("attention_factor", growth);
  return nn::yarn_frequencies(rope.rotary, rope.theta, scaling);
}

std::unique_ptr<nn::RotaryFrequencies> read_longrope(const Rope& rope) {
  nn::LongScaling scaling;
  scaling.short_factors = factors_of(rope, "short_factor");
  scaling.long_factors = factors_of(rope, "long_factor");
  scaling.original_positions = rope.original_positions();
  const double factor = rope.factor_or_growth();
  const double context = static_cast<double>(scaling.original_positions);
  INSEQ_CHECK(context > 1, FormatError, rope.settings.path(),
              ": original_max_position_embeddings is 1, longrope needs more");
  scaling.magnitude = rope.settings.number(
      "attention_factor", factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(context)));
  return nn::long_frequencies(rope.rotary, rope.theta, scaling);
}

/// Where a file has both, transformers takes the older name.
Config rotary_settings(const Config& config) {
  return config.object(config.has("rope_scaling") ? "rope_scaling" : "rope_parameters");
}

std::string rotary_type(const Config& settings) {
  return settings.text("rope_type", settings.text("type", "default"));
}

}  // namespace

std::optional<int64_t> rotary_context(const Config& config) {
  if (!config.has("max_position_embeddings")) return {};
  const int64_t positions = config.size({"max_position_embeddings"});
  const Config settings = rotary_settings(config);
  const std::string type = rotary_type(settings);
  // The other scalings count it in.
  if (type != "linear" && type != "dynamic") return positions;
  return static_cast<int64_t>(settings.number("factor", 1.0) * static_cast<double>(positions));
}

std::unique_ptr<nn::RotaryFrequencies> read_rotary(const Config& config, int64_t rotary) {
  const Config settings = rotary_settings(config);
  const double theta = settings.number("rope_theta", config.number("rope_theta", 10000.0));
  INSEQ_CHECK(theta > 0 && std::isfinite(theta), FormatError, settings.path(), ": rope_theta is ",
              theta, ", needed is more than 0");
  const Rope rope{config, settings, rotary, theta};
  const std::string type = rotary_type(settings);
  if (type == "default") return nn::plain_frequencies(rotary, theta);
  if (type == "linear") return nn::plain_frequencies(rotary, theta, rope.positive("factor"));
  if (type == "dynamic") {
    INSEQ_CHECK(rotary > 2, FormatError, settings.path(),
                ": dynamic scaling needs a head_dim of more than 2");
    return nn::dynamic_frequencies(
        rotary, theta, {rope.positive("factor"), config.size({"max_position_embeddings"}, 2048)});
  }
  if (type == "llama3") return read_llama3(rope);
  if (type == "yarn") return read_yarn(rope);
  if (type == "longrope") return read_longrope(rope);
  if (type == "factors") return nn::divided_frequencies(rotary, theta, factors_of(rope, "factors"));
  throw Unsupported(concat(settings.path(), ": rotary scaling \"", type,
                           "\" is not supported; supported are default, linear, dynamic, llama3, "
                           "yarn and longrope"));
}

}  // namespace inseq::models
