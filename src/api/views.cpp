// What users do with an output: look at it, save it, load it.
#include "aggregation/aggregate.h"
#include "inseq/attribution_model.h"
#include "io/attribution_json.h"
#include "render/terminal_heatmap.h"

namespace inseq {
namespace {

std::string rendered(const AttributionOutput& output, const AttributionModel& model, int width,
                     render::ColourMode colour) {
  render::HeatmapOptions options;
  options.width = width;
  options.colour = colour;
  options.readable = [&](const Token& token) { return model.readable(token); };
  return render::render_heatmap(output, options);
}

}  // namespace

AttributionOutput aggregate(const AttributionOutput& output) {
  return aggregation::aggregate(output);
}

std::string to_terminal(const AttributionOutput& output, const AttributionModel& model) {
  const render::TerminalInfo terminal = render::detect_terminal(1);
  return rendered(output, model, terminal.width, render::choose_colour(terminal));
}

std::string to_plain_text(const AttributionOutput& output, const AttributionModel& model,
                          int width) {
  return rendered(output, model, width, render::ColourMode::kNone);
}

void save(const AttributionOutput& output, const std::string& path) {
  io::SaveOptions options;
  options.compress = path.ends_with(".gz");
  io::save_attribution(output, path, options);
}

AttributionOutput load_attribution(const std::string& path) { return io::load_attribution(path); }

}  // namespace inseq
