#pragma once
#include "models/stack/config.h"
#include "models/stack/encoder_decoder.h"
#include "models/stack/weights.h"

namespace inseq::models {

/// Which layers have a relative position bias of their own.
enum class T5Bias {
  kFirstLayer,  ///< the first, whose bias all layers of its half share
  kEveryLayer,
};

/// Whether final hidden states are scaled by 1 / sqrt(d_model) before the head.
enum class T5LogitScale {
  kNever,
  kAsConfigured,  ///< where the head is tied, unless config.json says that embeddings are not
  kWhenTied,      ///< where the head is tied
};

/// How a model differs from the others that are built like T5 (Raffel et al. 2020).
struct T5Form {
  std::string feed_forward = "relu";            ///< where config.json does not say
  int64_t heads = 8, layers = 6, inner = 2048;  ///< where config.json does not say
  T5Bias bias = T5Bias::kFirstLayer;
  T5LogitScale logit_scale = T5LogitScale::kAsConfigured;
};

std::unique_ptr<LanguageModel> build_t5_form(const Config& config, const Weights& weights,
                                             const T5Form& form);

}  // namespace inseq::models
