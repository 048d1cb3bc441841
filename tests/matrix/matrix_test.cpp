// Every attribution method with every architecture and every step function, as the registries list
// them.
#include <gtest/gtest.h>

#include "inseq/attribution_model.h"
#include "support/few_repetitions.h"
#include "support/formula_model.h"
#include "support/golden_folder.h"
#include "support/temporary_folder.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

std::vector<std::string> names_of(const std::vector<Listed>& all) {
  std::vector<std::string> names;
  names.reserve(all.size());
  for (const Listed& one : all) names.push_back(one.name);
  return names;
}

/// Class names by architecture: the names that stand for one architecture share a cell, called
/// after the first of them.
const std::map<std::string, std::vector<std::string>>& classes_by_architecture() {
  static const auto classes = [] {
    std::map<std::string, std::string> first_of;  // by summary, which an architecture has alone
    std::map<std::string, std::vector<std::string>> out;
    for (const Listed& model : list_models())
      out[first_of.emplace(model.summary, model.name).first->second].push_back(model.name);
    return out;
  }();
  return classes;
}

std::vector<std::string> architecture_names() {
  std::vector<std::string> names;
  for (const auto& [name, classes] : classes_by_architecture()) names.push_back(name);
  return names;
}

/// The first tiny model of tests/golden/models of an architecture; "" when there is none.
std::string tiny_model_of(const std::string& architecture) {
  const std::vector<std::string>& classes = classes_by_architecture().at(architecture);
  for (const std::string& name : tiny_model_names()) {
    const Json json = read_golden_json("models/" + name + ".json");
    const std::string found = json.at("config").at("architectures").at(0);
    if (std::find(classes.begin(), classes.end(), found) != classes.end()) return name;
  }
  return "";
}

/// The tiny model of a class, loaded once a process.
const AttributionModel& model_of(const std::string& class_name) {
  static std::map<std::string, AttributionModel> models;
  const auto found = models.find(class_name);
  if (found != models.end()) return found->second;
  return models.emplace(class_name, load_tiny(tiny_model_of(class_name), "float32")).first->second;
}

bool same(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.sizes() == b.sizes() && a.isnan().equal(b.isnan()) &&
         a.nan_to_num(0).equal(b.nan_to_num(0));
}

void expect_same(const AttributionOutput& a, const AttributionOutput& b) {
  ASSERT_EQ(a.sequences.size(), b.sequences.size());
  for (size_t i = 0; i < a.sequences.size(); ++i) {
    const SequenceAttribution &x = a.sequences[i], &y = b.sequences[i];
    EXPECT_EQ(x.kind, y.kind);
    EXPECT_EQ(x.num_dimensions, y.num_dimensions);
    EXPECT_EQ(x.aggregator, y.aggregator);
    EXPECT_EQ(x.source, y.source);
    EXPECT_EQ(x.target, y.target);
    EXPECT_EQ(x.attr_pos_start, y.attr_pos_start);
    EXPECT_EQ(x.attr_pos_end, y.attr_pos_end);
    EXPECT_TRUE(same(x.source_attributions, y.source_attributions));
    EXPECT_TRUE(same(x.target_attributions, y.target_attributions));
    ASSERT_EQ(x.step_scores.size(), y.step_scores.size());
    for (const auto& [name, scores] : x.step_scores)
      EXPECT_TRUE(same(scores, y.step_scores.at(name))) << name;
  }
}

/// [tokens, steps, ...]: NaN from a step's own position on, numbers before it.
void expect_scores_where_visible(const SequenceAttribution& s) {
  const Tensor& scores = s.target_attributions;
  const int64_t steps = s.attr_pos_end - s.attr_pos_start;
  ASSERT_GE(scores.dim(), 2);
  ASSERT_EQ(scores.size(0), s.attr_pos_end);
  ASSERT_EQ(scores.size(1), steps);
  EXPECT_EQ(scores.scalar_type(), at::kFloat);
  EXPECT_TRUE(s.kind != AttributionKind::kMultiDimensional || scores.dim() == 2 + s.num_dimensions);
  for (int64_t step = 0; step < steps; ++step) {
    const int64_t visible = s.attr_pos_start + step;
    const Tensor column = scores.select(1, step);
    EXPECT_TRUE(column.narrow(0, 0, visible).isfinite().all().item<bool>()) << "step " << step;
    EXPECT_TRUE(column.narrow(0, visible, s.attr_pos_end - visible).isnan().all().item<bool>())
        << "step " << step;
  }
}

