#pragma once
#include "models/stack/weights.h"

namespace inseq::models {

/// Loads embedding tables and heads that may be tied. A checkpoint may hold a tied table under one
/// of its names only, or under several; as in transformers, tables stored with different values are
/// not tied. Equal ones are loaded once.
class TokenTables {
 public:
  TokenTables(const Weights& weights, int64_t hidden) : weights_(weights), hidden_(hidden) {}

  /// The table ([vocab, hidden]) stored under the first of `names` that there is.
  Tensor first_of(const std::vector<std::string>& names, int64_t vocab);
  /// The head and the embeddings of a model with one table for both, if `tied`, and one each if
  /// not.
  struct Both {
    Tensor embeddings, head;
  };
  Both embeddings_and_head(const std::string& embeddings, const std::string& head, bool tied,
                           int64_t vocab);

 private:
  const Weights& weights_;
  int64_t hidden_;
  std::vector<std::pair<std::string, Tensor>> loaded_;
};

}  // namespace inseq::models
