#include "io/attribution_json.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "base/base64.h"
#include "inseq/error.h"
#include "io/attribution_json_tensors.h"
#include "io/gzip.h"

namespace inseq::io {
namespace {

const std::string kRaw = std::string(INSEQ_TEST_DIR) + "/golden/json/raw/";

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  EXPECT_FALSE(out.str().empty()) << path;
  return out.str();
}

/// A file in the temporary folder, removed at the end.
struct TemporaryFile {
  std::string path = ::testing::TempDir() + "inseq_attribution_" + std::to_string(::getpid());
  ~TemporaryFile() { std::filesystem::remove(path); }
};

/// The JSON text inside a file that may be gzip.
std::string json_text(const std::string& path) {
  const std::string bytes = content(path);
  const auto view = std::as_bytes(std::span(bytes));
  return is_gzip(view) ? gzip_decompress(view, path, 1 << 24) : bytes;
}

/// A file that Inseq wrote, the file that ours is made from, and how.
struct Written {
  const char* expected;
  const char* from;
  SaveOptions options;
};

class Files : public ::testing::TestWithParam<Written> {};

TEST_P(Files, AreWrittenAsInseqWritesThem) {
  const Written& written = GetParam();
  const TemporaryFile saved;
  save_attribution(load_attribution(kRaw + written.from), saved.path, written.options);
  const std::string bytes = content(saved.path);
  EXPECT_EQ(is_gzip(std::as_bytes(std::span(bytes))), written.options.compress);
  // What gzip makes of the text depends on the version of zlib.
  const std::string expected = json_text(kRaw + written.expected), found = json_text(saved.path);
  const auto differs =
      std::mismatch(found.begin(), found.end(), expected.begin(), expected.end()).first;
  EXPECT_TRUE(found == expected) << "differs from character " << differs - found.begin();
}

constexpr ScorePrecision kFull = ScorePrecision::kFloat32, kHalf = ScorePrecision::kFloat16,
                         kQuarter = ScorePrecision::kFloat8;
INSTANTIATE_TEST_SUITE_P(
    OfInseq, Files,
    ::testing::Values(
        Written{"granular.json", "granular.json", {kFull, false}},
        Written{"granular.json.gz", "granular.json.gz", {kFull, true}},
        Written{"granular.float16.json.gz", "granular.json", {kHalf, true}},
        Written{"granular.float8.json.gz", "granular.json", {kQuarter, true}},
        Written{"coarse.json.gz", "coarse.json.gz", {kFull, false}},
        Written{"attention.json.gz", "attention.json.gz", {kFull, false}},
        Written{"encoder_decoder.json.gz", "encoder_decoder.json.gz", {kFull, true}},
        Written{"cross_attention.json", "cross_attention.json", {kFull, false}},
        Written{"cross_attention.float16.json.gz", "cross_attention.json", {kHalf, true}},
        Written{"cross_attention.float8.json.gz", "cross_attention.json", {kQuarter, true}},
        Written{"steps.json.gz", "steps.json.gz", {kFull, true}}));

TEST(AttributionJson, ReducedPrecisionsRound) {
  const Tensor exact = load_attribution(kRaw + "granular.json").sequences.at(0).target_attributions;
  for (const auto& [name, bound] : {std::pair("float16", 1e-3), std::pair("float8", 0.07)}) {
    const AttributionOutput rounded = load_attribution(kRaw + "granular." + name + ".json.gz");
    const Tensor& found = rounded.sequences.at(0).target_attributions;
    EXPECT_EQ(found.scalar_type(), at::kFloat);
    EXPECT_TRUE(at::allclose(found, exact, bound, 1e-3, /*equal_nan=*/true)) << name;
    EXPECT_FALSE(at::allclose(found, exact, 0, 0, /*equal_nan=*/true)) << name;
  }
}

// Inseq packs the bytes of step attributions with zlib, so those are compared as tensors.
TEST(AttributionJson, StepAttributionsComeBack) {
  const AttributionOutput first = load_attribution(kRaw + "steps.json");
  const AttributionOutput second = from_json_text(to_json_text(first), "again");
  ASSERT_TRUE(first.steps.has_value());
  ASSERT_EQ(first.steps->size(), 6U);
  for (size_t i = 0; i < first.steps->size(); ++i) {
    const StepAttribution &a = (*first.steps)[i], &b = (*second.steps)[i];
    EXPECT_EQ(a.prefix, b.prefix);
    EXPECT_EQ(a.target, b.target);
    EXPECT_EQ(a.kind, AttributionKind::kGranular);
    EXPECT_TRUE(a.source.empty());
    EXPECT_TRUE(at::equal(a.target_attributions, b.target_attributions));
    EXPECT_TRUE(at::equal(a.step_scores.at("entropy"), b.step_scores.at("entropy")));
  }
  const Tensor& step = (*first.steps)[0].target_attributions;  // [batch, prefix, hidden]
  const Tensor& sequence = first.sequences[0].target_attributions;
  EXPECT_TRUE(at::equal(step[0], sequence.select(1, 0).slice(0, 0, step.size(1))));
}

TEST(AttributionJson, DerivesWhatTheFormatDoesNotHold) {
  const AttributionOutput attention = load_attribution(kRaw + "cross_attention.json.gz");
  const SequenceAttribution& sequence = attention.sequences.at(0);
  EXPECT_EQ(sequence.kind, AttributionKind::kMultiDimensional);
  EXPECT_EQ(sequence.num_dimensions, 2);
  EXPECT_EQ(sequence.aggregator, (std::vector<std::string>{"mean", "mean"}));
  EXPECT_EQ(sequence.sequence_scores.count("encoder_self_attentions"), 1U);
  const AttributionOutput granular = load_attribution(kRaw + "granular.json.gz");
  EXPECT_EQ(granular.sequences.at(1).aggregator, (std::vector<std::string>{"vnorm"}));
  EXPECT_EQ(granular.sequences.at(1).target.at(4).text, "日");
  EXPECT_FALSE(granular.sequences.at(1).source_attributions.defined());
  EXPECT_EQ(granular.info.at("model_name"), "tiny");
}

TEST(AttributionJson, KeepsEveryTensorInFloat32) {
  AttributionOutput output;
  SequenceAttribution sequence;
  sequence.kind = AttributionKind::kCoarse;
  sequence.source = {{"a", 1}, {"\"\n\\日", -1}};
  sequence.target = {{"x", 2}};
  sequence.attr_pos_end = 1;
  const double nan = std::numeric_limits<double>::quiet_NaN(),
               inf = std::numeric_limits<double>::infinity();
  sequence.source_attributions = at::tensor({nan, -inf}, at::kFloat).view({2, 1});
  sequence.step_scores["top_p_size"] = at::tensor({7}, at::kLong);
  sequence.step_scores["empty"] = at::empty({0});
  output.sequences = {sequence};
  output.info["note"] = nan;
  const AttributionOutput back = from_json_text(to_json_text(output), "x");
  const SequenceAttribution& found = back.sequences.at(0);
  EXPECT_EQ(found.source, sequence.source);
  EXPECT_TRUE(at::allclose(found.source_attributions, sequence.source_attributions, 0, 0,
                           /*equal_nan=*/true));
  EXPECT_EQ(found.step_scores.at("top_p_size").scalar_type(), at::kFloat);
  EXPECT_EQ(found.step_scores.at("top_p_size").item<float>(), 7);
  EXPECT_EQ(found.step_scores.at("empty").sizes(), at::IntArrayRef({0}));
  EXPECT_FALSE(found.target_attributions.defined());
  EXPECT_TRUE(std::isnan(back.info["note"].get<double>()));
}

/// VmHWM (the most memory held since the last reset) or VmRSS (that held now) in bytes.
int64_t memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key;) {
    int64_t kib = 0;
    if (key == field + ":" && status >> kib) return kib * 1024;
  }
  return 0;
}