/// With an encoder: a number for every source token and step.
void expect_source_scores(const SequenceAttribution& s, bool has_encoder) {
  const Tensor& scores = s.source_attributions;
  EXPECT_EQ(scores.defined(), has_encoder && s.kind != AttributionKind::kPlain);
  if (!scores.defined()) return;
  ASSERT_GE(scores.dim(), 2);
  EXPECT_EQ(scores.size(0), static_cast<int64_t>(s.source.size()));
  EXPECT_EQ(scores.size(1), s.attr_pos_end - s.attr_pos_start);
  EXPECT_TRUE(scores.isfinite().all().item<bool>());
}

using Cell = std::tuple<std::string, std::string, std::string>;
class Matrix : public testing::TestWithParam<Cell> {};

TEST_P(Matrix, RunsWithRightShapesAndChangesNothing) {
  const auto& [class_name, method, step_function] = GetParam();
  ASSERT_NE(tiny_model_of(class_name), "")
      << "tests/golden/models needs a tiny model of class " << class_name;
  const AttributionModel& model = model_of(class_name);
  AttributeOptions options;
  options.method = method;
  options.attributed_fn = step_function;
  options.step_scores = {step_function};
  // Probes of a random model hardly ever suffice.
  options.attribution_args = few_repetitions(method);
  options.attribute_target = true;
  const std::vector<std::string> texts = {"The dog", "A cat ate"},
                                 generated = {"The dog ate the food", "A cat ate it"};
  if (class_name.starts_with("NllbMoe") && method.ends_with("deeplift")) {
    // Both ends of a difference may go through different experts.
    EXPECT_THROW(model.attribute(texts, generated, options), Unsupported);
    return;
  }
  const AttributionOutput out = model.attribute(texts, generated, options);
  ASSERT_EQ(out.sequences.size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    const SequenceAttribution& s = out.sequences[i];
    if (model.is_encoder_decoder()) {
      EXPECT_EQ(s.source, model.encode(texts[i]));
    } else {
      EXPECT_EQ(s.target, model.encode(generated[i]));
    }
    ASSERT_LT(s.attr_pos_start, s.attr_pos_end);
    expect_source_scores(s, model.is_encoder_decoder());
    if (s.kind != AttributionKind::kPlain) expect_scores_where_visible(s);
    const Tensor& scores = s.step_scores.at(step_function);
    EXPECT_EQ(scores.sizes(), at::IntArrayRef({s.attr_pos_end - s.attr_pos_start}));
    EXPECT_TRUE(scores.isfinite().all().item<bool>());
  }
  expect_same(model.attribute(texts, generated, options), out);

  const TemporaryFolder folder;
  for (const char* name : {"out.json", "out.json.gz"}) {
    save(out, folder / name);
    expect_same(load_attribution(folder / name), out);
  }
}

std::string cell_name(const testing::TestParamInfo<Cell>& info) {
  const auto& [class_name, method, step_function] = info.param;
  return class_name + "_" + method + "_" + step_function;
}

INSTANTIATE_TEST_SUITE_P(All, Matrix,
                         testing::Combine(testing::ValuesIn(architecture_names()),
                                          testing::ValuesIn(names_of(list_methods())),
                                          testing::ValuesIn(names_of(list_step_functions()))),
                         cell_name);

TEST(Registries, HoldWhatInseqStartedWith) {
  // An empty registry would make an empty matrix.
  EXPECT_GE(list_models().size(), 2u);
  EXPECT_GE(list_methods().size(), 4u);
  EXPECT_GE(list_step_functions().size(), 5u);
  for (const auto& list : {list_models(), list_methods(), list_step_functions()}) {
    for (const Listed& one : list) EXPECT_FALSE(one.summary.empty()) << one.name;
  }
}

}  // namespace
}  // namespace inseq::test
