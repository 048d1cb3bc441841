// How `inseq` reads its arguments, and what it says when they are wrong.
#include <sstream>

#include "program.h"

namespace inseq::test {
namespace {

/// All of Inseq 0.7.1's options of `attribute` with their short forms, then ours.
const std::vector<Words> kOptions = {
    {"input_texts", "-i"},
    {"generated_texts", "-g"},
    {"model_name_or_path", "-m"},
    {"attribution_method", "-a"},
    {"attributed_fn", "-fn"},
    {"step_scores"},
    {"start_pos", "-s"},
    {"end_pos", "-e"},
    {"save_path", "-o"},
    {"viz_path"},
    {"hide_attributions", "--hide"},
    {"generation_kwargs"},
    {"attribution_kwargs"},
    {"model_kwargs"},
    {"tokenizer_kwargs"},
    {"device", "--dev"},
    {"batch_size", "-bs"},
    {"attribution_aggregators"},
    {"attribution_selectors"},
    {"normalize_attributions"},
    {"rescale_attributions"},
    {"aggregate_output"},
    {"output_step_attributions"},
    {"attribute_target"},
    {"generate_from_target_prefix"},
    {"include_eos_baseline", "--eos"},
    {"verbose", "-v"},
    {"very_verbose", "-vv"},
    {"dtype"},
    {"threads"},
    {"memory_limit"},
    {"engine"},
};

/// The names that head the entries of a help text: "--save_path, -o TEXT" gives two.
Words headings(const std::string& help) {
  Words names;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  --")) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word[0] != '-') break;
      if (word.back() == ',') word.pop_back();
      names.push_back(word);
    }
  }
  return names;
}