TEST(AttributionJson, SavesLargeTensorsWithoutACopy) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the address sanitizer keeps freed memory";
#endif
  AttributionOutput output;
  output.sequences.resize(1);
  const Tensor scores = at::rand({1000, 64, 128}).transpose(0, 1);  // 31 MiB, not contiguous
  output.sequences[0].target_attributions = scores;
  for (const bool compress : {false, true}) {
    if (compress) output.sequences[0].target_attributions = scores.zero_();  // quick to pack
    const TemporaryFile saved;
    std::ofstream("/proc/self/clear_refs") << 5;
    const int64_t before = memory("VmRSS");
    save_attribution(output, saved.path, {.compress = compress});
    EXPECT_LT(memory("VmHWM") - before, int64_t{16} << 20);
    const AttributionOutput back = load_attribution(saved.path);
    EXPECT_TRUE(at::equal(back.sequences[0].target_attributions, scores));
  }
}

TEST(AttributionJson, ReadsStepArraysThatAreLists) {
  const Json value{{"__ndarray__", {{1, 2.5}, {-3, 0}}},
                   {"dtype", "float32"},
                   {"shape", {2, 2}},
                   {"Corder", true}};
  EXPECT_TRUE(at::equal(decode_ndarray(value, "x"),
                        at::tensor({1.0, 2.5, -3.0, 0.0}, at::kFloat).view({2, 2})));
}

