#include "render/heatmap_layout.h"

#include <algorithm>
#include <cmath>

#include "base/display_width.h"
#include "inseq/error.h"

namespace inseq::render {

namespace {

constexpr int kMaxHeaderLines = 3;
constexpr int kHeaderColumns = 8;  // a longer token is folded
constexpr int kMinWidth = 24;

std::string repeat(const char* text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

/// Draws one table. The widths are decided in the constructor, the rest is printing.
class Layout {
 public:
  Layout(const HeatmapTable& table, const ScoreScale& scale, const HeatmapOptions& options)
      : table_(table),
        scale_(scale),
        paint_(options.colour),
        width_(std::max(options.width, kMinWidth)) {
    choose_rows(options.max_rows);
    measure_labels();
    measure_columns();
  }

  std::string draw() const {
    std::string out;
    for (size_t begin = 0; begin < table_.columns.size();) {
      const size_t end = panel_end(begin);
      if (begin > 0) out += "\n";
      out += header(begin, end) + rule(begin, end) + token_rows(begin, end);
      if (!table_.step_scores.empty() && !table_.rows.empty()) out += rule(begin, end);
      out += score_rows(begin, end);
      begin = end;
    }
    return out;
  }

 private:
  /// Keeps the rows with the largest scores when there are too many.
  void choose_rows(int max_rows) {
    shown_.assign(table_.rows.size(), true);
    if (max_rows <= 0 || shown_.size() <= static_cast<size_t>(max_rows)) return;
    std::vector<std::pair<double, size_t>> order;
    for (size_t row = 0; row < shown_.size(); ++row) {
      double largest = 0;
      for (size_t c = 0; c < table_.columns.size(); ++c) {
        const double size = std::abs(table_.score(row, c));
        if (size > largest) largest = size;  // false for NaN
      }
      order.emplace_back(-largest, row);
    }
    std::sort(order.begin(), order.end());
    for (size_t i = static_cast<size_t>(max_rows); i < order.size(); ++i)
      shown_[order[i].second] = false;
  }

  void measure_labels() {
    int64_t last = 0;
    int widest = 1;
    for (size_t row = 0; row < table_.rows.size(); ++row) {
      last = std::max(last, table_.rows[row].position);
      if (shown_[row]) widest = std::max(widest, display_width(table_.rows[row].text));
    }
    number_width_ = table_.rows.empty() ? 0 : static_cast<int>(std::to_string(last).size());
    // A step score's name may use the columns of the position too.
    for (const ScoreRow& row : table_.step_scores) {
      widest = std::max(widest, display_width(row.name) - number_width_ - 1);
    }
    label_width_ = std::min(widest, std::clamp(width_ / 4, 8, 24));
  }

  void measure_columns() {
    int values = 1;
    for (const double score : table_.scores)
      values = std::max(values, display_width(scale_.format(score)));
    score_width_ = values;
    for (const ScoreRow& row : table_.step_scores) {
      for (const std::string& value : row.values) values = std::max(values, display_width(value));
    }
    const int room = width_ - left_width() - 2;
    for (const Label& column : table_.columns) {
      column_widths_.push_back(std::min(std::max(values, header_width(column.text)), room) + 2);
    }
  }

  /// Columns that a token needs when it is folded into lines of about the same length.
  static int header_width(const std::string& text) {
    const int width = display_width(text);
    const int lines = std::min(kMaxHeaderLines, (width + kHeaderColumns - 1) / kHeaderColumns);
    return lines == 0 ? 1 : std::min((width + lines - 1) / lines, kHeaderColumns);
  }

  /// Columns before the first cell: position, token, space.
  int left_width() const { return number_width_ + 1 + label_width_ + 1; }

  /// One past the last column of the panel that begins with `begin`; at least one column is in it.
  size_t panel_end(size_t begin) const {
    int used = left_width();
    size_t end = begin;
    while (end < table_.columns.size() && (end == begin || used + column_widths_[end] <= width_)) {
      used += column_widths_[end++];
    }
    return end;
  }

  /// A line without the spaces at its end.
  static std::string finished(std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
  }

  std::string header(size_t begin, size_t end) const {
    std::string positions(static_cast<size_t>(left_width()), ' ');
    std::vector<std::vector<std::string>> texts;
    size_t lines = 1;
    for (size_t c = begin; c < end; ++c) {
      const int inner = column_widths_[c] - 2;
      const std::string number = std::to_string(table_.columns[c].position);
      positions +=
          " " + pad_to_width(truncate_to_width(number, inner), inner, Align::kCentre) + " ";
      texts.push_back(fold_to_width(table_.columns[c].text, inner, kMaxHeaderLines));
      lines = std::max(lines, texts.back().size());
    }
    std::string out = paint_line(positions, &Painter::dim);
    for (size_t line = 0; line < lines; ++line) {
      std::string text(static_cast<size_t>(left_width()), ' ');
      for (size_t c = begin; c < end; ++c) {
        const std::vector<std::string>& folded = texts[c - begin];
        const size_t blank = lines - folded.size();  // headers stand on the cells
        text += " " +
                pad_to_width(line < blank ? "" : folded[line - blank], column_widths_[c] - 2,
                             Align::kCentre) +
                " ";
      }
      out += paint_line(text, &Painter::bold);
    }
    return out;
  }

  std::string paint_line(std::string line,
                         std::string (Painter::*style)(std::string_view) const) const {
    line.erase(line.find_last_not_of(' ') + 1);
    return (paint_.*style)(line) + "\n";
  }

  std::string rule(size_t begin, size_t end) const {
    int length = left_width();
    for (size_t c = begin; c < end; ++c) length += column_widths_[c];
    return paint_.dim(repeat("─", length)) + "\n";
  }

  bool visible(size_t row, size_t begin, size_t end) const {
    for (size_t c = begin; c < end; ++c) {
      if (!std::isnan(table_.score(row, c))) return true;
    }
    return false;
  }

  /// The token rows of a panel, without those at its end that have nothing to show yet.
  std::string token_rows(size_t begin, size_t end) const {
    size_t last = table_.rows.size();
    while (last > 0 && !visible(last - 1, begin, end)) --last;
    if (last == 0) last = table_.rows.size();
    std::string out;
    size_t hidden = 0;
    for (size_t row = 0; row < last; ++row) {
      if (!shown_[row]) {
        ++hidden;
        continue;
      }
      out += gap(hidden) + token_row(row, begin, end);
      hidden = 0;
    }
    return out + gap(hidden);
  }

  std::string gap(size_t hidden) const {
    if (hidden == 0) return "";
    const std::string text =
        concat(std::string(static_cast<size_t>(number_width_ - 1), ' '), "⋮ ", hidden,
               hidden == 1 ? " token" : " tokens", " with smaller scores");
    return paint_.dim(truncate_to_width(text, width_)) + "\n";
  }

  std::string token_row(size_t row, size_t begin, size_t end) const {
    const Label& label = table_.rows[row];
    std::string line =
        paint_.dim(pad_to_width(std::to_string(label.position), number_width_, Align::kRight)) +
        " " + pad_to_width(truncate_to_width(label.text, label_width_), label_width_) + " ";
    for (size_t c = begin; c < end; ++c) line += cell(table_.score(row, c), column_widths_[c]);
    return finished(line);
  }

  std::string cell(double score, int width) const {
    if (std::isnan(score)) return std::string(static_cast<size_t>(width), ' ');
    const std::string number = pad_to_width(scale_.format(score), score_width_, Align::kRight);
    const std::string text = pad_to_width(number, width, Align::kCentre);
    return paint_.on_score(text, score, scale_.largest);
  }

  std::string score_rows(size_t begin, size_t end) const {
    std::string out;
    const int name_width = left_width() - 1;
    for (const ScoreRow& row : table_.step_scores) {
      std::string line = pad_to_width(truncate_to_width(row.name, name_width), name_width) + " ";
      for (size_t c = begin; c < end && c < row.values.size(); ++c) {
        const int inner = column_widths_[c] - 2;
        line += " " + pad_to_width(truncate_to_width(row.values[c], inner), inner, Align::kCentre) +
                " ";
      }
      out += finished(line);
    }
    return out;
  }

  const HeatmapTable& table_;
  const ScoreScale& scale_;
  Painter paint_;
  int width_;
  int number_width_ = 1, label_width_ = 1, score_width_ = 1;
  std::vector<int> column_widths_;  // with a space on both sides
  std::vector<bool> shown_;         // rows
};

}  // namespace

std::string layout_table(const HeatmapTable& table, const ScoreScale& scale,
                         const HeatmapOptions& options) {
  return Layout(table, scale, options).draw();
}

}  // namespace inseq::render
