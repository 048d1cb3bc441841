#pragma once
#include "models/stack/input_side.h"
#include "models/stack/transformer_layer.h"

namespace inseq::models {

/// How transformers names the modules that a pass may be tapped at.
struct LayerNames {
  std::string layers;                     ///< "model.layers.", before a layer's number
  std::vector<std::string> attention;     ///< ".self_attn", ".self_attn.o_proj", after it
  std::vector<std::string> cross = {};    ///< ".encoder_attn"
  std::vector<std::string> feed_forward;  ///< ".mlp", ".mlp.down_proj"
};

/// A decoder or an encoder: from embeddings through layers to final hidden states, and back.
class LayerStack {
 public:
  using Source = nn::CrossAttention::Source;
  struct Parts {
    Half half = Half::kDecoder;
    InputSide input;
    std::unique_ptr<nn::RotaryFrequencies> rotary = nullptr;  ///< or null
    std::vector<TransformerLayer> layers;
    std::unique_ptr<nn::Norm> final_norm = nullptr;  ///< or null
    LayerNames names = {};
  };
  /// What one forward pass leaves behind.
  struct Saved {
    std::vector<TransformerLayer::Saved> layers;
    nn::Norm::Saved input_norm, final_norm;
    int64_t from = 0, tokens = 0;  ///< the text's token that the pass began at, and how many it ran
    std::optional<Tap> tap = {};   ///< where the pass began; absent: at the embeddings
  };
  /// What the tokens of a pass see.
  struct View {
    Tensor positions;     ///< [tokens] or [batch, tokens] int64
    int64_t length = 0;   ///< of the text that rotary frequencies are for; 0: as long as it is
    Tensor padding = {};  ///< [batch, keys] bool, true where a key is not seen; undefined: all are
    const std::vector<Source>* sources = nullptr;      ///< one per layer with cross-attention
    std::vector<nn::KeyValueCache>* caches = nullptr;  ///< one per layer: the tokens before
    static View all(const Tensor& embeddings, int64_t length = 0);  ///< tokens from the first on
  };
  /// What a pass begins with and leaves behind.
  struct Run {
    Keep keep = Keep::kNothing;
    Saved* saved = nullptr;            ///< takes what is kept
    const Saved* reference = nullptr;  ///< of a baseline, for DeepLIFT's rule
    bool every_function = false;       ///< that rule everywhere, in reference and pass
    const Tap* tap = nullptr;          ///< the pass begins with the outputs of this place …
    Tensor stream = {};                ///< … that a block adds to this residual stream
    int64_t last_rows = 0;             ///< final hidden states wanted: the last so many; 0: all
    /// Whether norms and attention are kept as pullbacks need them.
    bool keeps_everything() const {
      return keep == Keep::kPullback || (keep == Keep::kReference && every_function);
    }
  };
  /// What a pass has at a place.
  struct AtTap {
    Tensor output;  // [batch, tokens, hidden]
    Tensor stream;  // the residual stream that it is added to, same shape; of a layer: undefined
  };
  /// How far a pullback goes: to where the pass began, or to the source alone.
  enum class Reach { kStart, kSource };

  /// A source of one entry without padding, for every entry of a batch.
  static Source for_batch(const Source& source, int64_t batch);

  explicit LayerStack(Parts parts) : parts_(std::move(parts)) {}

  /// embeddings (or outputs of a tap): [batch, tokens, hidden] -> final hidden states, same shape.
  Tensor forward(const Tensor& embeddings, const View& view, const Run& run) const;
  /// The same for the tokens from `from` on, behind the first tokens (and the source) of a pass of
  /// one batch entry that kept attention.
  Tensor forward_on(const Saved& prefix, int64_t from, const Tensor& embeddings, int64_t length,
                    const Run& run) const;

  /// From gradients of one final hidden state per step, at positions[s] of the text, to the start
  /// of the pass: [steps, batch, hidden] -> [steps, batch, tokens from the pass's first to the last
  /// position, hidden], float32 or wider. What is owed to the source is added to grad_source:
  /// [steps * batch * source tokens, hidden]; with Reach::kSource only that is computed.
  Tensor pullback(const Tensor& grad_final, const std::vector<int64_t>& positions,
                  const Saved& saved, Tensor& grad_source, Reach reach) const;
  /// From gradients of all final hidden states: [steps * batch * tokens, hidden] -> [steps, batch,
  /// tokens, hidden], float32 or wider.
  Tensor pullback_of_all(const Tensor& grad_final, int64_t steps, const Saved& saved) const;

  /// Weights of self-attention or cross-attention for the given rows ([rows] int64):
  /// [layers, batch, heads, rows, keys].
  Tensor attention(Block block, const Saved& saved, const Tensor& rows) const;
  /// Visits layers with zeroed values; returns the final hidden states without. [1, tokens, hidden]
  /// -> same.
  Tensor zero_values(const Tensor& embeddings, const View& view, const ValueZeroing& zeroing) const;

  /// Places to tap, by transformers' names of their modules.
  std::vector<std::pair<std::string, Tap>> taps() const;
  AtTap at_tap(const Tap& tap, const Tensor& embeddings, const View& view) const;
  /// Run::stream of a pass over a text of these embeddings.
  Tensor stream_at(const Tap& tap, const Tensor& embeddings, const View& view) const {
    return tap.block ? at_tap(tap, embeddings, view).stream : Tensor();
  }

  const InputSide& input() const { return parts_.input; }
  const std::vector<TransformerLayer>& layers() const { return parts_.layers; }
  int64_t regime(int64_t length) const { return parts_.rotary ? parts_.rotary->regime(length) : 0; }
  at::ScalarType type() const { return input().token_embeddings().scalar_type(); }
  at::Device device() const { return input().token_embeddings().device(); }

 private:
  nn::AttentionContext attention_context(const View& view) const;
  TransformerLayer::Keeping keeping(size_t layer, const Run& run) const;
  void begin(const Run& run, int64_t from, int64_t tokens) const;
  void compare(const Run& run) const;
  Tensor finished(const Tensor& x, nn::Norm::Saved* saved = nullptr) const {
    return parts_.final_norm ? parts_.final_norm->forward(x, saved) : x;
  }
  ResidualGradient before_final_norm(const Tensor& grad, const Saved& saved,
                                     const nn::Rows& rows) const;
  Parts parts_;
};

}  // namespace inseq::models
