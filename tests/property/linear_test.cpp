// On a model that is linear in its embeddings every gradient is known in closed form.
#include <gtest/gtest.h>

#include "io/file.h"
#include "io/tensor_file.h"
#include "support/pullback.h"
#include "support/tiny_folder.h"

namespace inseq::test {
namespace {

constexpr int64_t kVocab = 353, kHidden = 16, kHeads = 4, kHeadDim = 4, kInner = 8;

/// A Llama of one layer that is linear. With eps much larger than the squares of the embeddings an
/// RMS norm divides by the constant sqrt(eps), which its weight undoes; keys and queries are zero,
/// so attention is the average of all tokens so far; the feed-forward block writes nothing. For
/// token p of a text with embeddings x:
///   h_p = x_p + W_o W_v mean(x_0 … x_p),   logits_p = W_head h_p
class LinearModel : public testing::Test {
 protected:
  LinearModel() : model_(load()) {}

  AttributionModel load() {
    constexpr double kEps = 1e16;
    write_model_folder("llama_base", folder_.path());  // for its tokenizer
    Json config = Json::parse(io::read_text(folder_ / "config.json"));
    config.update({{"vocab_size", kVocab},
                   {"hidden_size", kHidden},
                   {"intermediate_size", kInner},
                   {"num_hidden_layers", 1},
                   {"num_attention_heads", kHeads},
                   {"num_key_value_heads", kHeads},
                   {"rms_norm_eps", kEps},
                   {"tie_word_embeddings", false}});
    io::write_file(folder_ / "config.json", config.dump());
    const Tensor norm = at::full({kHidden}, std::sqrt(kEps), at::kDouble),
                 none = at::zeros({kHidden, kHidden}, at::kDouble);
    add("model.embed_tokens.weight", embeddings_);
    add("lm_head.weight", head_);
    add("model.norm.weight", norm);
    add("model.layers.0.input_layernorm.weight", norm);
    add("model.layers.0.post_attention_layernorm.weight", norm);
    add("model.layers.0.self_attn.q_proj.weight", none);
    add("model.layers.0.self_attn.k_proj.weight", none);
    add("model.layers.0.self_attn.v_proj.weight", value_);
    add("model.layers.0.self_attn.o_proj.weight", output_);
    add("model.layers.0.mlp.gate_proj.weight", randn64({kInner, kHidden}));
    add("model.layers.0.mlp.up_proj.weight", randn64({kInner, kHidden}));
    add("model.layers.0.mlp.down_proj.weight", at::zeros({kHidden, kInner}, at::kDouble));
    io::write_file(folder_ / "model.safetensors", io::write_safetensors(written_));
    LoadOptions options;
    options.dtype = "float64";
    return AttributionModel::load(folder_.path(), options);
  }

  void add(const std::string& name, const Tensor& tensor) {
    kept_.push_back(tensor.contiguous());
    const Tensor& whole = kept_.back();
    written_.push_back({name,
                        io::DType::kF64,
                        whole.sizes().vec(),
                        {static_cast<const std::byte*>(whole.data_ptr()), whole.nbytes()}});
  }

  /// Gradient of the target's logit: head[target] at the token before it, and its share of the
  /// average at each. [tokens, steps, hidden], NaN where a step does not see the token.
  Tensor closed_form(const SequenceAttribution& s) const {
    const Tensor out =
        at::full({s.attr_pos_end, s.attr_pos_end - s.attr_pos_start, kHidden}, NAN, at::kDouble);
    for (int64_t p = s.attr_pos_start; p < s.attr_pos_end; ++p) {
      const Tensor head = head_[s.target[static_cast<size_t>(p)].id];
      const Tensor column = out.select(1, p - s.attr_pos_start);
      column.narrow(0, 0, p).copy_(
          (at::matmul(head, at::matmul(output_, value_)) / p).expand({p, kHidden}));
      column[p - 1].add_(head);
    }
    return out;
  }

