#include "generation/option_rules.h"
#include "inseq/error.h"
#include "unit/generation/table_model.h"

namespace inseq::generation {
namespace {

using Ids = std::vector<int64_t>;

Options read(const char* user, const char* generation_config = "null",
             const char* model_config = "null") {
  return read_options({.generation_config = Json::parse(generation_config),
                       .user = Json::parse(user),
                       .model_config = Json::parse(model_config)});
}

template <typename Kind = InvalidArgument>
std::string message(const char* user, const char* generation_config = "null") {
  return message_of<Kind>([&] { read(user, generation_config); });
}

TEST(ReadOptions, ReadsEveryOption) {
  const Options options = read(R"({
    "max_length": 30, "max_new_tokens": 4, "min_length": 2, "min_new_tokens": 3,
    "eos_token_id": [5, 6], "pad_token_id": 7, "repetition_penalty": 1.5,
    "no_repeat_ngram_size": 3, "bad_words_ids": [[1], [2, 3]], "suppress_tokens": [8],
    "begin_suppress_tokens": [9, 10], "forced_bos_token_id": 11, "forced_eos_token_id": 12,
    "remove_invalid_values": true, "exponential_decay_length_penalty": [13, 1.25],
    "renormalize_logits": true, "do_sample": true, "temperature": 2, "top_k": 14, "top_p": 0.5,
    "min_p": 0.25, "top_h": 0.75, "typical_p": 0.125, "epsilon_cutoff": 0.0625,
    "eta_cutoff": 0.03125, "seed": 18446744073709551615})");
  EXPECT_EQ(options.max_length, 30);
  EXPECT_EQ(options.max_new_tokens, 4);
  EXPECT_EQ(options.min_length, 2);
  EXPECT_EQ(options.min_new_tokens, 3);
  EXPECT_EQ(options.eos_token_ids, Ids({5, 6}));
  EXPECT_EQ(options.pad_token_id, 7);
  EXPECT_EQ(options.repetition_penalty, 1.5);
  EXPECT_EQ(options.no_repeat_ngram_size, 3);
  EXPECT_EQ(options.bad_words_ids, std::vector<Ids>({{1}, {2, 3}}));
  EXPECT_EQ(options.suppress_tokens, Ids({8}));
  EXPECT_EQ(options.begin_suppress_tokens, Ids({9, 10}));
  EXPECT_EQ(options.forced_bos_token_id, 11);
  EXPECT_EQ(options.forced_eos_token_ids, Ids({12}));
  EXPECT_TRUE(options.remove_invalid_values);
  EXPECT_EQ(options.exponential_decay_length_penalty, std::make_pair(int64_t{13}, 1.25));
  EXPECT_TRUE(options.renormalize_logits);
  EXPECT_TRUE(options.do_sample);
  EXPECT_EQ(options.temperature, 2.0);
  EXPECT_EQ(options.top_k, 14);
  EXPECT_EQ(options.top_p, 0.5);
  EXPECT_EQ(options.min_p, 0.25);
  EXPECT_EQ(options.top_h, 0.75);
  EXPECT_EQ(options.typical_p, 0.125);
  EXPECT_EQ(options.epsilon_cutoff, 0.0625);
  EXPECT_EQ(options.eta_cutoff, 0.03125);
  EXPECT_EQ(options.seed, UINT64_MAX);
  EXPECT_NO_THROW(check_options(options));
}

TEST(ReadOptions, DefaultsAreValid) {
  EXPECT_NO_THROW(check_options({}));
  EXPECT_NO_THROW(check_options(read("null")));
}

TEST(ReadOptions, TheUserWinsOverTheFile) {
  const char* file = R"({"max_length": 30, "top_k": 5, "eos_token_id": 2, "temperature": 0.6})";
  EXPECT_EQ(read(R"({"top_k": 9})", file).top_k, 9);
  EXPECT_EQ(read("null", file).top_k, 5);
  EXPECT_EQ(read("null", file).eos_token_ids, Ids({2}));
  const Options taken_back =
      read(R"({"top_k": null, "eos_token_id": null, "max_length": null})", file);
  EXPECT_EQ(taken_back.top_k, 0);
  EXPECT_EQ(taken_back.eos_token_ids, Ids());
  EXPECT_FALSE(taken_back.max_length.has_value());
  EXPECT_EQ(taken_back.temperature, 0.6);
}

TEST(ReadOptions, ConfigJsonCountsOnlyWithoutGenerationConfig) {
  const char* config = R"({"vocab_size": 7, "eos_token_id": 3, "pad_token_id": null,
    "text_config": {"eos_token_id": 4, "pad_token_id": 5}})";
  EXPECT_EQ(read("null", "null", config).eos_token_ids, Ids({3}));
  EXPECT_EQ(read("null", "null", config).pad_token_id, 5);
  EXPECT_EQ(read("null", "{}", config).eos_token_ids, Ids());
}

