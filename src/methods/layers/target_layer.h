#pragma once
#include "base/option_info.h"
#include "engine/engine.h"

namespace inseq::methods {

/// The option that layer methods share.
OptionInfo target_layer_option();

/// The question asked at the layer that the option names: a number of a decoder layer, a module's
/// name as transformers has it, or null for the input embeddings. With an encoder the answer is for
/// source tokens where the layer is the encoder's, for target tokens where it is the decoder's; the
/// target's baseline counts when the target is to be attributed, as on the embeddings. Throws
/// InvalidArgument for a layer that the model does not have, naming the nearest.
engine::Question at_layer(const engine::Engine& engine, const engine::Question& question,
                          const Json& target_layer);

}  // namespace inseq::methods
