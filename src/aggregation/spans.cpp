#include "aggregation/aggregators.h"

namespace inseq::aggregation {

namespace {

/// Spans cut to the positions [start, end) and counted from `start`. A span that begins before
/// `start` counts from there: only what was attributed can be merged.
std::vector<Span> relative_spans(const std::vector<Span>& spans, int64_t start, int64_t end) {
  std::vector<Span> out;
  for (const auto& [first, last] : spans) {
    const Span cut{std::max(first, start) - start, std::min(last, end) - start};
    if (cut.first < cut.second) out.push_back(cut);
  }
  return out;
}

/// Replaces each span of positions along an axis by one position.
Tensor merge(const Tensor& scores, const std::vector<Span>& spans, int64_t axis,
             const Reduce& reduce, const Options& options) {
  if (spans.empty()) return scores;
  std::vector<Tensor> parts;
  int64_t done = 0;
  for (const auto& [first, last] : spans) {
    if (first > done) parts.push_back(scores.slice(axis, done, first));
    parts.push_back(reduce(scores.slice(axis, first, last), axis, options).unsqueeze(axis));
    done = last;
  }
  if (done < scores.size(axis)) parts.push_back(scores.slice(axis, done));
  return at::cat(parts, axis);
}

std::vector<Token> merge_tokens(const std::vector<Token>& tokens, const std::vector<Span>& spans) {
  std::vector<Token> out;
  size_t next = 0;
  for (size_t i = 0; i < tokens.size();) {
    if (next == spans.size() || static_cast<int64_t>(i) != spans[next].first) {
      out.push_back(tokens[i++]);
      continue;
    }
    Token joined{"", -1};
    const auto end = static_cast<size_t>(spans[next++].second);
    for (; i < end; ++i) joined.text += tokens[i].text;
    out.push_back(joined);
  }
  return out;
}

/// The position of the first attributed token after merging. A span across the start moves it to
/// the span.
int64_t merged_start(int64_t start, const std::vector<Span>& spans) {
  int64_t merged = start;
  for (const auto& [first, last] : spans) {
    if (last <= start) merged -= last - first - 1;
    if (first < start && start < last) merged -= start - first;
  }
  return merged;
}

SequenceAttribution merge_spans(const SequenceAttribution& in, const Options& options,
                                const Reduce* reduce) {
  const int64_t start = in.attr_pos_start, end = in.attr_pos_end;
  const std::vector<Span>& source = options.source_spans;
  const std::vector<Span> target = relative_spans(options.target_spans, 0, end);
  const std::vector<Span> steps = relative_spans(options.target_spans, start, end);
  const Reduce& fn = reduce ? *reduce : functions().at("absmax").reduce;
  const auto merge_both = [&](const Tensor& scores, const std::vector<Span>& rows,
                              const std::vector<Span>& columns) {
    if (!scores.defined()) return scores;
    return merge(merge(scores, columns, 1, fn, options), rows, 0, fn, options);
  };
  SequenceAttribution out = in;
  out.source = merge_tokens(in.source, source);
  out.target = merge_tokens(in.target, options.target_spans);
  out.source_attributions = merge_both(in.source_attributions, source, steps);
  out.target_attributions = merge_both(in.target_attributions, target, steps);
  for (auto& [name, scores] : out.step_scores) {
    scores = merge(scores, steps, 0, reduce ? *reduce : span_function(name), options);
  }
  for (auto& [name, scores] : out.sequence_scores) {
    if (name.starts_with("decoder")) {
      scores = merge_both(scores, steps, steps);
    } else {
      scores = merge_both(scores, source, name.starts_with("encoder") ? source : steps);
    }
  }
  int64_t merged_away = 0;
  for (const auto& [first, last] : steps) merged_away += last - first - 1;
  out.attr_pos_start = merged_start(start, options.target_spans);
  out.attr_pos_end = out.attr_pos_start + (end - start) - merged_away;
  return out;
}

void check(const SequenceAttribution& sequence, const Options& options) {
  check_spans(options.source_spans, static_cast<int64_t>(sequence.source.size()), "source");
  check_spans(options.target_spans, static_cast<int64_t>(sequence.target.size()), "target");
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& marks) {
  return std::any_of(marks.begin(), marks.end(),
                     [&](const std::string& m) { return text.starts_with(m); });
}

/// The spans of words of more than one token, as Inseq finds them: a word that ends the sequence is
/// left without its last token, which in most models is the end-of-sequence token.
std::vector<Span> word_spans(const std::vector<Token>& tokens, const Options& options) {
  std::vector<Span> spans;
  const auto has_mark = [&](const Token& token) {
    return std::any_of(
        options.word_marks.begin(), options.word_marks.end(),
        [&](const std::string& mark) { return token.text.find(mark) != std::string::npos; });
  };
  if (std::none_of(tokens.begin(), tokens.end(), has_mark)) return spans;
  const auto count = static_cast<int64_t>(tokens.size());
  int64_t word = 0;
  for (int64_t i = 0; i < count; ++i) {
    const bool marked = starts_with_any(tokens[static_cast<size_t>(i)].text, options.word_marks);
    const bool continues = marked == options.marks_continuation;
    if ((!continues || i == count - 1) && i - word > 1) spans.emplace_back(word, i);
    if (!continues) word = i;
  }
  return spans;
}

SequenceAttribution merge_subwords(const SequenceAttribution& in, const Options& options,
                                   const Reduce* reduce) {
  Options spans = options;
  spans.source_spans = options.merge_source ? word_spans(in.source, options) : std::vector<Span>{};
  spans.target_spans = options.merge_target ? word_spans(in.target, options) : std::vector<Span>{};
  return merge_spans(in, spans, reduce);
}

}  // namespace

Aggregator spans_aggregator() {
  return {"merges the tokens of each given span into one", check, merge_spans};
}

Aggregator subwords_aggregator() {
  return {"merges the tokens of each word into one",
          [](const SequenceAttribution&, const Options&) {}, merge_subwords};
}

}  // namespace inseq::aggregation
