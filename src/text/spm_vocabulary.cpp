#include "text/spm_vocabulary.h"

#include <algorithm>
#include <map>
#include <set>
#include <span>

#include "base/base64.h"
#include "text/class_recipe.h"
#include "text/gguf_vocabulary.h"
#include "text/json_file.h"
#include "text/language_codes.h"
#include "text/spm_file.h"

namespace inseq::text {
namespace {

/// Tokens in the order of their new ids.
struct Entries {
  std::vector<std::string> tokens;
  std::vector<double> scores;

  void add(const std::string& token, double score = 0) {
    tokens.push_back(token);
    scores.push_back(score);
  }
  void add(const LanguageCodes& codes) {
    for (const std::string& code : codes) add(code);
  }
  /// The pieces from `first` on.
  void add(const SpmFile& file, size_t first) {
    for (size_t id = first; id < file.pieces.size(); ++id) {
      add(file.pieces[id].text, file.pieces[id].score);
    }
  }
};

std::string content_or(const Json& settings, const char* name, const char* fallback) {
  const std::string content = token_content(settings, name);
  return content.empty() ? fallback : content;
}

int64_t count_or(const Json& settings, const char* name, int64_t fallback) {
  const auto found = settings.find(name);
  if (found == settings.end() || !found->is_number_integer()) return fallback;
  return std::clamp<int64_t>(found->get<int64_t>(), 0, 10000);
}

/// The four tokens that fairseq numbers first.
Entries fairseq_start(const Json& settings, const char* first) {
  Entries out;
  out.add(content_or(settings, first, "<s>"));
  out.add(content_or(settings, "pad_token", "<pad>"));
  out.add(content_or(settings, "eos_token", "</s>"));
  out.add(content_or(settings, "unk_token", "<unk>"));
  return out;
}

Entries t5_entries(const SpmFile& file, const Json& settings) {
  Entries out;
  out.add(file, 0);
  for (int64_t i = count_or(settings, "extra_ids", 100) - 1; i >= 0; --i) {
    out.add("<extra_id_" + std::to_string(i) + ">");
  }
  return out;
}

Entries pegasus_entries(const SpmFile& file, const Json& settings) {
  Entries out;
  out.add(content_or(settings, "pad_token", "<pad>"));
  out.add(content_or(settings, "eos_token", "</s>"));
  const std::string mask = content_or(settings, "mask_token", "<mask_1>");
  const std::string sentence_mask = content_or(settings, "mask_token_sent", "<mask_2>");
  out.add(mask);
  if (sentence_mask != mask) out.add(sentence_mask);
  for (int64_t i = 2; i < count_or(settings, "offset", 103); ++i) {
    out.add("<unk_" + std::to_string(i) + ">", -100);
  }
  out.add(file, 2);
  return out;
}

/// fairseq's start, the pieces, codes of languages and the mask. `first` is the token with id 0.
Entries fairseq_entries(const SpmFile& file, const Json& settings, const char* first,
                        std::initializer_list<const LanguageCodes*> codes) {
  Entries out = fairseq_start(settings, first);
  out.add(file, 3);
  for (const LanguageCodes* list : codes) out.add(*list);
  out.add(content_or(settings, "mask_token", "<mask>"));
  return out;
}

Entries mbart_entries(const SpmFile& file, const Json& settings) {
  return fairseq_entries(file, settings, "bos_token", {&kMbartCodes});
}

Entries mbart50_entries(const SpmFile& file, const Json& settings) {
  return fairseq_entries(file, settings, "cls_token", {&kMbartCodes, &kMbart50MoreCodes});
}

Entries xlm_roberta_entries(const SpmFile& file, const Json& settings) {
  return fairseq_entries(file, settings, "bos_token", {});
}

Entries nllb_entries(const SpmFile& file, const Json& settings) {
  const Entries start = fairseq_start(settings, "bos_token");
  Entries out;
  std::set<std::string> known;
  const auto add = [&](const std::string& token) {
    if (known.insert(token).second) out.add(token);
  };
  for (const std::string& token : start.tokens) add(token);
  for (const SpmFile::Piece& piece : file.pieces) add(piece.text);
  return out;
}

struct SpmClass {
  const char* file;
  Entries (*entries)(const SpmFile& file, const Json& settings);
  bool is_unigram = true;
};

const std::map<std::string, SpmClass>& classes() {
  static const std::map<std::string, SpmClass> all = {
      {"T5Tokenizer", {"spiece.model", t5_entries}},
      {"PegasusTokenizer", {"spiece.model", pegasus_entries}},
      {"MBartTokenizer", {"sentencepiece.bpe.model", mbart_entries}},
      {"MBart50Tokenizer", {"sentencepiece.bpe.model", mbart50_entries}},
      {"XLMRobertaTokenizer", {"sentencepiece.bpe.model", xlm_roberta_entries}},
      {"NllbTokenizer", {"sentencepiece.bpe.model", nllb_entries, false}}};
  return all;
}

/// The merges of byte-pair encoding that lead to the pieces, the pieces in their order.
Merges merges_of(const SpmFile& file) {
  std::vector<std::string> tokens;
  std::vector<double> ranks;
  for (const SpmFile::Piece& piece : file.pieces) {
    ranks.push_back(-static_cast<double>(tokens.size()));
    tokens.push_back(piece.text);
  }
  return recover_merges(tokens, ranks, CutOrder::kShortestFirst);
}

Json describe(const SpmFile& file) {
  Json normalizer;
  if (!file.character_map.empty()) {
    normalizer = {
        {"type", "Precompiled"},
        {"precompiled_charsmap", base64_encode(std::as_bytes(std::span(file.character_map)))}};
  }
  return {{"normalizer", normalizer}, {"added_tokens", Json::array()}};
}

Json added_pieces(const SpmFile& file) {
  Json list = Json::array();
  for (const SpmFile::Piece& piece : file.pieces) {
    const bool control = piece.type == SpmFile::kControl;
    if (!control && piece.type != SpmFile::kUserDefined) continue;
    list.push_back(to_setting({.content = piece.text, .normalized = false, .special = control}));
  }
  return list;
}

}  // namespace

std::string spm_file_of(const std::string& class_name) {
  const auto found = classes().find(class_name);
  return found == classes().end() ? "" : found->second.file;
}

std::optional<SpmVocabulary> load_spm_vocabulary(const std::string& folder,
                                                 const std::string& class_name,
                                                 const Json& settings) {
  const auto found = classes().find(class_name);
  if (found == classes().end() || !has_file(folder, found->second.file)) return std::nullopt;
  const std::string name = folder + "/" + found->second.file;
  const SpmFile file = parse_spm(read_file(folder, found->second.file), name);
  const Entries entries = found->second.entries(file, settings);
  Backend backend = found->second.is_unigram
                        ? Backend::from_scores(entries.tokens, entries.scores, 0, name)
                        : Backend::from_lists(entries.tokens, merges_of(file), name);
  return SpmVocabulary{std::move(backend), describe(file), added_pieces(file)};
}

}  // namespace inseq::text
