#include "base/base64.h"
#include "inseq/error.h"
#include "text/sentence_pieces.h"
#include "text/spm_file.h"
#include "text_data.h"

namespace inseq::text {
namespace {

const Json& data() {
  static const Json loaded = load_data("pieces.json");
  return loaded;
}

std::string spm_bytes(const std::string& name) {
  const auto bytes = base64_decode(data()["spm"][name].get<std::string>());
  return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

/// The folder of a case of pieces.json.
class PiecesFolder : public TemporaryFolder {
 public:
  explicit PiecesFolder(const std::string& name) {
    for (const auto& [file, value] : data()["cases"][name]["files"].items()) {
      if (value.is_string()) {
        write(file, value.get<std::string>());
      } else {
        write(file, value.contains("spm") ? spm_bytes(value["spm"]) : value.dump());
      }
    }
  }
};

template <typename Kind, typename Act>
std::string message_of(const Act& act) {
  try {
    act();
  } catch (const Kind& error) {
    return error.what();
  }
  return "nothing thrown";
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void expect_texts(const Tokenizer& tokenizer, const Json& expected) {
  const bool separate = expected["separate"];
  for (size_t i = 0; i < expected["texts"].size(); ++i) {
    const std::string text = expected["texts_from"][i];
    SCOPED_TRACE(Json(text).dump());
    const Json& entry = expected["texts"][i];
    const Encoding source = tokenizer.encode(text, true);
    const Encoding target = tokenizer.encode(text, true, Side::kTarget);
    EXPECT_EQ(Json(source.ids), entry[0]);
    EXPECT_EQ(Json(target.ids), entry[1]);
    EXPECT_EQ(Json(tokenizer.encode(text, false).ids), entry[2]);
    const std::vector<int64_t>& first = separate ? target.ids : source.ids;
    EXPECT_EQ(tokenizer.decode(first, false), entry[3][0]);
    EXPECT_EQ(tokenizer.decode(first, true), entry[3][1]);
    EXPECT_EQ(tokenizer.decode(target.ids, false), entry[3][2]);
    EXPECT_EQ(tokenizer.decode(target.ids, true), entry[3][3]);
    ASSERT_EQ(source.offsets.size(), source.ids.size());
    size_t last = 0;
    for (const auto& [begin, end] : source.offsets) {
      EXPECT_LE(begin, end);
      EXPECT_LE(end, text.size());
      if (end == 0) continue;
      EXPECT_LE(last, end);
      last = end;
    }
  }
}

TEST(Pieces, AgreeWithTransformers) {
  for (const auto& [name, expected] : data()["cases"].items()) {
    SCOPED_TRACE(name);
    const PiecesFolder folder(name);
    const auto tokenizer = load_tokenizer(folder.path());
    const auto or_none = [](int64_t id) { return id < 0 ? Json() : Json(id); };
    const SpecialTokens& special = tokenizer->special();
    EXPECT_EQ(tokenizer->class_name(), expected["class"]);
    EXPECT_EQ(tokenizer->vocab_size(), expected["size"]);
    EXPECT_EQ(tokenizer->max_length() ? Json(*tokenizer->max_length()) : Json(),
              expected["max_length"]);
    EXPECT_EQ(Json({or_none(special.bos), or_none(special.eos), or_none(special.pad),
                    or_none(special.unk)}),
              expected["special"]);
    EXPECT_EQ(Json(tokenizer->special_ids()), expected["special_ids"]);
    const auto tokens = expected["tokens"].get<std::vector<std::string>>();
    for (size_t i = 0; i < tokens.size(); ++i) {
      EXPECT_EQ(tokenizer->id_to_token(expected["sample"][i]), tokens[i]);
    }
    EXPECT_EQ(tokenizer->tokens_to_string(tokens), expected["joined"]);
    expect_texts(*tokenizer, expected);
  }
}

TEST(Pieces, MarianKnowsTheTokensOfBothSides) {
  const PiecesFolder folder("marian separate");
  const auto tokenizer = load_tokenizer(folder.path());
  const Encoding source = tokenizer->encode("the café", false);
  ASSERT_FALSE(source.ids.empty());
  std::string text;
  for (const int64_t id : source.ids) text += tokenizer->readable(id, Side::kSource);
  EXPECT_EQ(text, " the café");
  EXPECT_EQ(
      tokenizer->token_to_id(tokenizer->id_to_token(source.ids[0], Side::kSource), Side::kSource),
      source.ids[0]);
}

TEST(Pieces, OffsetsPointIntoTheText) {
  const PiecesFolder folder("marian");
  const std::string text = ">>fra<< é the </s> dog";
  const Encoding encoding = load_tokenizer(folder.path())->encode(text, true);
  EXPECT_EQ(encoding.offsets.front(), (std::pair<size_t, size_t>{0, 7}));
  EXPECT_EQ(encoding.offsets.back(), (std::pair<size_t, size_t>{0, 0}));
  std::string covered;
  for (const auto& [begin, end] : encoding.offsets) covered += text.substr(begin, end - begin);
  EXPECT_EQ(covered, ">>fra<<é the</s>dog");  // white space at the ends belongs to no piece
}

TEST(Pieces, MayShareAnIdWithAReservedToken) {
  PiecesFolder folder("plbart");
  const int64_t piece = *load_tokenizer(folder.path())->token_to_id("▁the") - 1;
  const Json added = {{std::to_string(piece), {{"content", "<mask>"}}}};
  folder.write("tokenizer_config.json", Json{{"tokenizer_class", "PLBartTokenizer"},
                                             {"extra_special_tokens", {"▁the"}},
                                             {"added_tokens_decoder", added}}
                                            .dump());
  EXPECT_FALSE(load_tokenizer(folder.path())->encode("a ▁the b", false).ids.empty());
}

TEST(Pieces, SayTheLanguages) {
  const auto m2m = load_tokenizer(PiecesFolder("m2m100").path());
  EXPECT_EQ(m2m->languages().size(), 100u);
  EXPECT_EQ(m2m->id_to_token(*m2m->language_id(Side::kTarget)), "__fr__");
  const auto mbart = load_tokenizer(PiecesFolder("mbart").path());
  EXPECT_EQ(mbart->languages().size(), 25u);
  EXPECT_EQ(mbart->id_to_token(*mbart->language_id(Side::kSource)), "de_DE");
  EXPECT_FALSE(load_tokenizer(PiecesFolder("mbart target as source").path())
                   ->language_id(Side::kTarget)
                   .has_value());
  EXPECT_TRUE(load_tokenizer(PiecesFolder("t5").path())->languages().empty());
}

TEST(Pieces, RefuseUnknownLanguagesAndOfferNearOnes) {
  const auto message = [](const char* name, const Json& overrides) {
    const PiecesFolder folder(name);
    return message_of<InvalidArgument>([&] { load_tokenizer(folder.path(), overrides); });
  };
  EXPECT_TRUE(
      contains(message("m2m100", {{"src_lang", "frr"}}), "src_lang \"frr\" is none of the 100"));
  EXPECT_TRUE(contains(message("mbart", {{"tgt_lang", "fr_FX"}}), "did you mean \"fr_XX\"?"));
  EXPECT_TRUE(contains(message("mbart50", {{"src_lang", "english"}}), "written like \"ar_AR\""));
  EXPECT_TRUE(contains(message("nllb", {{"tgt_lang", "fra_Latm"}}), "did you mean \"fra_Latn\"?"));
  EXPECT_TRUE(contains(message("plbart", {{"tgt_lang", "pyhton"}}), "tgt_lang \"pyhton\""));
  const auto m2m = load_tokenizer(PiecesFolder("m2m100").path(), {{"tgt_lang", nullptr}});
  EXPECT_TRUE(contains(message_of<InvalidArgument>([&] { m2m->encode("a", true, Side::kTarget); }),
                       "set tgt_lang"));
  const auto marian = load_tokenizer(PiecesFolder("marian").path());
  EXPECT_TRUE(contains(message_of<InvalidArgument>([&] { marian->encode(">>frb<< a", true); }),
                       "did you mean \">>fra<<\"?"));
}

TEST(Pieces, SayThatFilesNameNoLanguages) {
  PiecesFolder folder("nllb");
  std::filesystem::remove(std::filesystem::path(folder.path()) / "tokenizer.json");
  folder.write("tokenizer_config.json",
               R"({"tokenizer_class": "NllbTokenizer", "src_lang": "eng_Latn"})");
  EXPECT_TRUE(contains(message_of<InvalidArgument>([&] { load_tokenizer(folder.path()); }),
                       "name no languages; copy tokenizer.json"));
}

TEST(Pieces, NameMissingFiles) {
  PiecesFolder folder("marian separate");
  for (const char* file : {"source.spm", "target_vocab.json"}) {
    std::filesystem::remove(std::filesystem::path(folder.path()) / file);
  }
  const auto load = [&] { load_tokenizer(folder.path()); };
  EXPECT_TRUE(contains(message_of<InvalidArgument>(load), "which needs source.spm;"));
  folder.write("source.spm", spm_bytes("source"));
  EXPECT_TRUE(contains(message_of<InvalidArgument>(load), "target_vocab.json"));
  const TemporaryFolder empty;
  empty.write("config.json", R"({"model_type": "mbart"})");
  EXPECT_TRUE(contains(message_of<InvalidArgument>([&] { load_tokenizer(empty.path()); }),
                       "sentencepiece.bpe.model"));
}

TEST(Pieces, RefuseBrokenModels) {
  const std::string whole = spm_bytes("source");
  const std::string broken[] = {"", "nonsense", whole.substr(0, whole.size() / 2),
                                whole.substr(0, 100) + std::string(50, '\xff') + whole.substr(150)};
  for (const char* name : {"marian", "t5", "plbart"}) {
    for (const std::string& bytes : broken) {
      PiecesFolder folder(name);
      for (const char* file : {"source.spm", "spiece.model", "sentencepiece.bpe.model"}) {
        folder.write(file, bytes);
      }
      const std::string message = message_of<FormatError>([&] { load_tokenizer(folder.path()); });
      EXPECT_TRUE(contains(message, folder.path())) << message;
    }
  }
}

/// A field of a protocol buffer with fewer than 128 bytes.
std::string field(int number, const std::string& bytes) {
  return std::string{static_cast<char>(number << 3 | 2), static_cast<char>(bytes.size())} + bytes;
}

// The library reads a text's characters through its map without looking where that leads.
TEST(Pieces, RefuseBrokenCharacterMapsWhereverTheyAre) {
  const std::string whole = spm_bytes("source"), broken = field(2, "no map");
  const std::string of_another_kind("\x10\0", 2);  // field 2 once more, as a number
  const std::pair<std::string, std::string> added[] = {
      {field(3, broken), "its character map is broken"},
      {field(3, broken + of_another_kind), "its character map is broken"},
      {field(3, broken) + std::string("\x18\0", 2), "its character map is broken"},
      {field(5, broken), "its character map is broken"},
      // 3 in the 32 bits that libraries read of a field's number.
      {"\x9a\x80\x80\x80\x10" + field(3, broken).substr(1), "a field with the number"}};
  for (const auto& [bytes, said] : added) {
    const std::string message = message_of<FormatError>([&] { parse_spm(whole + bytes, "file"); });
    EXPECT_TRUE(contains(message, said)) << message;
    EXPECT_TRUE(message.starts_with("file: ")) << message;
  }
}

TEST(Pieces, RefuseScoresThatAreNoNumbers) {
  const std::string score("\x15\0\0\xc0\x7f", 5), text = field(2, "");  // NaN; of another kind
  const std::string bytes = spm_bytes("source") + field(1, field(1, "piece") + score + text);
  EXPECT_TRUE(contains(message_of<FormatError>([&] { parse_spm(bytes, "file"); }), "not finite"));
}

TEST(Pieces, RefuseZeroBytes) {
  for (const std::string& piece : {std::string("\0ab", 3), std::string("ab\0", 3)}) {
    const std::string defined("\x18\4", 2);  // the type of pieces that a user defined
    const std::string bytes = spm_bytes("source") + field(1, field(1, piece) + defined);
    EXPECT_TRUE(contains(message_of<FormatError>([&] { SentencePieces(bytes, "file"); }),
                         "holds a zero byte"));
  }
}

TEST(Pieces, SurviveChangedBytes) {
  std::string bytes = spm_bytes("source");
  uint64_t state = 1;
  for (int round = 0; round < 300; ++round) {
    std::string changed = bytes;
    for (int i = 0; i < 3; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      changed[(state >> 33) % changed.size()] = static_cast<char>(state >> 25);
    }
    TemporaryFolder folder;
    folder.write("config.json", R"({"model_type": "marian"})");
    folder.write("vocab.json", R"({"</s>": 0, "<unk>": 1, "<pad>": 2})");
    folder.write("source.spm", changed);
    folder.write("target.spm", bytes);
    try {
      load_tokenizer(folder.path())->encode("The quick ﬁne dog 🙂", true);
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace inseq::text
