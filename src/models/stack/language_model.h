#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/tensor.h"

namespace inseq::models {

/// One tensor for each side of what a model reads. Decoder-only models read a target alone: their
/// source is undefined.
struct Sides {
  Tensor source, target;
};

/// What everything outside the model needs to know of its shape.
struct ModelSizes {
  int64_t vocab = 0, hidden = 0;
  int64_t source_vocab = 0;                          ///< of the source's embeddings
  int64_t layers = 0, heads = 0;                     ///< of the decoder
  int64_t encoder_layers = 0, encoder_heads = 0;     ///< 0 for decoder-only models
  std::optional<int64_t> max_positions = {};         ///< longest target in tokens; absent: no table
  std::optional<int64_t> max_source_positions = {};  ///< the same for the source
  bool has_encoder() const { return encoder_layers > 0; }
};

/// Attention weights of every layer and head.
struct AttentionWeights {
  Tensor decoder;  // [layers, batch, heads, rows, tokens]
  Tensor cross;    // [layers, batch, heads, rows, source tokens]; undefined without an encoder
  Tensor encoder;  // [encoder layers, batch, encoder heads, source tokens, source tokens]
};

/// Where attention mixes tokens.
enum class Mixing { kDecoder, kEncoder, kCross };

/// Outputs of a layer (of the last one, after the final norm) when the value vectors of one token
/// are zeroed in it.
struct ZeroedStates {
  Mixing where = Mixing::kDecoder;
  int64_t layer = 0;
  int64_t token = 0;  // the first of those that are zeroed, one at a time
  int64_t row = 0;    // the first of the stack's tokens whose outputs are given
  Tensor clean;       // [rows, hidden], nothing zeroed
  Tensor changed;     // [tokens, rows, hidden]
};

/// An intervention: in every layer, fed with what it is fed without intervention, the value vectors
/// of every token are zeroed in turn.
struct ValueZeroing {
  /// Which of `count` value heads are zeroed: indices, int64; a layer without any is not visited.
  std::function<Tensor(Mixing where, int64_t layer, int64_t count)> heads;
  int64_t first_row = 0;        ///< target tokens from this one on are wanted
  int64_t rows_at_once = 1024;  ///< token rows that go through the rest of a layer together
  std::function<void(const ZeroedStates&)> visit;
};

/// The halves of a model; decoder-only models are a decoder.
enum class Half { kEncoder, kDecoder };

/// The blocks of a layer, in their order.
enum class Block { kSelfAttention, kCrossAttention, kFeedForward };

/// A place whose output gradients may be taken at, instead of the embeddings.
struct Tap {
  int64_t layer = 0;
  /// What this block adds to the residual stream; absent: the output of the whole layer.
  std::optional<Block> block = {};
  Half half = Half::kDecoder;
};

/// What a forward pass leaves behind.
enum class Keep {
  kNothing,
  kAttention,  ///< queries, keys and values: enough for attention() and forward_on()
  kPullback,   ///< everything that pullback() needs, too
  kReference,  ///< what PassOptions::reference needs, alone
};

/// A language model as the engine and generation see it: embeddings in, final hidden states and
/// logits out, and the way back. Immutable and thread-safe after construction. Passes and pullbacks
/// work on texts of one length without padding; only generation pads.
class LanguageModel {
 public:
  /// One forward pass. Every architecture family keeps what it needs in a class of its own.
  struct Pass {
    virtual ~Pass() = default;
    Tensor final_hidden;  // [batch, tokens, hidden], after the last norm
    int64_t from = 0;     // the target token it begins at; those before it had a pass of their own
  };
  /// What generation keeps between its steps.
  struct Cache {
    virtual ~Cache() = default;
    /// Entry i becomes what entry rows[i] was; rows: [new batch] int64. For beam search.
    virtual void reorder(const Tensor& rows) = 0;
  };
  struct PassOptions {
    Keep keep = Keep::kNothing;
    int64_t length = 0;  ///< length of text that rotary frequencies are chosen for; 0: as it is
    /// A pass over a baseline of the same shape that kept kReference: pullbacks then follow
    /// DeepLIFT's rescale rule, as Captum applies it or (`every_function`, of both passes) at all
    /// activations, gates, norms and attention weights, so that what reaches the embeddings adds up
    /// to the change of the final hidden states.
    const Pass* reference = nullptr;
    bool every_function = false;
    /// The pass begins with the outputs of this place, as at_tap() gives them, and pullbacks end
    /// there; `base` is the text's own input embeddings, of one batch entry, from which comes what
    /// the place adds its output to, and what a decoder's layers see of the source.
    const Tap* tap = nullptr;
    const Sides* base = nullptr;
  };

  virtual ~LanguageModel() = default;