TEST(ReadOptions, NegativeIdsOfEndAndPaddingMeanNone) {
  const Options options = read("null", R"({"eos_token_id": [-1, 2], "pad_token_id": -1})");
  EXPECT_EQ(options.eos_token_ids, Ids({2}));
  EXPECT_FALSE(options.pad_token_id.has_value());
}

TEST(ReadOptions, FilesMayHoldUnknownKeysButUsersMayNot) {
  EXPECT_NO_THROW(read("null", R"({"chat_format": "chatml", "max_window_size": 6144})"));
  EXPECT_EQ(message(R"({"temprature": 1})"),
            R"(unknown generation option "temprature"; did you mean "temperature"?)");
  EXPECT_EQ(message(R"({"zzz": 1})"), R"(unknown generation option "zzz")");
}

TEST(ReadOptions, RefusesWrongTypesAndRanges) {
  EXPECT_EQ(message(R"({"temperature": "hot"})"),
            R"(generation option "temperature" must be a number greater than 0, got "hot")");
  EXPECT_EQ(message(R"({"temperature": 0, "do_sample": true})"),
            R"(generation option "temperature" must be a number greater than 0, got 0)");
  EXPECT_EQ(message(R"({"max_new_tokens": 0})"),
            R"(generation option "max_new_tokens" must be a whole number of at least 1, got 0)");
  EXPECT_EQ(message("null", R"({"top_p": 1.5})"),
            "generation_config.json: generation option \"top_p\" must be a number between 0 and 1, "
            "got 1.5");
  EXPECT_EQ(message(R"({"do_sample": 1})"),
            R"(generation option "do_sample" must be true or false, got 1)");
  EXPECT_EQ(message("[1]"), "generation options must be a JSON object, got [1]");
  EXPECT_EQ(message("null", "3"), "generation_config.json must be a JSON object, got 3");
}

/// Every option refuses values of every wrong type, naming itself.
TEST(ReadOptions, EveryOptionChecksItsType) {
  for (const OptionRule& rule : option_rules()) {
    SCOPED_TRACE(rule.name);
    for (const char* wrong : {R"("three")", "{}", "[[[1]]]", "-3.5", "[1, \"2\"]"}) {
      if (rule.name == "length_penalty" && wrong == std::string("-3.5")) continue;  // any number
      const std::string user = "{\"" + rule.name + "\": " + wrong + "}";
      const std::string beginning =
          "generation option \"" + rule.name + "\" must be " + rule.needs + ", got ";
      EXPECT_EQ(message(user.c_str()).substr(0, beginning.size()), beginning) << wrong;
    }
  }
}

TEST(ReadOptions, RefusesNumbersThatDoNotFit) {
  EXPECT_NE(message(R"({"max_new_tokens": 18446744073709551615})"), "");
  EXPECT_NE(message(R"({"eos_token_id": [1, 9223372036854775808]})"), "");
  EXPECT_NE(message(R"({"seed": -1})"), "");
  EXPECT_NE(message(R"({"suppress_tokens": [-1]})"), "");
  EXPECT_NE(message(R"({"forced_eos_token_id": -2})"), "");
  EXPECT_NE(message(R"({"exponential_decay_length_penalty": [-1, 1.1]})"), "");
  EXPECT_NE(message(R"({"exponential_decay_length_penalty": [1, 1.1, 2]})"), "");
}

