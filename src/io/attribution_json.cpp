#include "io/attribution_json.h"

#include "inseq/error.h"
#include "io/attribution_json_tensors.h"
#include "io/file.h"
#include "io/gzip.h"
#include "io/python_json.h"

namespace inseq::io {

namespace {

constexpr const char* kModule = "inseq.data.attribution";
constexpr int kGzipLevel = 5;  // Inseq's
constexpr size_t kMaxUnpacked = size_t{4} << 30;

Json instance(const char* module, const std::string& name, Json attributes) {
  return Json{{"__instance_type__", {module, name}}, {"attributes", std::move(attributes)}};
}

std::string class_prefix(AttributionKind kind) {
  switch (kind) {
    case AttributionKind::kGranular:
      return "Granular";
    case AttributionKind::kCoarse:
      return "Coarse";
    case AttributionKind::kMultiDimensional:
      return "MultiDimensional";
    case AttributionKind::kPlain:
      break;
  }
  return "";
}

Json tokens_json(const std::vector<Token>& tokens) {
  Json out = Json::array();
  for (const Token& token : tokens) {
    out.push_back(
        instance("inseq.utils.typing", "TokenWithId", {{"id", token.id}, {"token", token.text}}));
  }
  return out;
}

/// A list of tokens a sequence, or null where there is none.
Json batch_json(const std::vector<std::vector<Token>>& batch) {
  if (batch.empty()) return nullptr;
  Json out = Json::array();
  for (const std::vector<Token>& tokens : batch) out.push_back(tokens_json(tokens));
  return out;
}

template <typename Encode>
Json scores_json(const std::map<std::string, Tensor>& scores, const Encode& encode) {
  Json out = Json::object();
  for (const auto& [name, tensor] : scores) out[name] = encode(tensor);
  return out;
}

Json sequence_json(const SequenceAttribution& sequence, const SaveOptions& options,
                   LateTexts& late) {
  const auto encode = [&](const Tensor& tensor) -> Json {
    if (!tensor.defined()) return nullptr;
    return encode_safetensor(tensor, options.precision, late);
  };
  return instance(kModule, class_prefix(sequence.kind) + "FeatureAttributionSequenceOutput",
                  {{"attr_pos_end", sequence.attr_pos_end},
                   {"attr_pos_start", sequence.attr_pos_start},
                   {"sequence_scores", scores_json(sequence.sequence_scores, encode)},
                   {"source", tokens_json(sequence.source)},
                   {"source_attributions", encode(sequence.source_attributions)},
                   {"step_scores", scores_json(sequence.step_scores, encode)},
                   {"target", tokens_json(sequence.target)},
                   {"target_attributions", encode(sequence.target_attributions)}});
}

Json step_json(const StepAttribution& step, const SaveOptions& options, LateTexts& late) {
  const auto encode = [&](const Tensor& tensor) -> Json {
    if (!tensor.defined()) return nullptr;
    return encode_ndarray(tensor, !options.compress, late);  // never packed twice
  };
  return instance(kModule, class_prefix(step.kind) + "FeatureAttributionStepOutput",
                  {{"prefix", batch_json(step.prefix)},
                   {"sequence_scores", scores_json(step.sequence_scores, encode)},
                   {"source", batch_json(step.source)},
                   {"source_attributions", encode(step.source_attributions)},
                   {"step_scores", scores_json(step.step_scores, encode)},
                   {"target", batch_json(step.target)},
                   {"target_attributions", encode(step.target_attributions)}});
}

void write_json(const AttributionOutput& output, const SaveOptions& options, const Sink& out) {
  LateTexts late;
  Json sequences = Json::array();
  for (const SequenceAttribution& sequence : output.sequences) {
    sequences.push_back(sequence_json(sequence, options, late));
  }
  Json steps;
  if (output.steps) {
    steps = Json::array();
    for (const StepAttribution& step : *output.steps) {
      steps.push_back(step_json(step, options, late));
    }
  }
  write_python_json(instance(kModule, "FeatureAttributionOutput",
                             {{"info", output.info},
                              {"sequence_attributions", std::move(sequences)},
                              {"step_attributions", std::move(steps)}}),
                    late, out);
}

}  // namespace

std::string to_json_text(const AttributionOutput& output, const SaveOptions& options) {
  std::string text;
  write_json(output, options, [&text](std::string_view piece) { text += piece; });
  return text;
}

void save_attribution(const AttributionOutput& output, const std::string& path,
                      const SaveOptions& options) {
  write_file(path, [&](const Sink& file) {
    if (!options.compress) return write_json(output, options, file);
    GzipWriter packed(file, kGzipLevel);
    write_json(output, options, [&packed](std::string_view piece) { packed.write(piece); });
    packed.finish();
  });
}

AttributionOutput load_attribution(const std::string& path) {
  const MappedFile file(path);
  if (is_gzip(file.bytes()))
    return from_json_text(gzip_decompress(file.bytes(), path, kMaxUnpacked), path);
  return from_json_text({reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()},
                        path);
}

}  // namespace inseq::io
