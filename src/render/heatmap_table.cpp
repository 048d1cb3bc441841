#include "render/heatmap_table.h"

#include "base/display_width.h"
#include "render/number_format.h"

namespace inseq::render {

namespace {

/// Undoes what tokenizers write for spaces and line breaks.
std::string without_token_marks(std::string text) {
  const std::pair<const char*, const char*> marks[] = {
      {"Ġ", " "}, {"▁", " "}, {"Ċ", "\n"}, {"ĉ", "\t"}};
  for (const auto& [mark, plain] : marks) {
    const std::string from = mark;
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + 1)) {
      text.replace(at, from.size(), plain);
    }
  }
  return text;
}

std::vector<double> values_of(const Tensor& tensor) {
  const Tensor doubles = tensor.detach().cpu().to(at::kDouble).contiguous();
  const double* data = doubles.const_data_ptr<double>();
  return {data, data + doubles.numel()};
}

std::vector<Label> labels_of(const std::vector<Token>& tokens, int64_t begin, int64_t end,
                             const HeatmapOptions& options) {
  std::vector<Label> labels;
  for (int64_t i = begin; i < end; ++i) {
    labels.push_back({i, label_text(tokens[static_cast<size_t>(i)], options)});
  }
  return labels;
}

std::vector<ScoreRow> step_score_rows(const SequenceAttribution& sequence) {
  std::vector<ScoreRow> rows;
  for (const auto& [name, scores] : sequence.step_scores) {
    ScoreRow row{printable(name), {}};
    if (scores.dim() != 1) continue;
    for (const double value : values_of(scores)) row.values.push_back(format_number(value));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::string label_text(const Token& token, const HeatmapOptions& options) {
  std::string text = options.readable ? options.readable(token) : without_token_marks(token.text);
  if (text.empty()) return "∅";
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) {
    if (text.size() > 3) return "␣×" + std::to_string(text.size());
    std::string spaces;
    for (size_t i = 0; i < text.size(); ++i) spaces += "␣";
    return spaces;
  }
  return printable(text.substr(first));
}

std::vector<HeatmapTable> tables_of(const SequenceAttribution& sequence,
                                    const HeatmapOptions& options) {
  const int64_t start = sequence.attr_pos_start, end = sequence.attr_pos_end;
  const std::vector<Label> columns = labels_of(sequence.target, start, end, options);
  const bool has_source = sequence.source_attributions.defined();
  const bool has_target = sequence.target_attributions.defined();
  std::vector<HeatmapTable> tables;
  if (has_source) {
    const auto count = static_cast<int64_t>(sequence.source.size());
    tables.push_back({has_target ? "Source" : "",
                      labels_of(sequence.source, 0, count, options),
                      columns,
                      values_of(sequence.source_attributions),
                      {}});
  }
  if (has_target) {
    tables.push_back({has_source ? "Target prefix" : "",
                      labels_of(sequence.target, 0, end, options),
                      columns,
                      values_of(sequence.target_attributions),
                      {}});
  }
  if (tables.empty()) tables.push_back({"", {}, columns, {}, {}});
  tables.back().step_scores = step_score_rows(sequence);
  return tables;
}

}  // namespace inseq::render
