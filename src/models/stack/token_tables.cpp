#include "models/stack/token_tables.h"

namespace inseq::models {

Tensor TokenTables::first_of(const std::vector<std::string>& names, int64_t vocab) {
  const auto stored =
      std::ranges::find_if(names, [&](const std::string& name) { return weights_.has(name); });
  // Without any, the first name is the one to be reported as missing.
  const std::string& name = stored == names.end() ? names.front() : *stored;
  for (const auto& [other, table] : loaded_) {
    if (table.size(0) == vocab && weights_.same(name, other)) return table;
  }
  loaded_.emplace_back(name, weights_.get(name, {vocab, hidden_}));
  return loaded_.back().second;
}

TokenTables::Both TokenTables::embeddings_and_head(const std::string& embeddings,
                                                   const std::string& head, bool tied,
                                                   int64_t vocab) {
  if (!tied) return {first_of({embeddings}, vocab), first_of({head}, vocab)};
  return {first_of({embeddings, head}, vocab), first_of({head, embeddings}, vocab)};
}

}  // namespace inseq::models
