// AttributionModel::generate: from texts to texts.
#include "api/parts.h"
#include "generation/generation.h"
#include "generation/lengths.h"

namespace inseq {
namespace {

/// Models with a table of positions cannot go past its end. The last new token is not read again
/// and needs no position.
void check_positions(const generation::Options& options, int64_t prompt) {
  if (!options.max_positions) return;
  const int64_t positions = *options.max_positions;
  INSEQ_CHECK(prompt < positions, InvalidArgument, "the prompt has ", prompt,
              " tokens, which leaves no room for new ones in the ", positions,
              " positions of the model; shorten the prompt");
  const int64_t length = generation::resolve_lengths(options, prompt).max;
  INSEQ_CHECK(length - 1 <= positions, InvalidArgument, "a prompt of ", prompt, " tokens and ",
              length - prompt, " new ones are too long for the ", positions,
              " positions of the model; shorten the prompt or generate at most ",
              positions + 1 - prompt, " tokens");
}

/// Token sequences of different lengths as one tensor.
struct Padded {
  Tensor ids, mask;  // [rows, longest] int64; mask 0 at padding
};

Padded padded(const std::vector<std::vector<int64_t>>& sequences, int64_t pad, bool on_the_left) {
  size_t longest = 0;
  for (const auto& ids : sequences) longest = std::max(longest, ids.size());
  const int64_t rows = static_cast<int64_t>(sequences.size());
  const int64_t columns = static_cast<int64_t>(longest);
  Padded out{at::full({rows, columns}, std::max<int64_t>(pad, 0), at::kLong),
             at::zeros({rows, columns}, at::kLong)};
  for (int64_t row = 0; row < rows; ++row) {
    const std::vector<int64_t>& ids = sequences[static_cast<size_t>(row)];
    const int64_t length = static_cast<int64_t>(ids.size());
    const int64_t first = on_the_left ? columns - length : 0;
    out.ids[row].narrow(0, first, length).copy_(at::tensor(ids, at::kLong));
    out.mask[row].narrow(0, first, length).fill_(1);
  }
  return out;
}

/// What a user says about generation.
struct UserOptions {
  Json options;                                  ///< those of transformers' generate()
  std::optional<bool> skip_special_tokens = {};  ///< Inseq's own
};

UserOptions user_options(const Json& given) {
  UserOptions user{given};
  const auto take = [&](const char* name) {
    const Json value = user.options.contains(name) ? user.options[name] : Json();
    if (user.options.contains(name)) user.options.erase(name);
    return value;
  };
  if (const Json skip = take("skip_special_tokens"); !skip.is_null()) {
    INSEQ_CHECK(skip.is_boolean(), InvalidOption,
                "generation option \"skip_special_tokens\" must be true or false, got ",
                skip.dump());
    user.skip_special_tokens = skip.get<bool>();
  }
  const Json texts = take("num_return_sequences");
  INSEQ_CHECK(texts.is_null() || texts == 1, InvalidOption,
              "generation option \"num_return_sequences\" must be 1, since one text is explained "
              "for each input, got ",
              texts.dump());
  return user;
}

std::span<const int64_t> span_of(const Tensor& contiguous) {
  return {contiguous.const_data_ptr<int64_t>(), static_cast<size_t>(contiguous.numel())};
}

}  // namespace

void check_generation_args(const Json& given) {
  generation::read_options({.user = user_options(given).options});
}

std::vector<std::string> AttributionModel::generate(const std::vector<std::string>& texts,
                                                    const Json& generation_args, int64_t batch_size,
                                                    const ProgressCallback& progress) const {
  AttributeOptions options;
  options.generation_args = generation_args;
  options.batch_size = batch_size;
  options.progress = progress;
  return parts_->generate(texts, {}, options);
}

std::vector<std::string> AttributionModel::Parts::generate(const std::vector<std::string>& texts,
                                                           const std::vector<std::string>& prefixes,
                                                           const AttributeOptions& how) const {
  const at::NoGradGuard no_grad;
  const UserOptions user = user_options(how.generation_args);
  generation::Options options = generation::read_options({.generation_config = generation_config,
                                                          .user = user.options,
                                                          .model_config = config.json()});
  options.max_positions = model->sizes().max_positions;
  options.num_return_sequences = 1;
  if (!options.pad_token_id && tokens.pad >= 0) options.pad_token_id = tokens.pad;
  if (!options.forced_bos_token_id) options.forced_bos_token_id = chosen_language;

  std::vector<std::string> out;
  const size_t size = static_cast<size_t>(std::max<int64_t>(1, how.batch_size));
  for (size_t begin = 0; begin < texts.size(); begin += size) {
    const size_t end = std::min(begin + size, texts.size());
    std::vector<std::vector<int64_t>> sources, prompts;
    for (size_t i = begin; i < end; ++i) {
      std::vector<int64_t> ids = ids_of(texts[i], !how.skip_special_tokens);
      INSEQ_CHECK(!ids.empty(), InvalidArgument, "an empty text has no tokens to continue");
      if (!has_encoder()) {
        prompts.push_back(std::move(ids));
        continue;
      }
      check_source(ids);
      sources.push_back(std::move(ids));
      const std::vector<int64_t> prefix =
          prefixes.empty() ? std::vector<int64_t>{}
                           : target_ids_of(prefixes[i], /*add_special_tokens=*/false);
      prompts.push_back(generation::decoder_prompt(options, prefix));
    }
    const Padded prompt = padded(prompts, tokens.pad, /*on_the_left=*/true);
    check_positions(options, prompt.ids.size(1));
    const Padded source =
        sources.empty() ? Padded{} : padded(sources, tokens.pad, /*on_the_left=*/false);
    const Tensor generated =
        generation::generate(*model, {prompt.ids, prompt.mask, source.ids, source.mask}, options,
                             how.progress)
            .ids;
    for (size_t i = begin; i < end; ++i) {
      const auto row = static_cast<int64_t>(i - begin);
      // Padding is cut off by position, so that a pad token which is also EOS is treated as text
      // where it is one.
      const int64_t pad = prompt.ids.size(1) - static_cast<int64_t>(prompts[i - begin].size());
      const Tensor kept = generated[row].narrow(0, pad, generated.size(1) - pad).contiguous();
      out.push_back(
          decoded_generation(span_of(kept), texts[i], texts.size() > 1, user.skip_special_tokens));
    }
  }
  return out;
}

/// As Inseq: translations and several texts lose their special tokens, a single continued text
/// keeps them, unless (a BOS token in front) it would then no longer begin with its input.
std::string AttributionModel::Parts::decoded_generation(std::span<const int64_t> ids,
                                                        const std::string& text,
                                                        bool is_one_of_several,
                                                        std::optional<bool> skip_special) const {
  const bool skips = skip_special.value_or(is_one_of_several || has_encoder());
  std::string decoded = tokenizer->decode(ids, skips);
  if (!skip_special && !has_encoder() && !decoded.starts_with(text))
    decoded = tokenizer->decode(ids, true);
  return decoded;
}

void AttributionModel::Parts::check_source(const std::vector<int64_t>& ids) const {
  const std::vector<int64_t> special = tokenizer->special_ids();
  const bool all_special = std::all_of(ids.begin(), ids.end(), [&](int64_t id) {
    return std::find(special.begin(), special.end(), id) != special.end();
  });
  INSEQ_CHECK(!all_special, InvalidArgument, "a source text has no tokens but special ones (",
              ids.size(), "); give it some words");
  const auto limit = model->sizes().max_source_positions;
  INSEQ_CHECK(!limit || static_cast<int64_t>(ids.size()) <= *limit, InvalidArgument,
              "a source text has ", ids.size(), " tokens, the model has ", *limit,
              " positions for them; shorten the text");
}

}  // namespace inseq
