// Value zeroing (Mohebbi et al. 2023): how much the output of a layer depends on the value vectors
// of a token.
#include <charconv>

#include "inseq/error.h"
#include "methods/registry/method.h"

namespace inseq::methods {
namespace {

using models::Mixing;

constexpr const char* kNeeded =
    "null (all heads), a head, a list of heads, \"first:end\", or an object with one of these for "
    "each layer";

/// A number in [-count, count], counted from the end when negative.
int64_t index_of(int64_t number, int64_t count, int64_t highest, const char* option,
                 const char* unit) {
  INSEQ_CHECK(number >= -count && number <= highest, InvalidArgument, "option \"", option,
              "\" names ", unit, " ", number, ", there are ", count);
  return number < 0 ? count + number : number;
}

/// "first:end" as two numbers.
std::pair<int64_t, int64_t> span_of(const std::string& text, const char* option) {
  int64_t first = 0, end = 0;
  const size_t colon = text.find(':');
  const char *start = text.data(), *stop = start + text.size();
  const bool parsed = colon != std::string::npos &&
                      std::from_chars(start, start + colon, first).ptr == start + colon &&
                      colon > 0 && std::from_chars(start + colon + 1, stop, end).ptr == stop &&
                      colon + 1 < text.size();
  INSEQ_CHECK(parsed, InvalidArgument, "option \"", option, "\" is \"", text, "\", needed is ",
              kNeeded);
  return {first, end};
}

/// The value heads that the option means in a layer.
std::vector<int64_t> heads_of(const Json& value, int64_t count, const char* option) {
  std::vector<int64_t> heads;
  if (value.is_null()) {
    for (int64_t head = 0; head < count; ++head) heads.push_back(head);
  } else if (value.is_string()) {
    auto [first, end] = span_of(value.get<std::string>(), option);
    first = index_of(first, count, count - 1, option, "value head");
    end = index_of(end, count, count, option, "value head");
    INSEQ_CHECK(first < end, InvalidArgument, "option \"", option, "\" is ", value.dump(),
                ", which is no head at all");
    for (int64_t head = first; head < end; ++head) heads.push_back(head);
  } else {
    const Json list = value.is_array() ? value : Json::array({value});
    INSEQ_CHECK(!list.empty(), InvalidArgument, "option \"", option,
                "\" is an empty list, needed is ", kNeeded);
    for (const Json& head : list) {
      INSEQ_CHECK(head.is_number_integer(), InvalidArgument, "option \"", option, "\" is ",
                  value.dump(), ", needed is ", kNeeded);
      heads.push_back(index_of(head.get<int64_t>(), count, count - 1, option, "value head"));
      INSEQ_CHECK(std::count(heads.begin(), heads.end(), heads.back()) == 1, InvalidArgument,
                  "option \"", option, "\" names value head ", heads.back(), " twice");
    }
  }
  return heads;
}

/// The same where the option may be an object with an entry for each layer; layers without one are
/// left alone.
std::vector<int64_t> heads_in(const Json& value, int64_t layer, int64_t count, const char* option) {
  if (!value.is_object()) return heads_of(value, count, option);
  const auto found = value.find(std::to_string(layer));
  return found == value.end() ? std::vector<int64_t>{} : heads_of(*found, count, option);
}

void check_layers(const Json& value, int64_t layers, const char* option) {
  if (!value.is_object()) return;
  for (const auto& [key, heads] : value.items()) {
    int64_t layer = -1;
    const auto parsed = std::from_chars(key.data(), key.data() + key.size(), layer);
    INSEQ_CHECK(parsed.ptr == key.data() + key.size() && layer >= 0 && layer < layers,
                InvalidArgument, "option \"", option, "\" names layer \"", key,
                "\", there are layers 0 to ", layers - 1);
  }
}

/// Small distances count as 0; the rest is divided by the sum over tokens. [layers, rows, tokens]
Tensor normalised(const Tensor& distances, double threshold) {
  const Tensor kept =
      at::where(distances < threshold, at::zeros({}, distances.options()), distances);
  const Tensor sums = kept.nansum(-1, /*keepdim=*/true);
  return kept / at::where(sums == 0, at::ones_like(sums), sums);
}

class ValueZeroing : public Method {
 public:
  MethodInfo info() const override {
    const auto indices = [](const char* name, const char* where) {
      return OptionInfo{name, nullptr,
                        concat("value heads that are zeroed in ", where, ": ", kNeeded),
                        Json::value_t::discarded};
    };
    return {
        .kind = AttributionKind::kMultiDimensional,
        .family = "perturbation",
        .summary = "share of a token's value vectors in the outputs of each layer",
        .paper = "Mohebbi et al. 2023, arXiv:2301.12971",
        .options = {{.name = "similarity_metric",
                     .fallback = "cosine",
                     .summary = "how states are compared: 1 - cosine, or the Euclidean distance",
                     .choices = {"cosine", "euclidean"}},
                    indices("encoder_zeroed_units_indices", "the encoder's self-attention"),
                    indices("decoder_zeroed_units_indices", "the decoder's self-attention"),
                    indices("cross_zeroed_units_indices", "cross-attention"),
                    {"output_decoder_self_scores", true,
                     "with an encoder: also scores of the target prefix"},
                    {"output_encoder_self_scores", true,
                     "with an encoder: also scores of the source among itself"},
                    {"min_score_threshold", 1e-5, "distances below this count as 0",
                     Json::value_t::number_float, 0}},
        .num_dimensions = 1,
        .uses_prediction = false};
  }