TEST(ReadOptions, GreedyCheckpointsMayHaveTemperatureZero) {
  EXPECT_EQ(read("null", R"({"temperature": 0.0})").temperature, 0.0);
}

TEST(ReadOptions, RefusesWhatIsNotSupported) {
  EXPECT_EQ(
      message<Unsupported>(R"({"num_beam_groups": 4})"),
      R"(generation option "num_beam_groups" is 4, but group beam search is not supported; set it to 1)");
  EXPECT_EQ(message<Unsupported>(R"({"stop_strings": ["\n"]})"),
            "generation option \"stop_strings\" is [\"\\n\"], but stop strings are not supported "
            "(eos_token_id takes the tokens that end a text); leave it out");
}

TEST(ReadOptions, Beams) {
  const Options options = read(R"({"num_beams": 4, "early_stopping": "never"})",
                               R"({"num_beams": 6, "length_penalty": 0.5, "num_return_sequences": 3,
                                   "decoder_start_token_id": 7, "bos_token_id": -1})");
  EXPECT_EQ(options.num_beams, 4);
  EXPECT_EQ(options.num_return_sequences, 3);
  EXPECT_EQ(options.length_penalty, 0.5);
  EXPECT_EQ(options.early_stopping, EarlyStopping::kNever);
  EXPECT_EQ(decoder_prompt(options), (std::vector<int64_t>{7}));
  EXPECT_EQ(decoder_prompt(options, {3, 4}), (std::vector<int64_t>{7, 3, 4}));
  EXPECT_EQ(decoder_prompt(options, {7, 4}), (std::vector<int64_t>{7, 4}));
  EXPECT_THROW(decoder_prompt(Options{}), InvalidArgument);
  EXPECT_THROW(read(R"({"num_beams": 2, "num_return_sequences": 3})"), InvalidArgument);
  EXPECT_THROW(read(R"({"num_return_sequences": 2})"), InvalidArgument);
  EXPECT_THROW(read(R"({"num_beams": 0})"), InvalidArgument);
  EXPECT_THROW(read(R"({"early_stopping": "always"})"), InvalidArgument);
}

TEST(ReadOptions, NeutralValuesOfForeignOptionsAreAccepted) {
  for (const ForeignOption& option : foreign_options()) {
    SCOPED_TRACE(option.name);
    for (const Json& value : {option.neutral, Json(), Json::array()}) {
      EXPECT_NO_THROW(read_options(
          {.generation_config = {{option.name, value}}, .user = {{option.name, value}}}));
    }
    EXPECT_THROW(read_options({.user = {{option.name, "something"}}}), Unsupported);
  }
}

TEST(ReadOptions, OptionsOfOutputsAndCachesAreAccepted) {
  for (const std::string& name : ignored_options()) {
    EXPECT_NO_THROW(read_options({.user = {{name, "something"}}}));
  }
}

TEST(ReadOptions, RefusesForcingWhatIsSuppressed) {
  EXPECT_EQ(message(R"({"forced_eos_token_id": [3, 4], "suppress_tokens": [4, 3]})"),
            "generation option \"forced_eos_token_id\" forces [3,4], which \"suppress_tokens\" "
            "forbids; take it out of one of the two");
  EXPECT_NO_THROW(read(R"({"forced_eos_token_id": [3, 4], "suppress_tokens": [4]})"));
}

TEST(ReadOptions, MessagesStayShortAndSafe) {
  const std::string deep = "{\"top_k\": " + std::string(20000, '[') + std::string(20000, ']') + "}";
  EXPECT_NE(message(deep.c_str()).find("got a deeply nested value"), std::string::npos);
  const std::string longest = "{\"top_k\": \"" + std::string(5000, 'x') + "\"}";
  EXPECT_LT(message(longest.c_str()).size(), 200u);
}

TEST(CheckOptions, RefusesWhatJsonCannotHold) {
  Options options;
  options.temperature = std::nan("");
  EXPECT_EQ(message_of<InvalidArgument>([&] { check_options(options); }),
            "generation option \"temperature\" must be a number greater than 0, got null");
}

}  // namespace
}  // namespace inseq::generation
