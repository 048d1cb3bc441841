#include "support/formula_model.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "io/file.h"
#include "io/tensor_file.h"
#include "support/golden_folder.h"
#include "support/temporary_folder.h"

namespace inseq::test {
namespace {

// The expected values are those of tools/models/formula.py.
TEST(FormulaValues, AreThoseOfPython) {
  const std::vector<float> norm = formula_values({"model.norm.weight", {5}, 1.0f, 0.25f}, 7);
  const std::vector<float> expected = {0x1.06db28p+0f, 0x1.b1d134p-1f, 0x1.acc7ccp-1f,
                                       0x1.cb04acp-1f, 0x1.1f8b94p+0f};
  EXPECT_EQ(norm, expected);
  const std::vector<float> other = formula_values({"é", {1, 3}, 0.0f, 1.0f}, 0);
  EXPECT_EQ(other,
            (std::vector<float>{-0.13952434062957764f, -0.741578221321106f, -0.8743400573730469f}));
}

TEST(FormulaValues, DependOnNameAndSeed) {
  const std::vector<float> a = formula_values({"a", {4}, 0, 1}, 1);
  EXPECT_NE(a, formula_values({"b", {4}, 0, 1}, 1));
  EXPECT_NE(a, formula_values({"a", {4}, 0, 1}, 2));
}

TEST(TinyModels, HaveFoldersThatCanBeRead) {
  for (const std::string& model : tiny_model_names()) {
    const TemporaryFolder folder;
    write_model_folder(model, folder.path());
    const auto config = nlohmann::json::parse(io::read_text(folder / "config.json"));
    EXPECT_TRUE(std::filesystem::exists(folder / "tokenizer_config.json")) << model;
    const auto checkpoint = io::open_checkpoint(folder.path());
    const bool is_gpt2 = config.at("model_type") == "gpt2";
    if (!is_gpt2 && config.at("model_type") != "llama") {
      EXPECT_FALSE(checkpoint->entries().empty()) << model;
      continue;  // names differ from family to family; golden cases load them all
    }
    EXPECT_TRUE(std::filesystem::exists(folder / "tokenizer.json")) << model;
    const io::TensorEntry* embeddings =
        checkpoint->find(is_gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight");
    ASSERT_NE(embeddings, nullptr) << model;
    const int64_t vocab = config.at("vocab_size"),
                  hidden = config.at(is_gpt2 ? "n_embd" : "hidden_size");
    EXPECT_EQ(embeddings->shape, (std::vector<int64_t>{vocab, hidden})) << model;
    const bool tied = config.value("tie_word_embeddings", is_gpt2);
    EXPECT_EQ(checkpoint->find("lm_head.weight") == nullptr, tied) << model;
  }
}

TEST(TinyModels, WithUnknownNamesAreRefused) {
  const TemporaryFolder folder;
  EXPECT_THROW(write_model_folder("no_such_model", folder.path()), InvalidArgument);
}

TEST(TemporaryFolder, IsGoneAfterwards) {
  std::string path;
  {
    const TemporaryFolder folder;
    path = folder.path();
    io::write_file(folder / "file", "x");
    EXPECT_TRUE(std::filesystem::exists(folder / "file"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace inseq::test