TEST(Usage, HelpHoldsEveryOptionOnce) {
  const RunResult result = inseq({"attribute", "--help"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
  Words expected;
  for (const Words& option : kOptions) {
    expected.push_back("--" + option[0]);
    expected.insert(expected.end(), option.begin() + 1, option.end());
  }
  EXPECT_EQ(headings(result.out), expected);
}

TEST(Usage, HelpFitsTheTerminal) {
  for (const int width : {60, 100}) {
    RunOptions options;
    options.out_columns = width;
    std::istringstream lines(inseq({"attribute", "--help"}, options).out);
    for (std::string line; std::getline(lines, line);) {
      EXPECT_LE(line.size(), static_cast<size_t>(width)) << line;
    }
  }
}

TEST(Usage, ListingsGoToStandardOutput) {
  for (const char* command : {"methods", "step-functions", "step_functions", "models"}) {
    const RunResult result = inseq({command});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_GE(count_of("\n", result.out), 2u);
  }
  expect_contains(inseq({"methods"}).out, "saliency");
  const Json described = Json::parse(inseq({"methods", "--json"}).out);
  const auto found = std::find_if(described.begin(), described.end(), [](const Json& method) {
    return method.at("name") == "integrated_gradients";
  });
  ASSERT_NE(found, described.end());
  EXPECT_EQ(found->at("family"), "gradient");
  EXPECT_EQ(found->at("options").at(0).at("name"), "n_steps");
  EXPECT_EQ(found->at("options").at(0).at("default"), 50);
  for (const char* command : {"step-functions", "models"})
    EXPECT_FALSE(Json::parse(inseq({command, "--json"}).out).empty()) << command;
  expect_contains(inseq({"step-functions"}).out, "probability");
  expect_contains(inseq({"models"}).out, "LlamaForCausalLM");
  EXPECT_EQ(inseq({"--version"}).out.find("inseq 0."), 0u);
}

TEST(Usage, NoCommandShowsHelpAsAnError) {
  const RunResult none = inseq({});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_EQ(none.out, "");
  expect_contains(none.err, "usage: inseq");
  const RunResult asked = inseq({"--help"});
  EXPECT_EQ(asked.exit_code, 0);
  EXPECT_EQ(asked.out, none.err);
}

TEST(Usage, WrongCommandsOfferTheNearest) {
  expect_failure(inseq({"atribute"}), 2,
                 {"unknown command \"atribute\"", "did you mean \"attribute\"?"});
  expect_failure(inseq({"-i", "text"}), 2, {"needs a command before it", "inseq attribute -i"});
  expect_failure(inseq({"methods", "x"}), 2, {"takes no argument but --json", "x"});
  expect_failure(inseq({"models", "--json", "Bart"}), 2, {"but --json, got Bart"});
  expect_failure(inseq({"attribute"}), 2, {"--input_texts is missing"});
}

TEST(Usage, UnderscoresDashesAndBeginningsMeanTheSame) {
  const std::string usual = attribute(with(kTexts, {"--attribution_method", "attention"})).out;
  ASSERT_NE(usual, "");
  for (const Words& form : std::vector<Words>{{"--attribution-method", "attention"},
                                              {"--attribution-method=attention"},
                                              {"--attribution_m=attention"},
                                              {"--attribution-m", "attention"},
                                              {"-a", "attention"}}) {
    const RunResult result = attribute(with(kTexts, form));
    EXPECT_EQ(result.out, usual) << form[0];
    EXPECT_EQ(result.exit_code, 0) << form[0] << ' ' << result.err;
  }
  expect_failure(attribute(with(kTexts, {"--attribution", "x"})), 2,
                 {"--attribution could be", "--attribution_method", "--attribution_kwargs"});
}

TEST(Usage, FlagsTakeTrueAndFalse) {
  for (const char* yes : {"true", "True", "1", "yes"}) {
    EXPECT_EQ(attribute(with(kTexts, {"--hide", yes})).out, "") << yes;
  }
  EXPECT_EQ(attribute(with(kTexts, {"--hide"})).out, "");
  EXPECT_EQ(attribute(with(kTexts, {"--hide=true"})).out, "");
  EXPECT_EQ(attribute(with({"--hide"}, kTexts)).out, "");
  for (const char* no : {"false", "False", "0"}) {
    EXPECT_NE(attribute(with(kTexts, {"--hide_attributions", no})).out, "") << no;
  }
  expect_failure(attribute(with(kTexts, {"--hide", "perhaps"})), 2,
                 {"--hide_attributions", "true or false", "perhaps"});
}

TEST(Usage, JsonMustBeAnObject) {
  for (const char* option :
       {"--generation_kwargs", "--attribution_kwargs", "--model_kwargs", "--tokenizer_kwargs"}) {
    for (const char* wrong : {"{max: 3", "[1]", "3", ""}) {
      expect_failure(attribute(with(kTexts, {option, wrong})), 2, {option, "JSON object"});
    }
  }
  const std::string deep = R"({"abs": )" + std::string(60000, '[') + std::string(60000, ']') + "}";
  expect_failure(attribute(with(kTexts, {"--attribution_kwargs", deep})), 2, {"levels deep"});
  expect_failure(attribute(with(kTexts, {"--attribution_kwargs", "{'abs': 1}"})), 2,
                 {"--attribution_kwargs: not JSON: byte 2 of 10"});
  const std::vector<std::pair<const char*, const char*>> examples = {
      {"--generation_kwargs", "max_new_tokens"},
      {"--attribution_kwargs", "abs"},
      {"--model_kwargs", "dtype"},
      {"--tokenizer_kwargs", "src_lang"}};
  for (const auto& [option, key] : examples)
    expect_failure(attribute(with(kTexts, {option, "x"})), 2, {option, key});
}

TEST(Usage, NumbersMustBeNumbers) {
  for (const char* option : {"--start_pos", "--end_pos", "--batch_size", "--threads"}) {
    for (const char* wrong : {"x", "1.5", "9999999999999999999999"}) {
      expect_failure(attribute(with(kTexts, {option, wrong})), 2, {option, "whole number", wrong});
    }
  }
  expect_failure(attribute(with(kTexts, {"--batch_size", "0"})), 2, {"--batch_size", "at least 1"});
  expect_failure(attribute(with(kTexts, {"--threads", "0"})), 2, {"--threads", "1 to 1024"});
  expect_failure(attribute(with(kTexts, {"--memory_limit", "lots"})), 2,
                 {"--memory_limit", "\"lots\"", "4GB"});
}

TEST(Usage, MissingValuesAndStrayWordsAreTold) {
  expect_failure(attribute({"-i"}), 2, {"--input_texts", "needs"});
  expect_failure(attribute(with(kTexts, {"-a"})), 2, {"--attribution_method", "needs"});
  expect_failure(inseq({"attribute", "Hello"}), 2, {"\"Hello\"", "--input_texts"});
  expect_failure(attribute(with(kTexts, {"-a", "saliency", "extra"})), 2, {"\"extra\""});
}

TEST(Usage, TextsMayBeginWithADash) {
  for (const Words& texts : std::vector<Words>{
           {"-i", "- The dog"}, {"-i=-The", "-g=-The dog"}, {"--input_texts=--x y"}}) {
    const RunResult result =
        attribute(with(texts, {"--generation_kwargs", R"({"max_new_tokens": 2})"}));
    EXPECT_EQ(result.exit_code, 0) << texts[0] << ' ' << result.err;
    EXPECT_NE(result.out, "") << texts[0];
  }
}

TEST(Usage, UnknownNamesOfferTheNearest) {
  expect_failure(attribute(with(kTexts, {"--atribution_method", "x"})), 2,
                 {"unknown option --atribution_method", "did you mean \"--attribution_method\"?"});
  expect_failure(attribute(with(kTexts, {"--modle", "x"})), 2,
                 {"did you mean \"--model_name_or_path\"?"});
  expect_failure(attribute(with(kTexts, {"-q"})), 2, {"unknown option -q", "--help"});
  expect_failure(attribute(with(kTexts, {"--no-hide"})), 2, {"unknown option --no-hide"});
  expect_failure(
      attribute(with(kTexts, {"-a", "salency"})), 2,
      {"unknown attribution method \"salency\"", "did you mean \"saliency\"?", "inseq methods"});
  expect_failure(attribute(with(kTexts, {"-fn", "probabilty"})), 2,
                 {"unknown step function \"probabilty\"", "did you mean \"probability\"?",
                  "inseq step-functions"});
  expect_failure(attribute(with(kTexts, {"--step_scores", "entropy", "logits"})), 2,
                 {"\"logits\"", "did you mean \"logit\"?"});
}

TEST(Usage, WrongValuesAreToldBeforeAModelIsSought) {
  const auto refused = [](const Words& words, const std::vector<std::string>& parts) {
    expect_failure(inseq(with({"attribute", "-i", "a", "-m", "/nonexistent/model"}, words)), 2,
                   parts);
  };
  refused({"-a", "salency"}, {"salency"});
  refused({"--attribution_aggregators", "vnrom"}, {"\"vnrom\"", "did you mean \"vnorm\"?"});
  refused({"--attribution_aggregators", "vnorm", "pair"}, {"pair", "a second attribution"});
  refused({"--attribution_aggregators", "slices"}, {"slices", "spans"});
  refused({"--engine", "autogard"}, {"unknown engine", "did you mean \"autograd\"?"});
  refused({"--dtype", "bfloat61"}, {"unknown dtype", "did you mean \"bfloat16\"?"});
  refused({"--device", "gpu"}, {"unknown device \"gpu\"", "cpu"});
  refused({"--device", "cuda:"}, {"unknown device \"cuda:\""});
  refused({"--model_kwargs", R"({"dtype": "float61"})"}, {"unknown dtype", "\"float64\""});
  refused({"--model_kwargs", R"({"dtype": 16})"}, {"model option \"dtype\" is 16"});
  refused({"--attribution_kwargs", R"({"asb": true})"}, {"\"asb\"", "did you mean \"abs\"?"});
  refused({"--attribution_kwargs", R"({"abs": 3})"}, {"\"abs\"", "saliency", "3"});
  refused({"--attribution_kwargs", R"({"show_progress": 3})"}, {"\"show_progress\" is 3"});
  refused({"--generation_kwargs", R"({"max_new_token": 3})"},
          {"max_new_token", "did you mean \"max_new_tokens\"?"});
  refused({"--generation_kwargs", R"({"max_new_tokens": "many"})"}, {"max_new_tokens", "many"});
  refused({"--generation_kwargs", R"({"num_return_sequences": 2})"},
          {"num_return_sequences", "must be 1"});
  refused({"--generation_kwargs", R"({"skip_special_tokens": 2})"}, {"true or false, got 2"});
  refused({"--tokenizer_kwargs", R"({"src_lagn": "fr"})"},
          {"\"src_lagn\"", "did you mean \"src_lang\"?"});
  refused({"--tokenizer_kwargs", R"({"add_bos_token": "yes"})"},
          {"\"add_bos_token\"", "true or false", "\"yes\""});
  refused({"--tokenizer_kwargs", R"({"pad_token": 3})"}, {"\"pad_token\"", "needed is a token"});
}

TEST(Usage, NamesThatOnlyTheModelKnowsAreChecked) {
  expect_failure(attribute(with(kTexts, {"--model_kwargs", R"({"hiden_size": 3})"})), 2,
                 {"model option \"hiden_size\"", "did you mean \"hidden_size\"?"});
}

TEST(Usage, OptionsWithoutEffectAreTold) {
  for (const char* name : {"--normalize_attributions", "--rescale_attributions"}) {
    const RunResult result = attribute(with(kTexts, {name}));
    EXPECT_EQ(result.exit_code, 0);
    expect_contains(result.err, std::string(name) + " only concerns what is saved");
    const TemporaryFolder folder;
    expect_contains(attribute(with(kTexts, {name, "-o", folder / "out.json"})).err,
                    std::string(name) + " has no effect without --attribution_aggregators");
  }
  const TemporaryFolder folder;
  expect_contains(attribute(with(kTexts, {"--rescale_attributions", "--attribution_aggregators",
                                          "vnorm", "-o", folder / "out.json"}))
                      .err,
                  "no effect without --attribution_selectors");
  expect_contains(
      attribute(with(kTexts, {"--attribution_aggregators", "spans", "-o", folder / "out.json"}))
          .err,
      "the aggregator spans has no effect");
  expect_contains(attribute(with(kTexts, {"-a", "attention", "-fn", "logit"})).err,
                  "--attributed_fn has no effect");
  expect_contains(attribute(with(kTexts, {"-a", "saliency", "--include_eos_baseline"})).err,
                  "--include_eos_baseline has no effect on method saliency");
  EXPECT_EQ(attribute(with(kTexts, {"-a", "deeplift", "--include_eos_baseline"})).err, "");
}

TEST(Usage, OptionsThatContradictEachOtherAreRefused) {
  expect_failure(attribute(with(kTexts, {"--normalize_attributions", "--rescale_attributions"})), 2,
                 {"exclude each other"});
  expect_failure(
      attribute(with(kTexts, {"--dtype", "float64", "--model_kwargs", R"({"dtype": "auto"})"})), 2,
      {"--dtype", "--model_kwargs", "once"});
  expect_failure(attribute(with(kTexts, {"--attribution_aggregators", "mean", "mean",
                                         "--attribution_selectors", "1"})),
                 2, {"--attribution_selectors has 1", "2 names"});
}

TEST(Usage, WhatIsNotThereYetIsRefused) {
  expect_failure(attribute(with(kTexts, {"--viz_path", "x.html"})), 1,
                 {"--viz_path", "not available"});
  for (const Words& words : std::vector<Words>{{"-fn", "contrast_prob_diff"},
                                               {"--step_scores", "entropy", "pcxmi"},
                                               {"--attribution_aggregators", "split"}}) {
    expect_failure(attribute(with(kTexts, words)), 1, {words.back(), "not available"});
  }
  expect_failure(inseq({"attribute-dataset", "--help"}), 1, {"attribute-dataset", "not available"});
  expect_failure(inseq({"attribute-context"}), 1, {"attribute-context", "not available"});
  expect_failure(attribute({"-i", "The dog", "--generation_kwargs", R"({"num_beam_groups": 4})"}),
                 1, {"num_beam_groups", "4"});
}

}  // namespace
}  // namespace inseq::test