  /// Names of the places where a pass may be tapped, as transformers names its modules.
  virtual std::vector<std::pair<std::string, Tap>> taps() const = 0;
  /// What a pass that is tapped there reads to go on as one over these embeddings does: the outputs
  /// of the place as the side of its half. An encoder's outputs come with the target's embeddings;
  /// a decoder's without a source. [batch, tokens, hidden] a side -> same shapes.
  virtual Sides at_tap(const Tap& tap, const Sides& embeddings, int64_t length) const = 0;

  /// Embeddings that attribution starts from, before positions and scaling are added where the
  /// reference model's embedding module ends: ids [...] int64 -> [..., hidden].
  virtual Sides embed(const Sides& ids) const = 0;

  /// embeddings: source [batch, source tokens, hidden] (with an encoder), target [batch, tokens,
  /// hidden].
  virtual std::unique_ptr<Pass> forward(const Sides& embeddings,
                                        const PassOptions& options) const = 0;
  /// A pass over the tokens from `from` on, when the tokens before it (and the source) are those of
  /// a pass of one batch entry that kept attention. target: [batch, tokens - from, hidden]
  /// embeddings. It may keep nothing or what pullbacks need, which then end at its first token and
  /// do not reach the source.
  virtual std::unique_ptr<Pass> forward_on(const Pass& prefix, int64_t from, const Tensor& target,
                                           const PassOptions& options) const = 0;

  /// Scores over the vocabulary: [..., hidden] -> [..., vocab], float32 or wider.
  virtual Tensor logits(const Tensor& final_hidden) const = 0;
  /// grad_logits: [..., vocab] -> gradient of the final hidden states: [..., hidden], in the
  /// model's type.
  virtual Tensor logits_pullback(const Tensor& grad_logits) const = 0;

  /// The gradient of one score per step with respect to the embeddings of the pass. grad_final:
  /// [steps, batch, hidden], the gradient of step s with respect to the final hidden state at
  /// positions[s]; it is zero elsewhere. Returns source [steps, batch, source tokens, hidden] and
  /// target [steps, batch, tokens from the pass's first to the last position, hidden], float32 or
  /// wider; the target is zero after each step's own position, and undefined when there is an
  /// encoder and `target_too` is false. A pass tapped in a decoder gives the target alone.
  virtual Sides pullback(const Tensor& grad_final, const std::vector<int64_t>& positions,
                         const Pass& pass, bool target_too) const = 0;

  /// Attention weights of the given target rows ([rows] int64).
  virtual AttentionWeights attention(const Pass& pass, const Tensor& rows) const = 0;

  /// Visits the states of all layers under an intervention. embeddings: as of forward(), of one
  /// batch entry.
  virtual void zero_values(const Sides& embeddings, const ValueZeroing& zeroing) const = 0;

  /// Begins a generation. source: [batch, source tokens] ids and mask (0 at padding), or undefined
  /// for decoder-only models.
  virtual std::unique_ptr<Cache> start(const Tensor& source_ids,
                                       const Tensor& source_mask) const = 0;
  /// Continues it. ids: [batch, new] int64; mask: [batch, past + new], 0 at padding on the left.
  /// Returns the logits of the last position: [batch, vocab], float32 or wider.
  virtual Tensor next_logits(const Tensor& ids, const Tensor& mask, Cache& cache) const = 0;

  /// Bytes that a pullback needs for one step and batch entry, and that a pass with Keep::kPullback
  /// leaves behind for one batch entry.
  virtual int64_t pullback_bytes(int64_t source_tokens, int64_t tokens) const = 0;
  virtual int64_t saved_bytes(int64_t source_tokens, int64_t tokens) const = 0;

  /// Texts whose lengths share a regime share rotary frequencies; see nn::RotaryFrequencies.
  virtual int64_t regime(int64_t length) const = 0;
  virtual const ModelSizes& sizes() const = 0;
  virtual at::ScalarType type() const = 0;
  virtual at::Device device() const = 0;
};

/// The type of residual gradients and logits, in a model of `type`.
inline at::ScalarType wide_type(at::ScalarType type) {
  return type == at::kDouble ? at::kDouble : at::kFloat;
}

inline int64_t element_bytes(at::ScalarType type) {
  return static_cast<int64_t>(at::elementSize(type));
}

/// What a mask of generation says. mask: [batch, tokens], 0 at padding.
struct SeenTokens {
  Tensor positions;  // [batch, fresh] int64 of the last tokens: real ones are counted from 0
  Tensor padding;    // [batch, tokens] bool; undefined where there is none
};
SeenTokens seen_tokens(const Tensor& mask, int64_t fresh, at::Device device);

}  // namespace inseq::models