  Tensor embeddings_of(const SequenceAttribution& s) const {
    std::vector<int64_t> ids;
    for (const Token& token : s.target) ids.push_back(token.id);
    return embeddings_.index_select(0, at::tensor(ids, at::kLong))
        .narrow(0, 0, s.attr_pos_end)
        .unsqueeze(1);
  }

  SequenceAttribution explain(const std::string& method, const Json& arguments = Json::object(),
                              const std::string& engine = "pullback") const {
    AttributeOptions options;
    options.method = method;
    options.attributed_fn = "logit";
    options.step_scores = {"logit"};
    options.attribution_args = arguments;
    options.engine = engine;
    return model_.attribute({"The dog"}, {"The dog ate the food of the cat"}, options).sequences[0];
  }

  const Tensor embeddings_ = randn64({kVocab, kHidden}), head_ = randn64({kVocab, kHidden}),
               value_ = randn64({kHidden, kHidden}), output_ = randn64({kHidden, kHidden});
  TemporaryFolder folder_;
  std::vector<Tensor> kept_;
  std::vector<io::TensorToWrite> written_;
  AttributionModel model_;
};

void expect_near(const Tensor& found, const Tensor& expected) {
  EXPECT_LE(difference(found, expected.to(at::kFloat)), 1e-6 * largest(expected));
}

TEST_F(LinearModel, GradientMethodsEqualTheirClosedForms) {
  for (const char* engine : {"pullback", "autograd"}) {
    const SequenceAttribution gradient = explain("saliency", {{"abs", false}}, engine);
    const Tensor expected = closed_form(gradient);
    expect_near(gradient.target_attributions, expected);
    expect_near(explain("saliency", Json::object(), engine).target_attributions, expected.abs());
    expect_near(explain("input_x_gradient", Json::object(), engine).target_attributions,
                expected * embeddings_of(gradient));
  }
}

/// For a linear function the products of inputs and gradients add up to the score.
TEST_F(LinearModel, InputXGradientIsComplete) {
  const SequenceAttribution s = explain("input_x_gradient");
  expect_near(s.target_attributions.nan_to_num(0).to(at::kDouble).sum({0, 2}),
              s.step_scores.at("logit"));
}

TEST_F(LinearModel, AttentionIsUniform) {
  const SequenceAttribution s = explain("attention");
  for (int64_t p = s.attr_pos_start; p < s.attr_pos_end; ++p) {
    const Tensor column = s.target_attributions.select(1, p - s.attr_pos_start).narrow(0, 0, p);
    EXPECT_LE((column - 1.0 / static_cast<double>(p)).abs().max().item<double>(), 1e-7);
  }
}

/// LIME finds the linear model: coefficients times the distance to what masks is what a token adds
/// to the score. Masks take each token out alone or with others, so that none is confused.
TEST_F(LinearModel, LimeRecoversIt) {
  for (const char* kind : {"ridge", "linear"}) {
    const SequenceAttribution s = explain("lime", {{"n_samples", 60},
                                                   {"mask_value", "zero"},
                                                   {"alpha", 1e-8},
                                                   {"interpretable_model", kind}});
    const Tensor x = embeddings_of(s);
    const Tensor added = (s.target_attributions.to(at::kDouble) * x).sum(-1);
    const Tensor expected = (closed_form(s) * x).sum(-1);
    EXPECT_LE(difference(added, expected), 1e-5 * largest(expected)) << kind;
  }
}

/// Along any path the gradients of a linear function add up to its change, and no point is needed
/// but the first: attributions are gradient times the difference to the baseline.
TEST_F(LinearModel, DiscretizedPathsAddUp) {
  for (const int points : {2, 9}) {
    const SequenceAttribution s =
        explain("discretized_integrated_gradients",
                {{"n_steps", points}, {"n_neighbors", 12}, {"return_convergence_delta", true}});
    EXPECT_LE(largest(s.step_scores.at("deltas")), 1e-5 * largest(s.step_scores.at("logit")));
    expect_near(
        s.target_attributions,
        explain("integrated_gradients", {{"n_steps", 2}}).target_attributions.to(at::kDouble));
  }
}

}  // namespace
}  // namespace inseq::test
