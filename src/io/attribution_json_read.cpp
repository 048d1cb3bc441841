#include <algorithm>

#include "data/attribution_axes.h"
#include "inseq/error.h"
#include "io/attribution_json.h"
#include "io/attribution_json_tensors.h"
#include "io/python_json.h"

namespace inseq::io {

namespace {

/// The attributes of an encoded Python object, and the name of its class.
struct Instance {
  std::string class_name;
  const Json* attributes;
};

Instance read_instance(const Json& value, const std::string& where) {
  const bool is_instance =
      value.is_object() && value.contains("__instance_type__") && value.contains("attributes") &&
      value["__instance_type__"].is_array() && value["__instance_type__"].size() == 2 &&
      value["__instance_type__"][1].is_string() && value["attributes"].is_object();
  INSEQ_CHECK(is_instance, FormatError, where,
              ": needs to be an object with \"__instance_type__\" and \"attributes\", as Inseq "
              "saves it with "
              "use_primitives=False");
  return {value["__instance_type__"][1].get<std::string>(), &value["attributes"]};
}

/// The attribute of that name; null when it is missing, as for a field with a default.
const Json& attribute(const Json& attributes, const char* name) {
  static const Json none;
  const auto found = attributes.find(name);
  return found == attributes.end() ? none : *found;
}

AttributionKind read_kind(const std::string& class_name, const std::string& suffix,
                          const std::string& where) {
  if (class_name == suffix) return AttributionKind::kPlain;
  if (class_name == "Granular" + suffix) return AttributionKind::kGranular;
  if (class_name == "Coarse" + suffix) return AttributionKind::kCoarse;
  if (class_name == "MultiDimensional" + suffix) return AttributionKind::kMultiDimensional;
  throw FormatError(concat(where, ": is a \"", class_name, "\", needs to be a ", suffix,
                           ", plain or Granular, Coarse or MultiDimensional"));
}

int64_t read_int(const Json& value, const std::string& where) {
  INSEQ_CHECK(value.is_number_integer(), FormatError, where, ": needs to be a whole number");
  return value.get<int64_t>();
}

std::vector<Token> read_tokens(const Json& value, const std::string& where) {
  INSEQ_CHECK(value.is_array(), FormatError, where, ": needs to be a list of tokens");
  std::vector<Token> tokens;
  tokens.reserve(value.size());
  for (const Json& item : value) {
    const std::string here = concat(where, "[", tokens.size(), "]");
    const Json& attributes = *read_instance(item, here).attributes;
    const Json& text = attribute(attributes, "token");
    INSEQ_CHECK(text.is_string(), FormatError, here, ".token: needs to be a string");
    tokens.push_back(
        {text.get<std::string>(), read_int(attribute(attributes, "id"), here + ".id")});
  }
  return tokens;
}

std::vector<std::vector<Token>> read_batch(const Json& value, const std::string& where) {
  std::vector<std::vector<Token>> batch;
  if (value.is_null()) return batch;
  INSEQ_CHECK(value.is_array(), FormatError, where,
              ": needs to be a list with a list of tokens a sequence");
  for (const Json& item : value) {
    batch.push_back(read_tokens(item, concat(where, "[", batch.size(), "]")));
  }
  return batch;
}

using Decode = Tensor (*)(const Json&, const std::string&);

Tensor read_tensor(const Json& value, const std::string& where, Decode decode) {
  return value.is_null() ? Tensor() : decode(value, where);
}

std::map<std::string, Tensor> read_scores(const Json& value, const std::string& where,
                                          Decode decode) {
  std::map<std::string, Tensor> scores;
  if (value.is_null()) return scores;
  INSEQ_CHECK(value.is_object(), FormatError, where, ": needs to be an object of named tensors");
  for (const auto& [name, item] : value.items())
    scores[name] = decode(item, concat(where, ".", name));
  return scores;
}

void read_positions(const Json& attributes, const std::string& where, SequenceAttribution& out) {
  const auto length = static_cast<int64_t>(out.target.size());
  const Json& start = attribute(attributes, "attr_pos_start");
  const Json& end = attribute(attributes, "attr_pos_end");
  if (!start.is_null()) out.attr_pos_start = read_int(start, where + ".attr_pos_start");
  out.attr_pos_end =
      end.is_null() ? length : std::min(length, read_int(end, where + ".attr_pos_end"));
  INSEQ_CHECK(0 <= out.attr_pos_start && out.attr_pos_start <= out.attr_pos_end, FormatError, where,
              ": the attributed positions ", out.attr_pos_start, " to ", out.attr_pos_end,
              " do not lie in the target of ", length, " tokens");
}

SequenceAttribution read_sequence(const Json& value, const std::string& where) {
  const auto [class_name, attributes] = read_instance(value, where);
  SequenceAttribution out;
  out.kind = read_kind(class_name, "FeatureAttributionSequenceOutput", where);
  out.source = read_tokens(attribute(*attributes, "source"), where + ".source");
  out.target = read_tokens(attribute(*attributes, "target"), where + ".target");
  read_positions(*attributes, where, out);
  const auto tensor = [&, &attributes = attributes](const char* name) {
    const Tensor scores =
        read_tensor(attribute(*attributes, name), concat(where, ".", name), decode_safetensor);
    INSEQ_CHECK(!scores.defined() || scores.dim() >= 2, FormatError, where, ".", name, ": has ",
                scores.dim(), " axes, needs at least tokens and steps");
    return scores;
  };
  out.source_attributions = tensor("source_attributions");
  out.target_attributions = tensor("target_attributions");
  out.step_scores =
      read_scores(attribute(*attributes, "step_scores"), where + ".step_scores", decode_safetensor);
  out.sequence_scores = read_scores(attribute(*attributes, "sequence_scores"),
                                    where + ".sequence_scores", decode_safetensor);
  if (out.kind == AttributionKind::kMultiDimensional) out.num_dimensions = data::trailing_axes(out);
  out.aggregator = data::default_aggregators(out.kind, data::trailing_axes(out));
  return out;
}

StepAttribution read_step(const Json& value, const std::string& where) {
  const auto [class_name, attributes] = read_instance(value, where);
  StepAttribution out;
  out.kind = read_kind(class_name, "FeatureAttributionStepOutput", where);
  const auto batch = [&, &attributes = attributes](const char* name) {
    return read_batch(attribute(*attributes, name), concat(where, ".", name));
  };
  const auto tensor = [&, &attributes = attributes](const char* name) {
    return read_tensor(attribute(*attributes, name), concat(where, ".", name), decode_ndarray);
  };
  const auto scores = [&, &attributes = attributes](const char* name) {
    return read_scores(attribute(*attributes, name), concat(where, ".", name), decode_ndarray);
  };
  out.source = batch("source");
  out.prefix = batch("prefix");
  out.target = batch("target");
  out.source_attributions = tensor("source_attributions");
  out.target_attributions = tensor("target_attributions");
  out.step_scores = scores("step_scores");
  out.sequence_scores = scores("sequence_scores");
  const Tensor& any =
      out.source_attributions.defined() ? out.source_attributions : out.target_attributions;
  if (out.kind == AttributionKind::kMultiDimensional && any.defined()) {
    out.num_dimensions = std::max<int64_t>(0, any.dim() - 2);
  }
  return out;
}

}  // namespace

AttributionOutput from_json_text(std::string_view text, const std::string& name) {
  const Json root = parse_python_json(text, name);
  const auto [class_name, attributes] = read_instance(root, name);
  INSEQ_CHECK(class_name == "FeatureAttributionOutput", FormatError, name, ": holds a \"",
              class_name, "\", needs to be a FeatureAttributionOutput");
  AttributionOutput out;
  const Json& info = attribute(*attributes, "info");
  INSEQ_CHECK(info.is_object() || info.is_null(), FormatError, name,
              ": info: needs to be an object");
  if (info.is_object()) out.info = info;
  const Json& sequences = attribute(*attributes, "sequence_attributions");
  INSEQ_CHECK(sequences.is_array(), FormatError, name,
              ": sequence_attributions: needs to be a list");
  for (const Json& item : sequences) {
    out.sequences.push_back(
        read_sequence(item, concat(name, ": sequence_attributions[", out.sequences.size(), "]")));
  }
  const Json& steps = attribute(*attributes, "step_attributions");
  if (steps.is_null()) return out;
  INSEQ_CHECK(steps.is_array(), FormatError, name,
              ": step_attributions: needs to be a list or null");
  out.steps.emplace();
  for (const Json& item : steps) {
    out.steps->push_back(
        read_step(item, concat(name, ": step_attributions[", out.steps->size(), "]")));
  }
  return out;
}

}  // namespace inseq::io