TEST(AttributionJson, PacksStepArraysThatShrink) {
  const std::string zeros = ndarray_text(at::zeros({10, 10}), /*pack=*/true);
  EXPECT_TRUE(zeros.starts_with("b64.gz:"));
  const Json array{{"__ndarray__", zeros}, {"dtype", "float32"}, {"shape", {10, 10}}};
  EXPECT_TRUE(at::equal(decode_ndarray(array, "x"), at::zeros({10, 10})));
  EXPECT_TRUE(ndarray_text(at::zeros({10, 10}), false).starts_with("b64:"));
  EXPECT_TRUE(ndarray_text(at::zeros({2}), true).starts_with("b64:"));
}

/// The granular file with one piece of text replaced by another.
std::string changed(const std::string& from, const std::string& to) {
  std::string text = content(kRaw + "granular.json");
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refused(const std::string& text, const std::string& part) {
  try {
    from_json_text(text, "out.json");
    FAIL() << "accepted; expected: " << part;
  } catch (const FormatError& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find("out.json"), 0U) << error.what();
  }
}

TEST(AttributionJson, RefusesOtherFiles) {
  expect_refused("", "not JSON");
  expect_refused("[]", "as Inseq saves it with use_primitives=False");
  expect_refused(R"({"info": {}})", "as Inseq saves it with use_primitives=False");
  expect_refused(changed("\"FeatureAttributionOutput\"", "\"Other\""), "holds a \"Other\"");
  expect_refused(changed("GranularFeature", "Strange"), "sequence_attributions[0]: is a \"Strange");
  expect_refused(changed("\"info\": {", "\"info\": 3, \"x\": {"), "info: needs to be an object");
  expect_refused(changed("\"sequence_attributions\"", "\"other\""),
                 "sequence_attributions: needs to be a list");
  expect_refused(changed("\"step_attributions\": null", "\"step_attributions\": 1"),
                 "step_attributions: needs");
}

TEST(AttributionJson, RefusesBrokenFields) {
  expect_refused(changed("\"attr_pos_start\": 4,\n                    \"seq",
                         "\"attr_pos_start\": 4.5, \"seq"),
                 "attr_pos_start: needs to be a whole number");
  expect_refused(
      changed("\"attr_pos_start\": 4,\n                    \"seq", "\"attr_pos_start\": -1, \"seq"),
      "do not lie in the target of 8 tokens");
  expect_refused(changed("\"token\": \"\\u2581the\"", "\"token\": null"),
                 "source[0].token: needs to be a string");
  expect_refused(changed("\"target_attributions\": \"", "\"target_attributions\": \"*"),
                 "is not base64");
  expect_refused(changed("\"target_attributions\": \"", "\"target_attributions\": \"AAAA"),
                 "target_attributions");
  expect_refused(changed("\"step_scores\": {", "\"step_scores\": {\"x\": 3,"),
                 "step_scores.x: needs to be a tensor");
}

