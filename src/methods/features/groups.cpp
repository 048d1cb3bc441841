#include "methods/features/groups.h"

#include <map>

#include "inseq/error.h"

namespace inseq::methods {
namespace {

constexpr const char* kNeeded =
    "a list with a group number for each token, or {\"source\": [...], \"target\": [...]}";

/// The group numbers of one side, or null when every token stands by itself there.
const Json* side_of(const engine::Question& question, const Json& mask, bool source) {
  if (mask.is_null()) return nullptr;
  if (mask.is_array()) {
    INSEQ_CHECK(!question.ids.source.defined() || !question.attribute_target, InvalidArgument,
                "option \"feature_mask\" is one list, but source and target are attributed; "
                "needed is {\"source\": [...], \"target\": [...]}");
    return source == question.ids.source.defined() ? &mask : nullptr;
  }
  INSEQ_CHECK(mask.is_object(), InvalidArgument, "option \"feature_mask\" is ", mask.dump(),
              ", needed is ", kNeeded);
  for (const auto& [key, value] : mask.items()) {
    INSEQ_CHECK((key == "source" && question.ids.source.defined()) || key == "target",
                InvalidArgument, "option \"feature_mask\" has a list for \"", key,
                question.ids.source.defined() ? "\"; there are source and target"
                                              : "\"; the texts of this model have a target alone");
  }
  const auto found = mask.find(source ? "source" : "target");
  return found == mask.end() || found->is_null() ? nullptr : &*found;
}

void add_side(const Json* groups, bool source, int64_t tokens, int64_t length,
              std::vector<Feature>& out) {
  if (groups == nullptr) {
    for (int64_t i = 0; i < tokens; ++i) out.push_back({source, {i}});
    return;
  }
  const char* side = source ? "source" : "target";
  INSEQ_CHECK(groups->is_array(), InvalidArgument, "option \"feature_mask\" is ", groups->dump(),
              " for the ", side, ", needed is ", kNeeded);
  const auto given = static_cast<int64_t>(groups->size());
  INSEQ_CHECK(given >= tokens && given <= length, InvalidArgument, "option \"feature_mask\" has ",
              given, " group numbers for the ", side, " of ", length,
              " tokens; needed is one for each token");
  std::map<int64_t, size_t> seen;  // group number -> index of its feature
  for (int64_t i = 0; i < tokens; ++i) {
    const Json& number = groups->at(static_cast<size_t>(i));
    INSEQ_CHECK(number.is_number_integer(), InvalidArgument, "option \"feature_mask\" holds ",
                number.dump(), ", needed are whole numbers");
    const auto [at, is_new] = seen.try_emplace(number.get<int64_t>(), out.size());
    if (is_new) out.push_back({source, {}});
    out[at->second].tokens.push_back(i);
  }
}

}  // namespace

OptionInfo feature_mask_option() {
  return {"feature_mask", nullptr,
          "tokens with the same number are one feature: a list with a number for each token, or "
          "{\"source\": list, \"target\": list}",
          Json::value_t::discarded};
}

std::vector<Feature> features_of(const engine::Question& question, const Json& feature_mask) {
  std::vector<Feature> out;
  const Json* of_source = side_of(question, feature_mask, true);
  const Json* of_target = side_of(question, feature_mask, false);
  if (question.ids.source.defined()) {
    const int64_t tokens = question.ids.source.size(0);
    add_side(of_source, true, tokens, tokens, out);
  }
  if (question.attributes_target()) {
    add_side(of_target, false, question.last - 1, question.ids.target.size(0), out);
  }
  return out;
}

}  // namespace inseq::methods
