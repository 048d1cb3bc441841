// Files that `inseq attribute` leaves: complete, loadable, and only after success.
#include <filesystem>
#include <fstream>

#include "io/file.h"
#include "program.h"

namespace inseq::test {
namespace {

namespace fs = std::filesystem;

class Save : public testing::Test {
 protected:
  std::string path(const std::string& name = "out.json") const { return folder_ / name; }

  AttributionOutput saved(const Words& more, const std::string& name = "out.json") const {
    const RunResult result = attribute(with(kTexts, with({"-o", path(name)}, more)));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "Saved attributions to " + path(name) + "\n");
    return load_attribution(path(name));
  }

  /// The same through the library.
  AttributionOutput expected(const AttributeOptions& options = {}) const {
    return AttributionModel::load(model_folder()).attribute({kTexts[1]}, {kTexts[3]}, options);
  }

  void expect_no_files() const {
    EXPECT_TRUE(fs::is_empty(folder_.path())) << fs::directory_iterator(folder_.path())->path();
  }

  TemporaryFolder folder_;
};

void expect_same(const AttributionOutput& found, const AttributionOutput& wanted,
                 double bound = 0) {
  ASSERT_EQ(found.sequences.size(), wanted.sequences.size());
  for (size_t i = 0; i < found.sequences.size(); ++i) {
    const SequenceAttribution &a = found.sequences[i], &b = wanted.sequences[i];
    EXPECT_EQ(a.target, b.target);
    EXPECT_EQ(a.source, b.source);
    EXPECT_EQ(a.attr_pos_start, b.attr_pos_start);
    EXPECT_EQ(a.attr_pos_end, b.attr_pos_end);
    EXPECT_LE(difference(a.target_attributions, b.target_attributions), bound);
    ASSERT_EQ(a.step_scores.size(), b.step_scores.size());
    for (const auto& [name, scores] : a.step_scores)
      EXPECT_LE(difference(scores, b.step_scores.at(name)), bound);
  }
}

TEST_F(Save, HoldsWhatTheLibraryGives) {
  AttributeOptions options;
  options.step_scores = {"entropy"};
  expect_same(saved({"--step_scores", "entropy"}), expected(options));
  expect_same(saved({"--step_scores", "entropy"}, "out.json.gz"), expected(options));
  options.method = "attention";
  expect_same(saved({"-a", "attention", "--step_scores", "entropy", "--hide"}), expected(options));
}

TEST_F(Save, ReplacesAFile) {
  io::write_file(path(), "before");
  expect_same(saved({}), expected());
}

TEST_F(Save, AggregatesBeforeSaving) {
  const AttributionOutput whole = expected();
  expect_same(saved({"--aggregate_output"}), aggregate(whole), 1e-6);
  AttributeOptions by_step;
  by_step.output_step_attributions = true;
  const AttributionOutput steps = expected(by_step);
  const AttributionOutput beside = saved({"--aggregate_output", "--output_step_attributions"});
  EXPECT_EQ(beside.sequences[0].target_attributions.dim(), 2);
  for (size_t i = 0; i < steps.steps->size(); ++i) {
    EXPECT_LE(
        difference(beside.steps->at(i).target_attributions, steps.steps->at(i).target_attributions),
        1e-6);
  }
  const Tensor norms = whole.sequences[0].target_attributions.norm(2, -1);
  const Tensor sums = whole.sequences[0].target_attributions.sum(-1);
  EXPECT_LE(
      difference(saved({"--attribution_aggregators", "vnorm"}).sequences[0].target_attributions,
                 norms),
      1e-6);
  EXPECT_LE(difference(saved({"--attribution_aggregators", "sum"}).sequences[0].target_attributions,
                       sums),
            1e-6);
  const Tensor normalised =
      saved({"--attribution_aggregators", "vnorm", "--normalize_attributions"})
          .sequences[0]
          .target_attributions;
  EXPECT_LE(difference(normalised, norms / norms.nan_to_num(0).sum(0, true)), 1e-6);
}

TEST_F(Save, SelectsHeadsAndLayers) {
  AttributeOptions options;
  options.method = "attention";
  const Tensor whole =
      expected(options).sequences[0].target_attributions;  // [tokens, steps, layers, heads]
  const Tensor found = saved({"-a", "attention", "--attribution_aggregators", "mean", "mean",
                              "--attribution_selectors", "1", "0"})
                           .sequences[0]
                           .target_attributions;
  EXPECT_LE(difference(found, whole.select(3, 1).select(2, 0)), 1e-6);
}

TEST_F(Save, WrongAggregatorsAreToldBeforeAnythingIsDone) {
  expect_failure(attribute(with(kTexts, {"-o", path(), "--attribution_aggregators", "men"})), 2,
                 {"\"men\"", "did you mean \"mean\"?"});
  expect_failure(attribute(with(kTexts, {"-o", path(), "--attribution_selectors", "1"})), 2,
                 {"--attribution_selectors", "--attribution_aggregators"});
  expect_no_files();
}

TEST_F(Save, SelectorOutOfRangeLeavesNoFile) {
  const RunResult result =
      attribute(with(kTexts, {"-a", "attention", "-o", path(), "--attribution_aggregators", "mean",
                              "mean", "--attribution_selectors", "99", "0"}));
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "99");
  expect_no_files();
}