  engine::Answer attribute(const engine::Engine& engine, const engine::Question& question,
                           const Json& options) const override {
    const bool has_source = question.ids.source.defined();
    const bool wants_decoder = !has_source || question.attribute_target ||
                               options.at("output_decoder_self_scores").get<bool>();
    const bool wants_encoder = options.at("output_encoder_self_scores").get<bool>();
    check_options(engine, has_source, options);
    engine::Answer answer =
        question.step_scores.empty() ? engine::Answer{} : engine.scores(question);
    const auto heads = [&](Mixing where, int64_t layer, int64_t count) {
      if ((where == Mixing::kDecoder && !wants_decoder) ||
          (where == Mixing::kEncoder && !wants_encoder))
        return at::empty({0}, at::kLong);
      const char* option = option_of(where);
      return at::tensor(heads_in(options.at(option), layer, count, option), at::kLong);
    };
    const bool euclidean = options.at("similarity_metric") == "euclidean";
    const auto distance = [euclidean](const Tensor& clean, const Tensor& changed) {
      // In float64, as 1 - cosine loses most of float32's digits between states that are near.
      const Tensor a = clean.to(at::kDouble).unsqueeze(0), b = changed.to(at::kDouble);
      return euclidean ? at::linalg_vector_norm(a - b, 2, -1) : 1 - at::cosine_similarity(a, b, -1);
    };
    const engine::MixingDistances found = engine.zeroed_values(question, {heads, distance});
    const auto shaped = [&](const Tensor& distances) {  // -> [tokens, rows, layers]
      const Tensor scores =
          normalised(distances, options.at("min_score_threshold").get<double>()).permute({2, 1, 0});
      return (question.detail == engine::Detail::kPerToken ? scores.mean(-1, /*keepdim=*/true)
                                                           : scores)
          .contiguous();
    };
    if (wants_decoder) {
      // A row for the last explained token, which no step sees: as all methods have it.
      const Tensor target = shaped(found.decoder);
      const Tensor last = at::full_like(target.narrow(0, 0, 1), NAN);
      (question.attributes_target() ? answer.target
                                    : answer.sequence_scores["decoder_self_scores"]) =
          at::cat({target, last});
    }
    if (has_source) answer.source = shaped(found.cross);
    if (has_source && wants_encoder)
      answer.sequence_scores["encoder_self_scores"] = shaped(found.encoder);
    return answer;
  }

 private:
  static const char* option_of(Mixing where) {
    return where == Mixing::kEncoder ? "encoder_zeroed_units_indices"
           : where == Mixing::kCross ? "cross_zeroed_units_indices"
                                     : "decoder_zeroed_units_indices";
  }
  static void check_options(const engine::Engine& engine, bool has_source, const Json& options) {
    const models::ModelSizes& sizes = engine.model().sizes();
    for (const Mixing where : {Mixing::kDecoder, Mixing::kEncoder, Mixing::kCross}) {
      const char* option = option_of(where);
      const Json& value = options.at(option);
      INSEQ_CHECK(has_source || where == Mixing::kDecoder || value.is_null(), InvalidArgument,
                  "option \"", option,
                  "\" is for models with an encoder; this one has "
                  "\"decoder_zeroed_units_indices\"");
      check_layers(value, where == Mixing::kEncoder ? sizes.encoder_layers : sizes.layers, option);
    }
  }
};

}  // namespace

void register_value_zeroing(MethodRegistry& registry) {
  registry.add<ValueZeroing>("value_zeroing");
}

}  // namespace inseq::methods
