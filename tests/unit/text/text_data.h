#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "support/temporary_folder.h"
#include "text/tokenizer.h"

namespace inseq::text {

/// A file of tests/unit/text/data as JSON; make_data.py describes them.
inline Json load_data(const std::string& file) {
  std::ifstream in(INSEQ_TEST_DIR "/unit/text/data/" + file);
  EXPECT_TRUE(in.good()) << file;
  return Json::parse(in);
}

using test::TemporaryFolder;

/// Writes the files of a case of cases.json: text, JSON, or a trained tokenizer.json with parts
/// replaced.
inline void write_case(const TemporaryFolder& folder, const Json& files, const Json& bases) {
  for (const auto& [file, value] : files.items()) {
    if (value.is_string()) {
      folder.write(file, value.get<std::string>());
    } else if (value.contains("text_of")) {
      folder.write(file, bases[value["text_of"].get<std::string>()]["model"]["vocab"].dump());
    } else if (value.contains("base")) {
      Json whole = bases[value["base"].get<std::string>()];
      for (const auto& [part, change] : value["changes"].items()) {
        if (part == "model") {
          whole[part].update(change);
        } else {
          whole[part] = change;
        }
      }
      folder.write(file, whole.dump());
    } else {
      folder.write(file, value.dump());
    }
  }
}

/// Holds a tokenizer to what make_data.py's describe() wrote.
inline void expect_as_described(const Tokenizer& tokenizer, const Json& expected) {
  const auto or_none = [](int64_t id) { return id < 0 ? Json() : Json(id); };
  const SpecialTokens& special = tokenizer.special();
  EXPECT_EQ(tokenizer.class_name(), expected["class"]);
  EXPECT_EQ(tokenizer.vocab_size(), expected["size"]);
  EXPECT_EQ(tokenizer.max_length() ? Json(*tokenizer.max_length()) : Json(),
            expected["max_length"]);
  EXPECT_EQ(Json({or_none(special.bos), or_none(special.eos), or_none(special.pad),
                  or_none(special.unk)}),
            expected["special"]);
  EXPECT_EQ(Json(tokenizer.special_ids()), expected["special_ids"]);
  const auto tokens = expected["tokens"].get<std::vector<std::string>>();
  for (size_t i = 0; i < tokens.size(); ++i)
    EXPECT_EQ(tokenizer.id_to_token(expected["sample"][i]), tokens[i]);
  for (size_t i = 0; i < tokens.size(); ++i)
    EXPECT_EQ(tokenizer.token_to_id(tokens[i]), expected["sample"][i]);
  EXPECT_EQ(tokenizer.tokens_to_string(tokens), expected["joined"]);
  const auto texts = load_data("texts.json").get<std::vector<std::string>>();
  const size_t every = expected["every"], first = expected["around"][0],
               last = expected["around"][1];
  for (size_t i = 0; i < expected["texts"].size(); ++i) {
    const std::string& text = texts.at(i * every);
    SCOPED_TRACE("text " + std::to_string(i * every) + " " + Json(text).dump());
    const Json& entry = expected["texts"][i];
    const auto ids = entry[0].get<std::vector<int64_t>>();
    const auto plain = entry[1].is_null()
                           ? std::vector<int64_t>(ids.begin() + first, ids.end() - last)
                           : entry[1].get<std::vector<int64_t>>();
    const std::string decoded = entry[2].is_null() ? text : entry[2].get<std::string>();
    const Encoding encoding = tokenizer.encode(text, true);
    EXPECT_EQ(encoding.ids, ids);
    EXPECT_EQ(tokenizer.encode(text, false).ids, plain);
    EXPECT_EQ(tokenizer.decode(ids, false), decoded);
    EXPECT_EQ(tokenizer.decode(ids, true), entry[3].is_null() ? Json(decoded) : entry[3]);
    ASSERT_EQ(encoding.offsets.size(), ids.size());
    if (entry.size() < 5) continue;
    Json offsets = Json::array();
    for (const auto& [begin, end] : encoding.offsets) {
      offsets.push_back(begin);
      offsets.push_back(end);
    }
    EXPECT_EQ(offsets, entry[4]);
  }
}

}  // namespace inseq::text