std::string safetensor(const std::string& header, const std::string& data) {
  std::string file(8, '\0');
  file[0] = static_cast<char>(header.size());
  file += header + data;
  return base64_encode(std::as_bytes(std::span(file)));
}

TEST(AttributionJson, RefusesTensorsThatLie) {
  for (const auto& [header, data] : std::vector<std::pair<std::string, std::string>>{
           {R"({"attribution":{"dtype":"F32","shape":[4],"data_offsets":[0,8]}})", "12345678"},
           {R"({"attribution":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", "1234"},
           {R"({"attribution":{"dtype":"F32","shape":[0,99999999999],"data_offsets":[0,0]}})", ""},
           {R"({"attribution":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}})",
            "1234"},
           {R"({"attribution":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", "1234"},
           {R"({"other":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", "1234"},
           {R"({"attribution":{"dtype":"Q9","shape":[1],"data_offsets":[0,4]}})", "1234"}}) {
    EXPECT_THROW(decode_safetensor(safetensor(header, data), "x"), Error) << header;
  }
  const std::string good =
      safetensor(R"({"attribution":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
                 std::string("\0\0\x80\x3F", 4));
  EXPECT_EQ(decode_safetensor(good, "x").item<float>(), 1.0F);
}

TEST(AttributionJson, RefusesArraysThatLie) {
  const auto refused = [](const char* text) {
    EXPECT_THROW(decode_ndarray(Json::parse(text), "x"), FormatError) << text;
  };
  refused(R"({"__ndarray__":"b64:AAAA","dtype":"float32","shape":[1]})");
  refused(R"({"__ndarray__":"AAAA","dtype":"uint8","shape":[3]})");
  refused(R"({"__ndarray__":"b64.gz:AAAA","dtype":"uint8","shape":[3]})");
  refused(R"({"__ndarray__":"b64:AAAA","dtype":"object","shape":[3]})");
  refused(R"({"__ndarray__":"b64:AAAA","dtype":"uint8","shape":[-3]})");
  refused(R"({"__ndarray__":"b64:AAAA","dtype":"uint8","shape":[4611686018427387904, 4]})");
  refused(R"({"__ndarray__":"b64:AAAA","dtype":"uint8","shape":3})");
  refused(R"({"__ndarray__":"b64:AAAA","dtype":"uint8","shape":[3],"Corder":false})");
  refused(R"({"__ndarray__":[1,2],"dtype":"uint8","shape":[3]})");
  refused(R"({"__ndarray__":[1,"2"],"dtype":"uint8","shape":[2]})");
  refused(
      R"({"__ndarray__":[],"dtype":"uint8","shape":[0,2147483647,2147483647,2147483647,2147483647]})");
  refused(R"({"dtype":"uint8","shape":[2]})");
  refused("3");
}

TEST(AttributionJson, ChangedBytesNeverDoMoreThanThrow) {
  std::mt19937 random(5);
  size_t refused = 0;
  for (const char* name : {"cross_attention.json", "steps.json"}) {
    const std::string original = content(kRaw + name);
    for (int round = 0; round < 300; ++round) {
      std::string text = original;
      for (int change = 0; change < 3; ++change) {
        // Digits and letters keep much of the text valid JSON and base64.
        text[random() % text.size()] = "0123456789AZaz\"[]{},:-+/="[random() % 26];
      }
      try {
        const AttributionOutput output = from_json_text(text, "x");
        EXPECT_LE(output.sequences.size(), 2U);
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 100U);
}

TEST(AttributionJson, EveryTruncationIsAnError) {
  const std::string text = content(kRaw + "cross_attention.json");
  for (size_t length = 0; length < text.size(); length += 97) {
    EXPECT_THROW(from_json_text(text.substr(0, length), "x"), FormatError) << length;
  }
}

}  // namespace
}  // namespace inseq::io
