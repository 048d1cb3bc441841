#include "support/golden.h"

#include <filesystem>
#include <limits>

#include "io/tensor_file.h"
#include "support/golden_folder.h"

namespace inseq::test {
namespace {

std::vector<std::string> texts_of(const Json& value) {
  if (value.is_string()) return {value.get<std::string>()};
  return value.get<std::vector<std::string>>();
}

std::vector<Token> tokens_of(const Json& list) {
  std::vector<Token> tokens;
  for (const Json& token : list)
    tokens.push_back({token.at(0).get<std::string>(), token.at(1).get<int64_t>()});
  return tokens;
}

AttributionKind kind_of(const std::string& name) {
  if (name == "granular") return AttributionKind::kGranular;
  if (name == "coarse") return AttributionKind::kCoarse;
  if (name == "multi_dimensional") return AttributionKind::kMultiDimensional;
  INSEQ_CHECK(name == "plain", FormatError, "unknown kind of attribution \"", name,
              "\" in a golden answer");
  return AttributionKind::kPlain;
}

using Tensors = std::map<std::string, Tensor>;

/// The tensors whose names begin with `prefix`, without it.
Tensors with_prefix(const Tensors& tensors, const std::string& prefix) {
  Tensors found;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix);
       ++it) {
    found[it->first.substr(prefix.size())] = it->second;
  }
  return found;
}

std::vector<GoldenSequence> sequences_of(const Json& list, const Tensors& tensors,
                                         const std::string& prefix) {
  std::vector<GoldenSequence> sequences;
  for (const Json& entry : list) {
    GoldenSequence s;
    s.kind = kind_of(entry.at("kind").get<std::string>());
    s.source = tokens_of(entry.at("source"));
    s.target = tokens_of(entry.at("target"));
    s.attr_pos_start = entry.at("attr_pos_start").get<int64_t>();
    s.attr_pos_end = entry.at("attr_pos_end").get<int64_t>();
    s.tensors = with_prefix(tensors, concat(prefix, sequences.size(), '.'));
    sequences.push_back(std::move(s));
  }
  return sequences;
}

/// Steps of a single text. Those of a batch hold its padding, which we do not have.
std::vector<GoldenSequence> steps_of(const Json& list, const Tensors& tensors) {
  std::vector<GoldenSequence> steps;
  for (const Json& entry : list) {
    if (entry.at("prefix").size() != 1) return {};
    GoldenSequence s;
    s.source = tokens_of(entry.at("prefix").at(0));
    s.target = tokens_of(entry.at("target").at(0));
    s.tensors = with_prefix(tensors, concat("steps.", steps.size(), '.'));
    steps.push_back(std::move(s));
  }
  return steps;
}

}  // namespace

std::map<std::string, Tensor> read_golden_tensors(const std::string& file) {
  Tensors tensors;
  const std::string path = golden_path(file);
  if (!std::filesystem::exists(path)) return tensors;
  const auto opened = io::open_safetensors(path);
  for (const io::TensorEntry& entry : opened->entries()) {
    Tensor tensor = at::empty(entry.shape, at::kFloat);
    io::to_float32(entry, {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())});
    tensors[entry.name] = tensor;
  }
  return tensors;
}

std::vector<std::string> golden_case_names() { return golden_names("cases"); }

GoldenCase read_golden_case(const std::string& name) {
  const Json json = read_golden_json("cases/" + name + ".json");
  GoldenCase golden;
  golden.name = name;
  golden.about = json.at("about").get<std::string>();
  golden.model = json.at("model").get<std::string>();
  golden.method = json.at("method").get<std::string>();
  golden.task = json.value("task", "attribute");
  golden.bound = json.at("bound").get<double>();
  golden.oddity = json.value("oddity", "");
  golden.arguments = json.at("arguments");
  const Json load = json.value("load", Json::object());
  for (const auto& [key, value] : load.items()) {
    if (key == "tokenizer_kwargs") {
      golden.load[key] = value;
    } else {
      golden.arguments["attribution_args"][key] = value;  // of the method, for us at each call
    }
  }
  golden.input_texts = texts_of(golden.arguments.at("input_texts"));
  golden.arguments.erase("input_texts");
  if (golden.arguments.contains("generated_texts")) {
    golden.generated_texts = texts_of(golden.arguments["generated_texts"]);
    golden.arguments.erase("generated_texts");
  }
  return golden;
}

GoldenAnswer read_golden_answer(const GoldenCase& golden) {
  const Json json = read_golden_json("expected/" + golden.name + ".json");
  const Tensors tensors = read_golden_tensors("expected/" + golden.name + ".safetensors");
  GoldenAnswer answer;
  if (json.contains("generated")) {
    for (const Json& entry : json["generated"]) {
      answer.generated.push_back({entry.at("ids").get<std::vector<int64_t>>(),
                                  entry.at("text").get<std::string>(),
                                  {},
                                  {}});
      if (!entry.contains("score")) continue;
      answer.generated.back().source = entry.at("source").get<std::vector<int64_t>>();
      answer.generated.back().score = entry.at("score").get<double>();
    }
    return answer;
  }
  const bool odd = json.contains("right");
  const Json& given = odd ? json["right"] : json;
  answer.sequences = sequences_of(given.at("sequences"), tensors, odd ? "right." : "");
  if (json.contains("steps")) answer.steps = steps_of(json["steps"], tensors);
  if (given.contains("info")) answer.info = given["info"];
  answer.generated_texts =
      texts_of((given.contains("info") ? answer.info : given).at("generated_texts"));
  return answer;
}

double normalised_error(const Tensor& found, const Tensor& expected) {
  constexpr double kInfinite = std::numeric_limits<double>::infinity();
  if (!found.defined() || found.sizes() != expected.sizes()) return kInfinite;
  if (expected.numel() == 0) return 0;
  const Tensor a = found.to(at::kCPU, at::kDouble), b = expected.to(at::kCPU, at::kDouble);
  const Tensor missing = b.isnan();
  if (!a.isnan().equal(missing)) return kInfinite;
  const double error = (a - b).masked_fill(missing, 0).abs().max().item<double>();
  const double scale = b.masked_fill(missing, 0).abs().max().item<double>();
  return scale > 0 ? error / scale : error;
}

}  // namespace inseq::test