TEST_F(Save, StepAttributions) {
  const AttributionOutput out = saved({"--output_step_attributions", "--step_scores", "entropy"});
  ASSERT_TRUE(out.steps.has_value());
  const SequenceAttribution& s = out.sequences[0];
  ASSERT_EQ(static_cast<int64_t>(out.steps->size()), s.attr_pos_end - s.attr_pos_start);
  for (size_t i = 0; i < out.steps->size(); ++i) {
    const StepAttribution& step = (*out.steps)[i];
    const int64_t position = s.attr_pos_start + static_cast<int64_t>(i);
    EXPECT_EQ(step.target[0][0], s.target[static_cast<size_t>(position)]);
    const Tensor rows =
        s.target_attributions.select(1, static_cast<int64_t>(i)).narrow(0, 0, position);
    EXPECT_EQ(difference(step.target_attributions[0], rows), 0);
    EXPECT_EQ(difference(step.step_scores.at("entropy"),
                         s.step_scores.at("entropy").narrow(0, static_cast<int64_t>(i), 1)),
              0);
  }
  EXPECT_FALSE(saved({}).steps.has_value());
}

TEST_F(Save, FailuresLeaveNoFile) {
  for (const Words& wrong : std::vector<Words>{{"-a", "salency"},
                                               {"-s", "9999"},
                                               {"--memory_limit", "1KB"},
                                               {"--dtype", "int8"},
                                               {"-g", "Another text"},
                                               {"--generation_kwargs", "x"},
                                               {"--viz_path", "x.html"}}) {
    const RunResult result = attribute(with(with(kTexts, {"-o", path()}), wrong));
    EXPECT_NE(result.exit_code, 0) << wrong[0];
    EXPECT_EQ(result.out, "") << wrong[0];
    expect_no_files();
  }
}

TEST_F(Save, UnwritablePathIsFoundBeforeWorkStarts) {
  // No model is sought either: the path is the first thing that is wrong.
  for (const std::string& wrong : {path("no/such/folder.json"), folder_.path(),
                                   std::string("/proc/nothing.json"), std::string()}) {
    expect_failure(inseq({"attribute", "-m", "/nonexistent/model", "-i", "a", "-o", wrong}), 1,
                   {wrong});
  }
  expect_no_files();
}

TEST_F(Save, FullDeviceIsAFailure) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "there is no /dev/full";
  const RunResult result = attribute(with(kTexts, {"-o", "/dev/full", "--hide"}));
  EXPECT_EQ(result.exit_code, 1);
  expect_contains(result.err, "/dev/full");
}

TEST_F(Save, NamesMayHoldAnyBytes) {
  const std::string model = folder_ / "\x1b[31m\xff";
  fs::create_directory(model);
  write_model_folder("llama_base", model);
  const std::string file = folder_ / "\x1b[32m.json";
  const RunResult result =
      inseq(with({"attribute", "-m", model, "-o", file, "--hide", "-vv"}, kTexts));
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string name = load_attribution(file).info["model_name"];
  EXPECT_TRUE(name.ends_with("[31m\uFFFD")) << name;
}

TEST_F(Save, InterruptedWorkLeavesNoFile) {
  std::string text = "The";
  for (int i = 0; i < 3000; ++i)
    text += " dog";  // autograd explains a step at a time: this takes minutes
  RunOptions options;
  options.err_columns = 100;
  options.signal_when = "Attributing with saliency";
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    options.signal = signal;
    const RunResult result =
        attribute({"-i", "The", "-g", text, "--engine", "autograd", "-o", path()}, options);
    EXPECT_EQ(result.exit_code, 128 + signal) << result.err;
    EXPECT_EQ(result.out, "");
    expect_contains(result.err, "inseq: interrupted");
    expect_no_files();
  }
}

}  // namespace
}  // namespace inseq::test
