#include "render/terminal_heatmap.h"

#include <algorithm>
#include <cmath>

#include "aggregation/aggregate.h"
#include "aggregation/aggregators.h"
#include "base/display_width.h"
#include "data/attribution_axes.h"
#include "inseq/error.h"
#include "render/heatmap_layout.h"

namespace inseq::render {

namespace {

constexpr int kMinWidth = 24;

std::string info_text(const AttributionOutput& output, const char* key) {
  const auto found = output.info.find(key);
  return found != output.info.end() && found->is_string() ? printable(found->get<std::string>())
                                                          : "";
}

/// "saliency of probability · gpt2".
std::string headline(const AttributionOutput& output) {
  std::string method = info_text(output, "attribution_method");
  if (method.empty()) method = "attribution";
  std::string function = info_text(output, "attributed_fn");
  if (function.ends_with("_fn")) function.resize(function.size() - 3);
  // Attention weights and their kin explain no function of the output.
  const bool internal =
      !output.sequences.empty() && output.sequences[0].kind == AttributionKind::kMultiDimensional;
  if (!function.empty() && !internal) method += " of " + function;
  const std::string model = info_text(output, "model_name");
  return model.empty() ? method : method + " · " + model;
}

ScoreScale scale_of(const std::vector<HeatmapTable>& tables) {
  std::vector<double> all;
  for (const HeatmapTable& table : tables) {
    std::copy_if(table.scores.begin(), table.scores.end(), std::back_inserter(all),
                 [](double score) { return !std::isnan(score); });
  }
  return {format_for(all), largest_finite(all), !all.empty(),
          std::any_of(all.begin(), all.end(), [](double score) { return score < 0; })};
}

/// How a score came to be, for the legend.
std::string origin_of(const SequenceAttribution& raw, bool negative) {
  const bool reduced = data::trailing_axes(raw) > 0;
  const bool both = raw.source_attributions.defined() && raw.target_attributions.defined();
  const std::string column = both ? "a column of both tables" : "a column";
  const std::string sum =
      negative ? "the absolute values of " + column + " add up to 1." : column + " adds up to 1.";
  if (reduced && raw.kind == AttributionKind::kGranular) {
    return "A cell is the length of the token's attribution vector; " + sum;
  }
  if (reduced) {
    const char* axes = data::trailing_axes(raw) > 1 ? "layers and heads" : "layers";
    return concat("A cell is the mean over ", axes, "; ", sum);
  }
  return "A cell is the score as the method gives it.";
}

/// Dimmed lines of at most `width` columns, broken between words.
std::string wrapped(const std::string& text, int width, const Painter& paint) {
  std::string out, line;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = truncate_to_width(text.substr(begin, end - begin), width);
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
      out += paint.dim(line) + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    begin = end + 1;
  }
  return line.empty() ? out : out + paint.dim(line) + "\n";
}

/// A bar from the smallest to the largest colour, with the scores at its ends.
std::string colour_bar(const ScoreScale& scale, const Painter& paint) {
  constexpr int kCells = 12;
  const double low = scale.negative ? -scale.largest : 0.0;
  std::string out = scale.format(low) + " ";
  for (int i = 0; i < kCells; ++i) {
    const double score = low + (scale.largest - low) * i / (kCells - 1);
    out += paint.on_score(" ", score, scale.largest);
  }
  return out + " " + scale.format(scale.largest);
}

/// What one sequence looks like, and what explains its numbers.
struct Rendered {
  std::string body, notes;
  bool spaced = false;  ///< whether notes may follow without a blank line
};

std::string notes_on(const SequenceAttribution& raw, const ScoreScale& scale) {
  if (!scale.any) return "There are no attribution scores to show.";
  const std::string power = power_of_ten(scale.format.exponent);
  return "Rows: input tokens. Columns: generated tokens. " + origin_of(raw, scale.negative) +
         (power.empty() ? "" : " All scores " + power + ".");
}

Rendered render_sequence(const SequenceAttribution& raw, const HeatmapOptions& options) {
  const SequenceAttribution sequence = aggregation::aggregate(raw);
  aggregation::check_plain(sequence);
  if (sequence.attr_pos_start == sequence.attr_pos_end) {
    return {"", "No generated token was attributed.", true};
  }
  const Painter paint(options.colour);
  const std::vector<HeatmapTable> tables = tables_of(sequence, options);
  const ScoreScale scale = scale_of(tables);
  std::string body;
  for (size_t i = 0; i < tables.size(); ++i) {
    if (i > 0) body += "\n";
    if (!tables[i].title.empty()) body += paint.bold(tables[i].title) + "\n";
    body += layout_table(tables, i, scale, options);
  }
  const bool bar = paint.colours() && scale.largest > 0;
  if (bar) body += "\n" + colour_bar(scale, paint) + "\n";
  return {body, notes_on(raw, scale), bar};
}

}  // namespace

std::string render_heatmap(const AttributionOutput& output, const HeatmapOptions& options) {
  const int width = std::max(options.width, kMinWidth);
  const Painter paint(options.colour);
  const size_t count = output.sequences.size();
  std::string out = paint.bold(truncate_to_width(headline(output), width)) + "\n";
  std::vector<Rendered> all;
  for (const SequenceAttribution& sequence : output.sequences) {
    all.push_back(render_sequence(sequence, options));
  }
  for (size_t i = 0; i < count; ++i) {
    out += "\n";
    if (count > 1) out += paint.bold(concat("Sequence ", i + 1, " of ", count)) + "\n";
    out += all[i].body;
    if (i + 1 < count && all[i + 1].notes == all[i].notes)
      continue;  // said once where they stay the same
    out += (all[i].spaced ? "" : "\n") + wrapped(all[i].notes, width, paint);
  }
  return out;
}

}  // namespace inseq::render
